// How a model is trained, whatever its loss: batches, steps, optimizer, averaging; and what flow
// matching adds, the law of the times, weights and couplings.
#pragma once

#include "flowmatch/coupling.h"
#include "flowmatch/loss_weighting.h"
#include "flowmatch/optimizer.h"
#include "flowmatch/points.h"
#include "flowmatch/problem.h"
#include "flowmatch/time_law.h"

#include <cstdint>
#include <span>

namespace flowmatch {

struct TrainerConfig {
  Index batch_size = 256;  ///< Points a step, 1 to kMaxBatchSize.
  Index steps =
      5000;  ///< Steps of the whole run, 1 to kMaxSteps; the learning-rate decay spans it.
  double learning_rate = 3e-3;  ///< (0, 1].
  LearningRateDecay learning_rate_decay = LearningRateDecay::cosine;
  Index warmup_steps = 0;    ///< Over which the learning rate rises, 0 to kMaxSteps.
  double gradient_clip = 0;  ///< Largest norm of a step's gradient, [0, 1e6]; 0: no clipping.
  double ema_decay = 0.999;  ///< Decay a step of the averaged weights, [0, 1); 0: no averaging.
  AdamConfig adam;
  TimeLawConfig time_law;
  LossWeightingConfig loss_weighting;
  CouplingConfig coupling;
  /// Batches that are paired as one by a coupling other than the independent one, 1 to
  /// kMaxCouplingBatches, and at most kMaxCouplingRows points: the larger the set, the nearer the
  /// pairing to that of the distributions.
  Index coupling_batches = 1;
  /// Share of the rows whose label a conditional model does not see, [0, 1]: what it learns of them
  /// is the field without a label. Ho and Salimans 2022 (arXiv 2207.12598), algorithm 1.
  double label_dropout = 0.1;
  std::uint64_t seed = 0;  ///< Of initial weights and batches; every 64-bit number.
};

inline constexpr Index kMaxBatchSize = 65536;
inline constexpr Index kMaxCouplingBatches = 64;
/// Pairing costs the square of their number in memory and up to the cube in time.
inline constexpr Index kMaxCouplingRows = 4096;
inline constexpr Index kMaxSteps = 1'000'000;
inline constexpr double kMaxGradientClip = 1e6;

Problems validate(const TrainerConfig& config);

/// What the configuration makes of step `step` (from 0), whose gradient this is.
AdamStep adam_step(const TrainerConfig& config, Index step, std::span<const float> gradient);

}  // namespace flowmatch
