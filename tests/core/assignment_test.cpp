#include "flowmatch/assignment.h"

#include "flowmatch/cost.h"
#include "support/allocations.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::make_mixture;
using flowmatch::testing::normal_points;
using flowmatch::testing::worse;

/// The least sum over all permutations.
double brute_force(const Points& costs) {
  std::vector<Index> columns(static_cast<std::size_t>(costs.rows()));
  std::iota(columns.begin(), columns.end(), 0);
  double best = std::numeric_limits<double>::infinity();
  do {
    double sum = 0;
    for (Index i = 0; i < costs.rows(); ++i) {
      sum += static_cast<double>(costs(i, columns[static_cast<std::size_t>(i)]));
    }
    best = std::min(best, sum);
  } while (std::next_permutation(columns.begin(), columns.end()));
  return best;
}

bool is_permutation(std::vector<Index> columns) {
  std::sort(columns.begin(), columns.end());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] != static_cast<Index>(i)) return false;
  }
  return true;
}

/// Solves, and proves the result optimal: it is a permutation, no cost is below the sum of its
/// potentials by more than `slack`, and those of the chosen pairs are equal to it. Returns the sum.
double solve_and_prove(AssignmentSolver& solver, CostRows& costs, double slack) {
  const Index size = costs.rows();
  std::vector<Index> columns(static_cast<std::size_t>(size), -7);
  REQUIRE(solver.solve(costs, columns));
  REQUIRE(is_permutation(columns));
  const auto u = solver.row_potentials();
  const auto v = solver.column_potentials();
  REQUIRE(u.size() == columns.size());
  REQUIRE(v.size() == columns.size());
  double violated = 0;
  double loose = 0;
  double sum = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const float* row = costs.row(static_cast<Index>(i));
    for (std::size_t j = 0; j < columns.size(); ++j) {
      violated = worse(violated, u[i] + v[j] - static_cast<double>(row[j]));
    }
    const auto chosen = static_cast<std::size_t>(columns[i]);
    const auto cost = static_cast<double>(row[chosen]);
    loose = worse(loose, std::abs(cost - u[i] - v[chosen]));
    sum += cost;
  }
  CAPTURE(size, violated, loose);
  CHECK(violated <= slack);
  CHECK(loose <= slack);
  CHECK_THAT(solver.cost(), WithinRel(sum, 1e-12) || WithinAbs(sum, slack));
  return sum;
}

double solve_and_prove(const Points& matrix, double slack) {
  AssignmentSolver solver(matrix.rows());
  DenseCosts costs(matrix);
  return solve_and_prove(solver, costs, slack);
}

TEST_CASE("the assignment is the best of all permutations") {
  for (Index size = 1; size <= 7; ++size) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      // Of either sign.
      const Points costs = normal_points(size, size, seed + 100, 3);
      CAPTURE(size, seed);
      CHECK_THAT(solve_and_prove(costs, 1e-12), WithinAbs(brute_force(costs), 1e-12));
    }
  }
  const Points costs = normal_points(8, 8, 7);
  CHECK_THAT(solve_and_prove(costs, 1e-12), WithinAbs(brute_force(costs), 1e-12));
}

TEST_CASE("whole-number costs with many ties are assigned exactly") {
  const int levels = GENERATE(1, 2, 3, 10);
  for (Index size = 1; size <= 7; ++size) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const Points costs =
          (normal_points(size, size, seed + 1).array() * 1000).abs().unaryExpr([&](float x) {
            return static_cast<float>(static_cast<int>(x) % levels);
          });
      CAPTURE(levels, size, seed);
      CHECK_THAT(solve_and_prove(costs, 1e-9), WithinAbs(brute_force(costs), 1e-9));
    }
  }
}

TEST_CASE("nothing and one row are assigned too") {
  AssignmentSolver solver(3);
  Points none(0, 0);
  DenseCosts no_costs(none);
  std::vector<Index> columns;
  CHECK(solver.solve(no_costs, columns));
  CHECK(solver.cost() == 0);
  CHECK(solver.row_potentials().empty());
  CHECK(solve_and_prove(Points::Constant(1, 1, 2.5F), 0) == 2.5);
  AssignmentSolver empty(0);
  CHECK(empty.solve(no_costs, columns));
}

TEST_CASE("larger problems are proved optimal by their potentials, one solver for all sizes") {
  AssignmentSolver solver(300);
  for (const Index size : {2, 3, 9, 31, 64, 65, 100, 257, 300, 17}) {
    const Points random = normal_points(size, size, 5).array().abs();
    DenseCosts dense(random);
    solve_and_prove(solver, dense, 1e-12);

    PointCosts points(GroundCost::squared_distance, size, size, 3);
    points.set(normal_points(size, 3, 1), normal_points(size, 3, 2, 4));
    solve_and_prove(solver, points, 1e-11);
  }
}

TEST_CASE("from a Gaussian to a ring of eight, where all points move far") {
  constexpr Index kSize = 256;
  Points target(kSize, 2);
  make_mixture(ring_mixture(8, 5, 0.3)).sample({1, Purpose::test, 0}, 0, target);
  PointCosts costs(GroundCost::squared_distance, kSize, kSize, 2);
  costs.set(target, normal_points(kSize, 2, 2));
  AssignmentSolver solver(kSize);
  solve_and_prove(solver, costs, 1e-11);
}

