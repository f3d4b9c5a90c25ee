#include "flowmatch/datasets.h"

#include "support/allocations.h"
#include "support/samples.h"
#include "support/statistics.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::Estimate;
using flowmatch::testing::kSigmas;

constexpr double kPi = std::numbers::pi;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Pointer = std::shared_ptr<const Distribution>;

Pointer make(const DataSetConfig& config) {
  auto made = make_distribution(config);
  REQUIRE(made.ok());
  return std::move(made).value();
}

DataSetConfig bare(DataSet set) {
  DataSetConfig config = default_config(set);
  config.noise = 0;
  config.scale = 1;
  config.shift_x = 0;
  config.shift_y = 0;
  return config;
}

struct Drawn {
  Eigen::MatrixXd points;
  std::vector<std::int32_t> labels;
};

Drawn draw(const Distribution& set, Index count, std::uint64_t seed = 1) {
  Points points(count, 2);
  Drawn drawn;
  drawn.labels.assign(static_cast<std::size_t>(count), -1);
  set.sample_labelled({seed, Purpose::test, 0}, 0, points, drawn.labels);
  drawn.points = points.cast<double>();
  return drawn;
}

/// The mean of f(x, y, label) over `count` points, with its error.
template <class Function>
Estimate mean_of(const Distribution& set, Index count, const Function& f) {
  const Drawn drawn = draw(set, count);
  Estimate estimate;
  for (Index i = 0; i < count; ++i) {
    estimate.add(
        f(drawn.points(i, 0), drawn.points(i, 1), drawn.labels[static_cast<std::size_t>(i)]));
  }
  return estimate;
}

void check_mean(const Estimate& estimate, double expected) {
  CAPTURE(estimate.mean(), estimate.error(), expected);
  CHECK(std::abs(estimate.mean() - expected) < kSigmas * estimate.error());
}

double log_density(const Distribution& set, double x, double y) {
  Points point(1, 2);
  point << static_cast<float>(x), static_cast<float>(y);
  Values value(1);
  set.log_density(point, value);
  return value[0];
}

TEST_CASE("data sets are told by name") {
  for (const DataSet set : kDataSets) {
    CHECK_FALSE(name(set).empty());
    CHECK(data_set_from_name(name(set)) == set);
  }
  CHECK(data_set_from_name("eight_gaussians") == DataSet::eight_gaussians);
  CHECK_FALSE(data_set_from_name("").has_value());
  CHECK_FALSE(data_set_from_name("Moons").has_value());
  CHECK(name(static_cast<DataSet>(99)).empty());
}

TEST_CASE("a data set's parameters are checked one by one, and those of other sets not at all") {
  const DataSet set = GENERATE(from_range(kDataSets));
  CAPTURE(name(set));
  const DataSetConfig standard = default_config(set);
  CHECK(standard.set == set);
  CHECK(validate(standard).empty());
  const auto allowed = parameters(set);
  REQUIRE_FALSE(allowed.empty());
  for (const DataSetParameter& parameter : allowed) {
    CAPTURE(parameter.name);
    CHECK(standard.*parameter.value == parameter.standard);
    const auto problems_with = [&](double value) {
      DataSetConfig config = standard;
      config.*parameter.value = value;
      const Problems problems = validate(config);
      for (const Problem& problem : problems) CHECK(problem.field == parameter.name);
      CHECK(make_distribution(config).ok() == problems.empty());
      return problems.size();
    };
    CHECK(problems_with(parameter.low) == 0);
    CHECK(problems_with(parameter.high) == 0);
    CHECK(problems_with(parameter.low - 0.001) == 1);
    CHECK(problems_with(parameter.high + 0.001) == 1);
    CHECK(problems_with(kNan) == 1);
    CHECK(problems_with(-kInfinity) == 1);
    CHECK(problems_with(parameter.low + 0.5) == (parameter.whole ? 1 : 0));
  }

  DataSetConfig others = standard;
  for (const DataSet other : kDataSets) {
    for (const DataSetParameter& parameter : parameters(other)) {
      others.*parameter.value = kNan;
    }
  }
  CHECK(validate(others).size() == allowed.size());
  for (const DataSetParameter& parameter : allowed) {
    others.*parameter.value = standard.*parameter.value;
  }
  CHECK(validate(others).empty());
  CHECK(draw(*make(others), 50).points == draw(*make(standard), 50).points);
}

