#include "flowmatch/loss_weighting.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace flowmatch {

std::string_view name(LossWeighting weighting) {
  switch (weighting) {
    case LossWeighting::constant:
      return "constant";
    case LossWeighting::velocity:
      return "velocity";
    case LossWeighting::min_snr:
      return "min_snr";
  }
  return "";
}

std::optional<LossWeighting> loss_weighting_from_name(std::string_view text) {
  for (const LossWeighting weighting : kLossWeightings) {
    if (name(weighting) == text) return weighting;
  }
  return std::nullopt;
}

Problems validate(const LossWeightingConfig& config) {
  ProblemList problems;
  problems.check_above("gamma", config.gamma, 0, 1000);
  return std::move(problems).take();
}

double weight(const LossWeightingConfig& config, Prediction prediction,
              const ScheduleValues& values) {
  switch (config.weighting) {
    case LossWeighting::constant:
      return 1;
    case LossWeighting::velocity: {
      const double factor = conversion(prediction, Prediction::velocity, values).of_f;
      return factor * factor;
    }
    case LossWeighting::min_snr: {
      const double signal = values.alpha * values.alpha;
      const double limit = config.gamma * values.sigma * values.sigma;
      // In products, because SNR is infinite at t = 1 and its inverse at t = 0.
      if (prediction == Prediction::x1) {
        return signal < limit ? config.gamma * (signal / limit) : config.gamma;
      }
      const double of_noise = signal < limit ? 1 : limit / signal;
      const double factor = conversion(prediction, Prediction::noise, values).of_f;
      return of_noise * factor * factor;
    }
  }
  return 1;
}

void fill_weights(const LossWeightingConfig& config, const AffinePath& path,
                  std::span<const float> t, std::span<float> out) {
  assert(t.size() == out.size());
  for (std::size_t i = 0; i < t.size(); ++i) {
    const ScheduleValues values = evaluate(path.schedule(), static_cast<double>(t[i]));
    out[i] = static_cast<float>(weight(config, path.prediction(), values));
  }
}

}  // namespace flowmatch
