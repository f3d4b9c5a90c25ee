#include "flowmatch/normalizing_flow_field.h"

#include "flowmatch/flow.h"
#include "flowmatch/likelihood.h"
#include "flowmatch/solver.h"
#include "support/allocations.h"
#include "support/densities.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

namespace {

using namespace flowmatch;
using namespace flowmatch::testing;
using Catch::Matchers::WithinAbs;

constexpr Index kCouplings = 3;

struct Both {
  explicit Both(Index dimension, double amplitude = 0.5) {
    const auto model = std::make_shared<const NormalizingFlowModel>(NormalizingFlowConfig{
        .dimension = dimension, .couplings = kCouplings, .hidden = {9, 7}, .max_log_scale = 1.5});
    const std::vector<float> weights = density_weights(*model, amplitude);
    flow = std::make_shared<const NormalizingFlow>(model, weights);
    field = std::make_shared<const NormalizingFlowField>(model, weights);
  }
  std::shared_ptr<const NormalizingFlow> flow;
  std::shared_ptr<const NormalizingFlowField> field;
};

/// How far a solver's way along the field is from the flow's own map, at worst.
double error_of(const Both& both, Solver solver, Index steps) {
  const Points noise = normal_points(70, both.field->dimension(), 3);
  Points expected(noise.rows(), noise.cols());
  both.flow->from_noise(noise, expected);
  const auto evaluator = both.field->evaluator(noise.rows());
  const auto velocity = [&](double t, const auto& points, auto&& out) {
    evaluator->velocity(std::min(t, 1.0), points, out);
  };
  SolverScratch scratch(noise.rows(), noise.cols());
  Points x = noise;
  const double h = 1 / static_cast<double>(steps);
  for (Index step = 0; step < steps; ++step) {
    solver_step<float>(solver, velocity, h * static_cast<double>(step), h, x, scratch);
  }
  return largest_magnitude(x - expected);
}

TEST_CASE("the field of a normalizing flow leads where the flow does") {
  for (const Index dimension : {2, 3, 5}) {
    const Both both(dimension);
    CAPTURE(dimension);
    // There is something to be led to.
    CHECK(error_of(both, Solver::euler, 1) > 0.3);
    CHECK(error_of(both, Solver::rk4, 16 * kCouplings) < 2e-5);
  }
}

TEST_CASE(
    "along a normalizing flow solvers keep at least their order, if steps end with couplings") {
  const Both both(2);
  for (const Solver solver : {Solver::euler, Solver::midpoint, Solver::heun, Solver::rk4}) {
    // Far above what floats round away.
    const Index steps = kCouplings * (solver == Solver::rk4 ? 2 : 16);
    const double slope =
        std::log2(error_of(both, solver, steps) / error_of(both, solver, 2 * steps));
    CAPTURE(name(solver), error_of(both, solver, steps), slope);
    // A clock that rests at both ends makes the first errors cancel.
    CHECK(slope > order(solver) - 0.2);
    CHECK(slope < order(solver) + 1.5);
  }
}

TEST_CASE("where steps straddle couplings a normalizing flow is still led to its end") {
  const Both both(2);
  CHECK(error_of(both, Solver::midpoint, 50) < 0.02);
  CHECK(error_of(both, Solver::midpoint, 200) < 0.002);
}

TEST_CASE("a normalizing flow is followed exactly, whatever the solver and the frames") {
  for (const Index dimension : {2, 5}) {
    const Both both(dimension);
    const Points noise = normal_points(70, dimension, 3);
    Points expected(70, dimension);
    both.flow->from_noise(noise, expected);
    ThreadPool pool(1);
    for (const Solver solver : kSolvers) {
      for (const Index frames : {1, 2, 7, 60}) {
        Flow flow(both.field, {.solver = solver, .steps = 1}, noise, frames, pool);
        flow.advance(std::numeric_limits<double>::infinity());
        CAPTURE(name(solver), frames);
        CHECK(largest_magnitude(flow.frame(frames) - expected) < 2e-5);
        CHECK(flow.frame(0) == noise);
        CHECK(flow.function_evaluations() == kCouplings);
      }
    }
    // And back again; in one go or in two.
    const auto moved = [&](const Points& x, double from, double to) {
      return integrate(both.field, {.t_start = from, .t_end = to}, x, pool);
    };
    CHECK(largest_magnitude(moved(expected, 1, 0) - noise) < 1e-4);
    CHECK(largest_magnitude(moved(moved(noise, 0.2, 0.55), 0.55, 0.9) - moved(noise, 0.2, 0.9)) <
          2e-5);
    // On the way it goes at the field's velocity.
    constexpr float kTime = 1e-3F;
    for (const double t : {0.1, 0.4, 0.8}) {
      const Points slope = (moved(noise, t, t + kTime) - moved(noise, t, t - kTime)) / (2 * kTime);
      const Points velocity = velocities(*both.field, t, noise);
      CAPTURE(t);
      CHECK(largest_magnitude(slope - velocity) < 0.01 * (1 + largest_magnitude(velocity)));
    }
  }
}

TEST_CASE("the density of a normalizing flow's field is the flow's") {
  for (const Index dimension : {2, 3}) {
    const Both both(dimension);
    const Points x = normal_points(60, dimension, 5);
    Values expected(60);
    both.flow->log_density(x, expected);
    ThreadPool pool(1);
    LikelihoodConfig config{.solver = {.solver = Solver::rk4, .steps = 16 * kCouplings}};
    // Probes are not needed where the divergence costs nothing.
    config.probes = GENERATE(0, 2);
    const Values found = log_likelihood(both.field, config, x, pool);
    CAPTURE(dimension, config.probes);
    CHECK((found - expected).cwiseAbs().maxCoeff() < 1e-4);
  }
}

TEST_CASE("the divergence of a normalizing flow's field is that of central differences") {
  const Both both(3);
  const Points x = normal_points(20, 3, 4);
  const auto evaluator = both.field->evaluator(20);
  for (const double t : {0.02, 0.2, 0.45, 0.8, 0.99}) {
    Points velocity(20, 3);
    Values divergence(20);
    evaluator->velocity_and_divergence(t, x, velocity, divergence);
    CHECK(velocity == velocities(*both.field, t, x));
    Values differences = Values::Zero(20);
    constexpr float kStep = 1e-2F;
    for (Index d = 0; d < 3; ++d) {
      Points after = x;
      Points before = x;
      after.col(d).array() += kStep;
      before.col(d).array() -= kStep;
      differences +=
          (velocities(*both.field, t, after).col(d) - velocities(*both.field, t, before).col(d))
              .cast<double>() /
          (2 * static_cast<double>(kStep));
    }
    CAPTURE(t);
    CHECK((divergence - differences).cwiseAbs().maxCoeff() <
          1e-3 * (1 + divergence.cwiseAbs().maxCoeff()));
  }
}

TEST_CASE("the field of a normalizing flow is continuous in time, and rests between couplings") {
  const Both both(2);
  const Points x = normal_points(30, 2, 4);
  CHECK(velocities(*both.field, 0, x).isZero(0));
  CHECK(velocities(*both.field, 1, x).isZero(0));
  const double boundary = 1.0 / static_cast<double>(kCouplings);
  CHECK(largest_magnitude(velocities(*both.field, boundary, x)) < 1e-5);
  for (const double side : {-1.0, 1.0}) {
    const Points near = velocities(*both.field, boundary + side * 1e-4, x);
    CHECK(largest_magnitude(near) > 0);
    CHECK(largest_magnitude(near) < 0.1);
  }
  CHECK(largest_magnitude(velocities(*both.field, 0.5, x)) > 1);
}

TEST_CASE("the field of a normalizing flow that is the identity moves nothing") {
  const auto model = std::make_shared<const NormalizingFlowModel>(NormalizingFlowConfig{});
  std::vector<float> weights(static_cast<std::size_t>(model->parameter_count()));
  model->initialise(1, weights);
  const NormalizingFlowField field(model, weights);
  CHECK(field.dimension() == 2);
  CHECK(field.has_divergence());
  // It follows no path of flow matching, so no score is read from it.
  CHECK_FALSE(field.path_schedule().has_value());
  CHECK(velocities(field, 0.3, normal_points(10, 2, 1)).isZero(0));
}

TEST_CASE("a shift alone is a straight way at the speed of the clock") {
  // Weights of zeros but the bias of the shift: s = 0, where s / (exp(s) - 1) is 1.
  const NormalizingFlowConfig config{.dimension = 2, .couplings = 2, .hidden = {}};
  const auto model = std::make_shared<const NormalizingFlowModel>(config);
  std::vector<float> weights(static_cast<std::size_t>(model->parameter_count()), 0.0F);
  // Of each coupling: a 2 x 1 weight, then the biases of r and t.
  weights[3] = 0.75F;
  const NormalizingFlowField field(model, weights);
  // Coupling 0, next to the data, is the second half of the way; it is undone, so minus the shift.
  Points x(1, 2);
  x << 0.5F, -2.0F;
  const Points velocity = velocities(field, 0.75, x);
  CHECK_THAT(static_cast<double>(velocity(0, 0)), WithinAbs(0, 0));
  CHECK_THAT(static_cast<double>(velocity(0, 1)), WithinAbs(-0.75 * 2 * 1.5, 1e-6));
  CHECK(velocities(field, 0.25, x).isZero(0));
}

TEST_CASE("an evaluation of a normalizing flow's field does not allocate") {
  if (!counts_allocations()) SKIP("this build cannot count allocations");
  const Both both(5);
  const Points x = normal_points(100, 5, 1);
  Points out(100, 5);
  const auto evaluator = both.field->evaluator(100);
  evaluator->velocity(0.4, x, out);
  const std::int64_t before = allocation_count();
  evaluator->velocity(0.6, x, out);
  CHECK(allocation_count() == before);
}

}  // namespace
