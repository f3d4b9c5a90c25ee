#include "flowmatch/schedule.h"

#include "schedule_golden.h"
#include "support/errors.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::worse;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// All kinds, and parameters at the ends of their ranges.
std::vector<Schedule> many_schedules() {
  std::vector<Schedule> schedules(kSchedules.begin(), kSchedules.end());
  for (const double exponent : {1.0, 1.5, 3.0, 10.0}) {
    schedules.push_back({.kind = Schedule::Kind::polynomial, .exponent = exponent});
  }
  schedules.push_back({.kind = Schedule::Kind::vp, .beta_min = 0.001, .beta_max = 1});
  schedules.push_back({.kind = Schedule::Kind::vp, .beta_min = 8, .beta_max = 8});
  schedules.push_back({.kind = Schedule::Kind::vp, .beta_min = 0.1, .beta_max = 100});
  return schedules;
}

TEST_CASE("every schedule goes from noise to data") {
  for (const Schedule& schedule : many_schedules()) {
    CAPTURE(name(schedule), schedule.exponent, schedule.beta_min, schedule.beta_max);
    const ScheduleValues start = evaluate(schedule, 0);
    if (schedule.kind == Schedule::Kind::vp) {
      const double alpha = std::exp(-(schedule.beta_min + schedule.beta_max) / 4);
      CHECK_THAT(start.alpha, WithinRel(alpha, 1e-13));
      CHECK_THAT(start.sigma, WithinRel(std::sqrt(1 - alpha * alpha), 1e-14));
    } else {
      CHECK(start.alpha == 0);
      CHECK(start.sigma == 1);
    }
    const ScheduleValues end = evaluate(schedule, 1);
    CHECK(end.alpha == 1);
    CHECK(end.sigma == 0);
    CHECK_FALSE(std::signbit(end.sigma));
  }
}

TEST_CASE("what vp keeps of the data at its start is what its header says") {
  CHECK_THAT(evaluate(Schedule::vp, 0).alpha, WithinAbs(0.0066, 5e-5));
  CHECK_THAT(noise_to_signal(evaluate(Schedule::vp, 0)), WithinAbs(152, 0.5));
}

TEST_CASE("the values of the schedules") {
  const double t = GENERATE(0.0, 0.125, 0.36, 0.75, 0.9999, 1.0);
  CAPTURE(t);
  const ScheduleValues linear = evaluate(Schedule::cond_ot, t);
  CHECK(linear.alpha == t);
  CHECK(linear.sigma == 1 - t);
  CHECK(linear.d_alpha == 1);
  CHECK(linear.d_sigma == -1);
  const ScheduleValues root = evaluate(Schedule::sqrt, t);
  CHECK(root.alpha == t);
  CHECK_THAT(root.sigma * root.sigma, WithinAbs(1 - t, 1e-15));
  CHECK(root.d_alpha == 1);
  const ScheduleValues square = evaluate(Schedule::polynomial, t);
  CHECK_THAT(square.alpha, WithinAbs(t * t, 1e-15));
  CHECK_THAT(square.sigma, WithinAbs((1 - t) * (1 + t), 1e-15));
  CHECK_THAT(square.d_alpha, WithinAbs(2 * t, 1e-15));
  CHECK_THAT(square.d_sigma, WithinAbs(-2 * t, 1e-15));
  const ScheduleValues cosine = evaluate(Schedule::cosine, t);
  CHECK_THAT(cosine.alpha, WithinAbs(std::sin(std::numbers::pi / 2 * t), 1e-15));
  CHECK_THAT(cosine.sigma, WithinAbs(std::cos(std::numbers::pi / 2 * t), 1e-15));
  const ScheduleValues preserving = evaluate(Schedule::linear_vp, t);
  CHECK(preserving.alpha == t);
  CHECK_THAT(preserving.sigma, WithinAbs(std::sqrt((1 - t) * (1 + t)), 1e-15));
  const ScheduleValues vp = evaluate(Schedule::vp, t);
  CHECK_THAT(vp.alpha, WithinRel(std::exp(-(1 - t) * (1 - t) * 19.9 / 4 - (1 - t) * 0.05), 1e-14));
}

