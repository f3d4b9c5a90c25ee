// Rectified flow: a flow's own starts and ends, paired, are what the next model is trained on. Its
// flow has the same ends in distribution, at no higher transport cost, along straighter ways; the
// straighter, the fewer solver steps it needs. Liu, Gong, Liu 2022 (arXiv 2209.03003), section 2.1
// and theorem 3.5.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/field.h"
#include "flowmatch/flow.h"
#include "flowmatch/pairs.h"
#include "flowmatch/solver.h"
#include "flowmatch/thread_pool.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace flowmatch {

/// A class of a conditional model, as it makes its own pairs.
struct ReflowClass {
  std::shared_ptr<const Field> field;  ///< Of this class alone.
  double share = 0;                    ///< Of the pairs, in [0, 1]; those of all classes sum to 1.
};

/// Moves `count` points of a source along a field, and pairs where each starts with where it ends.
/// Done in pieces of a given time, like a Flow.
class Reflow {
 public:
  /// Preconditions: validate(solver) is empty, it goes from t = 0 to t = 1; count >= 1; source and
  /// field have the same dimension. The pool must outlive the reflow.
  Reflow(std::shared_ptr<const Field> field, const SolverConfig& solver, const Distribution& source,
         Index count, std::uint64_t seed, ThreadPool& pool);
  /// The same of a conditional model: the points are shared out to classes 0, 1, ..., each goes
  /// along the field of its class, and the pairs have these labels. Preconditions besides: there
  /// are classes, of shares that sum to 1, and their fields have the dimension of the source.
  Reflow(std::vector<ReflowClass> classes, const SolverConfig& solver, const Distribution& source,
         Index count, std::uint64_t seed, ThreadPool& pool);

  /// Works for about `milliseconds`; returns whether all is done.
  bool advance(double milliseconds);
  [[nodiscard]] bool done() const { return part_ == nullptr; }
  /// The share of the pairs that are made, in [0, 1].
  [[nodiscard]] double progress() const;

  /// The pairs. Precondition: done(). A pair whose end is not finite, where an adaptive solver gave
  /// up, is left out; null if that leaves none.
  [[nodiscard]] std::shared_ptr<const GivenPairs> pairs() const;

 private:
  void begin_part();

  std::vector<ReflowClass> classes_;
  bool labelled_;
  SolverConfig solver_;
  ThreadPool& pool_;
  Points x0_;
  Points x1_;
  std::vector<std::int32_t> labels_;
  /// The flow of the class that is moved now, and of the points up to it those that are done.
  std::unique_ptr<Flow> part_;
  std::size_t class_ = 0;
  double shared_out_ = 0;
  Index moved_ = 0;
};

}  // namespace flowmatch
