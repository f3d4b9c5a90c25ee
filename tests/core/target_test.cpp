#include "flowmatch/target.h"

#include "flowmatch/class_distribution.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::make_mixture;

Points draw(const Distribution& distribution, Index rows) {
  Points points(rows, distribution.dimension());
  distribution.sample({3, Purpose::test, 1}, 0, points);
  return points;
}

Target target(const DataConfig& config, std::int32_t label = kNoLabel) {
  auto made = make_target(config, label);
  REQUIRE(made.ok());
  return std::move(made).value();
}

TEST_CASE("the classes of every data set are those of its distribution, equally likely") {
  const DataSet set = GENERATE(from_range(kDataSets));
  DataSetConfig config = default_config(set);
  CAPTURE(name(set));
  for (const double count : {4.0, 5.0}) {
    config.count = count;
    CHECK(label_count(config) == make_distribution(config).value()->labels());
  }
  const std::vector<double> shares = label_shares(config);
  REQUIRE(static_cast<Index>(shares.size()) == label_count(config));
  std::vector<double> counts(shares.size());
  Points points(4000, 2);
  std::vector<std::int32_t> labels(4000);
  make_distribution(config).value()->sample_labelled({1, Purpose::test, 0}, 0, points, labels);
  for (const std::int32_t label : labels) {
    if (!counts.empty()) ++counts[static_cast<std::size_t>(label)];
  }
  for (std::size_t k = 0; k < shares.size(); ++k) {
    // Five standard errors.
    CHECK_THAT(counts[k] / 4000,
               WithinAbs(shares[k], 5 * std::sqrt(shares[k] * (1 - shares[k]) / 4000)));
  }
}

TEST_CASE("the classes of a mixture are its components, as likely as they weigh") {
  GaussianMixtureConfig config = correlated_mixture(3);
  for (double& weight : config.weights) weight *= 7;
  CHECK(label_count(config) == 3);
  const std::vector<double> shares = label_shares(config);
  CHECK_THAT(shares[0], WithinAbs(0.5, 1e-15));
  CHECK_THAT(shares[2], WithinAbs(0.2, 1e-15));
}

TEST_CASE("a class of a mixture is that component alone, and so is its exact field's mixture") {
  const GaussianMixtureConfig config = correlated_mixture(2);
  const Target of_class = target(config, 1);
  CHECK(of_class.distribution == of_class.modes);
  CHECK(of_class.exact == of_class.modes);
  REQUIRE(of_class.modes->components().size() == 1);
  CHECK(of_class.modes->components()[0].mean == config.means[1]);
  CHECK(target(config).modes->components().size() == 3);
}

TEST_CASE("points of a class are points of the whole with that label") {
  const DataSet set = GENERATE(DataSet::moons, DataSet::rings, DataSet::checkerboard);
  const DataSetConfig config = default_config(set);
  CAPTURE(name(set));
  const auto whole = make_distribution(config).value();
  constexpr std::int32_t kLabel = 1;
  const Points of_class = draw(*target(config, kLabel).distribution, 2000);
  Points all(40000, 2);
  std::vector<std::int32_t> labels(40000);
  whole->sample_labelled({9, Purpose::test, 0}, 0, all, labels);
  // Mean and spread of those of the whole that have the label, drawn by themselves.
  Eigen::RowVector2d mean = Eigen::RowVector2d::Zero();
  double square = 0;
  double count = 0;
  for (Index i = 0; i < all.rows(); ++i) {
    if (labels[static_cast<std::size_t>(i)] != kLabel) continue;
    mean += all.row(i).cast<double>();
    square += all.row(i).cast<double>().squaredNorm();
    ++count;
  }
  mean /= count;
  const double spread = std::sqrt(square / count);
  const Eigen::RowVector2d own = of_class.cast<double>().colwise().mean();
  CHECK((own - mean).norm() < 5 * spread / std::sqrt(2000.0));
  CHECK_THAT(std::sqrt(of_class.cast<double>().squaredNorm() / 2000), WithinAbs(spread, 0.1));
  // No two rows are the same attempt.
  CHECK(of_class.row(0) != of_class.row(1));
}

