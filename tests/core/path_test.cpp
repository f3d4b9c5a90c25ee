#include "flowmatch/path.h"

#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::normal_points;

struct Interpolated {
  Points x_t;
  Points velocity;
};

Interpolated interpolate(const Schedule& schedule, const Eigen::VectorXf& t, const Points& x0,
                         const Points& x1) {
  Interpolated result{Points(x0.rows(), x0.cols()), Points(x0.rows(), x0.cols())};
  AffinePath(schedule).interpolate(t, x0, x1, result.x_t, result.velocity);
  return result;
}

TEST_CASE("the path starts at the noise and ends at the data") {
  const Schedule schedule = GENERATE(from_range(kSchedules));
  const Points x0 = normal_points(5, 3, 1);
  const Points x1 = normal_points(5, 3, 2, 10);
  CHECK(AffinePath(schedule).schedule() == schedule);
  if (schedule != Schedule::vp) {
    CHECK(interpolate(schedule, Eigen::VectorXf::Zero(5), x0, x1).x_t == x0);
  }
  CHECK(interpolate(schedule, Eigen::VectorXf::Ones(5), x0, x1).x_t == x1);
}

TEST_CASE("each row of the path has a time of its own") {
  const Schedule schedule = GENERATE(from_range(kSchedules));
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
  const Schedule schedule = GENERATE(from_range(kSchedules));
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
  // changes sigma' by 1e-4 / sigma^2 / 2 times the noise, at most 4e-4, that of the others by as
  // much. The fifth derivative of vp is as large as 1e4.
  CAPTURE(name(schedule));
  CHECK(largest_magnitude(velocity - slope) < 2e-3);
}

TEST_CASE("the target of cond_ot is the straight way from noise to data") {
  const Points x0 = normal_points(5, 2, 7);
  const Points x1 = normal_points(5, 2, 8, 10);
  const Eigen::VectorXf t = Eigen::VectorXf::LinSpaced(5, 0, 1);
  CHECK(interpolate(Schedule::cond_ot, t, x0, x1).velocity == x1 - x0);
}

