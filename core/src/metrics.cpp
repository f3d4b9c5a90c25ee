#include "flowmatch/metrics.h"

#include "kernels/elementwise.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

namespace flowmatch {

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
