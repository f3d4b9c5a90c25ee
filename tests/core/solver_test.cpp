#include "flowmatch/solver.h"

#include "support/allocations.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::largest_magnitude;

using PointsD = PointsOf<double>;
using Scratch = SolverScratchOf<double>;

/// A nonlinear system that depends on time, one coordinate on the other, with a known solution:
///   a' = a^2 cos t          a(t) = 1 / (1 / a(0) - sin t)
///   b' = -2 t b^2 a / a     the same with a factor that only mixes the coordinates
/// where the second has b(t) = 1 / (1 / b(0) + t^2). To make it depend on the first, b is added to
/// the integral of a^2 cos t, which is a itself: c = b + a.
void nonlinear(double t, const PointsD& x, PointsD& out) {
  for (Index i = 0; i < x.rows(); ++i) {
    const double a = x(i, 0);
    const double b = x(i, 1) - a;
    out(i, 0) = a * a * std::cos(t);
    out(i, 1) = -2 * t * b * b + a * a * std::cos(t);
  }
}

PointsD nonlinear_start() {
  PointsD start(3, 2);
  start << 0.5, 1.5, -0.7, 0.2, 0.8, 1.1;
  return start;
}

PointsD nonlinear_solution(double t) {
  PointsD x = nonlinear_start();
  for (Index i = 0; i < x.rows(); ++i) {
    const double b0 = x(i, 1) - x(i, 0);
    const double a = 1 / (1 / x(i, 0) - std::sin(t));
    x(i, 0) = a;
    x(i, 1) = 1 / (1 / b0 + t * t) + a;
  }
  return x;
}

/// Moves x from t_start to t_end in equal steps.
template <class Velocity>
PointsD integrate(Solver solver, const Velocity& velocity, PointsD x, double t_start, double t_end,
                  Index steps) {
  Scratch scratch(x.rows(), x.cols());
  PointsD in(x.rows(), x.cols());
  PointsD out(x.rows(), x.cols());
  const auto evaluate = [&](double t, const auto& points, auto&& slope) {
    in = points;
    velocity(t, in, out);
    slope = out;
  };
  const double h = (t_end - t_start) / static_cast<double>(steps);
  for (Index s = 0; s < steps; ++s) {
    solver_step<double>(solver, evaluate, t_start + h * static_cast<double>(s), h, x, scratch);
  }
  return x;
}

TEST_CASE("each solver converges at its order") {
  // The slope of log error against log h, fitted over four step sizes. Halving h from 1 / 16 to
  // 1 / 128 the next term of the error still bends the slope by a few hundredths.
  for (const Solver solver : kFixedStepSolvers) {
    constexpr std::array<Index, 4> kSteps{16, 32, 64, 128};
    std::array<double, 4> logs{};
    std::array<double, 4> errors{};
    for (std::size_t i = 0; i < kSteps.size(); ++i) {
      const PointsD end = integrate(solver, nonlinear, nonlinear_start(), 0, 1, kSteps[i]);
      logs[i] = -std::log(static_cast<double>(kSteps[i]));
      errors[i] = std::log(largest_magnitude(end - nonlinear_solution(1)));
    }
    const Eigen::Map<const Eigen::Array4d> x(logs.data());
    const Eigen::Map<const Eigen::Array4d> y(errors.data());
    const double slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()).square()).sum();
    CAPTURE(name(solver));
    CHECK_THAT(slope, WithinAbs(order(solver), 0.1));
    // An error that is nothing but rounding has no slope.
    CHECK(std::exp(errors[3]) > 1e-13);
  }
}

TEST_CASE("the order does not depend on the direction of time") {
  for (const Solver solver : kFixedStepSolvers) {
    const auto error = [&](Index steps) {
      const PointsD start = integrate(solver, nonlinear, nonlinear_solution(1), 1, 0, steps);
      return largest_magnitude(start - nonlinear_start());
    };
    CAPTURE(name(solver));
    CHECK_THAT(std::log2(error(64) / error(128)), WithinAbs(order(solver), 0.15));
  }
}

TEST_CASE("forth and back again ends at the start, as nearly as the order says") {
  for (const Solver solver : kFixedStepSolvers) {
    constexpr Index kSteps = 200;
    const PointsD there = integrate(solver, nonlinear, nonlinear_start(), 0, 1, kSteps);
    const PointsD back = integrate(solver, nonlinear, there, 1, 0, kSteps);
    const double error = largest_magnitude(back - nonlinear_start());
    CAPTURE(name(solver), error);
    CHECK(error < 20 * std::pow(1.0 / kSteps, order(solver)));
    CHECK(error > 0);
  }
}

