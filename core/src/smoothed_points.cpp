#include "smoothed_points.h"

#include "elementary.h"

#include <algorithm>
#include <cmath>

namespace flowmatch {

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
  const Index dimension = distribution.dimension();
  Points points(count, dimension);
  distribution.sample({0, Purpose::smoothed_points, 0}, 0, points);
  const Eigen::MatrixXd all = points.cast<double>();
  const double variance =
      (all.rowwise() - all.colwise().mean()).squaredNorm() / static_cast<double>(count * dimension);
  const double scott =
      power(static_cast<double>(count), -1.0 / (static_cast<double>(dimension) + 4));
  const double width = std::max(0.3 * scott * std::sqrt(variance), std::sqrt(kMinVariance));
  return around(all, width);
}

}  // namespace flowmatch
