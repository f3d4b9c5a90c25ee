#include "flowmatch/metrics.h"

#include "elementary.h"
#include "flowmatch/assignment.h"
#include "flowmatch/cost.h"
#include "kernels/costs.h"
#include "kernels/elementwise.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace flowmatch {

double transport_cost(const ConstPointsRef& a, const ConstPointsRef& b) {
  if (a.rows() != b.rows() || a.rows() == 0) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    sum += (a.row(i).cast<double>() - b.row(i).cast<double>()).squaredNorm();
  }
  return sum / static_cast<double>(a.rows());
}

namespace {

/// The points moved and scaled to mean 0 and a mean square of 1. The pairs of least squared
/// distance stay what they are, for they are those of the largest sum of a_i . b_j, to which a move
/// adds the same for any pairing; but they are found sooner, by 20 times where the sets are far
/// apart.
Points standardised(const ConstPointsRef& x) {
  const auto mean = x.cast<double>().colwise().mean().eval();
  double squares = 0;
  for (Index i = 0; i < x.rows(); ++i) squares += (x.row(i).cast<double>() - mean).squaredNorm();
  const double scale = squares > 0 ? std::sqrt(static_cast<double>(x.rows()) / squares) : 1;
  Points result(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    result.row(i) = (scale * (x.row(i).cast<double>() - mean)).cast<float>();
  }
  return result;
}

/// The mean ground cost of the optimal pairs, with the costs of these in double precision.
double optimal_cost(GroundCost ground, const ConstPointsRef& a, const ConstPointsRef& b) {
  const Index count = a.rows();
  if (count != b.rows() || count == 0) return std::numeric_limits<double>::quiet_NaN();
  PointCosts costs(ground, count, count, a.cols());
  if (ground == GroundCost::squared_distance) {
    costs.set(standardised(a), standardised(b));
  } else {
    costs.set(a, b);
  }
  AssignmentSolver solver(count);
  std::vector<Index> partner(static_cast<std::size_t>(count));
  if (!solver.solve(costs, partner)) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (Index i = 0; i < count; ++i) {
    const double squared =
        (a.row(i).cast<double>() - b.row(partner[static_cast<std::size_t>(i)]).cast<double>())
            .squaredNorm();
    sum += ground == GroundCost::distance ? std::sqrt(squared) : squared;
  }
  return sum / static_cast<double>(count);
}

}  // namespace

double w1(const ConstPointsRef& a, const ConstPointsRef& b) {
  return optimal_cost(GroundCost::distance, a, b);
}

double w2(const ConstPointsRef& a, const ConstPointsRef& b) {
  return std::sqrt(optimal_cost(GroundCost::squared_distance, a, b));
}

double projected_w2_squared(const ConstPointsRef& a, const ConstPointsRef& b,
                            const Eigen::Ref<const Eigen::VectorXf>& direction,
                            std::vector<float>& scratch) {
  assert(a.rows() == b.rows());
  const Index count = a.rows();
  scratch.resize(static_cast<std::size_t>(2 * count));
  Eigen::Map<Eigen::VectorXf> first(scratch.data(), count);
  Eigen::Map<Eigen::VectorXf> second(scratch.data() + count, count);
  // Not by the general product, which is made for more than a few columns.
  first.noalias() = a.lazyProduct(direction);
  second.noalias() = b.lazyProduct(direction);
  // What is not a number has no place in an order.
  if (!first.allFinite() || !second.allFinite()) return std::nan("");
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  return (first - second).cast<double>().squaredNorm() / static_cast<double>(count);
}

Points random_directions(Index projections, Index dimension, std::uint64_t seed) {
  Points directions(projections, dimension);
  fill_normal({seed, Purpose::projections, 0}, 0, directions);
  // A row of zeros would need all its normals to be exactly 0, which the generator's lattice
  // excludes.
  directions.rowwise().normalize();
  return directions;
}

double sliced_w2(const ConstPointsRef& a, const ConstPointsRef& b, Index projections,
                 std::uint64_t seed) {
  const Points directions = random_directions(projections, a.cols(), seed);
  std::vector<float> scratch;
  double sum = 0;
  for (Index i = 0; i < projections; ++i) {
    sum += projected_w2_squared(a, b, directions.row(i).transpose(), scratch);
  }
  return std::sqrt(sum / static_cast<double>(projections));
}

