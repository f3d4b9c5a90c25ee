#include "flowmatch/path.h"

#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::normal_points;

struct Interpolated {
  Points x_t;
  Points velocity;
};

Interpolated interpolate(Schedule schedule, const Eigen::VectorXf& t, const Points& x0,
                         const Points& x1) {
  Interpolated result{Points(x0.rows(), x0.cols()), Points(x0.rows(), x0.cols())};
  AffinePath(schedule).interpolate(t, x0, x1, result.x_t, result.velocity);
  return result;
}

TEST_CASE("the path starts at the noise and ends at the data") {
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::sqrt);
  const Points x0 = normal_points(5, 3, 1);
  const Points x1 = normal_points(5, 3, 2, 10);
  CHECK(AffinePath(schedule).schedule() == schedule);
  CHECK(interpolate(schedule, Eigen::VectorXf::Zero(5), x0, x1).x_t == x0);
  CHECK(interpolate(schedule, Eigen::VectorXf::Ones(5), x0, x1).x_t == x1);
}

TEST_CASE("each row of the path has a time of its own") {
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::sqrt);
  const Points x0 = normal_points(4, 2, 3);
  const Points x1 = normal_points(4, 2, 4, 10);
  Eigen::VectorXf t(4);
  t << 0.1F, 0.5F, 0.75F, 0.9F;
  const Interpolated result = interpolate(schedule, t, x0, x1);
  for (Index i = 0; i < 4; ++i) {
    const ScheduleValues values = evaluate(schedule, static_cast<double>(t[i]));
    for (Index j = 0; j < 2; ++j) {
      CAPTURE(name(schedule), i, j);
      const auto noise = static_cast<double>(x0(i, j));
      const auto data = static_cast<double>(x1(i, j));
      // Rounding of floats of size up to 30, a few times.
      CHECK_THAT(static_cast<double>(result.x_t(i, j)),
                 WithinAbs(values.alpha * data + values.sigma * noise, 5e-6));
      CHECK_THAT(static_cast<double>(result.velocity(i, j)),
                 WithinAbs(values.d_alpha * data + values.d_sigma * noise, 5e-6));
    }
  }
}

TEST_CASE("the target velocity is the derivative of the path in time") {
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::sqrt);
  constexpr Index kRows = 6;
  const Points x0 = normal_points(kRows, 2, 5);
  const Points x1 = normal_points(kRows, 2, 6, 10);
  constexpr float kStep = 0x1p-7F;
  Eigen::VectorXf t(kRows);
  t << 0.125F, 0.25F, 0.375F, 0.5F, 0.625F, 0.75F;
  const auto position = [&](float shift) {
    return interpolate(schedule, (t.array() + shift).matrix(), x0, x1).x_t.cast<double>().eval();
  };
  const PointsOf<double> slope =
      (8 * (position(kStep) - position(-kStep)) - (position(2 * kStep) - position(-2 * kStep))) /
      (12 * static_cast<double>(kStep));
  const PointsOf<double> velocity = interpolate(schedule, t, x0, x1).velocity.cast<double>();
  // Rounding of floats of size 20 over the step is 2e-6 / 2^-7 = 3e-4; the regularisation of sqrt
  // changes sigma' by 1e-4 / sigma^2 / 2 times the noise, at most 4e-4.
  CHECK(largest_magnitude(velocity - slope) < 1e-3);
}

TEST_CASE("the target of cond_ot is the straight way from noise to data") {
  const Points x0 = normal_points(5, 2, 7);
  const Points x1 = normal_points(5, 2, 8, 10);
  const Eigen::VectorXf t = Eigen::VectorXf::LinSpaced(5, 0, 1);
  CHECK(interpolate(Schedule::cond_ot, t, x0, x1).velocity == x1 - x0);
}

TEST_CASE("the target is finite at the last time that training may draw, and at 1") {
  for (const float t : {1 - 0x1p-24F, 1.0F}) {
    const Interpolated result = interpolate(Schedule::sqrt, Eigen::VectorXf::Constant(1, t),
                                            Points::Constant(1, 2, 5), Points::Constant(1, 2, 10));
    CHECK(result.x_t.allFinite());
    CHECK(result.velocity.allFinite());
    // |sigma'| is at most 1 / (2e-4).
    CHECK(largest_magnitude(result.velocity) <= 10 + 5 * 5001);
  }
}

}  // namespace
