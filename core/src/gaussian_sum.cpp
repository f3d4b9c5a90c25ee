#include "gaussian_sum.h"

#include "elementary.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace flowmatch {

namespace {

/// exp(-45) is below the rounding of a double beside the 1 of the largest term.
constexpr double kNegligible = -45;

}  // namespace

double GaussianSum::set_exponents(const float* x, std::vector<double>& exponents) const {
  const Index dimension = centres_.cols();
  const double half_inverse = 0.5 / (deviation_ * deviation_);
  const float* centre = centres_.data();
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t j = 0; j < exponents.size(); ++j, centre += dimension) {
    double square = 0;
    for (Index i = 0; i < dimension; ++i) {
      const double difference = static_cast<double>(x[i]) - static_cast<double>(centre[i]);
      square += difference * difference;
    }
    const double log_weight = log_weights_.empty() ? 0 : log_weights_[j];
    const double exponent = log_weight - half_inverse * square;
    exponents[j] = exponent;
    // Where x is not a number no exponent is, nor the largest.
    if (!(exponent <= most)) most = exponent;
  }
  return most;
}

void GaussianSum::log_density(const ConstPointsRef& x, ValuesRef out) const {
  std::vector<double> exponents(static_cast<std::size_t>(centres_.rows()));
  double log_normaliser = static_cast<double>(centres_.cols()) *
                          (natural_log(deviation_) + 0.5 * natural_log(2 * std::numbers::pi));
  if (log_weights_.empty()) log_normaliser += natural_log(static_cast<double>(centres_.rows()));
  for (Index i = 0; i < x.rows(); ++i) {
    const double most = set_exponents(x.row(i).data(), exponents);
    double sum = 0;
    for (const double exponent : exponents) {
      const double gap = exponent - most;
      if (gap > kNegligible) sum += exponential(gap);
    }
    // At an infinite point, or none, there is no gap to the largest term.
    out[i] = std::isfinite(most) ? most + natural_log(sum) - log_normaliser : most;
  }
}

void GaussianSum::score(const ConstPointsRef& x, PointsRef out) const {
  const Index dimension = centres_.cols();
  std::vector<double> exponents(static_cast<std::size_t>(centres_.rows()));
  std::vector<double> gradient(static_cast<std::size_t>(dimension));
  for (Index i = 0; i < x.rows(); ++i) {
    const float* point = x.row(i).data();
    const double most = set_exponents(point, exponents);
    double sum = 0;
    gradient.assign(gradient.size(), 0.0);
    for (std::size_t j = 0; j < exponents.size(); ++j) {
      const double gap = exponents[j] - most;
      if (!(gap > kNegligible)) continue;
      const double weight = exponential(gap);
      sum += weight;
      const float* centre = centres_.data() + static_cast<Index>(j) * dimension;
      for (Index k = 0; k < dimension; ++k) {
        gradient[static_cast<std::size_t>(k)] +=
            weight * (static_cast<double>(centre[k]) - static_cast<double>(point[k]));
      }
    }
    // 0 / 0 where x is not finite: there is no score there.
    const double scale = 1 / (sum * deviation_ * deviation_);
    for (Index k = 0; k < dimension; ++k) {
      out(i, k) = static_cast<float>(scale * gradient[static_cast<std::size_t>(k)]);
    }
  }
}

}  // namespace flowmatch
