#include "flowmatch/stopping.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace flowmatch {

std::string_view name(StopMetric metric) {
  switch (metric) {
    case StopMetric::none:
      return "none";
    case StopMetric::loss:
      return "loss";
    case StopMetric::energy_distance:
      return "energy_distance";
    case StopMetric::sliced_w2:
      return "sliced_w2";
  }
  return "";
}

std::optional<StopMetric> stop_metric_from_name(std::string_view text) {
  for (const StopMetric metric : kStopMetrics) {
    if (name(metric) == text) return metric;
  }
  return std::nullopt;
}

std::string_view name(StopReason reason) {
  switch (reason) {
    case StopReason::none:
      return "none";
    case StopReason::below:
      return "below";
    case StopReason::no_improvement:
      return "no_improvement";
  }
  return "";
}

std::optional<StopReason> stop_reason_from_name(std::string_view text) {
  for (const StopReason reason :
       {StopReason::none, StopReason::below, StopReason::no_improvement}) {
    if (name(reason) == text) return reason;
  }
  return std::nullopt;
}

Problems validate(const StopConfig& config) {
  ProblemList problems;
  problems.check_range("below", config.below, 0, 1e12);
  const auto most = static_cast<double>(kMaxStopEvery);
  problems.check_integer("every", static_cast<double>(config.every), 1, most);
  problems.check_integer("patience", static_cast<double>(config.patience), 0, most);
  problems.check_integer("count", static_cast<double>(config.count), 2,
                         static_cast<double>(kMaxStopCount));
  if (problems.empty() && config.metric != StopMetric::none && config.below == 0 &&
      config.patience == 0) {
    problems.add("metric", std::string(name(config.metric)),
                 "none, where neither below nor patience says when to stop");
  }
  return std::move(problems).take();
}

Index StoppingRule::steps_to_measurement(Index steps_done) const {
  if (config_.metric == StopMetric::none) return std::numeric_limits<Index>::max();
  return config_.every - steps_done % config_.every;
}

bool StoppingRule::due(Index steps_done) const {
  return config_.metric != StopMetric::none && steps_done > 0 && steps_done % config_.every == 0;
}

void StoppingRule::add_losses(std::span<const float> losses) {
  if (config_.metric != StopMetric::loss) return;
  for (const float loss : losses) state_.loss_sum += static_cast<double>(loss);
  state_.losses += static_cast<Index>(losses.size());
}

double StoppingRule::mean_loss() const {
  return state_.losses == 0 ? std::nan("") : state_.loss_sum / static_cast<double>(state_.losses);
}

void StoppingRule::observe(double value) {
  state_.loss_sum = 0;
  state_.losses = 0;
  state_.last = value;
  if (value < state_.best) {
    state_.best = value;
    state_.since_best = 0;
  } else {
    ++state_.since_best;
  }
  if (value < config_.below) {
    state_.reason = StopReason::below;
  } else if (config_.patience > 0 && state_.since_best >= config_.patience) {
    state_.reason = StopReason::no_improvement;
  }
}

}  // namespace flowmatch
