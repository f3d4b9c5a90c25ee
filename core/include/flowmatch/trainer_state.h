// All that a training run has come to, as plain arrays: what a checkpoint keeps. With the
// configuration that the run was made from, a trainer goes on from it as if it had never stopped:
// random numbers are functions of the seed and the step, so they have no state.
#pragma once

#include "flowmatch/points.h"

#include <vector>

namespace flowmatch {

struct TrainerState {
  std::vector<float> parameters;     ///< P weights, in the model's order.
  std::vector<float> ema;            ///< Their average, P; empty where averaging is off.
  std::vector<float> first_moment;   ///< Adam's mean gradient, P.
  std::vector<float> second_moment;  ///< Adam's mean squared gradient, P, not negative.
  Index steps_done = 0;
  bool diverged = false;

  friend bool operator==(const TrainerState&, const TrainerState&) = default;
};

}  // namespace flowmatch