TEST_CASE("a set that is none is a problem") {
  DataSetConfig config;
  config.set = static_cast<DataSet>(99);
  REQUIRE(validate(config).size() == 1);
  CHECK(validate(config)[0].field == "set");
  CHECK_FALSE(make_distribution(config).ok());
}

TEST_CASE(
    "a data set's rows do not depend on how a batch is cut, nor on whether labels are asked") {
  const DataSet set = GENERATE(from_range(kDataSets));
  CAPTURE(name(set));
  const Pointer data = make(default_config(set));
  CHECK(data->dimension() == 2);
  const RandomStream stream{8, Purpose::test, 2};
  constexpr Index kRows = 300;
  Points whole(kRows, 2);
  std::vector<std::int32_t> labels(kRows, -1);
  const auto before = flowmatch::testing::allocation_count();
  data->sample_labelled(stream, 11, whole, labels);
  CHECK(flowmatch::testing::allocation_count() == before);
  CHECK(whole.allFinite());
  for (const Index piece : {1, 50, 127, 129}) {
    Points pieces = Points::Zero(kRows, 2);
    Points unlabelled = Points::Zero(kRows, 2);
    std::vector<std::int32_t> piece_labels(kRows, -1);
    for (Index first = 0; first < kRows; first += piece) {
      const Index rows = std::min(piece, kRows - first);
      data->sample_labelled(
          stream, 11 + first, pieces.middleRows(first, rows),
          std::span(piece_labels)
              .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows)));
      data->sample(stream, 11 + first, unlabelled.middleRows(first, rows));
    }
    CHECK(pieces == whole);
    CHECK(unlabelled == whole);
    CHECK(piece_labels == labels);
  }
  Points none(0, 2);
  data->sample(stream, 0, none);
}

TEST_CASE("every label of a data set has its share") {
  const auto [set, classes] = GENERATE(table<DataSet, Index>({{DataSet::eight_gaussians, 8},
                                                              {DataSet::moons, 2},
                                                              {DataSet::moons_torchdyn, 2},
                                                              {DataSet::s_curve, 0},
                                                              {DataSet::checkerboard, 8},
                                                              {DataSet::swiss_roll, 0},
                                                              {DataSet::pinwheel, 5},
                                                              {DataSet::rings, 4},
                                                              {DataSet::spiral, 2}}));
  CAPTURE(name(set));
  const Pointer data = make(default_config(set));
  CHECK(data->labels() == classes);
  constexpr Index kRows = 20'000;
  const Drawn drawn = draw(*data, kRows);
  std::vector<double> shares(static_cast<std::size_t>(std::max<Index>(classes, 1)));
  for (const std::int32_t label : drawn.labels) {
    REQUIRE(label >= 0);
    REQUIRE(static_cast<std::size_t>(label) < shares.size());
    shares[static_cast<std::size_t>(label)] += 1.0 / kRows;
  }
  const double share = 1.0 / static_cast<double>(shares.size());
  const double error = std::sqrt(share * (1 - share) / kRows);
  for (const double found : shares) CHECK(std::abs(found - share) <= kSigmas * error + 1e-9);
}

TEST_CASE("scale and shift act on the noisy points") {
  const DataSet set = GENERATE(from_range(kDataSets));
  CAPTURE(name(set));
  DataSetConfig config = default_config(set);
  config.scale = 1;
  config.shift_x = 0;
  config.shift_y = 0;
  const Drawn plain = draw(*make(config), 200);
  config.scale = 3;
  config.shift_x = -7;
  config.shift_y = 0.5;
  const Drawn moved = draw(*make(config), 200);
  CHECK(moved.labels == plain.labels);
  for (Index i = 0; i < 200; ++i) {
    CHECK_THAT(moved.points(i, 0), WithinAbs(3 * plain.points(i, 0) - 7, 1e-5));
    CHECK_THAT(moved.points(i, 1), WithinAbs(3 * plain.points(i, 1) + 0.5, 1e-5));
  }
}

