// Schedules alpha(t), sigma(t) of the affine path X_t = alpha X_1 + sigma X_0, with t = 0 noise and
// t = 1 data. Lipman et al. 2024, "Flow Matching Guide and Code" (arXiv 2412.06264), section 4.
//
// Every schedule ends at the data itself, alpha(1) = 1 and sigma(1) = 0, and all but `vp` begin at
// the noise itself, alpha(0) = 0 and sigma(0) = 1. The ratio sigma / alpha falls all the way: it is
// the clock that all schedules have in common.
#pragma once

#include "flowmatch/problem.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flowmatch {

/// A kind of schedule with its parameters. A kind ignores the parameters of the others.
struct Schedule {
  enum class Kind : std::uint8_t {
    /// alpha = t, sigma = 1 - t: conditional optimal transport, also called linear or rectified
    /// flow.
    cond_ot,
    /// alpha = t, sigma = sqrt(1 - t): the schedule of the blog's example.
    sqrt,
    /// alpha = t^n, sigma = 1 - t^n, with n = `exponent`.
    polynomial,
    /// alpha = sin(pi t / 2), sigma = cos(pi t / 2): variance preserving, also called
    /// trigonometric.
    cosine,
    /// alpha = t, sigma = sqrt(1 - t^2): variance preserving.
    linear_vp,
    /// alpha = exp(-s^2 (beta_max - beta_min) / 4 - s beta_min / 2) with s = 1 - t, sigma = sqrt(1
    /// -
    /// alpha^2): the variance-preserving diffusion of DDPM (Song et al. 2021, arXiv 2011.13456,
    /// equation 33), its time reversed. alpha(0) = exp(-(beta_min + beta_max) / 4) is not 0: at the
    /// default parameters X_0 holds 0.0066 of the data, so that to start from N(0, I) is off by
    /// that much.
    vp,
  };

  Kind kind = Kind::cond_ot;
  double exponent = 2;    ///< n of `polynomial`, 1 to 10.
  double beta_min = 0.1;  ///< Of `vp`: the rate of noise at the data, 0.001 to 100.
  double beta_max = 20;   ///< Of `vp`: the rate at the noise, 1 to 100, at least beta_min.

  /// One of each kind, with the default parameters.
  static const Schedule cond_ot;
  static const Schedule sqrt;
  static const Schedule polynomial;
  static const Schedule cosine;
  static const Schedule linear_vp;
  static const Schedule vp;

  /// Whether kind and all parameters are the same, those that the kind ignores among them.
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

inline constexpr Schedule Schedule::cond_ot{.kind = Kind::cond_ot};
inline constexpr Schedule Schedule::sqrt{.kind = Kind::sqrt};
inline constexpr Schedule Schedule::polynomial{.kind = Kind::polynomial};
inline constexpr Schedule Schedule::cosine{.kind = Kind::cosine};
inline constexpr Schedule Schedule::linear_vp{.kind = Kind::linear_vp};
inline constexpr Schedule Schedule::vp{.kind = Kind::vp};

/// One of each kind, with the default parameters.
inline constexpr std::array kSchedules{Schedule::cond_ot, Schedule::sqrt,      Schedule::polynomial,
                                       Schedule::cosine,  Schedule::linear_vp, Schedule::vp};

/// The name of the kind in configurations and links ("cond_ot", "sqrt", "polynomial", "cosine",
/// "linear_vp", "vp"), and the schedule of that kind with the default parameters.
std::string_view name(const Schedule& schedule);
std::optional<Schedule> schedule_from_name(std::string_view name);

/// Checks all parameters, those that the kind ignores among them. `prefix` names the schedule in
/// its configuration: the fields are "schedule.exponent", "schedule.betaMin", "schedule.betaMax".
Problems validate(const Schedule& schedule, std::string_view prefix = "schedule");

/// A schedule at one time.
struct ScheduleValues {
  double alpha;
  double sigma;
  double d_alpha;  ///< alpha'(t)
  /// sigma'(t) as the training target uses it. For `sqrt`, `linear_vp` and `vp` it diverges at
  /// t = 1, and is regularised as sigma sigma' / (sigma + kSqrtRegularisation); for `sqrt` that is
  /// the blog's choice, -1 / (2 (sqrt(1 - t) + 1e-4)). Exact for the others.
  double d_sigma;
  /// sigma sigma' = (sigma^2)' / 2, never regularised: finite for every schedule at every t in [0,
  /// 1].
  double sigma_d_sigma;
};

inline constexpr double kSqrtRegularisation = 1e-4;

/// Whether sigma' diverges at t = 1, and d_sigma is therefore regularised. On such a schedule
/// sigma sigma' is not 0 at the end, and the exact field there is x - sigma sigma' score.
bool diverges_at_end(const Schedule& schedule);

/// Values at t in [0, 1], each to a few units of its own last place up to both ends. Precondition:
/// validate(schedule) is empty.
ScheduleValues evaluate(const Schedule& schedule, double t);

/// sigma / alpha, infinite where alpha is 0: the root of the inverse signal-to-noise ratio.
double noise_to_signal(const ScheduleValues& values);

/// The t in [0, 1] at which sigma / alpha is `ratio`, in [0, infinity], in closed form and to
/// rounding. 0 where the ratio is larger than any of the schedule (`vp`: 152 at the default
/// parameters).
double time_at_noise_to_signal(const Schedule& schedule, double ratio);

}  // namespace flowmatch
