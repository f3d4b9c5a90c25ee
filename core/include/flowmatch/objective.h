// What a model is trained for: which prediction, at which times, and how much each counts. With the
// schedule and the data it defines the loss, and so the least loss that any model can reach.
#pragma once

#include "flowmatch/loss_weighting.h"
#include "flowmatch/path.h"
#include "flowmatch/time_law.h"

namespace flowmatch {

struct Objective {
  Prediction prediction = Prediction::velocity;
  TimeLawConfig time_law;
  LossWeightingConfig weighting;

  friend bool operator==(const Objective&, const Objective&) = default;
};

/// Fields begin with "timeLaw." and "lossWeighting.".
Problems validate(const Objective& objective);

}  // namespace flowmatch
