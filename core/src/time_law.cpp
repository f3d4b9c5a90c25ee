#include "flowmatch/time_law.h"

#include "elementary.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace flowmatch {

namespace {

constexpr float kFirstTime = 0x1p-24F;

double normal_density(double x, double mean, double scale) {
  const double z = (x - mean) / scale;
  // Its exponent may be anything; exp(-700) is as good as nothing.
  const double root_two_pi = std::numbers::sqrt2 / std::numbers::inv_sqrtpi;
  return exponential(std::max(-0.5 * z * z, -700.0)) / (root_two_pi * scale);
}

}  // namespace

std::string_view name(TimeLaw law) {
  switch (law) {
    case TimeLaw::uniform:
      return "uniform";
    case TimeLaw::logit_normal:
      return "logit_normal";
    case TimeLaw::edm_like:
      return "edm_like";
    case TimeLaw::fixed:
      return "fixed";
  }
  return "";
}

std::optional<TimeLaw> time_law_from_name(std::string_view text) {
  for (const TimeLaw law : kTimeLaws) {
    if (name(law) == text) return law;
  }
  return std::nullopt;
}

Problems validate(const TimeLawConfig& config) {
  ProblemList problems;
  problems.check_range("logitMean", config.logit_mean, -10, 10);
  problems.check_above("logitScale", config.logit_scale, 0, 10);
  problems.check_range("logNoiseMean", config.log_noise_mean, -10, 10);
  problems.check_above("logNoiseScale", config.log_noise_scale, 0, 10);
  problems.check_range("fixedTime", config.fixed_time, 0, 1);
  return std::move(problems).take();
}

double time_of_normal(const TimeLawConfig& config, const Schedule& schedule, double normal) {
  assert(config.law != TimeLaw::uniform);
  if (config.law == TimeLaw::fixed) return config.fixed_time;
  if (config.law == TimeLaw::logit_normal) {
    return 1 / (1 + exponential(-(config.logit_mean + config.logit_scale * normal)));
  }
  return time_at_noise_to_signal(
      schedule, exponential(config.log_noise_mean + config.log_noise_scale * normal));
}

void fill_times(const TimeLawConfig& config, const Schedule& schedule, const RandomStream& stream,
                Index first_row, std::span<float> out) {
  if (config.law == TimeLaw::uniform) {
    fill_uniform(stream, first_row, out);
    return;
  }
  fill_normal(stream, first_row, Eigen::Map<Points>(out.data(), static_cast<Index>(out.size()), 1));
  for (float& value : out) {
    const double t = time_of_normal(config, schedule, static_cast<double>(value));
    value = std::clamp(static_cast<float>(t), kFirstTime, 1 - kFirstTime);
  }
}

double density(const TimeLawConfig& config, const Schedule& schedule, double t) {
  switch (config.law) {
    case TimeLaw::uniform:
      return 1;
    case TimeLaw::logit_normal:
      return normal_density(natural_log(t / (1 - t)), config.logit_mean, config.logit_scale) /
             (t * (1 - t));
    case TimeLaw::edm_like: {
      const ScheduleValues values = evaluate(schedule, t);
      // -(log(sigma / alpha))' = alpha' / alpha - sigma' / sigma
      const double slope =
          values.d_alpha / values.alpha - values.sigma_d_sigma / (values.sigma * values.sigma);
      return normal_density(natural_log(noise_to_signal(values)), config.log_noise_mean,
                            config.log_noise_scale) *
             slope;
    }
    case TimeLaw::fixed:
      return t == config.fixed_time ? std::numeric_limits<double>::infinity() : 0;
  }
  return 0;
}

}  // namespace flowmatch
