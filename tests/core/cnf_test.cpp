#include "flowmatch/cnf.h"

#include "flowmatch/flow.h"
#include "flowmatch/learned_field.h"
#include "generative_golden.h"
#include "support/densities.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using namespace flowmatch::testing;
using Catch::Matchers::WithinAbs;

constexpr std::array kFixedSolvers{Solver::euler, Solver::midpoint, Solver::heun, Solver::rk4};

CnfConfig config_of(Index dimension, std::vector<Index> hidden,
                    Activation activation = Activation::silu, Solver solver = Solver::rk4,
                    Index solver_steps = 2) {
  return {.dimension = dimension,
          .hidden = std::move(hidden),
          .activation = activation,
          .solver = solver,
          .solver_steps = solver_steps};
}

TEST_CASE("a continuous flow's density and gradient, through two steps of RK4, are PyTorch's") {
  struct Golden {
    CnfConfig config;
    std::span<const double> log_density;
    std::span<const double> gradient;
  };
  namespace silu = flowmatch::testing::golden_cnf_silu;
  namespace tanh = flowmatch::testing::golden_cnf_tanh;
  namespace elu = flowmatch::testing::golden_cnf_elu;
  namespace gelu = flowmatch::testing::golden_cnf_gelu;
  const std::vector<Golden> cases{
      {config_of(2, {5, 4}, Activation::silu), silu::kLogDensity, silu::kGradient},
      {config_of(1, {4}, Activation::tanh), tanh::kLogDensity, tanh::kGradient},
      {config_of(2, {3, 3}, Activation::elu), elu::kLogDensity, elu::kGradient},
      {config_of(3, {4, 5}, Activation::gelu), gelu::kLogDensity, gelu::kGradient}};
  for (const Golden& golden : cases) {
    CAPTURE(name(golden.config.activation));
    CHECK(worst_golden_error(CnfModelOf<double>(golden.config), golden.log_density,
                             golden.gradient) < 1e-12);
    CHECK(worst_golden_error(CnfModelOf<float>(golden.config), golden.log_density,
                             golden.gradient) < 2e-5);
  }
}

TEST_CASE("a continuous flow's gradient and score are those of central differences") {
  for (const Solver solver : kFixedSolvers) {
    for (const Activation activation : kActivations) {
      for (const Index dimension : {1, 3}) {
        const CnfModelOf<double> model(config_of(dimension, {4, 3}, activation, solver, 3));
        const PointsOf<double> x = normal_points(5, dimension, 2).cast<double>();
        CAPTURE(name(solver), name(activation), dimension);
        CHECK(worst_gradient_error(model, density_weights(model), x) < 5e-8);
        CHECK(worst_score_error(model, density_weights(model), x) < 5e-8);
      }
    }
  }
  const CnfModelOf<double> linear(config_of(2, {}));
  const PointsOf<double> x = normal_points(3, 2, 2).cast<double>();
  CHECK(worst_gradient_error(linear, density_weights(linear), x) < 5e-8);
}

TEST_CASE("steps that are evaluated again on the way back have the same gradient") {
  // A step keeps 0.9 MB here, and a workspace at most 8 MB.
  const CnfModelOf<double> model(config_of(2, {128}, Activation::silu, Solver::rk4, 12));
  const PointsOf<double> x = normal_points(3, 2, 2).cast<double>();
  CHECK(worst_gradient_error(model, density_weights(model, 0.2), x, 61) < 5e-8);
}

TEST_CASE("in floats a continuous flow is what it is in doubles, to their precision") {
  for (const Index rows : {1, 31, 33, 100}) {
    const CnfConfig config = config_of(2, {17, 9}, Activation::silu, Solver::heun, 5);
    CAPTURE(rows);
    CHECK(float_gradient_error(CnfModel(config), CnfModelOf<double>(config), rows) < 1e-5);
  }
}

TEST_CASE("a continuous flow's density of a row depends on that row alone") {
  CHECK(rows_are_independent(CnfModel(config_of(2, {9, 5}))));
}

TEST_CASE("a linear continuous flow has the density of its closed form") {
  // v = a x + b t + c: x(0) = exp(-a) x(1) less a constant, and the divergence is a.
  const CnfModelOf<double> model(config_of(1, {}, Activation::silu, Solver::rk4, 200));
  const std::vector<double> parameters{0.8, 0, 0.3};
  const auto workspace = model.workspace();
  PointsOf<double> x(2, 1);
  x << 0.5, -2;
  PointsOf<double> noise(2, 1);
  Values log_determinant(2);
  workspace->to_noise(parameters, x, noise, log_determinant);
  Values density(2);
  workspace->log_density(parameters, x, density);
  for (Index i = 0; i < 2; ++i) {
    const double z = std::exp(-0.8) * (x(i, 0) + 0.3 / 0.8) - 0.3 / 0.8;
    CHECK_THAT(noise(i, 0), WithinAbs(z, 1e-10));
    CHECK_THAT(log_determinant[i], WithinAbs(-0.8, 1e-12));
    CHECK_THAT(density[i],
               WithinAbs(-0.5 * z * z - 0.5 * std::log(2 * std::numbers::pi) - 0.8, 1e-10));
  }
}