TEST_CASE("the defaults are the parameters that were published") {
  const DataSetConfig gaussians = default_config(DataSet::eight_gaussians);
  CHECK(gaussians.count == 8);
  CHECK(gaussians.radius == 5);
  CHECK_THAT(gaussians.noise * gaussians.noise, WithinRel(0.1, 1e-12));
  const DataSetConfig unset;
  CHECK(unset.noise == gaussians.noise);
  CHECK(unset.count == gaussians.count);
  CHECK(unset.radius == gaussians.radius);
  const DataSetConfig moons = default_config(DataSet::moons);
  CHECK(moons.noise == 0.05);
  CHECK(moons.scale == 2);
  CHECK(moons.shift_x == -1);
  CHECK(moons.shift_y == 0);
  const DataSetConfig torchdyn = default_config(DataSet::moons_torchdyn);
  CHECK(torchdyn.noise == 0.2);
  CHECK(torchdyn.scale == 3);
  CHECK(torchdyn.shift_x == -1);
  CHECK(torchdyn.shift_y == -1);
  CHECK(default_config(DataSet::s_curve).scale == 1.5);
  CHECK_THAT(default_config(DataSet::checkerboard).scale, WithinRel(1 / 0.45, 1e-15));
}

TEST_CASE("moons are two half circles, evenly filled") {
  const DataSet set = GENERATE(DataSet::moons, DataSet::moons_torchdyn);
  const Pointer data = make(bare(set));
  const Drawn drawn = draw(*data, 10'000);
  for (Index i = 0; i < drawn.points.rows(); ++i) {
    const bool lower = drawn.labels[static_cast<std::size_t>(i)] == 1;
    const double x = drawn.points(i, 0) - (lower ? 1 : 0);
    const double y = drawn.points(i, 1) - (lower ? 0.5 : 0);
    REQUIRE_THAT(std::hypot(x, y), WithinAbs(1, 1e-6));
    REQUIRE((lower ? -y : y) > -1e-6);
  }
  const auto angle = [](double x, double y, int label) {
    return label == 1 ? std::atan2(0.5 - y, 1 - x) : std::atan2(y, x);
  };
  check_mean(mean_of(*data, 10'000, angle), kPi / 2);
  check_mean(mean_of(*data, 10'000,
                     [&](double x, double y, int label) {
                       return std::pow(angle(x, y, label) - kPi / 2, 2);
                     }),
             kPi * kPi / 12);
}

TEST_CASE("noise of moons, s-curves, rolls, rings and spirals is Gaussian on each coordinate") {
  const DataSet set = GENERATE(DataSet::moons, DataSet::s_curve, DataSet::swiss_roll,
                               DataSet::rings, DataSet::spiral);
  CAPTURE(name(set));
  DataSetConfig config = bare(set);
  const Drawn exact = draw(*make(config), 10'000);
  config.noise = 0.25;
  const Drawn noisy = draw(*make(config), 10'000);
  const Eigen::MatrixXd noise = (noisy.points - exact.points) / 0.25;
  Estimate x;
  Estimate square_x;
  Estimate fourth_y;
  Estimate product;
  for (Index i = 0; i < noise.rows(); ++i) {
    x.add(noise(i, 0));
    square_x.add(noise(i, 0) * noise(i, 0));
    fourth_y.add(std::pow(noise(i, 1), 4));
    product.add(noise(i, 0) * noise(i, 1));
  }
  check_mean(x, 0);
  check_mean(square_x, 1);
  check_mean(fourth_y, 3);
  check_mean(product, 0);
}

TEST_CASE("torchdyn's moons add one uniform number to both coordinates") {
  DataSetConfig config = bare(DataSet::moons_torchdyn);
  const Drawn exact = draw(*make(config), 10'000);
  config.noise = 0.2;
  const Pointer data = make(config);
  CHECK_FALSE(data->has_density());
  const Drawn noisy = draw(*data, 10'000);
  const Eigen::MatrixXd shift = noisy.points - exact.points;
  Estimate mean;
  Estimate square;
  for (Index i = 0; i < shift.rows(); ++i) {
    REQUIRE_THAT(shift(i, 0), WithinAbs(shift(i, 1), 1e-6));
    REQUIRE(shift(i, 0) > -1e-6);
    REQUIRE(shift(i, 0) < 0.2 + 1e-6);
    mean.add(shift(i, 0));
    square.add(std::pow(shift(i, 0) - 0.1, 2));
  }
  check_mean(mean, 0.1);
  check_mean(square, 0.2 * 0.2 / 12);
}

TEST_CASE("the s-curve is two three-quarter circles") {
  const Pointer data = make(bare(DataSet::s_curve));
  const Drawn drawn = draw(*data, 10'000);
  for (Index i = 0; i < drawn.points.rows(); ++i) {
    const double depth = 1 - std::abs(drawn.points(i, 1));
    REQUIRE_THAT(std::hypot(drawn.points(i, 0), depth), WithinAbs(1, 1e-6));
  }
  // sign(a) = -sign(y); the means over a uniform in (0, 3 pi / 2).
  check_mean(mean_of(*data, 10'000, [](double, double y, int) { return y > 0 ? 1 : -1; }), 0);
  check_mean(mean_of(*data, 10'000, [](double, double y, int) { return std::abs(y); }),
             1 + 2 / (3 * kPi));
  check_mean(mean_of(*data, 10'000, [](double x, double y, int) { return y > 0 ? -x : x; }),
             2 / (3 * kPi));
  check_mean(mean_of(*data, 10'000, [](double x, double, int) { return x * x; }), 0.5);
}

TEST_CASE("the swiss roll's radius is its angle") {
  DataSetConfig config = bare(DataSet::swiss_roll);
  config.turns = GENERATE(1.5, 0.3);
  const Pointer data = make(config);
  const Drawn drawn = draw(*data, 10'000);
  for (Index i = 0; i < drawn.points.rows(); ++i) {
    const double radius = std::hypot(drawn.points(i, 0), drawn.points(i, 1));
    REQUIRE(radius > 1.5 * kPi - 1e-5);
    REQUIRE(radius < 1.5 * kPi + 2 * kPi * config.turns + 1e-5);
    REQUIRE_THAT(drawn.points(i, 0), WithinAbs(radius * std::cos(radius), 2e-4));
    REQUIRE_THAT(drawn.points(i, 1), WithinAbs(radius * std::sin(radius), 2e-4));
  }
  const auto radius = [](double x, double y, int) { return std::hypot(x, y); };
  check_mean(mean_of(*data, 10'000, radius), 1.5 * kPi + kPi * config.turns);
}

TEST_CASE("a pinwheel's blades are twisted Gaussians") {
  // Without width, a point at radius r of blade k is at the angle -(2 pi k / count + rate e^r).
  DataSetConfig config = bare(DataSet::pinwheel);
  config.count = 7;
  config.tangential_deviation = 0;
  const Drawn drawn = draw(*make(config), 1000);
  Estimate mean;
  Estimate square;
  for (Index i = 0; i < drawn.points.rows(); ++i) {
    const double radius = std::hypot(drawn.points(i, 0), drawn.points(i, 1));
    const double angle =
        -(2 * kPi * drawn.labels[static_cast<std::size_t>(i)] / 7 + 0.25 * std::exp(radius));
    // A radius below 0 is two in ten thousand.
    if (radius < 0.05) continue;
    REQUIRE_THAT(drawn.points(i, 0), WithinAbs(radius * std::cos(angle), 1e-5));
    REQUIRE_THAT(drawn.points(i, 1), WithinAbs(radius * std::sin(angle), 1e-5));
    mean.add(radius);
    square.add((radius - 1) * (radius - 1));
  }
  check_mean(mean, 1);
  check_mean(square, 0.3 * 0.3);

  const Pointer data = make(default_config(DataSet::pinwheel));
  CHECK_FALSE(data->has_density());
  // Turning a point keeps its distance: scale^2 (1 + radial^2 + tangential^2).
  check_mean(mean_of(*data, 20'000, [](double x, double y, int) { return x * x + y * y; }),
             4 * (1 + 0.09 + 0.01));
}

TEST_CASE("rings are circles of equal probability") {
  DataSetConfig config = bare(DataSet::rings);
  config.count = 3;
  config.radius = 6;
  const Pointer data = make(config);
  const Drawn drawn = draw(*data, 10'000);
  for (Index i = 0; i < drawn.points.rows(); ++i) {
    REQUIRE_THAT(std::hypot(drawn.points(i, 0), drawn.points(i, 1)),
                 WithinAbs(2.0 * (drawn.labels[static_cast<std::size_t>(i)] + 1), 2e-6));
  }
  check_mean(mean_of(*data, 10'000, [](double x, double, int) { return x; }), 0);
  check_mean(mean_of(*data, 10'000, [](double x, double, int) { return x * x; }),
             (4.0 + 16 + 36) / 3 / 2);
  check_mean(mean_of(*data, 10'000, [](double x, double y, int) { return x * y; }), 0);
}

TEST_CASE("a spiral's arms wind evenly") {
  DataSetConfig config = bare(DataSet::spiral);
  config.count = 3;
  config.turns = 1.25;
  config.radius = 2;
  const Pointer data = make(config);
  const Drawn drawn = draw(*data, 10'000);
  for (Index i = 0; i < drawn.points.rows(); ++i) {
    const double radius = std::hypot(drawn.points(i, 0), drawn.points(i, 1));
    const double angle =
        2 * kPi * (1.25 * radius / 2 + drawn.labels[static_cast<std::size_t>(i)] / 3.0);
    REQUIRE_THAT(drawn.points(i, 0), WithinAbs(-radius * std::cos(angle), 1e-5));
    REQUIRE_THAT(drawn.points(i, 1), WithinAbs(radius * std::sin(angle), 1e-5));
  }
  const auto share = [](double x, double y, int) { return (x * x + y * y) / 4; };
  check_mean(mean_of(*data, 10'000, share), 0.5);
  check_mean(mean_of(*data, 10'000,
                     [&](double x, double y, int) { return std::pow(share(x, y, 0) - 0.5, 2); }),
             1.0 / 12);
}

TEST_CASE("a checkerboard is uniform on the squares of one colour") {
  DataSetConfig config = default_config(DataSet::checkerboard);
  config.count = GENERATE(1, 2, 3, 4, 7);
  config.shift_x = 0.75;
  CAPTURE(config.count);
  const auto side = static_cast<Index>(config.count);
  const Pointer data = make(config);
  const Index squares = (side * side + 1) / 2;
  CHECK(data->labels() == squares);
  REQUIRE(data->entropy().has_value());
  const double area = static_cast<double>(squares) / (0.45 * 0.45);
  CHECK_THAT(data->entropy().value_or(0), WithinRel(std::log(area), 1e-12));

  const Drawn drawn = draw(*data, 20'000);
  std::vector<Index> square_of_label(static_cast<std::size_t>(squares), -1);
  for (Index i = 0; i < drawn.points.rows(); ++i) {
    const double x = (drawn.points(i, 0) - 0.75) * 0.45 + config.count / 2;
    const double y = drawn.points(i, 1) * 0.45 + config.count / 2;
    REQUIRE(x > -1e-5);
    REQUIRE(y > -1e-5);
    REQUIRE(x < config.count + 1e-5);
    REQUIRE(y < config.count + 1e-5);
    REQUIRE_THAT(log_density(*data, drawn.points(i, 0), drawn.points(i, 1)),
                 WithinRel(-std::log(area), 1e-12));
    const auto column = static_cast<Index>(x);
    const auto line = static_cast<Index>(y);
    // Not the few that rounding may have put over the edge.
    if (std::min({x - std::floor(x), std::ceil(x) - x, y - std::floor(y), std::ceil(y) - y}) <
        1e-5) {
      continue;
    }
    REQUIRE((column + line) % 2 == 0);
    Index& square =
        square_of_label[static_cast<std::size_t>(drawn.labels[static_cast<std::size_t>(i)])];
    if (square < 0) square = column * side + line;
    REQUIRE(square == column * side + line);
  }
  CHECK(std::ranges::is_sorted(square_of_label));

  // Sixteen points a square, none on an edge: the sum is the integral.
  constexpr Index kCells = 4;
  double integral = 0;
  for (Index i = -kCells; i < (side + 1) * kCells; ++i) {
    for (Index j = -kCells; j < (side + 1) * kCells; ++j) {
      const double x = (static_cast<double>(i) + 0.5) / kCells - config.count / 2;
      const double y = (static_cast<double>(j) + 0.5) / kCells - config.count / 2;
      integral +=
          std::exp(log_density(*data, x / 0.45 + 0.75, y / 0.45)) / (kCells * kCells * 0.45 * 0.45);
    }
  }
  CHECK_THAT(integral, WithinRel(1.0, 1e-12));
  check_mean(mean_of(*data, 20'000, [](double x, double, int) { return x; }), 0.75);
  CHECK(log_density(*data, kNan, 0) == -kInfinity);
  CHECK(log_density(*data, 0, kInfinity) == -kInfinity);
}

TEST_CASE("the checkerboard of the literature has the published entropy, and a flat score") {
  const Pointer data = make(default_config(DataSet::checkerboard));
  CHECK_THAT(data->entropy().value_or(0), WithinAbs(3.6765, 5e-5));
  // flow_matching's generator: columns of even floor(x) hold [-2, -1) and [0, 1), odd ones the
  // rest.
  CHECK(std::isfinite(log_density(*data, -1.5 / 0.45, -1.5 / 0.45)));
  CHECK(std::isfinite(log_density(*data, -1.5 / 0.45, 0.5 / 0.45)));
  CHECK(std::isfinite(log_density(*data, -0.5 / 0.45, 1.5 / 0.45)));
  CHECK(log_density(*data, -0.5 / 0.45, 0.5 / 0.45) == -kInfinity);
  Points x(2, 2);
  x << 1, 1, 1, -1;
  Points score(2, 2);
  data->score(x, score);
  CHECK(score.row(0) == Points::Zero(1, 2));
  CHECK(std::isnan(score(1, 0)));
  CHECK(std::isnan(score(1, 1)));
}

TEST_CASE("eight gaussians are a mixture, with the published entropy") {
  DataSetConfig config = default_config(DataSet::eight_gaussians);
  const Pointer data = make(config);
  CHECK_THAT(data->entropy().value_or(0), WithinAbs(2.6147, 5e-5));

  config.count = 5;
  config.radius = 3;
  config.noise = 0.5;
  config.scale = 2;
  config.shift_x = 10;
  config.shift_y = -1;
  const GaussianMixtureConfig mixture = mixture_of(config).value_or(GaussianMixtureConfig{});
  REQUIRE(mixture.means.size() == 5);
  CHECK((mixture.means[0] - Eigen::Vector2d(16, -1)).norm() < 1e-12);
  CHECK((mixture.means[1] -
         Eigen::Vector2d(10 + 6 * std::cos(2 * kPi / 5), -1 + 6 * std::sin(2 * kPi / 5)))
            .norm() < 1e-12);
  CHECK(mixture.covariances[4] == Eigen::Matrix2d::Identity());
  const GaussianMixture same = flowmatch::testing::make_mixture(mixture);
  const Drawn drawn = draw(*make(config), 100);
  CHECK(drawn.points == draw(same, 100).points);
  CHECK_FALSE(mixture_of(default_config(DataSet::moons)).has_value());
}

/// The curves once more, as their sources write them; u is uniform in (0, 1).
using Curve = std::function<Eigen::Vector2d(double u)>;

std::vector<Curve> curves(const DataSetConfig& config) {
  const auto circle = [](double angle) {
    return Eigen::Vector2d(std::cos(angle), std::sin(angle));
  };
  std::vector<Curve> found;
  switch (config.set) {
    case DataSet::moons:
      found.emplace_back([=](double u) { return circle(kPi * u); });
      found.emplace_back(
          [=](double u) -> Eigen::Vector2d { return Eigen::Vector2d(1, 0.5) - circle(kPi * u); });
      break;
    case DataSet::s_curve:
      found.emplace_back([](double u) {
        const double t = 3 * kPi * (u - 0.5);
        return Eigen::Vector2d(std::sin(t), (t < 0 ? -1 : 1) * (std::cos(t) - 1));
      });
      break;
    case DataSet::swiss_roll:
      found.emplace_back([=](double u) -> Eigen::Vector2d {
        const double t = 1.5 * kPi * (1 + 2 * u);
        return t * circle(t);
      });
      break;
    case DataSet::rings:
      for (int ring = 1; ring <= 4; ++ring) {
        found.emplace_back([=](double u) -> Eigen::Vector2d {
          return config.radius * ring / 4 * circle(2 * kPi * u);
        });
      }
      break;
    default:
      for (const double sign : {-1.0, 1.0}) {
        found.emplace_back([=](double u) -> Eigen::Vector2d {
          const double n = std::sqrt(u) * 3 * kPi;
          return config.radius * n / (3 * kPi) * sign * Eigen::Vector2d(std::cos(n), -std::sin(n));
        });
      }
  }
  return found;
}

const std::vector<DataSet> kCurves{DataSet::moons, DataSet::s_curve, DataSet::swiss_roll,
                                   DataSet::rings, DataSet::spiral};

TEST_CASE("the density of a noisy curve is the integral along it") {
  const DataSet set = GENERATE(from_range(kCurves));
  const double factor = GENERATE(0.3, 1.0, 5.0);
  DataSetConfig config = default_config(set);
  config.noise *= factor;
  CAPTURE(name(set), config.noise);
  const Pointer data = make(config);
  REQUIRE(data->has_density());
  const double deviation = config.noise * config.scale;
  const Eigen::Vector2d shift(config.shift_x, config.shift_y);

  // Simpson's rule with steps of a few hundredths of the deviation or less.
  constexpr int kSteps = 20'000;
  std::vector<Eigen::Vector2d> along;
  const auto family = curves(config);
  for (const Curve& curve : family) {
    for (int i = 0; i <= kSteps; ++i) {
      along.emplace_back(config.scale * curve(static_cast<double>(i) / kSteps) + shift);
    }
  }
  // From the middle of the mass to ten deviations from a point of the curve.
  const Drawn drawn = draw(*data, 12);
  const Points directions = flowmatch::testing::normal_points(12, 2, 5);
  for (Index i = 0; i < 12; ++i) {
    const Eigen::Vector2d direction = directions.row(i).cast<double>().normalized();
    Eigen::Vector2d x = drawn.points.row(i);
    if (i >= 6) x += static_cast<double>(i - 5) * 1.2 * deviation * direction;
    if (i == 11)
      x = along.back() + 9 * deviation * (along.back() - along[along.size() - 2]).normalized();
    x = x.cast<float>().cast<double>().eval();
    std::vector<double> exponents;
    double most = -kInfinity;
    for (const Eigen::Vector2d& point : along) {
      exponents.push_back(-0.5 * (x - point).squaredNorm() / (deviation * deviation));
      most = std::max(most, exponents.back());
    }
    double sum = 0;
    for (std::size_t j = 0; j < exponents.size(); ++j) {
      const std::size_t step = j % (kSteps + 1);
      const double weight = step == 0 || step == kSteps ? 1 : step % 2 == 0 ? 2 : 4;
      if (exponents[j] - most > -40) sum += weight * std::exp(exponents[j] - most);
    }
    const double share = 1.0 / (3.0 * kSteps * static_cast<double>(family.size()));
    const double expected =
        most + std::log(sum * share) - std::log(2 * kPi * deviation * deviation);
    CAPTURE(i, x[0], x[1], expected);
    CHECK_THAT(log_density(*data, x[0], x[1]), WithinAbs(expected, 1e-3));
  }
}

TEST_CASE("rings have the density of Rice's law") {
  // p(x) = mean over R of exp(-(r - R)^2 / 2 s^2) i0e(r R / s^2) / (2 pi s^2), where
  // i0e(z) = exp(-z) I_0(z) is the mean of exp(z (cos a - 1)) over the circle.
  DataSetConfig config = default_config(DataSet::rings);
  config.noise = 0.2;
  const Pointer data = make(config);
  const auto i0e = [](double z) {
    double sum = 0;
    for (int i = 0; i < 2000; ++i) sum += std::exp(z * (std::cos(kPi * (i + 0.5) / 2000) - 1));
    return sum / 2000;
  };
  for (const double r : {0.0, 0.3, 0.75, 1.9, 3.0, 4.0}) {
    double expected = 0;
    for (const double ring : {0.75, 1.5, 2.25, 3.0}) {
      expected +=
          std::exp(-(r - ring) * (r - ring) / 0.08) * i0e(r * ring / 0.04) / (4 * 2 * kPi * 0.04);
    }
    CAPTURE(r);
    CHECK_THAT(log_density(*data, r * 0.6, r * 0.8), WithinAbs(std::log(expected), 1e-5));
  }
}

/// The integrals of p and of -p log p over a grid around the set: for a smooth function that
/// vanishes at the ends the sum is exact when points are within a deviation of each other.
struct GridIntegrals {
  double mass = 0;
  double entropy = 0;
};

GridIntegrals integrate(const Distribution& set, double spacing) {
  const Drawn drawn = draw(set, 2000);
  const Eigen::RowVector2d low = drawn.points.colwise().minCoeff().array() - 8 * spacing;
  const Eigen::RowVector2d high = drawn.points.colwise().maxCoeff().array() + 8 * spacing;
  const auto columns = static_cast<Index>((high[0] - low[0]) / spacing);
  const auto lines = static_cast<Index>((high[1] - low[1]) / spacing);
  Points grid(columns * lines, 2);
  for (Index i = 0; i < grid.rows(); ++i) {
    const Index column = i / lines;
    const Index line = i % lines;
    grid(i, 0) = static_cast<float>(low[0] + spacing * static_cast<double>(column));
    grid(i, 1) = static_cast<float>(low[1] + spacing * static_cast<double>(line));
  }
  Values values(grid.rows());
  set.log_density(grid, values);
  GridIntegrals integrals;
  for (const double value : values) {
    const double mass = std::exp(value) * spacing * spacing;
    integrals.mass += mass;
    if (mass > 0) integrals.entropy -= mass * value;
  }
  return integrals;
}

TEST_CASE("the density of a noisy curve integrates to one and is that of its samples") {
  const DataSet set = GENERATE(from_range(kCurves));
  DataSetConfig config = default_config(set);
  config.noise *= 2;
  CAPTURE(name(set));
  const Pointer data = make(config);
  const GridIntegrals integrals = integrate(*data, 0.9 * config.noise * config.scale);
  CHECK_THAT(integrals.mass, WithinAbs(1, 2e-4));

  // By Gibbs' inequality any other density would give the samples a larger mean of -log p.
  constexpr Index kRows = 4000;
  Points points(kRows, 2);
  data->sample({3, Purpose::test, 0}, 0, points);
  Values values(kRows);
  data->log_density(points, values);
  Estimate entropy;
  for (const double value : values) entropy.add(-value);
  check_mean(entropy, integrals.entropy);
}

TEST_CASE("moons have the entropies that were published, and those of moons_entropy.py") {
  // The published ones are estimates from samples: 0.301 and 1.021 with an error of 0.012 each.
  const auto [noise, published, computed] =
      GENERATE(table<double, double, double>({{0.05, 0.301, 0.28922}, {0.1, 1.021, 1.00755}}));
  DataSetConfig config = bare(DataSet::moons);
  config.noise = noise;
  const Pointer data = make(config);
  const double entropy = integrate(*data, 0.9 * noise).entropy;
  CAPTURE(noise, entropy);
  CHECK_THAT(entropy, WithinAbs(published, 2 * 0.012));
  CHECK_THAT(entropy, WithinAbs(computed, 2e-4));
  CHECK_FALSE(data->entropy().has_value());
}

TEST_CASE("the score of a noisy curve is the gradient of its log-density") {
  const Pointer data = make(default_config(DataSet::moons));
  const Drawn drawn = draw(*data, 10);
  constexpr double kStep = 0x1p-8;
  for (Index i = 0; i < 10; ++i) {
    const double x = std::round(drawn.points(i, 0) * 256) / 256;
    const double y = std::round(drawn.points(i, 1) * 256) / 256;
    Points point(1, 2);
    point << static_cast<float>(x), static_cast<float>(y);
    Points score(1, 2);
    data->score(point, score);
    const double slope_x =
        (log_density(*data, x + kStep, y) - log_density(*data, x - kStep, y)) / (2 * kStep);
    const double slope_y =
        (log_density(*data, x, y + kStep) - log_density(*data, x, y - kStep)) / (2 * kStep);
    CHECK_THAT(static_cast<double>(score(0, 0)), WithinAbs(slope_x, 0.02));
    CHECK_THAT(static_cast<double>(score(0, 1)), WithinAbs(slope_y, 0.02));
  }
}

TEST_CASE("a curve without noise has no density, nor one with next to none") {
  DataSetConfig config = bare(DataSet::moons);
  CHECK_FALSE(make(config)->has_density());
  config.noise = 1e-300;
  CHECK_FALSE(make(config)->has_density());
  config.noise = 5e-5;
  CHECK_FALSE(make(config)->has_density());
  config.noise = 1e-3;
  const Pointer data = make(config);
  REQUIRE(data->has_density());
  // On the middle of an arc the curve is straight: 1 / (2 pi) of the mass a unit of length.
  CHECK_THAT(log_density(*data, 0, 1),
             WithinAbs(std::log(1 / (2 * kPi) / std::sqrt(2 * kPi) / 1e-3), 2e-3));
}

}  // namespace
