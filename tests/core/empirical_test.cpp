#include "flowmatch/empirical.h"

#include "support/allocations.h"
#include "support/mixture_oracle.h"
#include "support/samples.h"
#include "support/statistics.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinRel;
using flowmatch::testing::Estimate;
using flowmatch::testing::kSigmas;
using flowmatch::testing::normal_points;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

EmpiricalDistribution make(EmpiricalConfig config) {
  auto made = EmpiricalDistribution::make(std::move(config));
  REQUIRE(made.ok());
  return std::move(made).value();
}

TEST_CASE("an empirical distribution draws its points, each as often as any") {
  const Index dimension = GENERATE(1, 2, 5);
  constexpr Index kPoints = 7;
  const Points points = normal_points(kPoints, dimension, 1);
  const EmpiricalDistribution data =
      make({.points = points, .labels = {3, 0, 1, 3, 0, 2, 5}, .smoothing = 0});
  CHECK(data.dimension() == dimension);
  CHECK(data.points() == points);
  CHECK(data.labels() == 6);
  CHECK_FALSE(data.has_density());
  CHECK_FALSE(data.entropy().has_value());

  constexpr Index kRows = 20'000;
  Points drawn(kRows, dimension);
  std::vector<std::int32_t> labels(kRows, -1);
  const auto before = flowmatch::testing::allocation_count();
  data.sample_labelled({1, Purpose::test, 0}, 0, drawn, labels);
  CHECK(flowmatch::testing::allocation_count() == before);
  const std::vector<std::int32_t> expected{3, 0, 1, 3, 0, 2, 5};
  std::vector<double> shares(kPoints, 0);
  for (Index i = 0; i < kRows; ++i) {
    Index found = 0;
    while (found < kPoints && points.row(found) != drawn.row(i)) ++found;
    REQUIRE(found < kPoints);
    REQUIRE(labels[static_cast<std::size_t>(i)] == expected[static_cast<std::size_t>(found)]);
    shares[static_cast<std::size_t>(found)] += 1.0 / kRows;
  }
  const double error = std::sqrt(1.0 / 7 * 6 / 7 / kRows);
  for (const double share : shares) CHECK(std::abs(share - 1.0 / 7) < kSigmas * error);
}

TEST_CASE("of a million points the last is drawn as often as the first") {
  Points points(kMaxEmpiricalPoints, 1);
  for (Index i = 0; i < points.rows(); ++i) points(i, 0) = static_cast<float>(i) / 0x1p20F;
  const EmpiricalDistribution data = make({.points = points, .labels = {}, .smoothing = 0});
  constexpr Index kRows = 20'000;
  Points drawn(kRows, 1);
  data.sample({1, Purpose::test, 0}, 0, drawn);
  Estimate odd;
  Estimate upper;
  for (Index i = 0; i < kRows; ++i) {
    const auto index = static_cast<Index>(drawn(i, 0) * 0x1p20F);
    odd.add(static_cast<double>(index % 2));
    upper.add(static_cast<double>(drawn(i, 0)));
  }
  CHECK(std::abs(odd.mean() - 0.5) < kSigmas * odd.error());
  CHECK(std::abs(upper.mean() - 0.5) < kSigmas * upper.error());
}

TEST_CASE("empirical rows do not depend on how a batch is cut, nor on whether labels are asked") {
  const double smoothing = GENERATE(0, 0.3);
  const Index dimension = GENERATE(1, 2, 17);
  const EmpiricalDistribution data = make({.points = normal_points(5, dimension, 1),
                                           .labels = {0, 1, 2, 3, 4},
                                           .smoothing = smoothing});
  const RandomStream stream{8, Purpose::test, 2};
  constexpr Index kRows = 300;
  Points whole(kRows, dimension);
  std::vector<std::int32_t> labels(kRows);
  data.sample_labelled(stream, 11, whole, labels);
  for (const Index piece : {1, 50, 127, 129}) {
    Points pieces = Points::Zero(kRows, dimension);
    Points unlabelled = Points::Zero(kRows, dimension);
    std::vector<std::int32_t> piece_labels(kRows, -1);
    for (Index first = 0; first < kRows; first += piece) {
      const Index rows = std::min(piece, kRows - first);
      data.sample_labelled(
          stream, 11 + first, pieces.middleRows(first, rows),
          std::span(piece_labels)
              .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows)));
      data.sample(stream, 11 + first, unlabelled.middleRows(first, rows));
    }
    CHECK(pieces == whole);
    CHECK(unlabelled == whole);
    CHECK(piece_labels == labels);
  }
}

TEST_CASE("points without labels have none") {
  const EmpiricalDistribution data =
      make({.points = normal_points(5, 2, 1), .labels = {}, .smoothing = 0});
  CHECK(data.labels() == 0);
  Points drawn(10, 2);
  std::vector<std::int32_t> labels(10, -1);
  data.sample_labelled({1, Purpose::test, 0}, 0, drawn, labels);
  CHECK(std::ranges::count(labels, 0) == 10);
}

