#include "smoothed_points.h"

#include "elementary.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace flowmatch {

namespace {

/// That of the Gaussians around so many points, by the draws that they are, or are made from.
double width_of(const Eigen::MatrixXd& draws, Index count) {
  const auto dimension = static_cast<double>(draws.cols());
  const double variance =
      (draws.rowwise() - draws.colwise().mean()).squaredNorm() / static_cast<double>(draws.size());
  const double scott = power(static_cast<double>(count), -1.0 / (dimension + 4));
  return std::max(0.3 * scott * std::sqrt(variance), std::sqrt(kMinVariance));
}

/// The row that is nearest to a point; the first where none is.
Index nearest(const Points& centres, const float* point) {
  Index best = 0;
  float least = std::numeric_limits<float>::infinity();
  const float* centre = centres.data();
  for (Index k = 0; k < centres.rows(); ++k) {
    float square = 0;
    for (Index j = 0; j < centres.cols(); ++j) {
      const float difference = *centre++ - point[j];
      square += difference * difference;
    }
    if (square < least) {
      least = square;
      best = k;
    }
  }
  return best;
}

}  // namespace

GaussianMixtureConfig around(const Eigen::MatrixXd& points, double width) {
  const Index dimension = points.cols();
  GaussianMixtureConfig mixture;
  for (Index i = 0; i < points.rows(); ++i) {
    mixture.weights.push_back(1);
    mixture.means.push_back(points.row(i).transpose());
    mixture.covariances.push_back(width * width * Eigen::MatrixXd::Identity(dimension, dimension));
  }
  return mixture;
}

GaussianMixtureConfig smoothed_points(const Distribution& distribution, Index count) {
  Points points(count, distribution.dimension());
  distribution.sample({0, Purpose::smoothed_points, 0}, 0, points);
  const Eigen::MatrixXd all = points.cast<double>();
  return around(all, width_of(all, count));
}

GaussianMixtureConfig clustered_points(const Distribution& distribution, Index count) {
  constexpr int kRounds = 5;
  const Index dimension = distribution.dimension();
  Points draws(kDrawsPerCentre * count, dimension);
  distribution.sample({0, Purpose::smoothed_points, 0}, 0, draws);
  Points centres = draws.topRows(count);
  Points sums(count, dimension);
  std::vector<Index> sizes(static_cast<std::size_t>(count));
  for (int round = 0; round < kRounds; ++round) {
    sums.setZero();
    std::ranges::fill(sizes, 0);
    for (Index i = 0; i < draws.rows(); ++i) {
      const Index k = nearest(centres, draws.row(i).data());
      sums.row(k) += draws.row(i);
      ++sizes[static_cast<std::size_t>(k)];
    }
    for (Index k = 0; k < count; ++k) {
      const Index size = sizes[static_cast<std::size_t>(k)];
      if (size > 0) centres.row(k) = sums.row(k) / static_cast<float>(size);
    }
  }
  const double width = width_of(draws.cast<double>(), count);
  const GaussianMixtureConfig all = around(centres.cast<double>(), width);
  GaussianMixtureConfig mixture;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    if (sizes[k] == 0) continue;
    mixture.weights.push_back(static_cast<double>(sizes[k]));
    mixture.means.push_back(all.means[k]);
    mixture.covariances.push_back(all.covariances[k]);
  }
  return mixture;
}

}  // namespace flowmatch
