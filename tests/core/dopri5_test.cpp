#include "flowmatch/dopri5.h"

#include "dopri5_golden.h"
#include "support/allocations.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::largest_magnitude;

using PointsD = PointsOf<double>;
using Solver5 = Dopri5Of<double>;
namespace golden = flowmatch::testing::golden_dopri5;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

PointsD point(double a, double b) {
  return (PointsD(1, 2) << a, b).finished();
}

/// Runs a solver that has not yet begun until it stops.
template <class Velocity>
void run(Solver5& solver, const SolverConfig& config, const PointsD& x, const Velocity& velocity) {
  solver.start(config, x, velocity);
  while (solver.state() == AdaptiveState::running) solver.attempt(velocity);
}

/// a' = a^2 cos t and, with b = c - a, b' = -2 t b^2: one coordinate on the other, and both on
/// time.
const auto kNonlinear = [](double t, const auto& x, auto&& out) {
  for (Index i = 0; i < x.rows(); ++i) {
    const double a = x(i, 0);
    const double b = x(i, 1) - a;
    out(i, 0) = a * a * std::cos(t);
    out(i, 1) = -2 * t * b * b + a * a * std::cos(t);
  }
};

PointsD nonlinear_solution(double t) {
  const double a = 1 / (1 / 0.5 - std::sin(t));
  return point(a, a + 1 / (1 + t * t));
}

TEST_CASE("it takes the steps of the published method, to the last digits") {
  const auto van_der_pol = [](double t, const auto& x, auto&& out) {
    out(0, 0) = 6 * x(0, 1);
    out(0, 1) = 6 * (4 * (1 - x(0, 0) * x(0, 0)) * x(0, 1) - x(0, 0) + 0.25 * t);
  };
  Solver5 solver(1, 2);
  solver.start({.rtol = 1e-4, .atol = 1e-5}, point(2, 0), van_der_pol);
  std::size_t step = 0;
  double before = 0;
  PointsD inside(1, 2);
  while (solver.state() == AdaptiveState::running) {
    if (!solver.attempt(van_der_pol)) continue;
    REQUIRE(step < golden::kTimes.size());
    CAPTURE(step);
    CHECK_THAT(solver.time(), WithinRel(golden::kTimes[step], 1e-9));
    for (std::size_t share = 0; share < 2; ++share) {
      const double h = solver.time() - before;
      solver.interpolate(before + (share == 0 ? 0.25 : 0.875) * h, inside);
      // Where it turns, x changes by 20 times as much as t.
      CHECK_THAT(inside(0, 0), WithinAbs(golden::kInside[4 * step + 2 * share], 1e-8));
      CHECK_THAT(inside(0, 1), WithinAbs(golden::kInside[4 * step + 2 * share + 1], 1e-7));
    }
    before = solver.time();
    ++step;
  }
  CHECK(solver.state() == AdaptiveState::arrived);
  CHECK(solver.time() == 1);
  CHECK(solver.accepted_steps() == static_cast<Index>(golden::kTimes.size()));
  CHECK(solver.rejected_steps() == golden::kRejected);
  CHECK_THAT(solver.x()(0, 0), WithinAbs(golden::kEnd[0], 1e-8));
  CHECK_THAT(solver.x()(0, 1), WithinAbs(golden::kEnd[1], 1e-7));
}

/// A way from 0 to 1 in so many steps of equal length: with a tolerance of 1 each is one attempt.
/// Returns the end, and the largest error of the continuous solution inside a step that begins on
/// the true one.
struct EqualSteps {
  double end_error = 0;
  double inside_error = 0;
};
EqualSteps in_equal_steps(Index steps, bool forwards) {
  Solver5 solver(1, 2);
  EqualSteps errors;
  const auto time = [&](Index s) {
    const double share = static_cast<double>(s) / static_cast<double>(steps);
    return forwards ? share : 1 - share;
  };
  PointsD x = nonlinear_solution(time(0));
  PointsD inside(1, 2);
  for (Index s = 0; s < steps; ++s) {
    const SolverConfig config{.t_start = time(s), .t_end = time(s + 1), .rtol = 1, .atol = 1};
    run(solver, config, x, kNonlinear);
    REQUIRE(solver.accepted_steps() == 1);
    x = solver.x();
    run(solver, config, nonlinear_solution(time(s)), kNonlinear);
    for (const double share : {0.2, 0.5, 0.9}) {
      const double t = time(s) + share * (time(s + 1) - time(s));
      solver.interpolate(t, inside);
      errors.inside_error =
          std::max(errors.inside_error, largest_magnitude(inside - nonlinear_solution(t)));
    }
  }
  errors.end_error = largest_magnitude(x - nonlinear_solution(time(steps)));
  return errors;
}

