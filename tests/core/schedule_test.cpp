#include "flowmatch/schedule.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

TEST_CASE("every schedule goes from noise to data") {
  for (const Schedule schedule : kSchedules) {
    CAPTURE(name(schedule));
    const ScheduleValues start = evaluate(schedule, 0);
    CHECK(start.alpha == 0);
    CHECK(start.sigma == 1);
    const ScheduleValues end = evaluate(schedule, 1);
    CHECK(end.alpha == 1);
    CHECK(end.sigma == 0);
  }
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
}

TEST_CASE("the derivatives of a schedule are those of its values") {
  // Central differences: an error of h^2 / 6 times the third derivative, below 1e-6 here, and of
  // rounding, 1e-16 / h.
  constexpr double kStep = 1e-5;
  for (const Schedule schedule : kSchedules) {
    for (const double t : {0.01, 0.2, 0.5, 0.8, 0.99}) {
      CAPTURE(name(schedule), t);
      const ScheduleValues values = evaluate(schedule, t);
      const ScheduleValues after = evaluate(schedule, t + kStep);
      const ScheduleValues before = evaluate(schedule, t - kStep);
      CHECK_THAT(values.d_alpha, WithinAbs((after.alpha - before.alpha) / (2 * kStep), 1e-9));
      const double slope = (after.sigma - before.sigma) / (2 * kStep);
      // The target's sigma' of `sqrt` is smaller by sigma / (sigma + 1e-4), as its header says.
      const double regularised = schedule == Schedule::sqrt
                                     ? slope * values.sigma / (values.sigma + kSqrtRegularisation)
                                     : slope;
      CHECK_THAT(values.d_sigma, WithinRel(regularised, 1e-6));
      const double half_square =
          (after.sigma * after.sigma - before.sigma * before.sigma) / (4 * kStep);
      CHECK_THAT(values.sigma_d_sigma, WithinAbs(half_square, 1e-9));
    }
  }
}

TEST_CASE("sigma sigma' is finite up to both ends") {
  CHECK(evaluate(Schedule::cond_ot, 0).sigma_d_sigma == -1);
  CHECK(evaluate(Schedule::cond_ot, 1).sigma_d_sigma == 0);
  CHECK(evaluate(Schedule::sqrt, 0).sigma_d_sigma == -0.5);
  CHECK(evaluate(Schedule::sqrt, 1).sigma_d_sigma == -0.5);
}

TEST_CASE("the blog's regularisation keeps sigma' of sqrt finite at the end") {
  CHECK_THAT(evaluate(Schedule::sqrt, 1).d_sigma, WithinRel(-0.5 / 1e-4, 1e-12));
  CHECK_THAT(evaluate(Schedule::sqrt, 0).d_sigma, WithinRel(-0.5 / 1.0001, 1e-12));
}

TEST_CASE("a schedule is found by its name and by nothing else") {
  CHECK(name(Schedule::cond_ot) == "cond_ot");
  CHECK(name(Schedule::sqrt) == "sqrt");
  for (const Schedule schedule : kSchedules) {
    CHECK(schedule_from_name(name(schedule)) == schedule);
  }
  for (const auto* const text : {"", "Sqrt", "sqrt ", "cond-ot", "linear", "cond_o"}) {
    CAPTURE(text);
    CHECK_FALSE(schedule_from_name(text).has_value());
  }
}

}  // namespace