TEST_CASE("values and slopes keep their digits up to both ends") {
  // Against 400 digits. Near its own end sigma is as small as 1e-12, and still must be right to a
  // few units of its last place, as must alpha near the other.
  double worst = 0;
  for (const auto& golden : flowmatch::testing::kGoldenSchedules) {
    const ScheduleValues values = evaluate(golden.schedule, golden.t);
    const auto error = [](double value, double wanted) {
      return std::abs(value - wanted) / std::abs(wanted);
    };
    // An alpha of t^10 = 1e-120 is exp(-277), whose argument is rounded by 277 times as much.
    const double scale = 1 + std::abs(std::log(golden.alpha));
    CAPTURE(name(golden.schedule), golden.schedule.exponent, golden.schedule.beta_min, golden.t);
    CHECK(error(values.alpha, golden.alpha) < 1e-15 * scale);
    CHECK(error(values.sigma, golden.sigma) < 1e-15);
    CHECK(error(values.d_alpha, golden.d_alpha) < 1e-15 * scale);
    CHECK(error(values.sigma_d_sigma, golden.sigma_d_sigma) < 1e-15 * 2 * scale);
    const double slope = diverges_at_end(golden.schedule)
                             ? golden.sigma_d_sigma / (golden.sigma + kSqrtRegularisation)
                             : golden.sigma_d_sigma / golden.sigma;
    CHECK(error(values.d_sigma, slope) < 1e-15 * 2 * scale);
    worst = worse(worst, error(values.sigma, golden.sigma));
  }
  CAPTURE(worst);
}

TEST_CASE("the derivatives of a schedule are those of its values") {
  // Central differences of order 4 (Richardson's from h and 2 h): an error of h^4 / 30 times the
  // fifth derivative, and of rounding, 1e-16 / h.
  constexpr double kStep = 1e-4;
  for (const Schedule& schedule : many_schedules()) {
    for (const double t : {0.01, 0.2, 0.5, 0.8, 0.99}) {
      CAPTURE(name(schedule), schedule.exponent, schedule.beta_min, t);
      const ScheduleValues values = evaluate(schedule, t);
      const auto slope = [&](const auto& value) {
        const auto at = [&](double h) { return value(evaluate(schedule, t + h)); };
        return (8 * (at(kStep) - at(-kStep)) - (at(2 * kStep) - at(-2 * kStep))) / (12 * kStep);
      };
      CHECK_THAT(values.d_alpha,
                 WithinAbs(slope([](const ScheduleValues& v) { return v.alpha; }), 1e-10));
      const double d_sigma = slope([](const ScheduleValues& v) { return v.sigma; });
      // The target's sigma' is smaller by sigma / (sigma + 1e-4) where it diverges at the end.
      const double regularised = diverges_at_end(schedule)
                                     ? d_sigma * values.sigma / (values.sigma + kSqrtRegularisation)
                                     : d_sigma;
      CHECK_THAT(values.d_sigma, WithinAbs(regularised, 2e-7 * (1 + std::abs(regularised))));
      CHECK_THAT(
          values.sigma_d_sigma,
          WithinAbs(slope([](const ScheduleValues& v) { return v.sigma * v.sigma / 2; }), 1e-10));
    }
  }
}

TEST_CASE("cosine, linear_vp and vp preserve variance; cond_ot and polynomial the sum") {
  for (const Schedule& schedule : many_schedules()) {
    for (int i = 0; i <= 1000; ++i) {
      const ScheduleValues values = evaluate(schedule, i / 1000.0);
      CAPTURE(name(schedule), schedule.exponent, i);
      switch (schedule.kind) {
        case Schedule::Kind::cosine:
        case Schedule::Kind::linear_vp:
        case Schedule::Kind::vp:
          CHECK(std::abs(values.alpha * values.alpha + values.sigma * values.sigma - 1) < 1e-15);
          CHECK(std::abs(values.alpha * values.d_alpha + values.sigma_d_sigma) < 1e-15);
          break;
        case Schedule::Kind::sqrt:
          CHECK(std::abs(values.alpha + values.sigma * values.sigma - 1) < 1e-15);
          break;
        case Schedule::Kind::cond_ot:
        case Schedule::Kind::polynomial:
          CHECK(std::abs(values.alpha + values.sigma - 1) < 1e-15);
          CHECK(values.d_alpha == -values.d_sigma);
          break;
      }
    }
  }
}

