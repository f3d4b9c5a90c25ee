#include "flowmatch/sinkhorn.h"

#include "flowmatch/assignment.h"
#include "support/allocations.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::normal_points;

/// Costs between two sets of points, both ways.
struct Pair {
  Pair(const Points& a, const Points& b)
      : costs(GroundCost::squared_distance, a.rows(), b.rows(), a.cols()),
        transposed(GroundCost::squared_distance, b.rows(), a.rows(), a.cols()) {
    costs.set(a, b);
    transposed.set(b, a);
  }
  PointCosts costs;
  PointCosts transposed;
};

double mean_cost(PointCosts& costs) {
  double sum = 0;
  for (Index i = 0; i < costs.rows(); ++i) {
    for (Index j = 0; j < costs.columns(); ++j) sum += static_cast<double>(costs.cost(i, j));
  }
  return sum / static_cast<double>(costs.rows() * costs.columns());
}

TEST_CASE("the plan has its marginals, whatever the sizes and the regularisation") {
  const Index sizes[][2] = {{1, 1}, {1, 5}, {7, 1}, {20, 33}, {32, 32}};
  for (const auto& [rows, columns] : sizes) {
    for (const double regularisation : {0.05, 0.3, 10.0}) {
      Pair pair(normal_points(rows, 2, 1), normal_points(columns, 2, 2, 2));
      SinkhornSolver solver(
          {.regularisation = regularisation, .max_iterations = 5000, .tolerance = 1e-5}, rows,
          columns);
      const SinkhornResult result = solver.solve(pair.costs, pair.transposed);
      CAPTURE(rows, columns, regularisation, result.iterations);
      CHECK(result.converged);
      const PointsOf<double> plan = solver.plan(pair.costs);
      CHECK(plan.minCoeff() >= 0);
      CHECK(largest_magnitude(plan.rowwise().sum().array() - 1 / static_cast<double>(rows)) <
            1e-12);
      const double error =
          (plan.colwise().sum().array() - 1 / static_cast<double>(columns)).abs().sum();
      CHECK(error <= 1e-5 * (1 + 1e-6));
      CHECK_THAT(error, WithinAbs(result.marginal_error, 1e-12));
    }
  }
}

TEST_CASE("two points against two have the closed form") {
  // By symmetry P = [[p, q], [q, p]] with p / q = exp((c_pq - c_pp) / r).
  Points a(2, 1);
  a << 0, 1;
  Pair pair(a, a);
  // Costs 0 and 1, mean 1/2.
  SinkhornSolver solver({.regularisation = 0.8, .max_iterations = 1000, .tolerance = 1e-12}, 2, 2);
  REQUIRE(solver.solve(pair.costs, pair.transposed).converged);
  const double ratio = std::exp(1 / (0.8 * 0.5));
  const PointsOf<double> plan = solver.plan(pair.costs);
  CHECK_THAT(plan(0, 0), WithinRel(0.5 * ratio / (1 + ratio), 1e-11));
  CHECK_THAT(plan(1, 0), WithinRel(0.5 / (1 + ratio), 1e-11));
  CHECK_THAT(solver.transport_cost(pair.costs), WithinRel(1 / (1 + ratio), 1e-11));
}

