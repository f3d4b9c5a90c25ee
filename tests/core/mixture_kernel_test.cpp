// The kernel of mixture.h against its naive twin, on every instruction set.
#include "flowmatch/exact_field.h"
#include "kernels/mixture.h"
#include "kernels/naive.h"
#include "support/errors.h"
#include "support/instruction_sets.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::for_each_instruction_set;
using flowmatch::testing::normal_numbers;
using flowmatch::testing::worse;
namespace naive = flowmatch::kernels::naive;

struct Answers {
  std::array<double, kernels::kPlanarRows> log_density{};
  std::array<double, kernels::kPlanarRows> u{};
  std::array<double, kernels::kPlanarRows> v{};
  std::array<double, kernels::kPlanarRows> divergence{};

  kernels::PlanarResult result() {
    return {log_density.data(), u.data(), v.data(), divergence.data()};
  }
  kernels::PlanarResult result_without_divergence() {
    return {log_density.data(), u.data(), v.data()};
  }
};

double relative(double a, double b) {
  return std::abs(a - b) / (1 + std::abs(b));
}

TEST_CASE("planar_mixture is its naive twin") {
  for (const Index count : {1, 2, 11, 200}) {
    std::vector<kernels::PlanarComponent> components;
    const std::vector<float> normals = normal_numbers(7 * count, 1);
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
      const auto number = [&](std::size_t i) { return static_cast<double>(normals[7 * k + i]); };
      components.push_back({.log_scale = number(0),
                            .half_inverse = std::exp(3 * number(1)),
                            .mean_x = 5 * number(2),
                            .mean_y = 5 * number(3),
                            .base_x = number(4),
                            .base_y = number(5),
                            .slope = number(6)});
    }
    std::array<double, kernels::kPlanarRows> x{};
    std::array<double, kernels::kPlanarRows> y{};
    const std::vector<float> points = normal_numbers(2 * kernels::kPlanarRows, 2, 6);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<double>(points[2 * i]);
      y[i] = static_cast<double>(points[2 * i + 1]);
    }
    // So far out that every component's own density is 0 in double precision.
    x[0] = 1e4;
    std::vector<double> scratch(static_cast<std::size_t>(count * kernels::kPlanarScratch));
    for (const Index rows : {Index{1}, Index{2}, Index{7}, Index{63}, kernels::kPlanarRows}) {
      Answers expected;
      naive::planar_mixture(components.data(), count, rows, x.data(), y.data(), scratch.data(),
                            expected.result());
      for_each_instruction_set([&] {
        Answers answers;
        kernels::planar_mixture(components.data(), count, rows, x.data(), y.data(), scratch.data(),
                                answers.result());
        double worst = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
          worst = worse(worst, relative(answers.log_density[i], expected.log_density[i]));
          worst = worse(worst, relative(answers.u[i], expected.u[i]));
          worst = worse(worst, relative(answers.v[i], expected.v[i]));
          // Its terms reach 1e12 at the outermost point, and cancel.
          const double size = std::abs(x[i]) + std::abs(y[i]);
          worst = worse(worst, relative(answers.divergence[i], expected.divergence[i]) /
                                   std::max(1.0, size * size / 100));
        }
        CAPTURE(count, rows);
        CHECK(worst < 1e-11);
        Answers fewer;
        kernels::planar_mixture(components.data(), count, rows, x.data(), y.data(), scratch.data(),
                                fewer.result_without_divergence());
        CHECK(fewer.log_density == answers.log_density);
        CHECK(fewer.u == answers.u);
        CHECK(fewer.v == answers.v);
      });
    }
  }
}

TEST_CASE("a planar mixture has the field and the density of the general case") {
  // The double-precision interface always takes the general way.
  for (const Schedule schedule : kSchedules) {
    auto mixture = GaussianMixture::make(ring_mixture(11, 10, 1));
    REQUIRE(mixture);
    const ExactField field(std::move(mixture).value(), schedule);
    const Points x = 6 * flowmatch::testing::normal_points(200, 2, 3);
    const PointsOf<double> x_double = x.cast<double>();
    PointsOf<double> expected(200, 2);
    Values expected_density(200);
    Values density(200);
    for (const double t : {0.0, 0.3, 0.9, 1.0}) {
      field.velocity(t, x_double, expected);
      field.log_density(t, x_double, expected_density);
      field.log_density(t, x, density);
      const Points velocity = velocities(field, t, x);
      CAPTURE(name(schedule), t);
      CHECK((velocity.cast<double>() - expected).cwiseAbs().maxCoeff() <
            1e-6 * (1 + expected.cwiseAbs().maxCoeff()));
      CHECK((density - expected_density).cwiseAbs().maxCoeff() <
            1e-10 * (1 + expected_density.cwiseAbs().maxCoeff()));
    }
  }
}

}  // namespace