TEST_CASE("equal points, and all points equal") {
  constexpr Index kSize = 200;
  AssignmentSolver solver(kSize);
  PointCosts costs(GroundCost::squared_distance, kSize, kSize, 2);
  costs.set(Points::Ones(kSize, 2), Points::Zero(kSize, 2));
  CHECK(solve_and_prove(solver, costs, 0) == 2 * kSize);
  // Five places with forty points each, against a cloud, and against each other.
  Points places(kSize, 2);
  for (Index i = 0; i < kSize; ++i) places.row(i).setConstant(static_cast<float>(i % 5));
  const Points cloud = normal_points(kSize, 2, 3);
  costs.set(places, cloud);
  const double there = solve_and_prove(solver, costs, 1e-11);
  costs.set(cloud, places);
  CHECK_THAT(solve_and_prove(solver, costs, 1e-11), WithinRel(there, 1e-12));
  costs.set(places, places.colwise().reverse());
  CHECK(solve_and_prove(solver, costs, 1e-11) == 0);
}

TEST_CASE("costs of any size: tiny, huge, or both in one problem") {
  const Points costs = normal_points(50, 50, 1).array().abs();
  const double sum = solve_and_prove(costs, 1e-12);
  CHECK_THAT(solve_and_prove(costs * 0x1p-100F, 0x1p-100 * 1e-12), WithinRel(sum * 0x1p-100, 1e-9));
  CHECK_THAT(solve_and_prove(costs * 0x1p120F, 0x1p120 * 1e-12), WithinRel(sum * 0x1p120, 1e-9));
  // Half the rows have to choose by costs that are nothing beside those of the others.
  Points mixed = costs;
  mixed.topRows(25) *= 1e6F;
  solve_and_prove(mixed, 1e-6 * 1e-3);
  solve_and_prove(mixed.transpose(), 1e-6 * 1e-3);
  solve_and_prove(costs.array() + 1e6F, 1e-8);
}

TEST_CASE("on a line the optimal pairs are those of the sorted points") {
  constexpr Index kSize = 333;
  const Points a = normal_points(kSize, 1, 1);
  const Points b = normal_points(kSize, 1, 2, 2);
  PointCosts costs(GroundCost::squared_distance, kSize, kSize, 1);
  costs.set(a, b);
  AssignmentSolver solver(kSize);
  std::vector<float> sorted_a(a.data(), a.data() + kSize);
  std::vector<float> sorted_b(b.data(), b.data() + kSize);
  std::sort(sorted_a.begin(), sorted_a.end());
  std::sort(sorted_b.begin(), sorted_b.end());
  double expected = 0;
  for (std::size_t i = 0; i < sorted_a.size(); ++i) {
    expected += std::pow(static_cast<double>(sorted_a[i]) - static_cast<double>(sorted_b[i]), 2);
  }
  CHECK_THAT(solve_and_prove(solver, costs, 1e-11), WithinRel(expected, 1e-6));
}

TEST_CASE("costs that are not finite are refused") {
  const float bad =
      GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
               -std::numeric_limits<float>::infinity());
  AssignmentSolver solver(37);
  std::vector<Index> columns(37);
  for (const Index at : {0, 5, 36}) {
    Points matrix = normal_points(37, 37, 1);
    matrix(36 - at, at) = bad;
    DenseCosts costs(matrix);
    CHECK_FALSE(solver.solve(costs, columns));
    CHECK(std::isnan(solver.cost()));
    CHECK(columns[0] == 0);
    CHECK(columns[36] == 36);
  }
  // And the solver is none the worse for it.
  const Points matrix = normal_points(37, 37, 1);
  DenseCosts costs(matrix);
  solve_and_prove(solver, costs, 1e-12);
}

TEST_CASE("an assignment does not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("allocations are not counted here");
  AssignmentSolver solver(100);
  PointCosts costs(GroundCost::squared_distance, 100, 100, 2);
  const Points a = normal_points(100, 2, 1);
  const Points b = normal_points(100, 2, 2, 3);
  std::vector<Index> columns(100);
  const auto before = flowmatch::testing::allocation_count();
  costs.set(a, b);
  solver.solve(costs, columns);
  CHECK(flowmatch::testing::allocation_count() == before);
}

TEST_CASE("the costs of points are their distances, row by row and pair by pair") {
  const Index dimension = GENERATE(1, 2, 3, 20);
  const Points a = normal_points(7, dimension, 1);
  const Points b = normal_points(41, dimension, 2);
  for (const GroundCost ground : {GroundCost::distance, GroundCost::squared_distance}) {
    PointCosts costs(ground, 10, 50, dimension);
    costs.set(a, b);
    REQUIRE(costs.rows() == 7);
    REQUIRE(costs.columns() == 41);
    const std::vector<Index> some_a{3, 3, 0};
    const std::vector<Index> some_b{40, 2};
    PointCosts some(ground, 10, 50, dimension);
    some.set(a, some_a, b, some_b);
    REQUIRE(some.rows() == 3);
    REQUIRE(some.columns() == 2);
    for (Index i = 0; i < 7; ++i) {
      const float* row = costs.row(i);
      for (Index j = 0; j < 41; ++j) {
        const double squared = (a.row(i) - b.row(j)).cast<double>().squaredNorm();
        const double expected = ground == GroundCost::distance ? std::sqrt(squared) : squared;
        CHECK_THAT(static_cast<double>(row[j]), WithinRel(expected, 3e-6));
        CHECK(costs.cost(i, j) == row[j]);
      }
    }
    CHECK(some.cost(1, 0) == costs.cost(3, 40));
    CHECK(some.row(2)[1] == costs.cost(0, 2));
  }
}

}  // namespace