TEST_CASE("one step of each solver is its formula") {
  // By hand from the Butcher tableaus, for one number: Heun and the midpoint rule have one order
  // and are told apart here.
  const auto f = [](double t, double x) { return std::sin(3 * t) + x * x; };
  constexpr double kT = 0.2;
  constexpr double kH = 0.3;
  constexpr double kX = 0.7;
  const auto one_step = [&](Solver solver) {
    const auto velocity = [&](double t, const PointsD& x, PointsD& out) {
      out(0, 0) = f(t, x(0, 0));
    };
    return integrate(solver, velocity, PointsD::Constant(1, 1, kX), kT, kT + kH, 1)(0, 0);
  };
  const double k1 = f(kT, kX);
  CHECK_THAT(one_step(Solver::euler), WithinRel(kX + kH * k1, 1e-14));
  CHECK_THAT(one_step(Solver::midpoint),
             WithinRel(kX + kH * f(kT + kH / 2, kX + kH / 2 * k1), 1e-14));
  CHECK_THAT(one_step(Solver::heun),
             WithinRel(kX + kH / 2 * (k1 + f(kT + kH, kX + kH * k1)), 1e-14));
  const double k2 = f(kT + kH / 2, kX + kH / 2 * k1);
  const double k3 = f(kT + kH / 2, kX + kH / 2 * k2);
  const double k4 = f(kT + kH, kX + kH * k3);
  CHECK_THAT(one_step(Solver::rk4), WithinRel(kX + kH / 6 * (k1 + 2 * k2 + 2 * k3 + k4), 1e-14));
}

TEST_CASE("a step evaluates the field as often as it says, inside the step") {
  for (const Solver solver : kFixedStepSolvers) {
    int evaluations = 0;
    double first = std::numeric_limits<double>::infinity();
    double last = -first;
    const auto velocity = [&](double t, const PointsD& x, PointsD& out) {
      ++evaluations;
      first = std::min(first, t);
      last = std::max(last, t);
      out = x;
    };
    integrate(solver, velocity, PointsD::Ones(2, 2), 0.25, 0.75, 1);
    CAPTURE(name(solver));
    CHECK(evaluations == evaluations_per_step(solver));
    CHECK(first == 0.25);
    CHECK(last <= 0.75);
  }
  CHECK(evaluations_per_step(Solver::euler) == 1);
  CHECK(evaluations_per_step(Solver::midpoint) == 2);
  CHECK(evaluations_per_step(Solver::heun) == 2);
  CHECK(evaluations_per_step(Solver::rk4) == 4);
  // Of those that have files of their own.
  CHECK(evaluations_per_step(Solver::dopri5) == 6);
  CHECK(order(Solver::dopri5) == 5);
  CHECK(evaluations_per_step(Solver::euler_maruyama) == 1);
  CHECK(evaluations_per_step(Solver::stochastic_heun) == 2);
}

TEST_CASE("a step moves as many points as there are, however many its memory is made for") {
  for (const Solver solver : kFixedStepSolvers) {
    const PointsD start = nonlinear_start();
    const auto velocity = [](double t, const auto& x, auto&& out) {
      out = (x.array() * (1 + t)).matrix();
    };
    Scratch exact(3, 2);
    PointsD expected = start;
    solver_step<double>(solver, velocity, 0, 0.1, expected, exact);
    Scratch larger(50, 2);
    larger.stage.setConstant(std::numeric_limits<double>::quiet_NaN());
    larger.slope = larger.stage;
    larger.sum = larger.stage;
    PointsD moved = start;
    solver_step<double>(solver, velocity, 0, 0.1, moved, larger);
    CAPTURE(name(solver));
    CHECK(moved == expected);
    // One row of a larger matrix.
    PointsD all = start;
    solver_step<double>(solver, velocity, 0, 0.1, all.middleRows(1, 1), larger);
    CHECK(all.row(1) == expected.row(1));
    CHECK(all.row(0) == start.row(0));
    CHECK(all.row(2) == start.row(2));
  }
}