TEST_CASE("the ratio of noise to signal falls all the way") {
  for (const Schedule& schedule : many_schedules()) {
    CAPTURE(name(schedule), schedule.exponent, schedule.beta_min);
    double before = kInfinity;
    for (int i = 1; i <= 4096; ++i) {
      const double ratio = noise_to_signal(evaluate(schedule, i / 4096.0));
      CHECK(ratio < before);
      before = ratio;
    }
    CHECK(before == 0);
  }
  CHECK(noise_to_signal(evaluate(Schedule::cond_ot, 0)) == kInfinity);
}

TEST_CASE("the time at a ratio of noise to signal is found back") {
  for (const Schedule& schedule : many_schedules()) {
    CAPTURE(name(schedule), schedule.exponent, schedule.beta_min);
    for (const double t : {1e-12, 1e-5, 0.001, 0.1, 0.25, 0.5, 0.6, 0.75, 0.9, 0.999, 1 - 1e-9}) {
      CAPTURE(t);
      const double ratio = noise_to_signal(evaluate(schedule, t));
      const double found = time_at_noise_to_signal(schedule, ratio);
      // What a rounding of the ratio does to the time: |dt / dlog ratio| ulps; at t = 1e-12 of vp,
      // where log ratio moves by 1e-11, of 1e-16 / 10.
      const ScheduleValues values = evaluate(schedule, t);
      const double slope =
          values.d_alpha / values.alpha - values.sigma_d_sigma / (values.sigma * values.sigma);
      CHECK(std::abs(found - t) < 4e-15 * (t + (1 + std::abs(std::log(values.alpha))) / slope));
    }
    CHECK(time_at_noise_to_signal(schedule, 0) == 1);
    CHECK(time_at_noise_to_signal(schedule, kInfinity) == 0);
    for (const double ratio : {5e-324, 1e-300, 1e-160, 1e160, 1e300}) {
      CAPTURE(ratio);
      const double t = time_at_noise_to_signal(schedule, ratio);
      CHECK((ratio < 1 ? t == 1 : t >= 0 && t < 1e-15));
    }
  }
  // vp has no more noise than at its start.
  CHECK(time_at_noise_to_signal(Schedule::vp, 152) > 0);
  CHECK(time_at_noise_to_signal(Schedule::vp, 153) == 0);
}

TEST_CASE("sigma sigma' is finite up to both ends") {
  CHECK(evaluate(Schedule::cond_ot, 0).sigma_d_sigma == -1);
  CHECK(evaluate(Schedule::cond_ot, 1).sigma_d_sigma == 0);
  CHECK(evaluate(Schedule::sqrt, 0).sigma_d_sigma == -0.5);
  CHECK(evaluate(Schedule::sqrt, 1).sigma_d_sigma == -0.5);
  CHECK(evaluate(Schedule::polynomial, 0).sigma_d_sigma == 0);
  CHECK(evaluate(Schedule::polynomial, 1).sigma_d_sigma == 0);
  CHECK(evaluate(Schedule::cosine, 0).sigma_d_sigma == 0);
  CHECK(evaluate(Schedule::cosine, 1).sigma_d_sigma == 0);
  CHECK(evaluate(Schedule::linear_vp, 0).sigma_d_sigma == 0);
  CHECK(evaluate(Schedule::linear_vp, 1).sigma_d_sigma == -1);
  CHECK_THAT(evaluate(Schedule::vp, 0).sigma_d_sigma, WithinRel(-10 * std::exp(-10.05), 1e-13));
  CHECK_THAT(evaluate(Schedule::vp, 1).sigma_d_sigma, WithinRel(-0.05, 1e-15));
}

