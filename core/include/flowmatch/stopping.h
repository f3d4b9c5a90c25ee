// When a training run ends before its last step: once the model is good enough by a metric, or no
// longer gets better. The rule alone; who trains takes the measurements (see Experiment::train()).
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/problem.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace flowmatch {

enum class StopMetric : std::uint8_t {
  none,             ///< The run goes on to its last step.
  loss,             ///< Mean training loss of the steps since the measurement before.
  energy_distance,  ///< Of samples of the averaged weights and the target; see metrics.h.
  sliced_w2,        ///< The same.
};

inline constexpr std::array kStopMetrics{StopMetric::none, StopMetric::loss,
                                         StopMetric::energy_distance, StopMetric::sliced_w2};

/// The name in configurations and links ("none", "energy_distance"), and back.
std::string_view name(StopMetric metric);
std::optional<StopMetric> stop_metric_from_name(std::string_view name);

struct StopConfig {
  StopMetric metric = StopMetric::none;
  /// The run ends once the metric is below this; 0 to 1e12, and 0 is never. Of a distance, mind its
  /// floor: two true sets of `count` points are that far apart.
  double below = 0;
  Index every = 250;  ///< Steps between two measurements, 1 to kMaxStopEvery.
  /// The run ends after so many measurements without one that is less than all before them; 0 to
  /// kMaxStopEvery, and 0 is never.
  Index patience = 0;
  Index count = 1000;  ///< Points of a distance, 2 to kMaxStopCount.

  friend bool operator==(const StopConfig&, const StopConfig&) = default;
};

inline constexpr Index kMaxStopEvery = 1'000'000;
inline constexpr Index kMaxStopCount = 20'000;

/// Every problem of the configuration, or none.
Problems validate(const StopConfig& config);

enum class StopReason : std::uint8_t {
  none,            ///< It has not stopped.
  below,           ///< The metric is below what was asked for.
  no_improvement,  ///< It has not fallen for as long as patience lasts.
};

/// The name in checkpoints and messages ("none", "below", "no_improvement"), and back.
std::string_view name(StopReason reason);
std::optional<StopReason> stop_reason_from_name(std::string_view name);

/// What a rule remembers of a run: with it a run that is resumed stops where it would have.
struct StopState {
  double loss_sum = 0;  ///< Of the steps since the last measurement.
  Index losses = 0;     ///< How many they are.
  /// The last measurement, and the least of all; infinite before the first.
  double last = std::numeric_limits<double>::infinity();
  double best = std::numeric_limits<double>::infinity();
  Index since_best = 0;  ///< Measurements since the least one.
  StopReason reason = StopReason::none;

  friend bool operator==(const StopState&, const StopState&) = default;
};

class StoppingRule {
 public:
  /// Precondition: validate(config) is empty.
  explicit StoppingRule(const StopConfig& config) : config_(config) {}

  [[nodiscard]] const StopConfig& config() const { return config_; }
  /// How many steps there are from `steps_done` to the next measurement, at least 1; more than any
  /// run has where there is none.
  [[nodiscard]] Index steps_to_measurement(Index steps_done) const;
  /// Whether to measure now, after so many steps.
  [[nodiscard]] bool due(Index steps_done) const;

  /// Takes in the losses of the steps that have been run, in their order.
  void add_losses(std::span<const float> losses);
  /// The mean of those since the last measurement; NaN without any.
  [[nodiscard]] double mean_loss() const;
  /// Takes in a measurement. One that is not a number is no improvement, and below nothing.
  void observe(double value);

  [[nodiscard]] bool stopped() const { return state_.reason != StopReason::none; }
  [[nodiscard]] const StopState& state() const { return state_; }
  void restore(const StopState& state) { state_ = state; }

 private:
  StopConfig config_;
  StopState state_;
};

}  // namespace flowmatch
