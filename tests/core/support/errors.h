// The worst of many errors. One that is not a number is the worst of all: std::max and Eigen's
// maxCoeff() would lose it.
#pragma once

#include <Eigen/Core>

#include <cmath>

namespace flowmatch::testing {

/// The larger of two errors.
inline double worse(double a, double b) {
  return std::isnan(a) || a > b ? a : b;
}

/// The largest magnitude of any entry.
template <class Derived>
double largest_magnitude(const Eigen::DenseBase<Derived>& values) {
  return static_cast<double>(
      values.derived().array().abs().template maxCoeff<Eigen::PropagateNaN>());
}

}  // namespace flowmatch::testing
