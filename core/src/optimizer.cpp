#include "flowmatch/optimizer.h"

#include "elementary.h"
#include "kernels/elementwise.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace flowmatch {

std::string_view name(LearningRateDecay decay) {
  switch (decay) {
    case LearningRateDecay::constant:
      return "constant";
    case LearningRateDecay::cosine:
      return "cosine";
  }
  return "";
}

std::optional<LearningRateDecay> learning_rate_decay_from_name(std::string_view text) {
  for (const LearningRateDecay decay : kLearningRateDecays) {
    if (name(decay) == text) return decay;
  }
  return std::nullopt;
}

double learning_rate_factor(LearningRateDecay decay, Index step, Index steps, Index warmup_steps) {
  if (step < warmup_steps) {
    return static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  }
  switch (decay) {
    case LearningRateDecay::constant:
      return 1;
    case LearningRateDecay::cosine: {
      const auto decaying = static_cast<double>(std::max<Index>(steps - warmup_steps, 1));
      const double progress = static_cast<double>(step - warmup_steps) / decaying;
      return 0.5 * (1 + circle_point(std::min(progress, 1.0) / 2).x);
    }
  }
  return 1;
}

double clipping_factor(double norm, double max_norm) {
  return max_norm == 0 || norm <= max_norm ? 1 : max_norm / norm;
}

double ema_decay_at(double decay, Index step) {
  const auto s = static_cast<double>(step);
  return std::min(decay, (1 + s) / (10 + s));
}

Problems validate(const AdamConfig& config) {
  ProblemList problems;
  problems.check_below("beta1", config.beta1, 0, 1);
  problems.check_below("beta2", config.beta2, 0, 1);
  problems.check_range("epsilon", config.epsilon, 1e-37, 1);
  problems.check_range("weightDecay", config.weight_decay, 0, 1);
  return std::move(problems).take();
}

Adam::Adam(const AdamConfig& config, Index parameter_count)
    : config_(config),
      first_moment_(static_cast<std::size_t>(parameter_count)),
      second_moment_(static_cast<std::size_t>(parameter_count)) {}

void Adam::update(Index first, Index last, const AdamStep& step, std::span<const float> gradient,
                  std::span<float> parameters, std::span<float> ema) {
  const Index t = step.step + 1;
  const kernels::AdamScalars scalars{
      .beta1 = static_cast<float>(config_.beta1),
      .beta2 = static_cast<float>(config_.beta2),
      .epsilon = static_cast<float>(config_.epsilon),
      .step_size = static_cast<float>(step.learning_rate / (1 - whole_power(config_.beta1, t))),
      .inverse_root_bias2 = static_cast<float>(1 / std::sqrt(1 - whole_power(config_.beta2, t))),
      .ema_decay = static_cast<float>(step.ema_decay),
      .gradient_scale = static_cast<float>(step.gradient_scale),
      .kept = static_cast<float>(1 - step.learning_rate * config_.weight_decay)};
  kernels::adam_update(scalars, last - first, gradient.data() + first, first_moment_.data() + first,
                       second_moment_.data() + first, parameters.data() + first,
                       ema.empty() ? nullptr : ema.data() + first);
}

void Adam::restore(std::span<const float> first_moment, std::span<const float> second_moment) {
  assert(first_moment.size() == first_moment_.size());
  assert(second_moment.size() == second_moment_.size());
  std::ranges::copy(first_moment, first_moment_.begin());
  std::ranges::copy(second_moment, second_moment_.begin());
}

}  // namespace flowmatch
