// What it has cost to move points by a solver, and what became of those that an adaptive one gave
// up.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/problem.h"
#include "flowmatch/solver.h"

#include <cstdint>

namespace flowmatch {

/// Each number is summed over the points, not averaged. The points of an adaptive solver count when
/// their way has ended.
struct SolverReport {
  std::int64_t evaluations = 0;     ///< Of the field at one point (NFE).
  std::int64_t accepted_steps = 0;  ///< Steps of equal length are all accepted.
  std::int64_t rejected_steps = 0;
  /// Points that an adaptive solver gave up before the end of their way, by reason: see
  /// AdaptiveState.
  std::int64_t too_many_steps = 0;
  std::int64_t step_too_small = 0;
  /// Of those, the time nearest to the start of the way that one of them was given up at; the time
  /// of its end if none was.
  double stopped_at = 0;

  /// The points that were given up, for whatever reason.
  [[nodiscard]] std::int64_t given_up() const { return too_many_steps + step_too_small; }
};

/// Adds what other points of the same way have cost; `start` is the time that it began at.
void add(SolverReport& sum, const SolverReport& part, double start);

/// Why points were given up, where they were, for a person to read: one problem a reason, with the
/// field of the configuration that may help; empty if none was. `points` is the number of all.
Problems problems_of(const SolverReport& report, const SolverConfig& config, Index points);

}  // namespace flowmatch