TEST_CASE("the solution is of order 5, and inside a step of order 4, in both directions of time") {
  for (const bool forwards : {true, false}) {
    const EqualSteps coarse = in_equal_steps(16, forwards);
    const EqualSteps fine = in_equal_steps(64, forwards);
    CAPTURE(forwards, coarse.end_error, coarse.inside_error);
    CHECK_THAT(std::log2(coarse.end_error / fine.end_error) / 2, WithinAbs(5, 0.2));
    // An order of 4 is an error of h^5 in one step.
    CHECK_THAT(std::log2(coarse.inside_error / fine.inside_error) / 2, WithinAbs(5, 0.15));
    CHECK(fine.end_error > 1e-13);
  }
}

TEST_CASE("the error follows the tolerance, and the steps its fifth root") {
  constexpr std::array<double, 4> kTolerances{1e-5, 1e-7, 1e-9, 1e-11};
  std::array<double, 4> steps{};
  Solver5 solver(1, 2);
  for (std::size_t i = 0; i < kTolerances.size(); ++i) {
    const SolverConfig config{.rtol = kTolerances[i], .atol = kTolerances[i]};
    run(solver, config, nonlinear_solution(0), kNonlinear);
    REQUIRE(solver.state() == AdaptiveState::arrived);
    const double error = largest_magnitude(solver.x() - nonlinear_solution(1));
    CAPTURE(kTolerances[i], error, solver.accepted_steps());
    CHECK(error < 5 * kTolerances[i]);
    CHECK(error > 1e-3 * kTolerances[i]);
    steps[i] = static_cast<double>(solver.accepted_steps());
  }
  // From 1e-7 to 1e-11: 10^(4 / 5) times as many.
  CHECK_THAT(std::log10(steps[3] / steps[1]), WithinAbs(0.8, 0.15));
}

TEST_CASE("there and back again ends at the start, within the tolerance") {
  for (const double tolerance : {1e-4, 1e-7}) {
    Solver5 solver(1, 2);
    const PointsD start = nonlinear_solution(0);
    run(solver, {.rtol = tolerance, .atol = tolerance}, start, kNonlinear);
    CHECK(solver.time() == 1);
    const PointsD end = solver.x();
    run(solver, {.t_start = 1, .t_end = 0, .rtol = tolerance, .atol = tolerance}, end, kNonlinear);
    CHECK(solver.time() == 0);
    const double error = largest_magnitude(solver.x() - start);
    CAPTURE(tolerance, error);
    CHECK(error < 10 * tolerance);
    CHECK(error > 0);
  }
}

TEST_CASE("the continuous solution joins its steps, with their slopes") {
  Solver5 solver(1, 2);
  solver.start({.rtol = 1e-3, .atol = 1e-3}, nonlinear_solution(0), kNonlinear);
  PointsD before = nonlinear_solution(0);
  double from = 0;
  int steps = 0;
  while (solver.state() == AdaptiveState::running) {
    if (!solver.attempt(kNonlinear)) continue;
    ++steps;
    const double to = solver.time();
    const auto at = [&](double t) {
      PointsD x(1, 2);
      solver.interpolate(t, x);
      return x;
    };
    const PointsD after = solver.x();
    CAPTURE(from, to);
    CHECK(largest_magnitude(at(from) - before) < 1e-14);
    CHECK(largest_magnitude(at(to) - after) < 1e-14);
    const double d = 1e-6 * (to - from);
    PointsD slope(1, 2);
    kNonlinear(from, before, slope);
    CHECK(largest_magnitude((at(from + d) - before) / d - slope) < 1e-4);
    kNonlinear(to, after, slope);
    CHECK(largest_magnitude((after - at(to - d)) / d - slope) < 1e-4);
    before = after;
    from = to;
  }
  CHECK(steps >= 3);
}

TEST_CASE("the hardest point of a batch decides the steps") {
  // Of a' = a^2 cos t: 0 stays where it is without an error, so a batch of it and of one other has
  // the steps of that one, which a mean over the points would have made longer.
  const auto velocity = [](double t, const auto& x, auto&& out) {
    out = (x.array().square() * std::cos(t)).matrix();
  };
  const SolverConfig config{.rtol = 1e-6, .atol = 1e-6};
  Solver5 alone(1, 2);
  run(alone, config, point(0.7, -0.4), velocity);
  PointsD many = PointsD::Zero(9, 2);
  many.row(5) = point(0.7, -0.4);
  Solver5 among(20, 2);
  run(among, config, many, velocity);
  CHECK(among.accepted_steps() == alone.accepted_steps());
  CHECK(among.x().row(5) == alone.x());
  CHECK(among.x().row(4).isZero(0));
  CHECK(among.x().rows() == 9);
  // And what it did before does not matter: the same solver once more.
  run(among, {.t_start = 0.3, .t_end = 0.1}, PointsD::Constant(20, 2, 0.3), velocity);
  run(among, config, point(0.7, -0.4), velocity);
  CHECK(among.x() == alone.x());
  CHECK(among.evaluations() == alone.evaluations());
}