double sum_of_distances(const ConstPointsRef& a, const ConstPointsRef& b) {
  double sum = 0;
  if (a.cols() == 2) {
    const Eigen::VectorXf xs = b.col(0);
    const Eigen::VectorXf ys = b.col(1);
    for (Index i = 0; i < a.rows(); ++i) {
      sum += kernels::sum_of_distances_2d(a(i, 0), a(i, 1), b.rows(), xs.data(), ys.data());
    }
    return sum;
  }
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < b.rows(); ++j) {
      sum += static_cast<double>((a.row(i) - b.row(j)).norm());
    }
  }
  return sum;
}

double energy_distance(const ConstPointsRef& a, const ConstPointsRef& b) {
  const auto n = static_cast<double>(a.rows());
  const auto m = static_cast<double>(b.rows());
  return 2 * sum_of_distances(a, b) / (n * m) - sum_of_distances(a, a) / (n * n) -
         sum_of_distances(b, b) / (m * m);
}

namespace {

/// sum_ij of the mean over the bandwidths of exp(-|a_i - b_j|^2 / (2 h^2)).
double sum_of_kernels(const ConstPointsRef& a, const ConstPointsRef& b,
                      std::span<const double> bandwidths) {
  PointCosts costs(GroundCost::squared_distance, a.rows(), b.rows(), a.cols());
  costs.set(a, b);
  const std::vector<double> no_weights(static_cast<std::size_t>(b.rows()));
  double total = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    const float* row = costs.row(i);
    for (const double bandwidth : bandwidths) {
      const auto [largest, sum] =
          kernels::log_sum_exp(b.rows(), row, no_weights.data(), 0.5 / (bandwidth * bandwidth));
      if (!(largest < -700)) total += exponential(largest) * sum;
    }
  }
  return total / static_cast<double>(bandwidths.size());
}

}  // namespace

Mmd squared_mmd(const ConstPointsRef& a, const ConstPointsRef& b,
                std::span<const double> bandwidths) {
  assert(!bandwidths.empty());
  if (a.rows() == 0 || b.rows() == 0) {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    return {kNaN, kNaN};
  }
  const auto n = static_cast<double>(a.rows());
  const auto m = static_cast<double>(b.rows());
  const double within_a = sum_of_kernels(a, a, bandwidths);
  const double within_b = sum_of_kernels(b, b, bandwidths);
  const double between = 2 * sum_of_kernels(a, b, bandwidths) / (n * m);
  // The kernel of a point with itself is 1.
  return {within_a / (n * n) + within_b / (m * m) - between,
          (within_a - n) / (n * (n - 1)) + (within_b - m) / (m * (m - 1)) - between};
}

double median_bandwidth(const ConstPointsRef& a, const ConstPointsRef& b) {
  constexpr Index kMost = 500;
  const Index from_a = std::min(kMost, a.rows());
  const Index from_b = std::min(kMost, b.rows());
  Points points(from_a + from_b, a.cols());
  for (Index i = 0; i < from_a; ++i) points.row(i) = a.row(i * a.rows() / from_a);
  for (Index i = 0; i < from_b; ++i) points.row(from_a + i) = b.row(i * b.rows() / from_b);
  std::vector<float> distances;
  for (Index i = 0; i < points.rows(); ++i) {
    for (Index j = 0; j < i; ++j) {
      distances.push_back((points.row(i) - points.row(j)).norm());
    }
  }
  if (distances.empty()) return 1;
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  return *middle > 0 ? static_cast<double>(*middle) : 1;
}

namespace {

struct Nearest {
  std::size_t component;
  double distance;
};

template <class Row>
Nearest nearest_mean(const GaussianMixture& mixture, const Row& row) {
  Nearest nearest{0, std::numeric_limits<double>::infinity()};
  const Eigen::VectorXd point = row.transpose().template cast<double>();
  for (std::size_t k = 0; k < mixture.components().size(); ++k) {
    const double distance = (point - mixture.components()[k].mean).norm();
    if (distance < nearest.distance) nearest = {k, distance};
  }
  return nearest;
}

}  // namespace

Values mode_shares(const GaussianMixture& mixture, const ConstPointsRef& x) {
  Values shares = Values::Zero(static_cast<Index>(mixture.components().size()));
  for (Index i = 0; i < x.rows(); ++i) {
    shares[static_cast<Index>(nearest_mean(mixture, x.row(i)).component)] += 1;
  }
  return shares / static_cast<double>(x.rows());
}

double share_within(const GaussianMixture& mixture, const ConstPointsRef& x, double radius) {
  Index within = 0;
  for (Index i = 0; i < x.rows(); ++i) {
    if (nearest_mean(mixture, x.row(i)).distance < radius) ++within;
  }
  return static_cast<double>(within) / static_cast<double>(x.rows());
}

}  // namespace flowmatch
