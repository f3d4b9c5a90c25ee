#include "flowmatch/gaussian_mixture.h"

#include "flowmatch/metrics.h"
#include "support/mixture_oracle.h"
#include "support/samples.h"
#include "support/statistics.h"

#include <Eigen/LU>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
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
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::Estimate;
using flowmatch::testing::kSigmas;
using flowmatch::testing::make_mixture;
using flowmatch::testing::mixture_oracle;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Points draw(const GaussianMixture& mixture, Index count, std::uint64_t seed) {
  Points points(count, mixture.dimension());
  mixture.sample({seed, Purpose::test, 0}, 0, points);
  return points;
}

TEST_CASE("samples have the mean and the covariance of the mixture") {
  const Index dimension = GENERATE(1, 2, 3, 20);
  CAPTURE(dimension);
  const GaussianMixtureConfig config = correlated_mixture(dimension);
  const Points points = draw(make_mixture(config), 50'000, 1);

  Eigen::VectorXd mean = Eigen::VectorXd::Zero(dimension);
  for (std::size_t k = 0; k < 3; ++k) mean += config.weights[k] * config.means[k];
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(dimension, dimension);
  for (std::size_t k = 0; k < 3; ++k) {
    const Eigen::VectorXd offset = config.means[k] - mean;
    covariance += config.weights[k] * (config.covariances[k] + offset * offset.transpose());
  }

  const Eigen::MatrixXd deviations = points.cast<double>().rowwise() - mean.transpose();
  for (Index i = 0; i < dimension; ++i) {
    Estimate first;
    for (Index n = 0; n < points.rows(); ++n) first.add(deviations(n, i));
    CHECK(std::abs(first.mean()) < kSigmas * first.error());
    for (Index j = 0; j <= i; ++j) {
      Estimate second;
      for (Index n = 0; n < points.rows(); ++n) second.add(deviations(n, i) * deviations(n, j));
      CAPTURE(i, j);
      CHECK(std::abs(second.mean() - covariance(i, j)) < kSigmas * second.error());
    }
  }
}

TEST_CASE("each component gets its share of the samples, with its own mean and covariance") {
  // The means are so far apart that the nearest mean tells the component for certain.
  const Index dimension = GENERATE(1, 2, 3, 20);
  CAPTURE(dimension);
  const GaussianMixtureConfig config = correlated_mixture(dimension, 1000);
  const GaussianMixture mixture = make_mixture(config);
  const Points points = draw(mixture, 50'000, 2);
  const Values shares = mode_shares(mixture, points);
  for (std::size_t k = 0; k < 3; ++k) {
    CAPTURE(k);
    const double weight = config.weights[k];
    const double error = std::sqrt(weight * (1 - weight) / static_cast<double>(points.rows()));
    CHECK(std::abs(shares[static_cast<Index>(k)] - weight) < kSigmas * error);

    std::vector<Estimate> means(static_cast<std::size_t>(dimension));
    std::vector<Estimate> products(static_cast<std::size_t>(dimension * dimension));
    for (Index n = 0; n < points.rows(); ++n) {
      const Eigen::VectorXd deviation = points.row(n).cast<double>().transpose() - config.means[k];
      if (deviation.norm() > 100) continue;
      for (Index i = 0; i < dimension; ++i) {
        means[static_cast<std::size_t>(i)].add(deviation[i]);
        for (Index j = 0; j < dimension; ++j) {
          products[static_cast<std::size_t>(i * dimension + j)].add(deviation[i] * deviation[j]);
        }
      }
    }
    for (Index i = 0; i < dimension; ++i) {
      const Estimate& mean = means[static_cast<std::size_t>(i)];
      CHECK(std::abs(mean.mean()) < kSigmas * mean.error());
      for (Index j = 0; j < dimension; ++j) {
        const Estimate& product = products[static_cast<std::size_t>(i * dimension + j)];
        CAPTURE(i, j);
        CHECK(std::abs(product.mean() - config.covariances[k](i, j)) < kSigmas * product.error());
      }
    }
  }
}

TEST_CASE("samples do not depend on how a batch is cut") {
  const Index dimension = GENERATE(1, 2, 16, 17);
  CAPTURE(dimension);
  const GaussianMixture mixture = make_mixture(correlated_mixture(dimension));
  const RandomStream stream{8, Purpose::test, 2};
  constexpr Index kRows = 300;
  Points whole(kRows, dimension);
  mixture.sample(stream, 11, whole);
  for (const Index piece : {1, 50, 127, 129}) {
    Points pieces = Points::Zero(kRows, dimension);
    for (Index first = 0; first < kRows; first += piece) {
      const Index rows = std::min(piece, kRows - first);
      mixture.sample(stream, 11 + first, pieces.middleRows(first, rows));
    }
    CHECK(pieces == whole);
  }
}

TEST_CASE("a sample's label is the component that it came from") {
  const Index dimension = GENERATE(1, 2, 3, 17);
  CAPTURE(dimension);
  // The means are so far apart that the nearest tells the component for certain.
  const GaussianMixtureConfig config = correlated_mixture(dimension, 1000);
  const GaussianMixture mixture = make_mixture(config);
  CHECK(mixture.labels() == 3);
  const RandomStream stream{8, Purpose::test, 2};
  constexpr Index kRows = 300;
  Points points(kRows, dimension);
  std::vector<std::int32_t> labels(kRows, -1);
  mixture.sample_labelled(stream, 11, points, labels);
  Points unlabelled(kRows, dimension);
  mixture.sample(stream, 11, unlabelled);
  CHECK(points == unlabelled);
  for (Index i = 0; i < kRows; ++i) {
    const auto label = static_cast<std::size_t>(labels[static_cast<std::size_t>(i)]);
    REQUIRE(label < 3);
    REQUIRE((points.row(i).cast<double>().transpose() - config.means[label]).norm() < 100);
  }
  // Any cutting gives the same.
  std::vector<std::int32_t> pieces(kRows, -1);
  for (Index first = 0; first < kRows; first += 50) {
    mixture.sample_labelled(stream, 11 + first, points.middleRows(first, 50),
                            std::span(pieces).subspan(static_cast<std::size_t>(first), 50));
  }
  CHECK(pieces == labels);
  CHECK(points == unlabelled);
}

TEST_CASE("the entropy of one Gaussian is the formula") {
  const Index dimension = GENERATE(1, 2, 3, 20);
  GaussianMixtureConfig config = correlated_mixture(dimension);
  config.weights.resize(1);
  config.means.resize(1);
  config.covariances.resize(1);
  const double expected =
      0.5 * (static_cast<double>(dimension) * std::log(2 * std::numbers::pi * std::numbers::e) +
             std::log(config.covariances[0].determinant()));
  const auto entropy = make_mixture(config).entropy();
  REQUIRE(entropy.has_value());
  CHECK_THAT(entropy.value_or(0), WithinAbs(expected, 1e-10));
}

TEST_CASE("the entropy of distant Gaussians is that of one and of the choice") {
  const GaussianMixture mixture = make_mixture(ring_mixture(8, 50, 0.5));
  const auto entropy = mixture.entropy();
  REQUIRE(entropy.has_value());
  CHECK_THAT(
      *entropy,
      WithinAbs(std::log(8) + std::log(2 * std::numbers::pi * std::numbers::e * 0.25), 1e-6));
}

TEST_CASE("the entropy of a mixture is the mean of -log p over its samples") {
  const bool is_ring = GENERATE(false, true);
  const Index dimension = GENERATE(1, 2);
  const GaussianMixture mixture = make_mixture(
      is_ring ? ring_mixture(11, 10, dimension == 1 ? 1 : 4) : correlated_mixture(dimension));
  const auto entropy = mixture.entropy();
  REQUIRE(entropy.has_value());
  const Points points = draw(mixture, 20'000, 5);
  Values log_density(points.rows());
  mixture.log_density(points, log_density);
  Estimate estimate;
  for (const double value : log_density) estimate.add(-value);
  CAPTURE(estimate.mean(), estimate.error(), entropy.value_or(0));
  CHECK(std::abs(estimate.mean() - entropy.value_or(0)) < kSigmas * estimate.error());
}

TEST_CASE("the entropy of many components, or in many dimensions, is not known") {
  CHECK_FALSE(make_mixture(correlated_mixture(3)).entropy().has_value());
  CHECK(make_mixture(ring_mixture(kMaxEntropyComponents, 10, 1)).entropy().has_value());
  CHECK_FALSE(make_mixture(ring_mixture(kMaxEntropyComponents + 1, 10, 1)).entropy().has_value());
}

TEST_CASE("log-density and score are those of the Cholesky oracle") {
  const Index dimension = GENERATE(1, 2, 3, 20);
  CAPTURE(dimension);
  const GaussianMixtureConfig config = correlated_mixture(dimension);
  const GaussianMixture mixture = make_mixture(config);
  REQUIRE(mixture.has_density());
  // Near the mass, and so far off that densities underflow: exp(-1e6 / 2).
  for (const float spread : {1.0F, 5.0F, 1000.0F}) {
    const Points x = flowmatch::testing::normal_points(30, dimension, 3, spread);
    Values log_density(x.rows());
    Points score(x.rows(), dimension);
    mixture.log_density(x, log_density);
    mixture.score(x, score);
    for (Index i = 0; i < x.rows(); ++i) {
      CAPTURE(spread, i);
      const auto expected = mixture_oracle(config, x.row(i).cast<double>().transpose());
      CHECK_THAT(log_density[i], WithinRel(expected.log_density, 1e-10));
      // Rounded to float once.
      CHECK((score.row(i).cast<double>().transpose() - expected.score).norm() <
            2e-7 * (1 + expected.score.norm()));
    }
  }
}

TEST_CASE("the density integrates to one") {
  // On a smooth function that vanishes at the ends the sum over a grid converges faster than any
  // power: with a spacing of a third of the smallest standard deviation the error is below 1e-12,
  // and what is left is the mass outside of [-20, 20]^2.
  const GaussianMixture mixture = make_mixture(correlated_mixture(2));
  constexpr double kSpacing = 0.125;
  constexpr Index kSide = 321;
  Points grid(kSide * kSide, 2);
  for (Index i = 0; i < kSide; ++i) {
    for (Index j = 0; j < kSide; ++j) {
      grid(i * kSide + j, 0) = static_cast<float>(-20 + kSpacing * static_cast<double>(i));
      grid(i * kSide + j, 1) = static_cast<float>(-20 + kSpacing * static_cast<double>(j));
    }
  }
  Values log_density(grid.rows());
  mixture.log_density(grid, log_density);
  CHECK_THAT(log_density.array().exp().sum() * kSpacing * kSpacing, WithinAbs(1, 1e-9));
}

TEST_CASE("the score is the gradient of the log-density") {
  // Five-point differences on numbers that floats hold exactly; their error is h^4 / 30 of the
  // fifth derivative, of which 1e-3 is a generous bound for these shapes.
  const Index dimension = GENERATE(1, 2, 3, 20);
  CAPTURE(dimension);
  const GaussianMixture mixture = make_mixture(correlated_mixture(dimension));
  constexpr float kStep = 0x1p-6F;
  const Points points = draw(mixture, 8, 4);
  const Points x = (points * 64).array().round() / 64;
  Points score(x.rows(), dimension);
  mixture.score(x, score);
  const auto log_density = [&](const Points& at) {
    Values values(at.rows());
    mixture.log_density(at, values);
    return values;
  };
  for (Index j = 0; j < dimension; ++j) {
    const auto shifted = [&](float steps) {
      Points at = x;
      at.col(j).array() += steps * kStep;
      return log_density(at);
    };
    const Values slope = (8 * (shifted(1) - shifted(-1)) - (shifted(2) - shifted(-2))) /
                         (12 * static_cast<double>(kStep));
    for (Index i = 0; i < x.rows(); ++i) {
      CAPTURE(i, j);
      CHECK_THAT(static_cast<double>(score(i, j)), WithinAbs(slope[i], 1e-3));
    }
  }
}

TEST_CASE("weights are scaled to sum to one") {
  GaussianMixtureConfig config = correlated_mixture(2);
  const GaussianMixture scaled = make_mixture(config);
  config.weights = {500, 300, 200};
  const GaussianMixture unscaled = make_mixture(config);
  CHECK_THAT(unscaled.components()[0].weight, WithinRel(0.5, 1e-15));
  CHECK_THAT(unscaled.components()[1].weight, WithinRel(0.3, 1e-15));
  CHECK_THAT(unscaled.components()[2].weight, WithinRel(0.2, 1e-15));
  CHECK(draw(unscaled, 1000, 1) == draw(scaled, 1000, 1));
}

TEST_CASE("weights of very different size do no harm") {
  GaussianMixtureConfig config = correlated_mixture(2);
  config.weights = {1e12, 5e-324, 1};
  const GaussianMixture mixture = make_mixture(config);
  const Points points = draw(mixture, 1000, 1);
  CHECK(points.allFinite());
  Values log_density(points.rows());
  mixture.log_density(points, log_density);
  CHECK(log_density.allFinite());
}

TEST_CASE("a component is told by its principal axes") {
  const Index dimension = GENERATE(1, 2, 3, 20);
  CAPTURE(dimension);
  const GaussianMixtureConfig config = correlated_mixture(dimension);
  const GaussianMixture mixture = make_mixture(config);
  REQUIRE(mixture.components().size() == 3);
  CHECK(mixture.dimension() == dimension);
  const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(dimension, dimension);
  for (std::size_t k = 0; k < 3; ++k) {
    const auto& component = mixture.components()[k];
    CHECK((component.axes * component.axes.transpose() - identity).norm() < 1e-12);
    CHECK((component.axes * component.variances.asDiagonal() * component.axes.transpose() -
           config.covariances[k])
              .norm() < 1e-12);
    CHECK(std::is_sorted(component.variances.begin(), component.variances.end()));
    const Eigen::MatrixXd root = component.sample_root.cast<double>();
    CHECK((root * root.transpose() - config.covariances[k]).norm() < 1e-5);
    CHECK(component.isotropic == (dimension == 1));
    CHECK_THAT(component.log_weight, WithinRel(std::log(config.weights[k]), 1e-12));
  }
}

TEST_CASE("a covariance with equal variances but correlation is not taken for isotropic") {
  GaussianMixtureConfig config{.weights = {1},
                               .means = {Eigen::Vector2d::Zero()},
                               .covariances = {Eigen::Matrix2d{{1, 0.9}, {0.9, 1}}}};
  CHECK_FALSE(make_mixture(config).components()[0].isotropic);
  config.covariances[0] = Eigen::Matrix2d{{1, 0}, {0, 2}};
  CHECK_FALSE(make_mixture(config).components()[0].isotropic);
  config.covariances[0] = Eigen::Matrix2d{{2, 0}, {0, 2}};
  CHECK(make_mixture(config).components()[0].isotropic);
}

TEST_CASE("the ring is the blog's target") {
  const GaussianMixtureConfig config = ring_mixture(11, 10, 0.5);
  REQUIRE(config.means.size() == 11);
  CHECK(validate(config).empty());
  CHECK((config.means[0] - Eigen::Vector2d(10, 0)).norm() < 1e-12);
  for (std::size_t k = 0; k < 11; ++k) {
    CHECK(config.weights[k] == config.weights[0]);
    CHECK_THAT(config.means[k].norm(), WithinRel(10.0, 1e-12));
    CHECK(config.covariances[k] == 0.25 * Eigen::Matrix2d::Identity());
    // Neighbours are an eleventh of a turn apart, counter-clockwise.
    const Eigen::VectorXd& next = config.means[(k + 1) % 11];
    const double turn = 2 * std::numbers::pi / 11;
    CHECK_THAT(config.means[k].dot(next), WithinRel(100 * std::cos(turn), 1e-12));
    CHECK_THAT(config.means[k][0] * next[1] - config.means[k][1] * next[0],
               WithinRel(100 * std::sin(turn), 1e-12));
  }
}

/// The fields that are wrong, in the order of their report; each report must say what was and what
/// may be.
std::vector<std::string> bad_fields(const GaussianMixtureConfig& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) {
    CHECK_FALSE(problem.value.empty());
    CHECK_FALSE(problem.allowed.empty());
    fields.push_back(problem.field);
  }
  const auto made = GaussianMixture::make(config);
  CHECK(made.ok() == fields.empty());
  CHECK(made.problems().size() == fields.size());
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("good mixtures have no problem") {
  CHECK(bad_fields(correlated_mixture(1)).empty());
  CHECK(bad_fields(correlated_mixture(20)).empty());
  CHECK(bad_fields(ring_mixture(1, 0, 1e-4)).empty());
  CHECK(bad_fields(ring_mixture(kMaxComponents, 1e6, 100)).empty());
}

TEST_CASE("a mixture has at least one component and at most the limit") {
  CHECK(bad_fields({}) == Fields{"components"});
  CHECK(bad_fields(ring_mixture(kMaxComponents + 1, 10, 1)) == Fields{"components"});
}

TEST_CASE("a mixture has as many weights and covariances as means") {
  GaussianMixtureConfig config = correlated_mixture(2);
  config.weights.pop_back();
  CHECK(bad_fields(config) == Fields{"weights"});
  config.covariances.emplace_back(Eigen::Matrix2d::Identity());
  CHECK(bad_fields(config) == Fields{"weights", "covariances"});
  config = correlated_mixture(2);
  config.weights.clear();
  config.covariances.clear();
  CHECK(bad_fields(config) == Fields{"weights", "covariances"});
}

TEST_CASE("a mixture has a dimension, and not too many") {
  GaussianMixtureConfig config{
      .weights = {1}, .means = {Eigen::VectorXd(0)}, .covariances = {Eigen::MatrixXd(0, 0)}};
  CHECK(bad_fields(config) == Fields{"dimension"});
  config.means[0] = Eigen::VectorXd::Zero(kMaxDimension + 1);
  CHECK(bad_fields(config) == Fields{"dimension"});
}

TEST_CASE("each weight is a positive number") {
  const double weight = GENERATE(0.0, -0.0, -1.0, kNan, kInfinity, -kInfinity, 1e13);
  CAPTURE(weight);
  GaussianMixtureConfig config = correlated_mixture(2);
  config.weights[1] = weight;
  CHECK(bad_fields(config) == Fields{"weights[1]"});
}

TEST_CASE("each number of a mean is finite, wherever it stands") {
  const double value = GENERATE(kNan, kInfinity, -kInfinity, 1.1e6, -1.1e6);
  for (const Index dimension : {1, 2, 3, 4, 5, 9}) {
    for (Index i = 0; i < dimension; ++i) {
      CAPTURE(value, dimension, i);
      GaussianMixtureConfig config = correlated_mixture(dimension);
      config.means[2][i] = value;
      CHECK(bad_fields(config) == Fields{"means[2]"});
    }
  }
}

TEST_CASE("all means have the dimension of the first") {
  GaussianMixtureConfig config = correlated_mixture(2);
  config.means[1] = Eigen::Vector3d::Zero();
  CHECK(bad_fields(config) == Fields{"means[1]"});
  config.means[1] = Eigen::VectorXd(0);
  CHECK(bad_fields(config) == Fields{"means[1]"});
}

TEST_CASE("each number of a covariance is finite, wherever it stands") {
  const double value = GENERATE(kNan, kInfinity, -kInfinity);
  for (const Index dimension : {1, 2, 3, 5}) {
    for (Index i = 0; i < dimension; ++i) {
      for (Index j = 0; j < dimension; ++j) {
        CAPTURE(value, dimension, i, j);
        GaussianMixtureConfig config = correlated_mixture(dimension);
        config.covariances[0](i, j) = value;
        config.covariances[0](j, i) = value;
        CHECK(bad_fields(config) == Fields{"covariances[0]"});
      }
    }
  }
}

TEST_CASE(
    "a covariance is a square, symmetric and positive definite matrix of the means' dimension") {
  const Eigen::MatrixXd covariance = GENERATE(
      Eigen::MatrixXd(Eigen::MatrixXd::Identity(3, 3)),
      Eigen::MatrixXd(Eigen::MatrixXd::Ones(2, 3)), Eigen::MatrixXd(0, 0),
      // not symmetric
      Eigen::MatrixXd(Eigen::Matrix2d{{1, 0.1}, {0.2, 1}}),
      Eigen::MatrixXd(Eigen::Matrix2d{{1, 0.1}, {0.10001, 1}}),
      // indefinite, singular, zero, negative, below the smallest variance
      Eigen::MatrixXd(Eigen::Matrix2d{{1, 2}, {2, 1}}),
      Eigen::MatrixXd(Eigen::Matrix2d{{1, 1}, {1, 1}}), Eigen::MatrixXd(Eigen::Matrix2d::Zero()),
      Eigen::MatrixXd(-Eigen::Matrix2d::Identity()),
      Eigen::MatrixXd(Eigen::Matrix2d{{1, 0}, {0, 0.9e-8}}));
  CAPTURE(covariance);
  GaussianMixtureConfig config = correlated_mixture(2);
  config.covariances[1] = covariance;
  CHECK(bad_fields(config) == Fields{"covariances[1]"});
}

TEST_CASE("a covariance beyond what floats can sample is refused") {
  const double variance = GENERATE(1e40, 1e80, 1e300);
  CAPTURE(variance);
  GaussianMixtureConfig config = correlated_mixture(2);
  config.covariances[1] = variance * Eigen::Matrix2d::Identity();
  CHECK(bad_fields(config) == Fields{"covariances[1]"});
}

TEST_CASE("all problems of a mixture are reported at once") {
  GaussianMixtureConfig config = correlated_mixture(2);
  config.weights[0] = -1;
  config.weights[2] = kNan;
  config.means[1][0] = kInfinity;
  config.covariances[0] = Eigen::Matrix2d::Zero();
  config.covariances[2] = Eigen::Matrix3d::Identity();
  Fields fields = bad_fields(config);
  std::sort(fields.begin(), fields.end());
  CHECK(fields ==
        Fields{"covariances[0]", "covariances[2]", "means[1]", "weights[0]", "weights[2]"});
}

}  // namespace
