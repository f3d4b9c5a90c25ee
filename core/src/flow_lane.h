// What a thread needs to move points of a Flow: shared by the steps of equal length (flow.cpp) and
// the adaptive ones (flow_adaptive.cpp).
#pragma once

#include "flowmatch/dopri5.h"
#include "flowmatch/flow.h"

#include <memory>

namespace flowmatch {

/// A block on its way, and the working memory to move it. Who runs a lane goes on with its block
/// where it was left, and then takes the next: no thread waits for another before the end of a
/// piece of work, and then at most for a step.
struct Flow::Lane {
  Lane(const Field& field, Solver solver)
      : evaluator(field.evaluator(kFlowBlockRows)),
        scratch(is_adaptive(solver) ? 0 : kFlowBlockRows, field.dimension()),
        x(scratch.stage.rows(), field.dimension()),
        previous(scratch.stage.rows(), field.dimension()),
        normal(is_stochastic(solver) ? kFlowBlockRows : 0, field.dimension()) {}

  std::unique_ptr<FieldEvaluator> evaluator;
  // With steps of equal length.
  SolverScratch scratch;
  Points x;
  Points previous;
  Points normal;
  /// With others; null otherwise.
  std::unique_ptr<Dopri5> adaptive;
  /// The block; no rows: none.
  Index first_row = 0;
  Index rows = 0;
  Index steps_done = 0;
  Index next_frame = 1;
  /// Of this lane's blocks.
  SolverReport report;
};

}  // namespace flowmatch
