// The steps of a Flow whose length a solver chooses. In a file of its own, so that a program that
// never asks for them can be linked without them.
#include "flow_lane.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace flowmatch {

void Flow::prepare_adaptive(Lane& lane) const {
  lane.adaptive = std::make_unique<Dopri5>(kFlowBlockRows, dimension_);
}

bool Flow::step_adaptive(Lane& lane) {
  Dopri5& solver = *lane.adaptive;
  const auto velocity = [&](double at, const auto& points, auto&& out) {
    lane.evaluator->velocity(std::clamp(at, 0.0, 1.0), points, out);
  };
  if (lane.steps_done++ == 0) {
    solver.start(config_, frame_block(0, lane.first_row, lane.rows), velocity);
  }
  // There may be no way to go: then every frame is the start, as it stands there already.
  if (solver.state() == AdaptiveState::running && solver.attempt(velocity)) {
    const double direction = config_.t_end < config_.t_start ? -1 : 1;
    for (Index& f = lane.next_frame; f < frames_; ++f) {
      if ((time(f) - solver.time()) * direction > 0) break;
      solver.interpolate(time(f), frame_block(f, lane.first_row, lane.rows));
    }
    if (solver.state() == AdaptiveState::arrived) {
      frame_block(frames_, lane.first_row, lane.rows) = solver.x();
    }
  }
  if (solver.state() == AdaptiveState::running) return false;

  add(lane.report, report_of(solver, lane.rows), config_.t_start);
  if (solver.state() != AdaptiveState::arrived) {
    for (Index f = lane.next_frame; f <= frames_; ++f) {
      frame_block(f, lane.first_row, lane.rows)
          .setConstant(std::numeric_limits<float>::quiet_NaN());
    }
  }
  return true;
}

}  // namespace flowmatch