TEST_CASE("the slopes at the ends are those of the limit, or the regularised ones") {
  CHECK_THAT(evaluate(Schedule::sqrt, 1).d_sigma, WithinRel(-0.5 / 1e-4, 1e-12));
  CHECK_THAT(evaluate(Schedule::sqrt, 0).d_sigma, WithinRel(-0.5 / 1.0001, 1e-12));
  CHECK_THAT(evaluate(Schedule::linear_vp, 1).d_sigma, WithinRel(-1 / 1e-4, 1e-12));
  CHECK(evaluate(Schedule::linear_vp, 0).d_sigma == 0);
  CHECK_THAT(evaluate(Schedule::vp, 1).d_sigma, WithinRel(-0.05 / 1e-4, 1e-12));
  CHECK_THAT(evaluate(Schedule::vp, 1).d_alpha, WithinRel(0.05, 1e-15));
  CHECK_THAT(evaluate(Schedule::cosine, 0).d_alpha, WithinRel(std::numbers::pi / 2, 1e-15));
  CHECK_THAT(evaluate(Schedule::cosine, 1).d_sigma, WithinRel(-std::numbers::pi / 2, 1e-15));
  CHECK(evaluate(Schedule::polynomial, 0).d_alpha == 0);
  CHECK(evaluate(Schedule::polynomial, 1).d_alpha == 2);
  const Schedule straight{.kind = Schedule::Kind::polynomial, .exponent = 1};
  CHECK(evaluate(straight, 0).d_alpha == 1);
  for (const Schedule& schedule : many_schedules()) {
    // |sigma sigma'| over the square root of what is left: that is what diverging means.
    const double slope = std::abs(evaluate(schedule, 1 - 1e-10).sigma_d_sigma);
    CAPTURE(name(schedule), slope);
    CHECK((slope > 1e-4) == diverges_at_end(schedule));
  }
}

TEST_CASE("a schedule is found by its name and by nothing else") {
  CHECK(name(Schedule::cond_ot) == "cond_ot");
  CHECK(name(Schedule::sqrt) == "sqrt");
  CHECK(name(Schedule::polynomial) == "polynomial");
  CHECK(name(Schedule::cosine) == "cosine");
  CHECK(name(Schedule::linear_vp) == "linear_vp");
  CHECK(name(Schedule::vp) == "vp");
  for (const Schedule& schedule : kSchedules) {
    CHECK(schedule_from_name(name(schedule)) == schedule);
  }
  for (const auto* const text : {"", "Sqrt", "sqrt ", "cond-ot", "linear", "cond_o"}) {
    CAPTURE(text);
    CHECK_FALSE(schedule_from_name(text).has_value());
  }
}

TEST_CASE("schedules are equal when kind and parameters are") {
  CHECK(Schedule{} == Schedule::cond_ot);
  CHECK(Schedule::cond_ot != Schedule::sqrt);
  Schedule schedule = Schedule::polynomial;
  CHECK(schedule == Schedule::polynomial);
  schedule.exponent = 3;
  CHECK(schedule != Schedule::polynomial);
}

TEST_CASE("the parameters of a schedule have ranges") {
  for (const Schedule& schedule : many_schedules()) CHECK(validate(schedule).empty());
  const auto fields = [](const Schedule& schedule) {
    std::string all;
    for (const Problem& problem : validate(schedule)) all += problem.field + " ";
    return all;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double exponent : {0.99, 10.1, -1.0, nan, kInfinity}) {
    CAPTURE(exponent);
    CHECK(fields({.exponent = exponent}) == "schedule.exponent ");
  }
  for (const double beta : {0.0, -1.0, 101.0, nan, kInfinity}) {
    CAPTURE(beta);
    CHECK(fields({.beta_min = beta}) == "schedule.betaMin ");
    CHECK(fields({.beta_max = beta}) == "schedule.betaMax ");
  }
  CHECK(fields({.beta_min = 30}) == "schedule.betaMax ");
  CHECK(fields({.beta_min = 0.1, .beta_max = 0.5}) == "schedule.betaMax ");
  CHECK(fields({.exponent = 0, .beta_min = 0, .beta_max = 0}) ==
        "schedule.exponent schedule.betaMin schedule.betaMax ");
  const Problems problems = validate({.beta_min = 30}, "sampled");
  REQUIRE(problems.size() == 1);
  CHECK(problems[0] == Problem{"sampled.betaMax", "20", "a number from 30 to 100"});
}

}  // namespace
