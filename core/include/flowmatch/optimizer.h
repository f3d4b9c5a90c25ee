// Adam, its learning-rate schedule and the averaged weights (EMA): what turns a gradient into a
// step.
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
  double beta1 = 0.9;     ///< Decay of the mean gradient, [0, 1).
  double beta2 = 0.999;   ///< Decay of the mean squared gradient, [0, 1).
  double epsilon = 1e-8;  ///< Added to the root of the latter, (0, 1].
};

enum class LearningRateDecay {
  constant,
  cosine,  ///< From the full rate to 0 over the run: (1 + cos(pi step / steps)) / 2.
};

inline constexpr std::array kLearningRateDecays{LearningRateDecay::constant,
                                                LearningRateDecay::cosine};

std::string_view name(LearningRateDecay decay);
std::optional<LearningRateDecay> learning_rate_decay_from_name(std::string_view name);

/// The factor on the learning rate for step `step` (from 0) of `steps`.
double learning_rate_factor(LearningRateDecay decay, Index step, Index steps);

/// The decay of the averaged weights at `step` (from 0): min(decay, (1 + step) / (10 + step)), so
/// that the average forgets the initial weights within the first steps.
double ema_decay_at(double decay, Index step);

Problems validate(const AdamConfig& config);

/// The optimizer's state for one flat array of parameters. One update is elementwise, so that
/// ranges of it can be updated by different threads with the same result.
class Adam {
 public:
  Adam(const AdamConfig& config, Index parameter_count);

  /// Updates parameters [first, last) from the gradient at step `step` (from 0), and, when ema is
  /// not empty, the average: ema = d ema + (1 - d) parameters with d = ema_decay. All spans are of
  /// full length.
  void update(Index first, Index last, Index step, double learning_rate, double ema_decay,
              std::span<const float> gradient, std::span<float> parameters, std::span<float> ema);

  [[nodiscard]] std::span<const float> first_moment() const { return first_moment_; }
  [[nodiscard]] std::span<const float> second_moment() const { return second_moment_; }

 private:
  AdamConfig config_;
  std::vector<float> first_moment_;
  std::vector<float> second_moment_;
};

}  // namespace flowmatch
