#include "flowmatch/distribution.h"

#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <numbers>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinRel;

TEST_CASE("the standard normal distribution draws the numbers of its stream") {
  const StandardNormal normal(3);
  CHECK(normal.dimension() == 3);
  const RandomStream stream{4, Purpose::sampling_source, 1};
  Points drawn(10, 3);
  normal.sample(stream, 5, drawn);
  Points expected(10, 3);
  fill_normal(stream, 5, expected);
  CHECK(drawn == expected);
}

TEST_CASE("the standard normal log-density and score are the formulas") {
  const Index dimension = GENERATE(1, 2, 7);
  const StandardNormal normal(dimension);
  REQUIRE(normal.has_density());
  const Points x = flowmatch::testing::normal_points(20, dimension, 1, 3);
  Values log_density(20);
  normal.log_density(x, log_density);
  Points score(20, dimension);
  normal.score(x, score);
  CHECK(score == -x);
  for (Index i = 0; i < x.rows(); ++i) {
    double expected = 0;
    for (Index j = 0; j < dimension; ++j) {
      const auto value = static_cast<double>(x(i, j));
      expected += std::log(std::exp(-value * value / 2) / std::sqrt(2 * std::numbers::pi));
    }
    CHECK_THAT(log_density[i], WithinRel(expected, 1e-12));
  }
}

TEST_CASE("the standard normal entropy is the formula, and it has no classes") {
  const Index dimension = GENERATE(1, 2, 7);
  const StandardNormal normal(dimension);
  REQUIRE(normal.entropy().has_value());
  const double expected =
      0.5 * static_cast<double>(dimension) * std::log(2 * std::numbers::pi * std::numbers::e);
  CHECK_THAT(normal.entropy().value_or(0), WithinRel(expected, 1e-14));

  CHECK(normal.labels() == 0);
  const RandomStream stream{4, Purpose::sampling_source, 1};
  Points drawn(10, dimension);
  std::vector<std::int32_t> labels(10, -1);
  normal.sample_labelled(stream, 5, drawn, labels);
  Points expected_points(10, dimension);
  normal.sample(stream, 5, expected_points);
  CHECK(drawn == expected_points);
  CHECK(labels == std::vector<std::int32_t>(10, 0));
}

}  // namespace
