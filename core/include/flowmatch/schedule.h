// Schedules alpha(t), sigma(t) of the affine path X_t = alpha X_1 + sigma X_0, with t = 0 noise and
// t = 1 data. Lipman et al. 2024, "Flow Matching Guide and Code" (arXiv 2412.06264), section 4.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace flowmatch {

enum class Schedule {
  /// alpha = t, sigma = 1 - t: conditional optimal transport, also called linear or rectified flow.
  cond_ot,
  /// alpha = t, sigma = sqrt(1 - t): the schedule of the blog's example.
  sqrt,
};

inline constexpr std::array kSchedules{Schedule::cond_ot, Schedule::sqrt};

/// The name in configurations and links ("cond_ot", "sqrt"), and back.
std::string_view name(Schedule schedule);
std::optional<Schedule> schedule_from_name(std::string_view name);

/// A schedule at one time.
struct ScheduleValues {
  double alpha;
  double sigma;
  double d_alpha;  ///< alpha'(t)
  /// sigma'(t) as the training target uses it. For `sqrt` it diverges at t = 1, and is regularised
  /// as -1 / (2 (sqrt(1 - t) + kSqrtRegularisation)), the blog's choice; exact for the others.
  double d_sigma;
  /// sigma sigma' = (sigma^2)' / 2, never regularised: finite for every schedule at every t in [0,
  /// 1].
  double sigma_d_sigma;
};

inline constexpr double kSqrtRegularisation = 1e-4;

/// Values at t in [0, 1].
ScheduleValues evaluate(Schedule schedule, double t);

}  // namespace flowmatch
