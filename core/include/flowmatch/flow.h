// Moves a cloud of points along a field and keeps frames of its way. The work is done in pieces of
// a given time, so that a page's worker can answer other messages between them: it may stop after
// any solver step of any block of points, and goes on there.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/field.h"
#include "flowmatch/solver.h"
#include "flowmatch/thread_pool.h"

#include <atomic>
#include <memory>
#include <vector>

namespace flowmatch {

class Flow {
 public:
  /// Will move `start` (N x D) along `field` and keep `frames` + 1 equally spaced moments, the
  /// first and the last among them; frames = 1 keeps just these two. A moment between two solver
  /// steps is interpolated linearly. Preconditions: validate(config) is empty, frames >= 1,
  /// start.rows() >= 1. The pool must outlive the flow.
  Flow(std::shared_ptr<const Field> field, const SolverConfig& config, const ConstPointsRef& start,
       Index frames, ThreadPool& pool);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  ~Flow();

  /// Works for about `milliseconds`, at least for one solver step of one block of points; returns
  /// whether all is done. The result does not depend on how the work is cut, to the bit.
  bool advance(double milliseconds);
  [[nodiscard]] bool done() const { return blocks_done_ == blocks_; }

  [[nodiscard]] Index particles() const { return particles_; }
  [[nodiscard]] Index frames() const { return frames_; }
  /// The time of frame f in [0, frames].
  [[nodiscard]] double time(Index f) const;
  /// Frame f as N x D. A point that has not come so far yet stands at its start.
  [[nodiscard]] Eigen::Map<const Points> frame(Index f) const;
  /// All frames: (frames + 1) x N x D.
  [[nodiscard]] const std::vector<float>& positions() const { return positions_; }
  /// Evaluations of the field for each point's whole way (NFE).
  [[nodiscard]] Index function_evaluations() const;

 private:
  class Deadline;
  struct Lane;

  void run(Lane& lane, Deadline deadline);
  bool take_block(Lane& lane);
  void step(Lane& lane);
  Eigen::Map<Points> frame_block(Index f, Index first_row, Index rows);

  std::shared_ptr<const Field> field_;
  SolverConfig config_;
  Index particles_;
  Index dimension_;
  Index frames_;
  ThreadPool& pool_;
  std::vector<float> positions_;
  Index blocks_;
  /// One for each thread that there may be.
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<Index> blocks_taken_{0};
  std::atomic<Index> blocks_done_{0};
};

/// The end points of `start` (N x D) moved along `field`, all at once.
Points integrate(std::shared_ptr<const Field> field, const SolverConfig& config,
                 const ConstPointsRef& start, ThreadPool& pool);

/// `particles` draws from N(0, I), the noise that every cloud of the same seed starts from; of a
/// larger cloud those from particle `first` on.
Points starting_noise(Index particles, Index dimension, std::uint64_t seed, Index first = 0);

}  // namespace flowmatch
