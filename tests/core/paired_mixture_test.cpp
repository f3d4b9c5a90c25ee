// The exact field from one mixture to another.
#include "flowmatch/exact_field.h"
#include "flowmatch/flow.h"
#include "flowmatch/objective.h"
#include "support/errors.h"
#include "support/mixture_oracle.h"
#include "support/samples.h"
#include "support/statistics.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::Estimate;
using flowmatch::testing::kSigmas;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::make_mixture;
using flowmatch::testing::mixture_oracle;
using flowmatch::testing::normal_points;

using PointsD = PointsOf<double>;

/// Two components that share neither axes nor weights with those of correlated_mixture(). Their
/// mean is not the origin.
GaussianMixtureConfig other_mixture(Index dimension) {
  GaussianMixtureConfig config = correlated_mixture(dimension, 1.5);
  config.weights = {0.7, 0.3};
  config.means.pop_back();
  config.covariances.erase(config.covariances.begin());
  for (Eigen::VectorXd& mean : config.means) mean.array() += 0.5;
  for (Eigen::MatrixXd& covariance : config.covariances) {
    covariance = (0.7 * covariance).reverse().eval();
  }
  return config;
}

GaussianMixtureConfig standard_normal(Index dimension) {
  return {.weights = {1},
          .means = {Eigen::VectorXd::Zero(dimension)},
          .covariances = {Eigen::MatrixXd::Identity(dimension, dimension)}};
}

ExactField make_field(const GaussianMixtureConfig& source, const GaussianMixtureConfig& target,
                      const Schedule& schedule) {
  return {make_mixture(target), schedule,
          std::make_shared<const GaussianMixture>(make_mixture(source))};
}

ExactField correlated_field(Index dimension, const Schedule& schedule) {
  return make_field(other_mixture(dimension), correlated_mixture(dimension), schedule);
}

/// The mixture that X_t follows.
GaussianMixtureConfig marginal(const GaussianMixtureConfig& source,
                               const GaussianMixtureConfig& target, const ScheduleValues& values) {
  GaussianMixtureConfig result;
  for (std::size_t i = 0; i < source.means.size(); ++i) {
    for (std::size_t j = 0; j < target.means.size(); ++j) {
      result.weights.push_back(source.weights[i] * target.weights[j]);
      result.means.emplace_back(values.alpha * target.means[j] + values.sigma * source.means[i]);
      result.covariances.emplace_back(values.alpha * values.alpha * target.covariances[j] +
                                      values.sigma * values.sigma * source.covariances[i]);
    }
  }
  return result;
}

PointsD velocity(const ExactField& field, double t, const PointsD& x) {
  PointsD out(x.rows(), x.cols());
  field.velocity(t, x, out);
  return out;
}

Values divergence(const ExactField& field, double t, const PointsD& x) {
  Values out(x.rows());
  field.divergence(t, x, out);
  return out;
}

Values log_density(const ExactField& field, double t, const PointsD& x) {
  Values out(x.rows());
  field.log_density(t, x, out);
  return out;
}

PointsD score(const ExactField& field, double t, const PointsD& x) {
  PointsD out(x.rows(), x.cols());
  field.score(t, x, out);
  return out;
}

struct Draws {
  Points x0;
  Points x1;
  Points x_t;
};

Draws draw(const ExactField& field, double t, Index count, std::uint64_t seed) {
  Draws draws{Points(count, field.dimension()), Points(count, field.dimension()), {}};
  field.source()->sample({seed, Purpose::test, 1}, 0, draws.x0);
  field.target().sample({seed, Purpose::test, 2}, 0, draws.x1);
  const ScheduleValues values = evaluate(field.schedule(), t);
  draws.x_t =
      static_cast<float>(values.alpha) * draws.x1 + static_cast<float>(values.sigma) * draws.x0;
  return draws;
}

