#include "flowmatch/schedule.h"

#include "elementary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace flowmatch {

namespace {

constexpr double kMaxExponent = 10;
constexpr double kLeastBeta = 0.001;
constexpr double kLeastBetaMax = 1;
constexpr double kMaxBeta = 100;

/// A schedule of sigma(1) = 0 whose sigma' = sigma_d_sigma / sigma diverges there.
ScheduleValues regularised(double alpha, double sigma, double d_alpha, double sigma_d_sigma) {
  return {.alpha = alpha,
          .sigma = sigma,
          .d_alpha = d_alpha,
          .d_sigma = sigma_d_sigma / (sigma + kSqrtRegularisation),
          .sigma_d_sigma = sigma_d_sigma};
}

}  // namespace

std::string_view name(const Schedule& schedule) {
  switch (schedule.kind) {
    case Schedule::Kind::cond_ot:
      return "cond_ot";
    case Schedule::Kind::sqrt:
      return "sqrt";
    case Schedule::Kind::polynomial:
      return "polynomial";
    case Schedule::Kind::cosine:
      return "cosine";
    case Schedule::Kind::linear_vp:
      return "linear_vp";
    case Schedule::Kind::vp:
      return "vp";
  }
  return "";
}

std::optional<Schedule> schedule_from_name(std::string_view text) {
  for (const Schedule& schedule : kSchedules) {
    if (name(schedule) == text) return schedule;
  }
  return std::nullopt;
}

Problems validate(const Schedule& schedule, std::string_view prefix) {
  ProblemList own;
  own.check_range("exponent", schedule.exponent, 1, kMaxExponent);
  own.check_range("betaMin", schedule.beta_min, kLeastBeta, kMaxBeta);
  // Against what beta_min may be, should it be out of its own range.
  const double least = schedule.beta_min > kLeastBetaMax && schedule.beta_min <= kMaxBeta
                           ? schedule.beta_min
                           : kLeastBetaMax;
  own.check_range("betaMax", schedule.beta_max, least, kMaxBeta);
  ProblemList problems;
  problems.append(prefix, std::move(own).take());
  return std::move(problems).take();
}

bool diverges_at_end(const Schedule& schedule) {
  return schedule.kind == Schedule::Kind::sqrt || schedule.kind == Schedule::Kind::linear_vp ||
         schedule.kind == Schedule::Kind::vp;
}

ScheduleValues evaluate(const Schedule& schedule, double t) {
  switch (schedule.kind) {
    case Schedule::Kind::cond_ot:
      return {.alpha = t, .sigma = 1 - t, .d_alpha = 1, .d_sigma = -1, .sigma_d_sigma = t - 1};
    case Schedule::Kind::sqrt:
      return regularised(t, std::sqrt(1 - t), 1, -0.5);
    case Schedule::Kind::polynomial: {
      // 1 - t^n would lose its digits near t = 1.
      const double exponent = schedule.exponent;
      // The magnitude, lest it be the negative zero at t = 1.
      const double sigma = t == 0 ? 1 : std::abs(exponential_minus_one(exponent * natural_log(t)));
      const double slope = exponent * power(t, exponent - 1);
      return {.alpha = power(t, exponent),
              .sigma = sigma,
              .d_alpha = slope,
              .d_sigma = -slope,
              .sigma_d_sigma = -sigma * slope};
    }
    case Schedule::Kind::cosine: {
      constexpr double kRate = std::numbers::pi / 2;
      const auto [x, y] = circle_point(t / 4);
      // At t = 1 it is a zero with a sign.
      const double sigma = std::abs(x);
      return {.alpha = y,
              .sigma = sigma,
              .d_alpha = kRate * sigma,
              .d_sigma = -kRate * y,
              .sigma_d_sigma = -kRate * y * sigma};
    }
    case Schedule::Kind::linear_vp:
      return regularised(t, std::sqrt((1 - t) * (1 + t)), 1, -t);
    case Schedule::Kind::vp: {
      const double s = 1 - t;
      const double range = schedule.beta_max - schedule.beta_min;
      const double log_alpha = -s * (s * range / 4 + schedule.beta_min / 2);
      const double alpha = exponential(log_alpha);
      const double d_alpha = alpha * (s * range + schedule.beta_min) / 2;
      // 1 - alpha^2 would lose its digits near t = 1.
      return regularised(alpha, std::sqrt(std::abs(exponential_minus_one(2 * log_alpha))), d_alpha,
                         -alpha * d_alpha);
    }
  }
  return {};
}

double noise_to_signal(const ScheduleValues& values) {
  if (values.alpha == 0) return std::numeric_limits<double>::infinity();
  return values.sigma / values.alpha;
}

double time_at_noise_to_signal(const Schedule& schedule, double ratio) {
  // Where a formula below has infinity over infinity.
  if (ratio > std::numeric_limits<double>::max()) return 0;
  switch (schedule.kind) {
    case Schedule::Kind::cond_ot:
      return 1 / (1 + ratio);
    case Schedule::Kind::sqrt:
      // 1 - t = ratio^2 t^2
      return 2 / (1 + std::sqrt(1 + 4 * ratio * ratio));
    case Schedule::Kind::polynomial:
      return power(1 / (1 + ratio), 1 / schedule.exponent);
    case Schedule::Kind::cosine: {
      // The ratio is the cotangent of the angle pi t / 2 that is sought. Newton's method on the
      // sine of what the angle lacks, whose inverse is three terms of its series: from within 0.1
      // of the angle, two steps are exact.
      const double sine = 1 / std::sqrt(1 + ratio * ratio);
      const double cosine = ratio < 1 ? ratio * sine : 1 / std::sqrt(1 + 1 / (ratio * ratio));
      double t = 1 / (1 + ratio);
      for (int step = 0; step < 2; ++step) {
        const auto [x, y] = circle_point(t / 4);
        const double lack = sine * x - cosine * y;
        const double square = lack * lack;
        t += lack * (1 + square * (1.0 / 6 + square * 3 / 40)) * 2 / std::numbers::pi;
      }
      return std::clamp(t, 0.0, 1.0);
    }
    case Schedule::Kind::linear_vp:
      return 1 / std::sqrt(1 + ratio * ratio);
    case Schedule::Kind::vp: {
      // -2 log alpha = log(1 + ratio^2) is a quadratic function of s = 1 - t.
      const double square = std::min(ratio * ratio, std::numeric_limits<double>::max());
      const double sum = 1 + square;
      // The logarithm of the rounded sum, corrected by how much of the square it holds (Goldberg
      // 1991, theorem 4).
      const double noise = sum == 1 ? square : natural_log(sum) * (square / (sum - 1));
      const double range = schedule.beta_max - schedule.beta_min;
      const double least = schedule.beta_min;
      return std::max(0.0, 1 - 2 * noise / (least + std::sqrt(least * least + 2 * range * noise)));
    }
  }
  return 0;
}

}  // namespace flowmatch