TEST_CASE("every evaluation is counted, and every one is inside the way") {
  Index evaluations = 0;
  double first = std::numeric_limits<double>::infinity();
  double last = -first;
  const auto velocity = [&](double t, const auto& x, auto&& out) {
    ++evaluations;
    first = std::min(first, t);
    last = std::max(last, t);
    // Changes quickly in the middle.
    out = (x.array() * 20 / (1 + 900 * (t - 0.5) * (t - 0.5))).matrix();
  };
  Solver5 solver(1, 2);
  run(solver, {.t_start = 0.125, .t_end = 0.875}, point(1, 2), velocity);
  CHECK(solver.state() == AdaptiveState::arrived);
  CHECK(solver.rejected_steps() > 0);
  CHECK(evaluations == solver.evaluations());
  CHECK(evaluations == 2 + 6 * (solver.accepted_steps() + solver.rejected_steps()));
  CHECK(first == 0.125);
  CHECK(last == 0.875);
  const double integral = 2 * 20 / 30.0 * std::atan(30 * 0.375);
  CHECK_THAT(solver.x()(0, 0), WithinRel(std::exp(integral), 1e-3));
}

TEST_CASE("a way of no length takes no evaluation") {
  Solver5 solver(3, 2);
  const auto velocity = [](double, const auto&, auto&&) { FAIL("evaluated"); };
  solver.start({.t_start = 0.5, .t_end = 0.5}, PointsD::Constant(3, 2, 7), velocity);
  CHECK(solver.state() == AdaptiveState::arrived);
  CHECK(solver.x() == PointsD::Constant(3, 2, 7));
  CHECK(solver.time() == 0.5);
  CHECK(solver.evaluations() == 0);
}

TEST_CASE("points that stand still arrive, wherever they stand") {
  const auto still = [](double, const auto& x, auto&& out) { out = 0 * x; };
  for (const double at : {0.0, 1e-20, 3.0, -1e8}) {
    Solver5 solver(1, 2);
    run(solver, {}, point(at, at), still);
    CAPTURE(at);
    CHECK(solver.state() == AdaptiveState::arrived);
    CHECK(solver.x() == point(at, at));
    CHECK(solver.accepted_steps() < 15);
  }
}

TEST_CASE("too many steps end with the time that was reached") {
  Solver5 solver(1, 2);
  SolverConfig config{.rtol = 1e-9, .atol = 1e-9};
  run(solver, config, nonlinear_solution(0), kNonlinear);
  REQUIRE(solver.state() == AdaptiveState::arrived);
  const Index needed = solver.accepted_steps() + solver.rejected_steps();
  config.max_steps = needed;
  run(solver, config, nonlinear_solution(0), kNonlinear);
  CHECK(solver.state() == AdaptiveState::arrived);
  config.max_steps = needed - 1;
  run(solver, config, nonlinear_solution(0), kNonlinear);
  CHECK(solver.state() == AdaptiveState::too_many_steps);
  CHECK(solver.time() > 0.5);
  CHECK(solver.time() < 1);
  CHECK(solver.evaluations() == 2 + 6 * (needed - 1));
  CHECK(largest_magnitude(solver.x() - nonlinear_solution(solver.time())) < 1e-7);
}

TEST_CASE("what cannot be solved ends where it cannot") {
  Solver5 solver(2, 2);
  SECTION("no number from the start") {
    run(solver, {}, PointsD::Ones(2, 2), [](double, const auto& x, auto&& out) { out = kNan * x; });
    CHECK(solver.state() == AdaptiveState::step_too_small);
    CHECK(solver.time() == 0);
    CHECK(solver.accepted_steps() == 0);
  }
  SECTION("no number from a time on, of one point alone") {
    run(solver, {}, PointsD::Ones(2, 2), [](double t, const auto& x, auto&& out) {
      out = x;
      if (t > 0.4) out(1, 1) = kNan;
    });
    CHECK(solver.state() == AdaptiveState::step_too_small);
    CHECK(solver.time() <= 0.4);
    CHECK_THAT(solver.time(), WithinAbs(0.4, 1e-9));
    CHECK_THAT(solver.x()(0, 0), WithinRel(std::exp(0.4), 1e-5));
  }
  SECTION("a solution that goes to infinity") {
    // 1 / (1 / 2 - t)
    run(solver, {}, PointsD::Constant(2, 2, 2),
        [](double, const auto& x, auto&& out) { out = x.array().square().matrix(); });
    CHECK(solver.state() != AdaptiveState::arrived);
    CHECK_THAT(solver.time(), WithinAbs(0.5, 1e-3));
  }
}