TEST_CASE("the field from a mixture is the mean of the conditional velocities through a point") {
  // Over draws z of the data, X_0 = (x - alpha z) / sigma, weighed by the density of the source
  // there. The error of such a ratio is the root of sum w^2 (u - mean)^2 over sum w.
  const Schedule schedule = GENERATE(from_range(kSchedules));
  const Index dimension = GENERATE(1, 2);
  CAPTURE(name(schedule), dimension);
  const ExactField field = correlated_field(dimension, schedule);
  constexpr Index kDraws = 20'000;
  Points z(kDraws, dimension);
  field.target().sample({21, Purpose::test, 0}, 0, z);
  for (const double t : {0.2, 0.6}) {
    const ScheduleValues values = evaluate(schedule, t);
    const PointsD x = draw(field, t, 4, 22).x_t.cast<double>();
    const PointsD exact = velocity(field, t, x);
    for (Index i = 0; i < x.rows(); ++i) {
      const PointsD x0 =
          (x.row(i).replicate(kDraws, 1) - values.alpha * z.cast<double>()) / values.sigma;
      const PointsD conditional =
          values.d_alpha * z.cast<double>() + values.sigma_d_sigma / values.sigma * x0;
      Values weights(kDraws);
      field.source()->log_density(x0.cast<float>(), weights);
      weights = weights.array().exp().eval();
      for (Index j = 0; j < dimension; ++j) {
        const double mean = weights.dot(conditional.col(j)) / weights.sum();
        const double error =
            (weights.array() * (conditional.col(j).array() - mean)).matrix().norm() / weights.sum();
        CAPTURE(t, i, j, mean, error);
        // Points in floats, beside the error of chance.
        CHECK(std::abs(exact(i, j) - mean) < kSigmas * error + 1e-5);
        CHECK(error < 0.3);
      }
    }
  }
}

TEST_CASE("density, field and divergence from a mixture conserve mass") {
  // d/dt log p + u . grad log p + div u = 0, by central differences of order 4.
  const Schedule schedule = GENERATE(from_range(kSchedules));
  const Index dimension = GENERATE(1, 2, 3);
  CAPTURE(name(schedule), dimension);
  const ExactField field = correlated_field(dimension, schedule);
  constexpr double kStep = 2e-4;
  const auto slope = [](const auto& value) {
    return (8 * (value(kStep) - value(-kStep)) - (value(2 * kStep) - value(-2 * kStep))) /
           (12 * kStep);
  };
  for (const double t : {0.05, 0.3, 0.6, 0.9}) {
    const PointsD points = draw(field, t, 6, 23).x_t.cast<double>();
    const Values exact = divergence(field, t, points);
    const PointsD gradient = score(field, t, points);
    for (Index i = 0; i < points.rows(); ++i) {
      const PointsD x = points.row(i);
      const PointsD u = velocity(field, t, x);
      const double change_in_time =
          slope([&](double h) { return log_density(field, t + h, x)[0]; });
      double sum = 0;
      for (Index j = 0; j < dimension; ++j) {
        sum += slope([&](double h) {
          PointsD y = x;
          y(0, j) += h;
          return velocity(field, t, y)(0, j);
        });
      }
      const double transport = u.row(0).dot(gradient.row(i));
      CAPTURE(t, i, change_in_time, transport, exact[i]);
      const double scale = std::abs(change_in_time) + std::abs(transport) + std::abs(exact[i]);
      CHECK(std::abs(change_in_time + transport + exact[i]) < 1e-7 * (1 + scale));
      CHECK_THAT(sum, WithinAbs(exact[i], 1e-7 * (1 + scale)));
    }
  }
}

TEST_CASE("density and score from a mixture are those of the Cholesky oracle of all pairs") {
  const Schedule schedule = GENERATE(from_range(kSchedules));
  const Index dimension = GENERATE(1, 2, 3, 20);
  CAPTURE(name(schedule), dimension);
  const ExactField field = correlated_field(dimension, schedule);
  for (const double t : {0.0, 0.3, 0.999, 1.0}) {
    const GaussianMixtureConfig at_t =
        marginal(other_mixture(dimension), correlated_mixture(dimension), evaluate(schedule, t));
    const Points points = draw(field, t, 8, 24).x_t;
    const PointsD x = points.cast<double>();
    const Values density = log_density(field, t, x);
    Values density_of_floats(x.rows());
    field.log_density(t, points, density_of_floats);
    CHECK(density_of_floats == density);
    const PointsD gradient = score(field, t, x);
    for (Index i = 0; i < x.rows(); ++i) {
      CAPTURE(t, i);
      const auto expected = mixture_oracle(at_t, x.row(i).transpose());
      CHECK_THAT(density[i], WithinRel(expected.log_density, 1e-10));
      CHECK((gradient.row(i).transpose() - expected.score).norm() <
            1e-9 * (1 + expected.score.norm()));
    }
  }
}

