// Adam with decoupled weight decay (AdamW), its learning-rate schedule, the clipping of gradients
// and the averaged weights (EMA): what turns a gradient into a step.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/problem.h"

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace flowmatch {

/// Kingma and Ba 2014 (arXiv 1412.6980), algorithm 1; defaults and order of operations of PyTorch.
struct AdamConfig {
  double beta1 = 0.9;    ///< Decay of the mean gradient, [0, 1).
  double beta2 = 0.999;  ///< Decay of the mean squared gradient, [0, 1).
  /// Added to the root of the latter, 1e-37 to 1: less would be 0 in a float, and 0 / 0 the update
  /// of a weight that has had no gradient yet.
  double epsilon = 1e-8;
  /// What a parameter loses of itself in a step, in learning rates, [0, 1]: decoupled from the
  /// gradient, AdamW. Loshchilov and Hutter 2017 (arXiv 1711.05101), algorithm 2.
  double weight_decay = 0;
};

enum class LearningRateDecay {
  constant,
  cosine,  ///< From the full rate to 0 over the steps after the warm-up: (1 + cos(pi share)) / 2.
};

inline constexpr std::array kLearningRateDecays{LearningRateDecay::constant,
                                                LearningRateDecay::cosine};

std::string_view name(LearningRateDecay decay);
std::optional<LearningRateDecay> learning_rate_decay_from_name(std::string_view name);

/// The factor on the learning rate for step `step` (from 0) of `steps`. In the first warmup_steps
/// it rises in equal parts from 1 / warmup_steps to 1 (Goyal et al. 2017, arXiv 1706.02677, section
/// 2.2); the decay spans the others.
double learning_rate_factor(LearningRateDecay decay, Index step, Index steps,
                            Index warmup_steps = 0);

/// The factor on a gradient of this norm that keeps it within max_norm: 1, or max_norm / norm.
/// max_norm = 0: no clipping. Pascanu et al. 2012 (arXiv 1211.5063), algorithm 1.
double clipping_factor(double norm, double max_norm);

/// The decay of the averaged weights at `step` (from 0): min(decay, (1 + step) / (10 + step)), so
/// that the average forgets the initial weights within the first steps.
double ema_decay_at(double decay, Index step);

Problems validate(const AdamConfig& config);

/// What is the same for all parameters in one update.
struct AdamStep {
  Index step = 0;  ///< Number of the step, from 0.
  double learning_rate = 0;
  double ema_decay = 0;
  double gradient_scale = 1;  ///< The gradient is multiplied by this first.
};

/// The optimizer's state for one flat array of parameters. One update is elementwise, so that
/// ranges of it can be updated by different threads with the same result.
class Adam {
 public:
  Adam(const AdamConfig& config, Index parameter_count);

  /// Updates parameters [first, last) from the gradient, and, when ema is not empty, the average:
  /// ema = d ema + (1 - d) parameters with d = ema_decay. All spans are of full length.
  void update(Index first, Index last, const AdamStep& step, std::span<const float> gradient,
              std::span<float> parameters, std::span<float> ema);

  [[nodiscard]] std::span<const float> first_moment() const { return first_moment_; }
  [[nodiscard]] std::span<const float> second_moment() const { return second_moment_; }
  /// Goes on from moments that were read from another one of the same size.
  void restore(std::span<const float> first_moment, std::span<const float> second_moment);

 private:
  AdamConfig config_;
  std::vector<float> first_moment_;
  std::vector<float> second_moment_;
};

}  // namespace flowmatch
