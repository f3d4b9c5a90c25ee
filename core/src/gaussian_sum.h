// Many points, each blurred by the same isotropic Gaussian: a kernel density where the points are
// data, and the density of a noisy curve where they are the nodes of a quadrature along it.
#pragma once

#include "flowmatch/points.h"

#include <span>
#include <vector>

namespace flowmatch {

/// sum_j exp(log_weights[j]) N(centres[j], deviation^2 I), a view of M centres in D dimensions.
/// Unlike a GaussianMixture it has no limit on M and keeps nothing for each component.
class GaussianSum {
 public:
  /// `centres`: M x D with M >= 1. `log_weights`: M numbers, or none for 1 / M each. `deviation` is
  /// positive. All must outlive the view.
  GaussianSum(const Points& centres, std::span<const double> log_weights, double deviation)
      : centres_(centres), log_weights_(log_weights), deviation_(deviation) {}

  /// log of the sum at each row of x (N x D), in nats.
  void log_density(const ConstPointsRef& x, ValuesRef out) const;
  /// Its gradient; NaN where x is not finite.
  void score(const ConstPointsRef& x, PointsRef out) const;

 private:
  /// exponents[j] = log of term j at the point x (D numbers), without what all terms share. Returns
  /// the largest.
  double set_exponents(const float* x, std::vector<double>& exponents) const;

  const Points& centres_;
  std::span<const double> log_weights_;
  double deviation_;
};

}  // namespace flowmatch