TEST_CASE("from N(0, I) as a mixture of one component the field is the usual one") {
  const Schedule schedule = GENERATE(from_range(kSchedules));
  const auto target = GENERATE(ring_mixture(11, 10, 1), correlated_mixture(1),
                               correlated_mixture(2), correlated_mixture(20));
  const ExactField usual(make_mixture(target), schedule);
  const Index dimension = usual.dimension();
  CAPTURE(name(schedule), dimension, target.means.size());
  const ExactField paired = make_field(standard_normal(dimension), target, schedule);
  CHECK(usual.source() == nullptr);
  for (const double t : {0.0, 1e-6, 0.4, 0.999, 1.0}) {
    const Points points = draw(paired, t, 20, 25).x_t;
    const PointsD x = points.cast<double>();
    CAPTURE(t);
    CHECK(largest_magnitude(velocity(paired, t, x) - velocity(usual, t, x)) < 1e-10);
    const Values expected = divergence(usual, t, x);
    CHECK(largest_magnitude(divergence(paired, t, x) - expected) <
          1e-10 * (1 + largest_magnitude(expected)));
    CHECK(largest_magnitude(log_density(paired, t, x) - log_density(usual, t, x)) < 1e-10);
    CHECK(largest_magnitude(score(paired, t, x) - score(usual, t, x)) < 1e-10);
    // Of the kernel, for the ring.
    const Points floats = velocities(usual, t, points);
    CHECK(largest_magnitude(velocities(paired, t, points) - floats) <
          2e-7 * (1 + largest_magnitude(floats)));
    Values density(20);
    Values usual_density(20);
    paired.log_density(t, points, density);
    usual.log_density(t, points, usual_density);
    CHECK(largest_magnitude(density - usual_density) < 1e-10);
    if (t == 1) continue;
    for (const Prediction prediction : kPredictions) {
      CAPTURE(name(prediction));
      CHECK_THAT(paired.irreducible_loss(t, points, prediction),
                 WithinRel(usual.irreducible_loss(t, points, prediction), 1e-7));
    }
  }
}

TEST_CASE("the kernel gives what the double interface does, from one ring to another") {
  const Schedule schedule = GENERATE(from_range(kSchedules));
  GaussianMixtureConfig source = ring_mixture(8, 5, 0.3);
  source.covariances[3] *= 4;
  const ExactField field = make_field(source, ring_mixture(11, 10, 1), schedule);
  const auto evaluator = field.evaluator(70);
  for (const double t : {0.0, 0.37, 0.99}) {
    CAPTURE(name(schedule), t);
    const Points x = draw(field, t, 70, 31).x_t;
    const PointsD exact = velocity(field, t, x.cast<double>());
    const Values exact_divergence = divergence(field, t, x.cast<double>());
    Points out(70, 2);
    Values out_divergence(70);
    evaluator->velocity(t, x, out);
    CHECK(largest_magnitude(out.cast<double>() - exact) < 2e-7 * (1 + largest_magnitude(exact)));
    Points again(70, 2);
    evaluator->velocity_and_divergence(t, x, again, out_divergence);
    CHECK(again == out);
    CHECK(largest_magnitude(out_divergence - exact_divergence) <
          1e-9 * (1 + largest_magnitude(exact_divergence)));
    // Each row on its own.
    Points single(1, 2);
    evaluator->velocity(t, x.row(17), single);
    CHECK(single == out.row(17));
    Values density(70);
    field.log_density(t, x, density);
    CHECK(largest_magnitude(density - log_density(field, t, x.cast<double>())) < 1e-9);
  }
}