TEST_CASE("a jump of the field is passed by short steps") {
  Solver5 solver(1, 2);
  run(solver, {}, point(0, 1), [](double t, const auto& x, auto&& out) {
    out.setConstant(t < 0.3 ? 1.0 : -2.0);
    out(0, 1) = 0 * x(0, 0);
  });
  CHECK(solver.state() == AdaptiveState::arrived);
  CHECK(solver.rejected_steps() > 3);
  // The estimate is that of a smooth field: where there is none, it is too small.
  CHECK_THAT(solver.x()(0, 0), WithinAbs(0.3 - 2 * 0.7, 1e-3));
  CHECK(solver.x()(0, 1) == 1);
}

TEST_CASE("an attempt does not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  Dopri5 solver(64, 3);
  const Points x = flowmatch::testing::normal_points(50, 3, 1);
  Points inside(50, 3);
  // As a field takes them.
  const auto velocity = [](double t, const ConstPointsRef& points, PointsRef out) {
    out = static_cast<float>(t) * points;
  };
  const std::int64_t before = flowmatch::testing::allocation_count();
  solver.start({}, x, velocity);
  while (solver.state() == AdaptiveState::running) {
    if (solver.attempt(velocity)) solver.interpolate(solver.time(), inside);
  }
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CHECK(allocations == 0);
  CHECK(largest_magnitude(inside - std::exp(0.5F) * x) < 1e-4);
}

TEST_CASE("the controller follows the formula of Gustafsson's") {
  StepController controller;
  const auto factor = [](double error, double before) {
    return 0.9 * std::pow(error, -0.17) * std::pow(before, 0.04);
  };
  auto verdict = controller.judge(0.5);
  CHECK(verdict.accepted);
  CHECK_THAT(verdict.factor, WithinRel(factor(0.5, 1e-4), 1e-13));
  verdict = controller.judge(0.02);
  CHECK_THAT(verdict.factor, WithinRel(factor(0.02, 0.5), 1e-13));
  verdict = controller.judge(1);
  CHECK(verdict.accepted);
  CHECK_THAT(verdict.factor, WithinRel(factor(1, 0.02), 1e-13));
  // Rejected: by the last error alone, which the controller then forgets.
  verdict = controller.judge(7);
  CHECK_FALSE(verdict.accepted);
  CHECK_THAT(verdict.factor, WithinRel(0.9 * std::pow(7, -0.17), 1e-13));
  // The step after it is not longer; the next again is.
  verdict = controller.judge(1e-3);
  CHECK(verdict.accepted);
  CHECK(verdict.factor == 1);
  verdict = controller.judge(1e-3);
  CHECK_THAT(verdict.factor, WithinRel(factor(1e-3, 1e-3), 1e-13));
}

TEST_CASE("the controller's factors stay within their bounds, whatever the error") {
  for (const double error : {0.0, 1e-300, 1e-12}) {
    StepController controller;
    const auto verdict = controller.judge(error);
    CHECK(verdict.accepted);
    CHECK(verdict.factor == 10);
  }
  for (const double error : {1e5, 1e300, std::numeric_limits<double>::infinity(), kNan, -kNan}) {
    StepController controller;
    const auto verdict = controller.judge(error);
    CAPTURE(error);
    CHECK_FALSE(verdict.accepted);
    CHECK(verdict.factor == 0.2);
  }
}

TEST_CASE("the first step is the book's") {
  CHECK(first_step_guess(2, 5) == 0.01 * 2 / 5);
  for (const double bad : {0.0, 1e-6, kNan, std::numeric_limits<double>::infinity()}) {
    CHECK(first_step_guess(bad, 1) == 1e-6);
    CHECK(first_step_guess(1, bad) == 1e-6);
  }
  CHECK_THAT(first_step(0.02, 3, 40), WithinRel(std::pow(0.01 / 40, 0.2), 1e-13));
  CHECK_THAT(first_step(0.02, 50, 40), WithinRel(std::pow(0.01 / 50, 0.2), 1e-13));
  CHECK(first_step(1e-4, 3, 40) == 100 * 1e-4);
  CHECK(first_step(0.5, 0, 0) == 0.5e-3);
  CHECK(first_step(1e-6, 0, 0) == 1e-6);
  CHECK(first_step(1e-6, kNan, 1) == 1e-6);
  CHECK(first_step(1e-6, 1, kNan) == 1e-6);
}

}  // namespace