TEST_CASE("a step of no length stays where it is") {
  for (const Solver solver : kFixedStepSolvers) {
    CHECK(integrate(solver, nonlinear, nonlinear_start(), 0.5, 0.5, 3) == nonlinear_start());
  }
}

TEST_CASE("a step of a solver does not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  const Solver solver = GENERATE(Solver::euler, Solver::midpoint, Solver::heun, Solver::rk4);
  SolverScratch scratch(64, 3);
  Points x = flowmatch::testing::normal_points(64, 3, 1);
  // As a field takes them.
  const auto velocity = [](double t, const ConstPointsRef& points, PointsRef out) {
    out = static_cast<float>(t) * points;
  };
  const std::int64_t before = flowmatch::testing::allocation_count();
  solver_step<float>(solver, velocity, 0.25, 0.25, x, scratch);
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CAPTURE(name(solver));
  CHECK(allocations == 0);
}

std::vector<std::string> bad_fields(const SolverConfig& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) fields.push_back(problem.field);
  return fields;
}

TEST_CASE("the settings of a solver are checked, all at once") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  CHECK(bad_fields({}).empty());
  CHECK(bad_fields({.steps = 1, .t_start = 1, .t_end = 0}).empty());
  CHECK(bad_fields({.steps = kMaxSolverSteps, .t_start = 0.5, .t_end = 0.5}).empty());
  CHECK(bad_fields({.steps = 0}).size() == 1);
  CHECK(bad_fields({.steps = -3}).size() == 1);
  CHECK(bad_fields({.steps = kMaxSolverSteps + 1}).size() == 1);
  CHECK(bad_fields({.t_start = -0.01}).size() == 1);
  CHECK(bad_fields({.t_end = 1.01}).size() == 1);
  CHECK(bad_fields({.t_start = kNan}).size() == 1);
  CHECK(bad_fields({.rtol = kMinTolerance, .atol = 1, .max_steps = kMaxSolverSteps}).empty());
  using Fields = std::vector<std::string>;
  CHECK(bad_fields({.rtol = 0}) == Fields{"rtol"});
  CHECK(bad_fields({.rtol = 1.5}) == Fields{"rtol"});
  CHECK(bad_fields({.atol = kMinTolerance / 2}) == Fields{"atol"});
  CHECK(bad_fields({.atol = kNan}) == Fields{"atol"});
  CHECK(bad_fields({.max_steps = 0}) == Fields{"maxSteps"});
  CHECK(bad_fields({.max_steps = kMaxSolverSteps + 1}) == Fields{"maxSteps"});
  CHECK(bad_fields({.sde = {.diffusion = {.scale = -1}}}) == Fields{"sde.diffusion.scale"});
  CHECK(bad_fields({.sde = {.first_row = -1}}) == Fields{"sde.firstRow"});
  CHECK(bad_fields({.t_start = -1, .t_end = 2}) == Fields{"tStart", "tEnd"});
  CHECK(bad_fields({.steps = 0, .t_start = kNan, .t_end = 2}).size() == 3);
  CHECK(bad_fields({.steps = 0, .t_start = kNan, .t_end = 2}).front() == "steps");
}

TEST_CASE("a solver is found by its name and by nothing else") {
  CHECK(name(Solver::euler) == "euler");
  CHECK(name(Solver::midpoint) == "midpoint");
  CHECK(name(Solver::heun) == "heun");
  CHECK(name(Solver::rk4) == "rk4");
  CHECK(name(Solver::dopri5) == "dopri5");
  CHECK(name(Solver::euler_maruyama) == "euler_maruyama");
  CHECK(name(Solver::stochastic_heun) == "stochastic_heun");
  for (const Solver solver : kSolvers) {
    CHECK(solver_from_name(name(solver)) == solver);
    CHECK_FALSE(is_stochastic(solver));
    CHECK(is_adaptive(solver) == (solver == Solver::dopri5));
  }
  for (const Solver solver : kSdeSolvers) {
    CHECK(solver_from_name(name(solver)) == solver);
    CHECK(is_stochastic(solver));
    CHECK_FALSE(is_adaptive(solver));
  }
  CHECK(kSolvers.size() + kSdeSolvers.size() == kAllSolvers.size());
  for (const auto* const text : {"", "Euler", "rk45", "rk"}) {
    CAPTURE(text);
    CHECK_FALSE(solver_from_name(text).has_value());
  }
}

}  // namespace