TEST_CASE("a class is drawn row by row: how a batch is cut does not show") {
  const auto whole = make_distribution(default_config(DataSet::spiral)).value();
  const ClassDistribution of_class(whole, 1);
  const RandomStream stream{5, Purpose::test, 2};
  Points at_once(30, 2);
  of_class.sample(stream, 10, at_once);
  Points in_parts(30, 2);
  of_class.sample(stream, 10, in_parts.topRows(7));
  of_class.sample(stream, 17, in_parts.bottomRows(23));
  CHECK(at_once == in_parts);
}

TEST_CASE("the exact field of a class of a data set is that of points of this class") {
  const DataSetConfig config = default_config(DataSet::moons);
  const Target lower = target(config, 1);
  CHECK(lower.modes == nullptr);
  CHECK(static_cast<Index>(lower.exact->components().size()) == kSmoothedPoints);
  double highest = -std::numeric_limits<double>::infinity();
  for (const auto& component : lower.exact->components()) {
    highest = std::max(highest, component.mean[1]);
  }
  // The lower moon ends at (1/2) * scale 2 beside its noise, where the upper one reaches 2.
  CHECK(highest < 1.5);
}

/// Four points, three of class 0.
EmpiricalConfig given_points(double smoothing) {
  EmpiricalConfig config{.points = Points(4, 2), .labels = {0, 1, 0, 0}, .smoothing = smoothing};
  config.points << 0, 0, 5, 5, 1, 0, 0, 1;
  return config;
}

TEST_CASE("given points are data, and so are those of a class") {
  const DataConfig config = given_points(0);
  CHECK(dimension_of(config) == 2);
  CHECK(label_count(config) == 2);
  CHECK(label_shares(config) == std::vector<double>{0.75, 0.25});
  const Points all = draw(*target(config).distribution, 400);
  CHECK((all.array() == 5).rowwise().all().count() > 50);
  const Points lone = draw(*target(config, 1).distribution, 20);
  CHECK((lone.array() == 5).all());
  CHECK(draw(*target(config, 0).distribution, 400).maxCoeff() == 1);
  CHECK(target(config).modes == nullptr);
  CHECK(static_cast<Index>(target(config).exact->components().size()) == kSmoothedPoints);
}

TEST_CASE("the exact field of a few smoothed points is that of these very points") {
  const Target smoothed = target(given_points(0.2));
  REQUIRE(smoothed.exact->components().size() == 4);
  CHECK(smoothed.exact->components()[1].mean == Eigen::Vector2d(5, 5));
  CHECK_THAT(smoothed.exact->components()[1].variances[0], WithinAbs(0.04, 1e-12));
  CHECK(target(given_points(0.2), 0).exact->components().size() == 3);
}

TEST_CASE("given points without labels have no classes, and gaps among labels are classes") {
  EmpiricalConfig config = given_points(0);
  config.labels.clear();
  CHECK(label_count(config) == 0);
  CHECK(label_shares(config).empty());
  config.labels = {0, 2, 0, 0};
  CHECK(label_count(config) == 3);
  CHECK(label_shares(config)[1] == 0);
  CHECK(make_target(config, 1).problems()[0].allowed == "a class that some point is of");
}

TEST_CASE("a class that the data does not have is refused") {
  const auto problem = [](const DataConfig& config, std::int32_t label) {
    const auto made = make_target(config, label);
    REQUIRE(made.problems().size() == 1);
    return made.problems()[0];
  };
  CHECK(problem(ring_mixture(11, 10, 1), 11).allowed == "a whole number from -1 to 10");
  CHECK(problem(ring_mixture(11, 10, 1), -2).field == "label");
  CHECK(problem(default_config(DataSet::s_curve), 0).field == "label");
}

}  // namespace
