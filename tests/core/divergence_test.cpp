// The divergence of the fields: exact, in closed form or through the network, and by probes.
#include "flowmatch/exact_field.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/mlp.h"
#include "support/allocations.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::make_mixture;
using flowmatch::testing::normal_points;

using PointsD = PointsOf<double>;

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

TEST_CASE("the exact field's divergence is that of central differences") {
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::sqrt);
  for (const Index dimension : {1, 2, 3, 6}) {
    const ExactField field(make_mixture(correlated_mixture(dimension)), schedule);
    const PointsD x = normal_points(30, dimension, 1, 3).cast<double>();
    for (const double t : {0.0, 0.3, 0.8, 1.0}) {
      constexpr double kStep = 1e-5;
      Values expected = Values::Zero(30);
      for (Index d = 0; d < dimension; ++d) {
        PointsD moved = x;
        moved.col(d).array() += kStep;
        const Values after = velocity(field, t, moved).col(d);
        moved = x;
        moved.col(d).array() -= kStep;
        expected += (after - velocity(field, t, moved).col(d)) / (2 * kStep);
      }
      const Values exact = divergence(field, t, x);
      CAPTURE(name(schedule), dimension, t, largest_magnitude(expected));
      // The differences are off by 1e-16 of the velocities over the step, and by its square.
      CHECK(largest_magnitude((exact - expected).array() / (1 + expected.array().abs())) < 1e-7);
    }
  }
}

TEST_CASE("the exact field and its divergence keep the continuity equation") {
  // d/dt log p + v . grad log p + div v = 0: density, score, velocity and divergence, each worked
  // out on its own.
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::sqrt);
  const GaussianMixtureConfig config = GENERATE(ring_mixture(11, 10, 1), correlated_mixture(3));
  const ExactField field(make_mixture(config), schedule);
  const PointsD x = normal_points(40, field.dimension(), 2, 4).cast<double>();
  for (const double t : {0.1, 0.5, 0.9}) {
    constexpr double kStep = 1e-5;
    Values before(40);
    Values after(40);
    PointsD score(40, field.dimension());
    field.log_density(t - kStep, x, before);
    field.log_density(t + kStep, x, after);
    field.score(t, x, score);
    const Values along = velocity(field, t, x).cwiseProduct(score).rowwise().sum();
    const Values change = (after - before) / (2 * kStep);
    const Values rest = change + along + divergence(field, t, x);
    CAPTURE(name(schedule), field.dimension(), t);
    CHECK(largest_magnitude(rest.array() / (1 + along.array().abs())) < 1e-7);
  }
}

TEST_CASE("the exact field's evaluators give its velocity and divergence") {
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::sqrt);
  const ExactField field(
      make_mixture(GENERATE(ring_mixture(11, 10, 1), correlated_mixture(2), correlated_mixture(3))),
      schedule);
  REQUIRE(field.has_divergence());
  const auto evaluator = field.evaluator(70);
  const Points x = normal_points(70, field.dimension(), 3, 6);
  const Points probes = normal_points(140, field.dimension(), 4);
  for (const double t : {0.0, 0.37, 1.0}) {
    Points expected(70, field.dimension());
    evaluator->velocity(t, x, expected);
    const Values exact = divergence(field, t, x.cast<double>());
    Points out(70, field.dimension());
    Values got(70);
    evaluator->velocity_and_divergence(t, x, out, got);
    CHECK(out == expected);
    CHECK(largest_magnitude((got - exact).array() / (1 + exact.array().abs())) < 1e-10);
    // Probes change nothing.
    Values probed(70);
    evaluator->velocity_and_divergence(t, x, probes, out, probed);
    CHECK(probed == got);
    Points single(1, field.dimension());
    Values alone(1);
    evaluator->velocity_and_divergence(t, x.row(17), single, alone);
    CHECK(single == out.row(17));
    CHECK(alone[0] == got[17]);
  }
}

TEST_CASE("the divergence far from all components is that of the nearest") {
  const ExactField field(make_mixture(ring_mixture(11, 10, 1)), Schedule::cond_ot);
  PointsD x(1, 2);
  x << 1e4, 0;
  for (const double t : {0.2, 0.9, 1.0}) {
    // One Gaussian of covariance c I with c = t^2 + (1 - t)^2: u is linear with slope (2 t - 1) /
    // c.
    const double slope = (2 * t - 1) / (t * t + (1 - t) * (1 - t));
    // The terms are 1e8 and cancel.
    CHECK(std::abs(divergence(field, t, x)[0] - 2 * slope) < 1e-7);
  }
}

struct Network {
  std::shared_ptr<const Model> model = std::make_shared<const Mlp>(
      MlpConfig{.dimension = 3, .hidden = {20, 10}, .activation = Activation::tanh, .labels = 2});
  std::vector<float> parameters =
      std::vector<float>(static_cast<std::size_t>(model->parameter_count()));
  Network() { model->initialise(3, parameters); }
};

TEST_CASE("a learned field has the velocity and divergence of its model and label") {
  const Network network;
  const Points x = normal_points(50, 3, 1);
  const Points probes = normal_points(100, 3, 2);
  const auto workspace = network.model->workspace(WorkspaceUse::prediction);
  for (const std::int32_t label : {kNoLabel, 0, 1}) {
    const LearnedField field(network.model, network.parameters, {}, label);
    REQUIRE(field.has_divergence());
    const auto evaluator = field.evaluator(60);
    const std::vector<std::int32_t> labels(50, label);
    const Eigen::VectorXf t = Eigen::VectorXf::Constant(50, 0.25F);
    Points expected(50, 3);
    Points out(50, 3);
    Values expected_divergence(50);
    Values got(50);
    for (const Points& some : {Points(0, 3), probes}) {
      workspace->predict_with_divergence(network.parameters, t, x, labels, some, expected,
                                         expected_divergence);
      evaluator->velocity_and_divergence(0.25, x, some, out, got);
      CHECK(out == expected);
      CHECK(got == expected_divergence);
      CHECK(velocities(field, 0.25, x) == expected);
    }
  }
  CHECK(velocities(LearnedField(network.model, network.parameters, {}, 0), 0.25, x) !=
        velocities(LearnedField(network.model, network.parameters, {}, 1), 0.25, x));
}

TEST_CASE("evaluations of the divergence do not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  const Network network;
  const LearnedField learned(network.model, network.parameters, {}, 1);
  const ExactField exact(make_mixture(correlated_mixture(3)), Schedule::cond_ot);
  const Points x = normal_points(64, 3, 1);
  Points out(64, 3);
  Values result(64);
  for (const Field* field :
       {static_cast<const Field*>(&learned), static_cast<const Field*>(&exact)}) {
    const auto evaluator = field->evaluator(64);
    const std::int64_t before = flowmatch::testing::allocation_count();
    evaluator->velocity_and_divergence(0.5, x, out, result);
    evaluator->velocity_and_divergence(0.5, x, x, out, result);
    const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
    CHECK(allocations == 0);
  }
}

}  // namespace
