#include "flowmatch/schedule.h"

#include <cmath>

namespace flowmatch {

std::string_view name(Schedule schedule) {
  switch (schedule) {
    case Schedule::cond_ot:
      return "cond_ot";
    case Schedule::sqrt:
      return "sqrt";
  }
  return "";
}

std::optional<Schedule> schedule_from_name(std::string_view text) {
  for (const Schedule schedule : kSchedules) {
    if (name(schedule) == text) return schedule;
  }
  return std::nullopt;
}

ScheduleValues evaluate(Schedule schedule, double t) {
  switch (schedule) {
    case Schedule::cond_ot:
      return {.alpha = t, .sigma = 1 - t, .d_alpha = 1, .d_sigma = -1, .sigma_d_sigma = t - 1};
    case Schedule::sqrt: {
      const double sigma = std::sqrt(1 - t);
      return {.alpha = t,
              .sigma = sigma,
              .d_alpha = 1,
              .d_sigma = -0.5 / (sigma + kSqrtRegularisation),
              .sigma_d_sigma = -0.5};
    }
  }
  return {};
}

}  // namespace flowmatch