TEST_CASE("little regularisation gives optimal transport, much the independent coupling") {
  constexpr Index kSize = 8;
  Pair pair(normal_points(kSize, 2, 1), normal_points(kSize, 2, 2, 2));
  AssignmentSolver assignment(kSize);
  std::vector<Index> columns(kSize);
  REQUIRE(assignment.solve(pair.costs, columns));
  const double optimal = assignment.cost() / kSize;
  const double independent = mean_cost(pair.costs);
  double before = independent * (1 + 1e-6);
  for (const double regularisation : {1e6, 1.0, 0.1, 0.01, 2e-3}) {
    SinkhornSolver solver(
        {.regularisation = regularisation, .max_iterations = 10'000, .tolerance = 1e-4}, kSize,
        kSize);
    const SinkhornResult result = solver.solve(pair.costs, pair.transposed);
    const double cost = solver.transport_cost(pair.costs);
    CAPTURE(regularisation, result.iterations, result.marginal_error);
    CHECK(result.converged);
    // The cost falls with the regularisation, and never below the optimum.
    CHECK(cost < before);
    CHECK(cost > optimal * (1 - 1e-3));
    // The plan's excess is at most r times the entropy that an assignment lacks, log n.
    CHECK(cost <= optimal + regularisation * independent * std::log(kSize) + 1e-3);
    if (regularisation == 1e6) CHECK_THAT(cost, WithinRel(independent, 1e-5));
    if (regularisation == 2e-3) {
      const PointsOf<double> plan = solver.plan(pair.costs);
      double agreed = 0;
      for (Index i = 0; i < kSize; ++i) agreed += plan(i, columns[static_cast<std::size_t>(i)]);
      CHECK(agreed > 0.95);
    }
    before = cost;
  }
}

TEST_CASE("regularisation is relative to the mean cost: the unit of the data does not matter") {
  const Points a = normal_points(20, 2, 1);
  const Points b = normal_points(20, 2, 2);
  const SinkhornConfig config{.regularisation = 0.2, .tolerance = 1e-9};
  const auto plan_of = [&](float unit) {
    Pair pair(unit * a, unit * b);
    SinkhornSolver solver(config, 20, 20);
    solver.solve(pair.costs, pair.transposed);
    return solver.plan(pair.costs);
  };
  const PointsOf<double> plan = plan_of(1);
  CHECK(largest_magnitude(plan_of(0x1p-20F) - plan) < 1e-12);
  CHECK(largest_magnitude(plan_of(0x1p20F) - plan) < 1e-12);
}

TEST_CASE("pairs are drawn as the plan says") {
  Pair pair(normal_points(3, 2, 1), normal_points(5, 2, 2));
  SinkhornSolver solver({.regularisation = 0.5, .tolerance = 1e-6}, 3, 5);
  solver.solve(pair.costs, pair.transposed);
  const PointsOf<double> plan = solver.plan(pair.costs);
  constexpr int kDraws = 5000;
  PointsOf<double> share = PointsOf<double>::Zero(3, 5);
  std::vector<Index> columns(3);
  for (std::uint32_t step = 0; step < kDraws; ++step) {
    solver.sample(pair.costs, {1, Purpose::test, step}, columns);
    for (Index i = 0; i < 3; ++i) share(i, columns[static_cast<std::size_t>(i)]) += 1.0 / kDraws;
  }
  // Five standard deviations of a share of at most 1/2.
  CHECK(largest_magnitude(share - 3 * plan) < 5 * 0.5 / std::sqrt(kDraws));
  // The ends of (0, 1).
  CHECK(solver.sample_row(pair.costs, 0, 1e-12) == 0);
  CHECK(solver.sample_row(pair.costs, 0, 1 - 1e-15) == 4);
}

TEST_CASE("a solver that is stopped early says how far off it is") {
  Pair pair(normal_points(40, 2, 1), normal_points(40, 2, 2, 3));
  SinkhornSolver solver({.regularisation = 1e-3, .max_iterations = 3, .tolerance = 1e-6}, 40, 40);
  const SinkhornResult result = solver.solve(pair.costs, pair.transposed);
  CHECK_FALSE(result.converged);
  CHECK(result.iterations == 3);
  CHECK(result.marginal_error > 1e-6);
  const PointsOf<double> plan = solver.plan(pair.costs);
  CHECK_THAT(plan.sum(), WithinRel(1.0, 1e-12));
  CHECK_THAT((plan.colwise().sum().array() - 1.0 / 40).abs().sum(),
             WithinRel(result.marginal_error, 1e-6));
}

TEST_CASE("equal points and points that are not finite have the independent plan") {
  Pair equal(Points::Ones(4, 2), Points::Ones(3, 2));
  SinkhornSolver solver({}, 4, 4);
  const SinkhornResult result = solver.solve(equal.costs, equal.transposed);
  CHECK(result.converged);
  CHECK(result.marginal_error == 0);
  CHECK(largest_magnitude(solver.plan(equal.costs).array() - 1.0 / 12) < 1e-15);

  Points bad = Points::Ones(4, 2);
  bad(2, 1) = std::numeric_limits<float>::quiet_NaN();
  Pair broken(bad, Points::Ones(3, 2));
  const SinkhornResult refused = solver.solve(broken.costs, broken.transposed);
  CHECK_FALSE(refused.converged);
  CHECK(std::isnan(refused.marginal_error));
  CHECK(largest_magnitude(solver.plan(broken.costs).array() - 1.0 / 12) < 1e-15);
}

TEST_CASE("Sinkhorn's iteration and its draws do not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("allocations are not counted here");
  Pair pair(normal_points(50, 2, 1), normal_points(50, 2, 2));
  SinkhornSolver solver({}, 50, 50);
  std::vector<Index> columns(50);
  const auto before = flowmatch::testing::allocation_count();
  solver.solve(pair.costs, pair.transposed);
  solver.sample(pair.costs, {1, Purpose::test, 0}, columns);
  CHECK(flowmatch::testing::allocation_count() == before);
}

TEST_CASE("a configuration of Sinkhorn's iteration names what is wrong with it") {
  CHECK(validate(SinkhornConfig{}).empty());
  const Problems problems =
      validate(SinkhornConfig{.regularisation = 0, .max_iterations = 0, .tolerance = std::nan("")});
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].field == "regularisation");
  CHECK(problems[1].field == "maxIterations");
  CHECK(problems[2].field == "tolerance");
}

}  // namespace