TEST_CASE("with small steps the log-determinant is that of the Jacobian") {
  for (const Index dimension : {1, 2, 3}) {
    const CnfModelOf<double> model(config_of(dimension, {6, 5}, Activation::tanh, Solver::rk4, 20));
    const PointsOf<double> x = normal_points(10, dimension, 3).cast<double>();
    CAPTURE(dimension);
    // RK4's error at steps of 1/20.
    CHECK(worst_determinant_error(model, density_weights(model), x) < 1e-5);
  }
}

TEST_CASE("the density of a continuous flow integrates to 1") {
  const CnfModel model(config_of(2, {8, 8}, Activation::silu, Solver::rk4, 8));
  const double sum = integral(model, density_weights(model), 10, 90);
  CHECK_THAT(sum, WithinAbs(1, 2e-3));
}

TEST_CASE("a continuous flow goes to noise as its field does backwards in time") {
  for (const Solver solver : kFixedSolvers) {
    const CnfModel model(config_of(2, {17, 9}, Activation::silu, solver, 6));
    const std::vector<float> parameters = density_weights(model);
    const Points x = normal_points(40, 2, 3);
    Points noise(40, 2);
    Values log_determinant(40);
    model.workspace()->to_noise(parameters, x, noise, log_determinant);

    const LearnedField field(model.network(), parameters);
    const auto evaluator = field.evaluator(40);
    SolverScratch scratch(40, 2);
    Points expected = x;
    const auto velocity = [&](double t, const ConstPointsRef& at, PointsRef out) {
      evaluator->velocity(t, at, out);
    };
    for (int step = 0; step < 6; ++step) {
      solver_step<float>(solver, velocity, 1 - step / 6.0, -1.0 / 6, expected, scratch);
    }
    CAPTURE(name(solver));
    CHECK(largest_magnitude(noise - x) > 0.1);
    CHECK(largest_magnitude(noise - expected) < 1e-5);
    CHECK(model.evaluations() == 6 * evaluations_per_step(solver));
  }
}

TEST_CASE("a continuous flow begins with the weights of the network that flow matching trains") {
  const CnfModel model(config_of(2, {20, 10}));
  const Mlp network({.dimension = 2, .hidden = {20, 10}, .activation = Activation::silu});
  REQUIRE(model.parameter_count() == network.parameter_count());
  const auto count = static_cast<std::size_t>(model.parameter_count());
  std::vector<float> parameters(count);
  std::vector<float> expected(count);
  model.initialise(3, parameters);
  network.initialise(3, expected);
  CHECK(parameters == expected);
}

TEST_CASE("what is not a number stays one in a continuous flow") {
  const CnfModel model(config_of(2, {6}));
  Points x = normal_points(3, 2, 3);
  x(1, 0) = std::numeric_limits<float>::quiet_NaN();
  Values density(3);
  const auto workspace = model.workspace();
  const std::vector<float> parameters = density_weights(model);
  workspace->log_density(parameters, x, density);
  CHECK(std::isfinite(density[0]));
  CHECK(std::isnan(density[1]));
  CHECK(std::isfinite(density[2]));
  Values none(0);
  workspace->log_density(parameters, Points(0, 2), none);
  std::vector<float> gradient(parameters.size(), 1.0F);
  CHECK(workspace->loss_gradient(parameters, Points(0, 2), 1, gradient) == 0);
  CHECK(gradient == std::vector<float>(parameters.size()));
}

std::vector<std::string> bad_fields(const CnfConfig& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) {
    CHECK_FALSE(problem.value.empty());
    CHECK_FALSE(problem.allowed.empty());
    fields.push_back(problem.field);
  }
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("a continuous flow's settings at the ends of their ranges are good") {
  CHECK(bad_fields({}).empty());
  CHECK(bad_fields(config_of(1, {}, Activation::relu, Solver::euler, 1)).empty());
  CHECK(
      bad_fields(config_of(kMaxCnfDimension, {4}, Activation::tanh, Solver::midpoint, kMaxCnfSteps))
          .empty());
}

TEST_CASE("each bad setting of a continuous flow is reported by its name") {
  CHECK(bad_fields(config_of(0, {4})) == Fields{"dimension"});
  CHECK(bad_fields(config_of(kMaxCnfDimension + 1, {4})) == Fields{"dimension"});
  CHECK(bad_fields(config_of(2, {4, 0})) == Fields{"hidden[1]"});
  CHECK(bad_fields(config_of(2, {4096, 4096})) == Fields{"hidden"});
  CHECK(bad_fields(config_of(2, {4}, Activation::silu, static_cast<Solver>(99))) ==
        Fields{"solver"});
  CHECK(bad_fields(config_of(2, {4}, Activation::silu, Solver::rk4, 0)) == Fields{"solverSteps"});
  CHECK(bad_fields(config_of(2, {4}, Activation::silu, Solver::rk4, kMaxCnfSteps + 1)) ==
        Fields{"solverSteps"});
  CHECK(bad_fields(config_of(0, {0}, Activation::silu, Solver::rk4, 0)) ==
        Fields{"dimension", "solverSteps", "hidden[0]"});
}

}  // namespace
