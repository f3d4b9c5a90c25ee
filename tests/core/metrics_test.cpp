#include "flowmatch/metrics.h"

#include "support/errors.h"
#include "support/samples.h"
#include "support/statistics.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::Estimate;
using flowmatch::testing::kSigmas;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::make_mixture;
using flowmatch::testing::normal_points;

Points shuffled(const Points& points) {
  // A fixed permutation: 37 and the number of rows have no common divisor.
  Points result(points.rows(), points.cols());
  for (Index i = 0; i < points.rows(); ++i) result.row(i) = points.row(i * 37 % points.rows());
  return result;
}

TEST_CASE("random directions have length one and no preferred direction") {
  const Index dimension = GENERATE(1, 2, 3, 10);
  CAPTURE(dimension);
  const Points directions = random_directions(20'000, dimension, 1);
  CHECK(largest_magnitude(directions.rowwise().norm().array() - 1) < 1e-6);
  for (Index i = 0; i < dimension; ++i) {
    Estimate mean;
    Estimate square;
    for (Index n = 0; n < directions.rows(); ++n) {
      const auto x = static_cast<double>(directions(n, i));
      mean.add(x);
      square.add(x * x);
    }
    CHECK(std::abs(mean.mean()) < kSigmas * mean.error());
    CHECK(std::abs(square.mean() - 1 / static_cast<double>(dimension)) <=
          kSigmas * square.error() + 1e-6);
  }
  CHECK(random_directions(5, dimension, 1) == directions.topRows(5));
  CHECK(random_directions(5, dimension, 2) != directions.topRows(5));
}

TEST_CASE("the distance along one direction pairs the sorted projections") {
  Points a(3, 2);
  a << 5, 100, 0, -7, 1, 3;
  Points b(3, 2);
  b << 2, 0, 9, 0, -1, 0;
  std::vector<float> scratch;
  // 0, 1, 5 against -1, 2, 9.
  CHECK_THAT(projected_w2_squared(a, b, Eigen::Vector2f(1, 0), scratch),
             WithinRel((1.0 + 1 + 16) / 3, 1e-6));
  // -7, 3, 100 against three zeros.
  CHECK_THAT(projected_w2_squared(a, b, Eigen::Vector2f(0, 1), scratch),
             WithinRel((49.0 + 9 + 10'000) / 3, 1e-6));
  CHECK_THAT(projected_w2_squared(a, b, Eigen::Vector2f(0.6F, 0.8F), scratch),
             WithinRel(projected_w2_squared(b, a, Eigen::Vector2f(0.6F, 0.8F), scratch), 1e-12));
}

TEST_CASE("sliced W2 of a shifted cloud is the shift over the root of the dimension") {
  // Along a direction d the distance is |d . shift|, whose mean square over all directions is
  // |shift|^2 / D.
  const Index dimension = GENERATE(1, 2, 3, 10);
  CAPTURE(dimension);
  const Points a = normal_points(200, dimension, 1);
  Eigen::RowVectorXf shift(dimension);
  for (Index i = 0; i < dimension; ++i) shift[i] = 1.5F - 0.7F * static_cast<float>(i);
  const Points b = shuffled(a.rowwise() + shift);
  constexpr Index kProjections = 4000;
  const double distance = sliced_w2(a, b, kProjections, 7);

  Estimate square;
  const Points directions = random_directions(kProjections, dimension, 7);
  for (Index i = 0; i < kProjections; ++i) {
    square.add(std::pow(static_cast<double>(directions.row(i).dot(shift)), 2));
  }
  CHECK_THAT(distance, WithinRel(std::sqrt(square.mean()), 1e-5));
  const double closed_form =
      static_cast<double>(shift.squaredNorm()) / static_cast<double>(dimension);
  CHECK(std::abs(distance * distance - closed_form) <= kSigmas * square.error() + 1e-5);
}

TEST_CASE("sliced W2 of a cloud and its multiple is known too") {
  // Sorted pairs x and c x: the mean square of (c - 1) x along each direction, (c - 1)^2 here,
  // because the cloud is a unit circle.
  constexpr Index kCount = 1000;
  Points circle(kCount, 2);
  for (Index i = 0; i < kCount; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / kCount;
    circle(i, 0) = static_cast<float>(std::cos(angle));
    circle(i, 1) = static_cast<float>(std::sin(angle));
  }
  CHECK_THAT(sliced_w2(circle, 3 * circle, 64, 1), WithinRel(2 / std::numbers::sqrt2, 1e-5));
}

TEST_CASE("sliced W2 is a distance: symmetric, and zero for the same points in any order") {
  const Index dimension = GENERATE(1, 2, 5);
  const Points a = normal_points(301, dimension, 1);
  const Points b = normal_points(301, dimension, 2, 2);
  CHECK(sliced_w2(a, shuffled(a), 50, 3) < 1e-6);
  CHECK(sliced_w2(a, b, 50, 3) == sliced_w2(b, a, 50, 3));
  CHECK(sliced_w2(a, b, 50, 3) > 0.5);
}

/// sum_ij |a_i - b_j| in double precision.
double plain_sum_of_distances(const Points& a, const Points& b) {
  double sum = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < b.rows(); ++j) {
      sum += (a.row(i).cast<double>() - b.row(j).cast<double>()).norm();
    }
  }
  return sum;
}

TEST_CASE("the sum of distances is the plain double loop, in two dimensions and in others") {
  const Index dimension = GENERATE(1, 2, 3, 17);
  for (const Index rows : {1, 5, 100, 333}) {
    const Points a = normal_points(rows, dimension, 1, 3);
    const Points b = normal_points(211, dimension, 2, 3);
    CAPTURE(dimension, rows);
    CHECK_THAT(sum_of_distances(a, b), WithinRel(plain_sum_of_distances(a, b), 3e-7));
    CHECK_THAT(sum_of_distances(b, a), WithinRel(plain_sum_of_distances(a, b), 3e-7));
  }
}

TEST_CASE("the fast path for two dimensions is the general one") {
  // A third coordinate of zeros changes no distance.
  const Points a = normal_points(500, 2, 1, 5);
  const Points b = normal_points(400, 2, 2, 5);
  const auto lifted = [](const Points& points) {
    Points result = Points::Zero(points.rows(), 3);
    result.leftCols(2) = points;
    return result;
  };
  CHECK_THAT(sum_of_distances(a, b), WithinRel(sum_of_distances(lifted(a), lifted(b)), 2e-7));
  CHECK_THAT(energy_distance(a, b), WithinAbs(energy_distance(lifted(a), lifted(b)), 5e-6));
}

TEST_CASE("points may be rows of a larger matrix") {
  const Points all = normal_points(100, 2, 1);
  const Points part = all.middleRows(20, 30);
  CHECK(sum_of_distances(all.middleRows(20, 30), all) == sum_of_distances(part, all));
  CHECK(sum_of_distances(all, all.middleRows(20, 30)) == sum_of_distances(all, part));
}

TEST_CASE("the energy distance of points that one can count by hand") {
  // Between {0} and {d}: 2 d. Between {0, 0} and {0, d}: 2 d / 2 - 0 - 2 d / 4.
  CHECK_THAT(energy_distance(Points::Zero(1, 1), Points::Constant(1, 1, 3)), WithinRel(6.0, 1e-7));
  Points b = Points::Zero(2, 2);
  b(1, 0) = 3;
  b(1, 1) = 4;
  CHECK_THAT(energy_distance(Points::Zero(2, 2), b), WithinRel(2.5, 1e-6));
  // Sets of different size: {0, 0, 0} is {0}.
  CHECK_THAT(energy_distance(Points::Zero(3, 2), b), WithinRel(2.5, 1e-6));
}

TEST_CASE("the energy distance is symmetric, and zero for the same points in any order") {
  const Index dimension = GENERATE(1, 2, 5);
  const Points a = normal_points(301, dimension, 1);
  const Points b = normal_points(200, dimension, 2, 2);
  CHECK_THAT(energy_distance(a, shuffled(a)), WithinAbs(0, 1e-6));
  CHECK_THAT(energy_distance(a, b), WithinAbs(energy_distance(b, a), 1e-6));
  CHECK(energy_distance(a, b) > 0.05);
}

/// E|Z| of Z ~ N(shift, 2), the difference of two normal numbers.
double mean_distance_1d(double shift) {
  return 2 * std::numbers::inv_sqrtpi * std::exp(-shift * shift / 4) + shift * std::erf(shift / 2);
}

TEST_CASE("the energy distance of shifted normal numbers is the closed form") {
  // Of sets of n points each, a point with itself included:
  // 2 E|X - Y| - (1 - 1 / n) (E|X - X'| + E|Y - Y'|).
  const double shift = GENERATE(0.5, 2.0);
  constexpr Index kCount = 500;
  const double expected =
      2 * mean_distance_1d(shift) - (1 - 1.0 / kCount) * 2 * mean_distance_1d(0);
  Estimate estimate;
  for (std::uint64_t repeat = 0; repeat < 16; ++repeat) {
    const Points x = normal_points(kCount, 1, 2 * repeat);
    const Points y = normal_points(kCount, 1, 2 * repeat + 1).array() + static_cast<float>(shift);
    estimate.add(energy_distance(x, y));
  }
  CAPTURE(shift, expected, estimate.mean(), estimate.error());
  CHECK(std::abs(estimate.mean() - expected) < kSigmas * estimate.error());
  CHECK(estimate.error() < 0.1 * expected);
}

TEST_CASE("two sets of one distribution are 2 E|X - X'| / n apart on average") {
  // E|X - X'| of normal points in the plane is the root of pi.
  constexpr Index kCount = 400;
  const double floor = 2 * std::sqrt(std::numbers::pi) / kCount;
  Estimate estimate;
  for (std::uint64_t repeat = 0; repeat < 60; ++repeat) {
    estimate.add(energy_distance(normal_points(kCount, 2, 2 * repeat),
                                 normal_points(kCount, 2, 2 * repeat + 1)));
  }
  CAPTURE(floor, estimate.mean(), estimate.error());
  CHECK(std::abs(estimate.mean() - floor) < kSigmas * estimate.error());
  CHECK(estimate.error() < 0.1 * floor);
}

TEST_CASE("W1 and W2 of points that one can count by hand") {
  Points a(2, 2);
  a << 0, 0, 10, 0;
  Points b(2, 2);
  b << 10, 4, 0, 3;
  CHECK_THAT(w1(a, b), WithinRel(3.5, 1e-7));
  CHECK_THAT(w2(a, b), WithinRel(std::sqrt((9.0 + 16) / 2), 1e-7));
  // Where the two have different optimal pairs: on a line, W1 is 1 for each of them, W2 is not.
  Points c(2, 1);
  c << 0, 1;
  Points d(2, 1);
  d << 1, 2;
  CHECK_THAT(w1(c, d), WithinRel(1.0, 1e-7));
  CHECK_THAT(w2(c, d), WithinRel(1.0, 1e-7));
  CHECK_THAT(w1(Points::Zero(1, 3), Points::Constant(1, 3, 2)), WithinRel(std::sqrt(12.0), 1e-7));
}

TEST_CASE("W1 and W2 on a line are those of the sorted points") {
  constexpr Index kCount = 301;
  const Points a = normal_points(kCount, 1, 1);
  const Points b = normal_points(kCount, 1, 2, 3);
  std::vector<float> sorted_a(a.data(), a.data() + kCount);
  std::vector<float> sorted_b(b.data(), b.data() + kCount);
  std::sort(sorted_a.begin(), sorted_a.end());
  std::sort(sorted_b.begin(), sorted_b.end());
  double distances = 0;
  double squares = 0;
  for (std::size_t i = 0; i < sorted_a.size(); ++i) {
    const double difference = static_cast<double>(sorted_a[i]) - static_cast<double>(sorted_b[i]);
    distances += std::abs(difference) / kCount;
    squares += difference * difference / kCount;
  }
  CHECK_THAT(w1(a, b), WithinRel(distances, 1e-6));
  CHECK_THAT(w2(a, b), WithinRel(std::sqrt(squares), 1e-6));
  // In one dimension W2 is sliced W2.
  CHECK_THAT(w2(a, b), WithinRel(sliced_w2(a, b, 1, 1), 1e-5));
}

TEST_CASE("W1 and W2 of a shifted cloud are the shift") {
  const Index dimension = GENERATE(1, 2, 7);
  const Points a = normal_points(200, dimension, 1);
  const Points b = shuffled(a.array() + 1.5F);
  const double shift = 1.5 * std::sqrt(static_cast<double>(dimension));
  CHECK_THAT(w1(a, b), WithinRel(shift, 1e-5));
  CHECK_THAT(w2(a, b), WithinRel(shift, 1e-5));
  CHECK(w2(a, shuffled(a)) == 0);
  const Points c = normal_points(200, dimension, 2);
  CHECK_THAT(w2(a, c), WithinRel(w2(c, a), 1e-6));
  // The root mean square of distances is at least their mean.
  CHECK(w1(a, c) <= w2(a, c));
}

TEST_CASE("W2 of a cloud and its multiple, moved far away, is known") {
  // x -> 3 x + m is the gradient of a convex function: no other pairs are better than these. The
  // ways are 2 x + m.
  const Points a = normal_points(300, 2, 1);
  const Eigen::RowVector2f shift(40, -90);
  const Points image = (3 * a).rowwise() + shift;
  double squares = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    squares += (image.row(i).cast<double>() - a.row(i).cast<double>()).squaredNorm();
  }
  CHECK_THAT(w2(a, shuffled(image)), WithinRel(std::sqrt(squares / 300), 1e-7));
  // Points without any extent.
  const Points one = Points::Constant(300, 2, 5);
  CHECK_THAT(w2(one, a), WithinRel(std::sqrt(transport_cost(one, a)), 1e-7));
}

TEST_CASE("W2 of samples of two Gaussians is the closed form, within the floor") {
  // N(0, I) and N(m, diag(9, 0.25)): |m|^2 + (3 - 1)^2 + (0.5 - 1)^2.
  constexpr Index kCount = 800;
  const Points a = normal_points(kCount, 2, 1);
  Points b = normal_points(kCount, 2, 2);
  b.col(0) = (3 * b.col(0)).array() + 2;
  b.col(1) = (0.5F * b.col(1)).array() - 1;
  const double expected = std::sqrt(5 + 4 + 0.25);
  const double floor = floor_of(w2, StandardNormal(2), kCount, 3);
  CAPTURE(floor, w2(a, b));
  CHECK(floor > 0.05);
  CHECK(floor < 0.3);
  CHECK(std::abs(w2(a, b) - expected) < floor);
  CHECK(sliced_w2(a, b, 64, 1) < w2(a, b));
}

TEST_CASE("W1 and W2 of sets that have none are not a number") {
  const Points some = normal_points(3, 2, 1);
  for (const auto distance : {w1, w2, transport_cost}) {
    CHECK(std::isnan(distance(some, some.topRows(2))));
    CHECK(std::isnan(distance(Points(0, 2), Points(0, 2))));
  }
  Points bad = some;
  bad(1, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(w1(some, bad)));
  CHECK(std::isnan(w2(bad, some)));
}

TEST_CASE("the transport cost is the mean square from row to row, at least W2 squared") {
  const Points a = normal_points(100, 3, 1);
  const Points b = normal_points(100, 3, 2);
  CHECK_THAT(transport_cost(a, b),
             WithinRel(static_cast<double>((a - b).squaredNorm()) / 100, 1e-6));
  CHECK(transport_cost(a, b) > w2(a, b) * w2(a, b));
  CHECK(transport_cost(a, a) == 0);
}

TEST_CASE("MMD of points that one can count by hand") {
  // {0, 0} and {1, 1} at bandwidth 1: 1 + 1 - 2 exp(-1/2), with the diagonal or without.
  const std::vector<double> one{1};
  const double expected = 2 - 2 * std::exp(-0.5);
  const Mmd mmd = squared_mmd(Points::Zero(2, 1), Points::Ones(2, 1), one);
  CHECK_THAT(mmd.biased, WithinRel(expected, 1e-12));
  CHECK_THAT(mmd.unbiased, WithinRel(expected, 1e-12));
  // The mean over bandwidths.
  const std::vector<double> two{1, 0.5};
  const Mmd both = squared_mmd(Points::Zero(2, 1), Points::Ones(2, 1), two);
  CHECK_THAT(both.biased, WithinRel(2 - std::exp(-0.5) - std::exp(-2.0), 1e-12));
  // So far apart that the kernel vanishes.
  const Mmd far = squared_mmd(Points::Zero(2, 1), Points::Constant(3, 1, 1e4F), one);
  CHECK_THAT(far.biased, WithinRel(2.0, 1e-12));
  CHECK(std::isnan(squared_mmd(Points(0, 1), Points::Ones(3, 1), one).biased));
}

TEST_CASE("MMD is the plain double sum, for any sizes") {
  const Index dimension = GENERATE(1, 2, 5);
  const Points a = normal_points(37, dimension, 1);
  const Points b = normal_points(18, dimension, 2, 2);
  const std::vector<double> bandwidths{0.5, 1, 3};
  const auto kernels = [&](const Points& x, const Points& y, bool with_diagonal) {
    double sum = 0;
    for (Index i = 0; i < x.rows(); ++i) {
      for (Index j = 0; j < y.rows(); ++j) {
        if (!with_diagonal && i == j) continue;
        for (const double h : bandwidths) {
          const double square = (x.row(i).cast<double>() - y.row(j).cast<double>()).squaredNorm();
          sum += std::exp(-square / (2 * h * h)) / 3;
        }
      }
    }
    return sum;
  };
  const double between = 2 * kernels(a, b, true) / (37 * 18);
  const Mmd mmd = squared_mmd(a, b, bandwidths);
  CHECK_THAT(
      mmd.biased,
      WithinAbs(kernels(a, a, true) / (37 * 37) + kernels(b, b, true) / (18 * 18) - between, 1e-6));
  CHECK_THAT(mmd.unbiased, WithinAbs(kernels(a, a, false) / (37 * 36) +
                                         kernels(b, b, false) / (18 * 17) - between,
                                     1e-6));
}

TEST_CASE("MMD of equal sets is zero, of sets of one distribution on average where unbiased") {
  const std::vector<double> one{1};
  const Points a = normal_points(101, 2, 1);
  CHECK_THAT(squared_mmd(a, shuffled(a), one).biased, WithinAbs(0, 1e-6));
  Estimate biased;
  Estimate unbiased;
  for (std::uint64_t repeat = 0; repeat < 200; ++repeat) {
    const Mmd mmd =
        squared_mmd(normal_points(30, 2, 2 * repeat), normal_points(30, 2, 2 * repeat + 1), one);
    biased.add(mmd.biased);
    unbiased.add(mmd.unbiased);
  }
  CHECK(std::abs(unbiased.mean()) < kSigmas * unbiased.error());
  // The bias is 2 (1 - E k(X, X')) / n; for normal points in the plane E k is 1 / (1 + 2).
  CHECK(std::abs(biased.mean() - 2 * (1 - 1.0 / 3) / 30) < kSigmas * biased.error());
}

TEST_CASE("MMD of shifted normal numbers is the closed form") {
  // E k of N(d, 2) at bandwidth 1: exp(-d^2 / 6) / sqrt(3).
  const std::vector<double> one{1};
  const double expected = 2 * (1 - std::exp(-4.0 / 6)) / std::sqrt(3.0);
  Estimate estimate;
  for (std::uint64_t repeat = 0; repeat < 40; ++repeat) {
    const Points y = normal_points(100, 1, 2 * repeat + 1).array() + 2;
    estimate.add(squared_mmd(normal_points(100, 1, 2 * repeat), y, one).unbiased);
  }
  CHECK(std::abs(estimate.mean() - expected) < kSigmas * estimate.error());
  CHECK(estimate.error() < 0.05 * expected);
}

TEST_CASE("the median heuristic is the median distance") {
  Points a(2, 1);
  a << 0, 1;
  Points b(1, 1);
  b << 10;
  // 1, 9, 10.
  CHECK_THAT(median_bandwidth(a, b), WithinRel(9.0, 1e-6));
  CHECK(median_bandwidth(Points::Ones(5, 2), Points::Ones(5, 2)) == 1);
  CHECK(median_bandwidth(Points(0, 2), Points(0, 2)) == 1);
  // Normal points in the plane: |X - X'|^2 / 4 is exponential, so that the median is 2 sqrt(ln 2).
  CHECK_THAT(median_bandwidth(normal_points(3000, 2, 1), normal_points(700, 2, 2)),
             WithinRel(2 * std::sqrt(std::numbers::ln2), 0.03));
}

GaussianMixture two_modes() {
  return make_mixture({.weights = {0.3, 0.7},
                       .means = {Eigen::Vector2d(-5, 0), Eigen::Vector2d(5, 0)},
                       .covariances = {Eigen::Matrix2d::Identity(), Eigen::Matrix2d::Identity()}});
}

TEST_CASE("the shares of the modes count the points nearest to each mean") {
  Points x(5, 2);
  x << -5, 0,     // at the first mean
      -0.1F, 50,  // far away, nearer to the first
      0.1F, -50,  // nearer to the second
      6, 1,       //
      100, 0;
  const Values shares = mode_shares(two_modes(), x);
  REQUIRE(shares.size() == 2);
  CHECK_THAT(shares[0], WithinRel(0.4, 1e-12));
  CHECK_THAT(shares[1], WithinRel(0.6, 1e-12));
}

TEST_CASE("the share within a radius counts the points nearer than it to any mean") {
  Points x(6, 2);
  x << -5, 0,   //
      -5, 2,    //
      5, 3,     // exactly at the radius: not nearer
      8.5F, 0,  //
      0, 0,     //
      7, 2;
  CHECK_THAT(share_within(two_modes(), x, 3), WithinRel(3.0 / 6, 1e-12));
  CHECK_THAT(share_within(two_modes(), x, 3.1), WithinRel(4.0 / 6, 1e-12));
  CHECK(share_within(two_modes(), x, 0) == 0);
  CHECK(share_within(two_modes(), x, 100) == 1);
}

TEST_CASE("true samples of the blog's target have its shares") {
  const GaussianMixture ring = make_mixture(ring_mixture(11, 10, 1));
  constexpr Index kCount = 50'000;
  Points x(kCount, 2);
  ring.sample({1, Purpose::test, 0}, 0, x);
  // Neighbouring modes are 5.6 apart, so that a sample is nearer than 3 to its own or, rarely, to
  // another: 1 - exp(-4.5) of its own, and at most 2 (1 - Phi(2.6)) = 0.9 % more of the others.
  const double own = 1 - std::exp(-4.5);
  const double within = share_within(ring, x, 3);
  CHECK(within > own - 0.003);
  CHECK(within < own + 0.009);
  const double error = std::sqrt(1.0 / 11 * (10.0 / 11) / kCount);
  const Values shares = mode_shares(ring, x);
  CHECK(largest_magnitude(shares.array() - 1.0 / 11) < kSigmas * error);
  CHECK_THAT(shares.sum(), WithinRel(1.0, 1e-12));
}

TEST_CASE("points that are not finite are within nothing") {
  Points x = Points::Constant(2, 2, std::numeric_limits<float>::quiet_NaN());
  x.row(1).setConstant(std::numeric_limits<float>::infinity());
  CHECK(share_within(two_modes(), x, 3) == 0);
  CHECK_FALSE(std::isfinite(energy_distance(x, Points::Zero(2, 2))));
}

}  // namespace