TEST_CASE("the field from a mixture is finite from the first moment to the last") {
  const Schedule schedule = GENERATE(from_range(kSchedules));
  const auto fields = {std::pair{ring_mixture(8, 5, 0.3), ring_mixture(11, 10, 1)},
                       std::pair{ring_mixture(8, 5, 1e-4), ring_mixture(3, 10, 1e-4)},
                       std::pair{other_mixture(2), correlated_mixture(2)},
                       std::pair{other_mixture(20), correlated_mixture(20)}};
  for (const auto& [source, target] : fields) {
    const ExactField field = make_field(source, target, schedule);
    for (const double t : {0.0, 1e-12, 0.5, 1 - 1e-12, 1.0}) {
      for (const double scale : {0.0, 1.0, 1e3, 1e9}) {
        const Points points = static_cast<float>(scale) * normal_points(5, field.dimension(), 26);
        const PointsD x = points.cast<double>();
        CAPTURE(name(schedule), t, scale);
        CHECK(velocity(field, t, x).allFinite());
        CHECK(velocities(field, t, points).allFinite());
        CHECK(divergence(field, t, x).allFinite());
        CHECK(log_density(field, t, x).allFinite());
        CHECK(score(field, t, x).allFinite());
      }
    }
    CHECK(std::isfinite(field.irreducible_loss(0, draw(field, 0, 5, 27).x_t)));
    CHECK(std::isfinite(field.irreducible_loss(1, draw(field, 1, 5, 27).x_t)));
  }
}

TEST_CASE("from one Gaussian to another in one dimension the flow is the map between them") {
  // All marginals are Gaussian, and the flow keeps the distance from the mean in their standard
  // deviations.
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::polynomial, Schedule::cosine);
  const GaussianMixtureConfig source{.weights = {1},
                                     .means = {Eigen::VectorXd::Constant(1, -3)},
                                     .covariances = {Eigen::MatrixXd::Constant(1, 1, 0.25)}};
  const GaussianMixtureConfig target{.weights = {1},
                                     .means = {Eigen::VectorXd::Constant(1, 2)},
                                     .covariances = {Eigen::MatrixXd::Constant(1, 1, 4)}};
  const auto field = std::make_shared<const ExactField>(
      make_mixture(target), schedule,
      std::make_shared<const GaussianMixture>(make_mixture(source)));
  const Points start = draw(*field, 0, 40, 28).x0;
  ThreadPool pool(1);
  const Points end = integrate(field, {.solver = Solver::rk4, .steps = 100}, start, pool);
  const Points expected = (4.0F * (start.array() + 3.0F) + 2.0F).matrix();
  CAPTURE(name(schedule));
  CHECK(largest_magnitude(end - expected) < 1e-4);
}

TEST_CASE("the irreducible loss from a mixture is the spread of the targets around the field") {
  // The field is the mean of the targets through a point, where sigma' needs no regularisation.
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::polynomial, Schedule::cosine);
  const Index dimension = GENERATE(1, 2);
  const ExactField field = correlated_field(dimension, schedule);
  for (const double t : {0.0, 0.3, 0.7, 0.999, 1.0}) {
    const ScheduleValues values = evaluate(schedule, t);
    const Draws draws = draw(field, t, 4'000, 32);
    const PointsD mean = velocity(field, t, draws.x_t.cast<double>());
    const PointsD target =
        values.d_alpha * draws.x1.cast<double>() + values.d_sigma * draws.x0.cast<double>();
    // The difference of the two row by row: what they have in common does not scatter.
    Estimate difference;
    for (Index i = 0; i < target.rows(); ++i) {
      const double squared =
          (target.row(i) - mean.row(i)).squaredNorm() / static_cast<double>(dimension);
      difference.add(squared - field.irreducible_loss(t, draws.x_t.row(i)));
    }
    CAPTURE(name(schedule), dimension, t, difference.mean(), difference.error());
    CHECK(std::abs(difference.mean()) <= kSigmas * difference.error() + 1e-6);
    CHECK(difference.error() < 0.05 * (1 + field.irreducible_loss(t, draws.x_t)));
  }
}

}  // namespace
