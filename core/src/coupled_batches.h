// The batches of a training run whose rows are paired by a coupling, drawn and paired ahead of the
// steps that need them. Not here: how one set of points is paired (coupling.h).
//
// Pairing a set is one task for one thread, which takes longer than a training step: several sets
// are paired at once, as many as keep 8 threads busy unless their points are so many that a step
// would be held up for seconds.
#pragma once

#include "flowmatch/coupling.h"
#include "flowmatch/pairs.h"
#include "flowmatch/points.h"
#include "flowmatch/thread_pool.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flowmatch {

struct TrainerConfig;

class CoupledBatches {
 public:
  /// Allocates all memory. Precondition: validate(config) is empty. The pool must outlive this.
  static std::unique_ptr<CoupledBatches> make(const TrainerConfig& config,
                                              std::shared_ptr<const Pairs> pairs, ThreadPool& pool);

  /// Whether the batch of the step is there.
  [[nodiscard]] bool has(Index step) const {
    return first_set_ >= 0 && set_of(step) >= first_set_ &&
           set_of(step) < first_set_ + static_cast<Index>(sets_.size());
  }
  /// Draws and pairs the sets from that of the step on. Which thread pairs which does not matter:
  /// each is paired from its own points alone. Does not allocate.
  void prepare(Index step);
  /// Rows [first_row, first_row + x0.rows()) of the step's batch; labels may be empty.
  /// Precondition: has(step).
  void copy(Index step, Index first_row, PointsRef x0, PointsRef x1,
            std::span<std::int32_t> labels) const;
  /// The run goes on elsewhere.
  void forget() { first_set_ = -1; }

 private:
  struct Set {
    Points x0;
    Points x1;
    std::vector<std::int32_t> labels;
    std::vector<Index> partner;
  };

  CoupledBatches(const TrainerConfig& config, std::shared_ptr<const Pairs> pairs, ThreadPool& pool);

  /// Of all sets of the run, the one that a step is in.
  [[nodiscard]] Index set_of(Index step) const { return step / batches_per_set_; }

  std::shared_ptr<const Pairs> pairs_;
  ThreadPool& pool_;
  std::uint64_t seed_;
  Index batch_size_;
  Index batches_per_set_;
  std::vector<Set> sets_;
  /// One for each thread.
  std::vector<std::unique_ptr<BatchCoupling>> couplings_;
  Index first_set_ = -1;  ///< The set in sets_[0]; -1: none yet.
};

}  // namespace flowmatch