TEST_CASE(
    "every target is finite from the first time that training may draw to the last, and at 1") {
  for (const Schedule& schedule : kSchedules) {
    for (const Prediction prediction : kPredictions) {
      for (const float t : {0.0F, 0x1p-24F, 1 - 0x1p-24F, 1.0F}) {
        Points x_t(1, 2);
        Points target(1, 2);
        AffinePath(schedule, prediction)
            .interpolate(Eigen::VectorXf::Constant(1, t), Points::Constant(1, 2, 5),
                         Points::Constant(1, 2, 10), x_t, target);
        CAPTURE(name(schedule), name(prediction), t);
        CHECK(x_t.allFinite());
        CHECK(target.allFinite());
        // |sigma'| is at most 1e4, 1 / sigma 1e3, alpha' of vp 3.
        CHECK(largest_magnitude(target) <= 30 + 5 * 10'001);
      }
    }
  }
}

/// x_t and all predictions by their definitions, of one noise and one datum, in double.
struct Definitions {
  double x_t;
  std::array<double, kPredictions.size()> predictions;
};

Definitions define(const ScheduleValues& values, double x0, double x1) {
  return {values.alpha * x1 + values.sigma * x0,
          {values.d_alpha * x1 + values.d_sigma * x0, x1, x0,
           -x0 / std::max(values.sigma, kConversionFloor)}};
}

double apply(const Affine& affine, double x, double f) {
  return affine.of_x * x + affine.of_f * f;
}

/// The kinds, and what is farthest from them.
std::vector<Schedule> many_schedules() {
  std::vector<Schedule> schedules(kSchedules.begin(), kSchedules.end());
  schedules.push_back({.kind = Schedule::Kind::polynomial, .exponent = 3.5});
  schedules.push_back({.kind = Schedule::Kind::vp, .beta_min = 0.001, .beta_max = 1});
  return schedules;
}

TEST_CASE("each target is its definition") {
  const Points x0 = normal_points(4, 2, 9);
  const Points x1 = normal_points(4, 2, 10, 10);
  Eigen::VectorXf t(4);
  t << 0.1F, 0.5F, 0.75F, 0.9F;
  for (const Schedule& schedule : many_schedules()) {
    for (std::size_t p = 0; p < kPredictions.size(); ++p) {
      Points x_t(4, 2);
      Points target(4, 2);
      const AffinePath path(schedule, kPredictions[p]);
      CHECK(path.prediction() == kPredictions[p]);
      path.interpolate(t, x0, x1, x_t, target);
      for (Index i = 0; i < 4; ++i) {
        for (Index j = 0; j < 2; ++j) {
          const Definitions expected =
              define(evaluate(schedule, static_cast<double>(t[i])), static_cast<double>(x0(i, j)),
                     static_cast<double>(x1(i, j)));
          CAPTURE(name(schedule), name(kPredictions[p]), i, j);
          CHECK_THAT(static_cast<double>(x_t(i, j)), WithinAbs(expected.x_t, 5e-6));
          CHECK_THAT(static_cast<double>(target(i, j)), WithinAbs(expected.predictions[p], 1e-5));
        }
      }
    }
  }
}

TEST_CASE("every prediction becomes every other") {
  // By the definitions on explicit pairs of noise and datum, which the conversions do not see.
  for (const Schedule& schedule : many_schedules()) {
    for (const double t : {0.05, 0.2, 0.5, 0.8, 0.99, 0.998}) {
      const ScheduleValues values = evaluate(schedule, t);
      // Below the floor the conversions fade, see the next tests.
      if (values.alpha < kConversionFloor) continue;
      for (const auto& [x0, x1] : {std::pair{0.7, -8.0}, {-1.3, 0.2}, {0.0, 5.0}, {2.5, 0.0}}) {
        const Definitions truth = define(values, x0, x1);
        for (std::size_t from = 0; from < kPredictions.size(); ++from) {
          for (std::size_t to = 0; to < kPredictions.size(); ++to) {
            const Affine affine = conversion(kPredictions[from], kPredictions[to], values);
            CAPTURE(name(schedule), t, name(kPredictions[from]), name(kPredictions[to]), x0, x1);
            // The terms cancel to what remains.
            const double terms =
                std::abs(affine.of_x * truth.x_t) + std::abs(affine.of_f * truth.predictions[from]);
            CHECK_THAT(apply(affine, truth.x_t, truth.predictions[from]),
                       WithinAbs(truth.predictions[to], 1e-14 * (1 + terms)));
          }
        }
      }
    }
  }
}

TEST_CASE("a conversion there and back is the identity") {
  for (const Schedule& schedule : many_schedules()) {
    for (const double t : {0.05, 0.5, 0.95, 0.998}) {
      const ScheduleValues values = evaluate(schedule, t);
      if (values.alpha < kConversionFloor) continue;
      for (const Prediction from : kPredictions) {
        CHECK(conversion(from, from, values).of_x == 0);
        CHECK(conversion(from, from, values).of_f == 1);
        for (const Prediction to : kPredictions) {
          const Affine there = conversion(from, to, values);
          const Affine back = conversion(to, from, values);
          CAPTURE(name(schedule), t, name(from), name(to));
          const double size = std::abs(back.of_x) + std::abs(back.of_f * there.of_x);
          CHECK_THAT(back.of_x + back.of_f * there.of_x, WithinAbs(0, 1e-13 * (1 + size)));
          CHECK_THAT(back.of_f * there.of_f, WithinAbs(1, 1e-13 * (1 + size)));
        }
      }
    }
  }
}

TEST_CASE("the conversions of cond_ot are the formulas that everyone knows") {
  const double t = GENERATE(0.1, 0.25, 0.9);
  const ScheduleValues values = evaluate(Schedule::cond_ot, t);
  const auto check = [&](Prediction from, Prediction to, double of_x, double of_f) {
    const Affine affine = conversion(from, to, values);
    CAPTURE(t, name(from), name(to));
    CHECK_THAT(affine.of_x, WithinAbs(of_x, 1e-13));
    CHECK_THAT(affine.of_f, WithinAbs(of_f, 1e-13));
  };
  const double rest = 1 - t;
  check(Prediction::velocity, Prediction::x1, 1, rest);                 // x1 = x + (1 - t) u
  check(Prediction::velocity, Prediction::noise, 1, -t);                // x0 = x - t u
  check(Prediction::velocity, Prediction::score, -1 / rest, t / rest);  // (t u - x) / (1 - t)
  check(Prediction::x1, Prediction::velocity, -1 / rest, 1 / rest);     // u = (x1 - x) / (1 - t)
  check(Prediction::noise, Prediction::velocity, 1 / t, -1 / t);        // u = (x - x0) / t
  check(Prediction::noise, Prediction::score, 0, -1 / rest);
  check(Prediction::score, Prediction::velocity, 1 / t, rest / t);  // u = (x + (1 - t) s) / t
}

TEST_CASE("every conversion is finite at every time, the ends included") {
  for (const Schedule& schedule : many_schedules()) {
    for (const double t :
         {0.0, 1e-300, 1e-16, 1e-6, 1e-3, 0.5, 0.999, 1 - 1e-9, 1 - 0x1p-53, 1.0}) {
      const ScheduleValues values = evaluate(schedule, t);
      for (const Prediction from : kPredictions) {
        for (const Prediction to : kPredictions) {
          const Affine affine = conversion(from, to, values);
          CAPTURE(name(schedule), t, name(from), name(to));
          CHECK(std::isfinite(static_cast<float>(affine.of_x)));
          CHECK(std::isfinite(static_cast<float>(affine.of_f)));
        }
      }
    }
  }
}

TEST_CASE("at the ends a conversion keeps what can be known there") {
  for (const Schedule& schedule : kSchedules) {
    CAPTURE(name(schedule));
    const double x = 3;
    const double f = 2;
    const ScheduleValues end = evaluate(schedule, 1);
    // x is the datum: the noise is gone, and so is its share of the velocity, but for what is left
    // of terms of 1e7 that cancel.
    CHECK(apply(conversion(Prediction::x1, Prediction::noise, end), x, x) == 0);
    CHECK_THAT(apply(conversion(Prediction::x1, Prediction::velocity, end), x, x),
               WithinAbs(end.d_alpha * x, 1e-8));
    CHECK_THAT(apply(conversion(Prediction::velocity, Prediction::x1, end), x, f),
               WithinAbs(x, 1e-12));
    CHECK(apply(conversion(Prediction::noise, Prediction::x1, end), x, f) == x);
    CHECK_THAT(apply(conversion(Prediction::score, Prediction::x1, end), x, f),
               WithinAbs(x, 1e-12));
    if (schedule == Schedule::vp) continue;
    // x is the noise.
    const ScheduleValues start = evaluate(schedule, 0);
    CHECK_THAT(apply(conversion(Prediction::x1, Prediction::noise, start), x, f),
               WithinAbs(x, 1e-12));
    CHECK_THAT(apply(conversion(Prediction::velocity, Prediction::noise, start), x, f),
               WithinAbs(x, 1e-12));
    CHECK_THAT(apply(conversion(Prediction::velocity, Prediction::score, start), x, f),
               WithinAbs(-x, 1e-12));
    CHECK(apply(conversion(Prediction::noise, Prediction::x1, start), x, x) == 0);
  }
}

TEST_CASE("a prediction is found by its name and by nothing else") {
  CHECK(name(Prediction::velocity) == "velocity");
  CHECK(name(Prediction::x1) == "x1");
  CHECK(name(Prediction::noise) == "noise");
  CHECK(name(Prediction::score) == "score");
  for (const Prediction prediction : kPredictions) {
    CHECK(prediction_from_name(name(prediction)) == prediction);
  }
  for (const auto* const text : {"", "X1", "epsilon", "noise "}) {
    CHECK_FALSE(prediction_from_name(text).has_value());
  }
}

}  // namespace
