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

namespace flowmatch {

/// Moves `count` points of a source along a field, and pairs where each starts with where it ends.
/// Done in pieces of a given time, like a Flow.
class Reflow {
 public:
  /// Preconditions: validate(solver) is empty, it goes from t = 0 to t = 1; count >= 1; source and
  /// field have the same dimension. The pool must outlive the reflow.
  Reflow(std::shared_ptr<const Field> field, const SolverConfig& solver, const Distribution& source,
         Index count, std::uint64_t seed, ThreadPool& pool);

  /// Works for about `milliseconds`; returns whether all is done.
  bool advance(double milliseconds) { return flow_.advance(milliseconds); }
  [[nodiscard]] bool done() const { return flow_.done(); }
  /// The share of the pairs that are made, in [0, 1].
  [[nodiscard]] double progress() const { return flow_.progress(); }

  /// The pairs. Precondition: done(). A pair whose end is not finite, where an adaptive solver gave
  /// up, is left out; null if that leaves none.
  [[nodiscard]] std::shared_ptr<const GivenPairs> pairs() const;

 private:
  Flow flow_;
};

}  // namespace flowmatch
