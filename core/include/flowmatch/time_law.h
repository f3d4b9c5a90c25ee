// How the times of training are drawn: which of them the model spends its effort on.
#pragma once

#include "flowmatch/problem.h"
#include "flowmatch/random.h"
#include "flowmatch/schedule.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace flowmatch {

enum class TimeLaw : std::uint8_t {
  /// t ~ U(0, 1).
  uniform,
  /// log(t / (1 - t)) ~ N(logit_mean, logit_scale^2): Esser et al. 2024 ("Stable Diffusion 3",
  /// arXiv 2403.03206), section 3.1, whose t runs from data to noise: their mean m is -logit_mean.
  logit_normal,
  /// log s ~ N(log_noise_mean, log_noise_scale^2) for the noise-to-signal ratio s = sigma / alpha
  /// of the schedule: the law by which Karras et al. 2022 ("EDM", arXiv 2206.00364), table 1, draw
  /// the noise level of x = data + s noise, which is X_t / alpha. Under `cond_ot` t = 1 / (1 + s),
  /// which makes it logit-normal of mean -log_noise_mean.
  edm_like,
  /// t = fixed_time. At 0, on the pairs of a Reflow, it trains a one-step student: all that one
  /// Euler step from 0 to 1 asks of a field is its velocity at the start, x1 - x0 under `cond_ot`
  /// (Liu et al. 2022, arXiv 2209.03003, on distillation).
  fixed,
};

inline constexpr std::array kTimeLaws{TimeLaw::uniform, TimeLaw::logit_normal, TimeLaw::edm_like,
                                      TimeLaw::fixed};

/// The name in configurations and links ("uniform", "logit_normal", "edm_like", "fixed"), and back.
std::string_view name(TimeLaw law);
std::optional<TimeLaw> time_law_from_name(std::string_view name);

/// A law ignores the parameters of the others.
struct TimeLawConfig {
  TimeLaw law = TimeLaw::uniform;
  double logit_mean = 0;         ///< -10 to 10; above 0 is nearer to the data.
  double logit_scale = 1;        ///< Above 0, at most 10.
  double log_noise_mean = -1.2;  ///< -10 to 10; above 0 is nearer to the noise.
  double log_noise_scale = 1.2;  ///< Above 0, at most 10.
  double fixed_time = 0;         ///< [0, 1]; but see fill_times() for its ends.

  friend bool operator==(const TimeLawConfig&, const TimeLawConfig&) = default;
};

/// Checks the parameters of all laws.
Problems validate(const TimeLawConfig& config);

/// The time in [0, 1] that a law other than `uniform` gives to one standard normal number: each is
/// a monotonic function of one, towards the data under `logit_normal`, towards the noise under
/// `edm_like`, and constant under `fixed`.
double time_of_normal(const TimeLawConfig& config, const Schedule& schedule, double normal);

/// out[i] = the time of row first_row + i, in the open interval (0, 1): no nearer to an end than
/// 2^-24, as uniform times are. A row's time depends on nothing but the stream and the row. The
/// times of `uniform` are those of fill_uniform(). Under `edm_like` a draw of more noise than the
/// schedule has (see time_at_noise_to_signal()) gets the first time. Does not allocate.
void fill_times(const TimeLawConfig& config, const Schedule& schedule, const RandomStream& stream,
                Index first_row, std::span<float> out);

/// The probability density of the law at t in (0, 1), without what fill_times() moves away from the
/// ends. A fixed time has none: infinite there, 0 elsewhere.
double density(const TimeLawConfig& config, const Schedule& schedule, double t);

}  // namespace flowmatch