TEST_CASE("smoothing adds Gaussian noise, and its density is that of the mixture") {
  const Index dimension = GENERATE(1, 2, 3);
  CAPTURE(dimension);
  constexpr double kSmoothing = 0.4;
  const Points points = normal_points(9, dimension, 1, 2);
  const EmpiricalDistribution data =
      make({.points = points, .labels = {}, .smoothing = kSmoothing});
  REQUIRE(data.has_density());

  GaussianMixtureConfig same;
  for (Index i = 0; i < points.rows(); ++i) {
    same.weights.push_back(1.0 / 9);
    same.means.emplace_back(points.row(i).cast<double>());
    same.covariances.emplace_back(kSmoothing * kSmoothing *
                                  Eigen::MatrixXd::Identity(dimension, dimension));
  }
  for (const float spread : {1.0F, 1000.0F}) {
    const Points x = normal_points(20, dimension, 3, spread);
    Values log_density(x.rows());
    Points score(x.rows(), dimension);
    data.log_density(x, log_density);
    data.score(x, score);
    for (Index i = 0; i < x.rows(); ++i) {
      const auto expected =
          flowmatch::testing::mixture_oracle(same, x.row(i).cast<double>().transpose());
      CHECK_THAT(log_density[i], WithinRel(expected.log_density, 1e-10));
      CHECK((score.row(i).cast<double>().transpose() - expected.score).norm() <
            1e-6 * (1 + expected.score.norm()));
    }
  }

  // E |x|^2 is the mean of |point|^2 and the noise's own.
  Points drawn(20'000, dimension);
  data.sample({1, Purpose::test, 0}, 0, drawn);
  Estimate square;
  for (Index i = 0; i < drawn.rows(); ++i) {
    square.add(static_cast<double>(drawn.row(i).squaredNorm()));
  }
  const double expected = static_cast<double>(points.squaredNorm()) / 9 +
                          static_cast<double>(dimension) * kSmoothing * kSmoothing;
  CHECK(std::abs(square.mean() - expected) < kSigmas * square.error());
}

TEST_CASE("the density of points is none at a point that is none, and zero at infinity") {
  const EmpiricalDistribution data =
      make({.points = normal_points(5, 2, 1), .labels = {}, .smoothing = 1});
  Points x(2, 2);
  x << kNan, 0, std::numeric_limits<float>::infinity(), 0;
  Values log_density(2);
  Points score(2, 2);
  data.log_density(x, log_density);
  data.score(x, score);
  CHECK(std::isnan(log_density[0]));
  CHECK(log_density[1] == -std::numeric_limits<double>::infinity());
  CHECK(score.array().isNaN().all());
}

/// The fields that are wrong; each report must say what was and what may be.
std::vector<std::string> bad_fields(const EmpiricalConfig& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) {
    CHECK_FALSE(problem.value.empty());
    CHECK_FALSE(problem.allowed.empty());
    fields.push_back(problem.field);
  }
  CHECK(EmpiricalDistribution::make(config).ok() == fields.empty());
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("every problem of given points is told") {
  EmpiricalConfig config{.points = normal_points(4, 3, 1), .labels = {}, .smoothing = 0};
  CHECK(bad_fields(config).empty());
  config.labels = {0, 1, 2, static_cast<std::int32_t>(kMaxLabels - 1)};
  config.smoothing = 1e-4;
  CHECK(bad_fields(config).empty());

  config.points(2, 1) = kNan;
  config.points(3, 1) = kNan;
  config.labels[3] = static_cast<std::int32_t>(kMaxLabels);
  config.smoothing = -1;
  CHECK(bad_fields(config) == Fields{"points[2][1]", "labels[3]", "smoothing"});
  config.points(2, 1) = -1.1e6F;
  config.labels = {0, -1, -1};
  config.smoothing = 5e-5;
  CHECK(bad_fields(config) == Fields{"points[2][1]", "labels", "labels[1]", "smoothing"});
  config.smoothing = static_cast<double>(kNan);
  CHECK(bad_fields(config).back() == "smoothing");

  CHECK(bad_fields({.points = Points(0, 2), .labels = {}, .smoothing = 0}) == Fields{"points"});
  CHECK(bad_fields({.points = Points(), .labels = {}, .smoothing = 0}) ==
        Fields{"points", "dimension"});
  CHECK(bad_fields({.points = Points::Zero(1, kMaxDimension + 1), .labels = {}, .smoothing = 0}) ==
        Fields{"dimension"});
  CHECK(bad_fields(
            {.points = Points::Zero(kMaxEmpiricalPoints + 1, 1), .labels = {}, .smoothing = 0}) ==
        Fields{"points"});
}

}  // namespace
