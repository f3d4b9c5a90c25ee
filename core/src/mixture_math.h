// The Gaussian integrals behind a mixture's density and its exact flow: one mixture, scaled and
// blurred to N(alpha mu_k, alpha^2 S_k + sigma^2 I), evaluated at a point in double precision.
//
// Each component is worked on along its principal axes, where its covariance is the diagonal
// d_i = alpha^2 variance_i + sigma^2, so that no matrix is factorised at any time t.
#pragma once

#include "elementary.h"
#include "flowmatch/gaussian_mixture.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace flowmatch {

/// The blurred mixture at one (alpha, sigma), with working memory for one point.
class BlurredMixture {
 public:
  explicit BlurredMixture(const GaussianMixture& mixture)
      : mixture_(mixture),
        dimension_(mixture.dimension()),
        components_(static_cast<Index>(mixture.components().size())),
        inverse_(components_, dimension_),
        log_scale_(components_),
        residuals_(components_, dimension_),
        rotated_(dimension_),
        weights_(components_) {}

  /// Chooses alpha and sigma; alpha^2 variance + sigma^2 must be positive for every component.
  void set(double alpha, double sigma) {
    alpha_ = alpha;
    sigma_ = sigma;
    for (Index k = 0; k < components_; ++k) {
      const auto& component = mixture_.components()[static_cast<std::size_t>(k)];
      double log_determinant = 0;
      for (Index i = 0; i < dimension_; ++i) {
        const double variance = alpha * alpha * component.variances[i] + sigma * sigma;
        inverse_(k, i) = 1 / variance;
        log_determinant += natural_log(variance);
      }
      log_scale_[k] =
          component.log_weight - 0.5 * (log_determinant + static_cast<double>(dimension_) *
                                                              natural_log(2 * std::numbers::pi));
    }
  }

  /// Prepares the point x (D entries): responsibilities and residuals of every component. Returns
  /// log p(x).
  template <class Row>
  double set_point(const Row& x) {
    double most = -std::numeric_limits<double>::infinity();
    for (Index k = 0; k < components_; ++k) {
      const auto& component = mixture_.components()[static_cast<std::size_t>(k)];
      double exponent = 0;
      if (component.isotropic) {
        for (Index i = 0; i < dimension_; ++i) {
          const double deviation = static_cast<double>(x[i]) - alpha_ * component.mean[i];
          exponent += deviation * deviation * inverse_(k, i);
          residuals_(k, i) = deviation * inverse_(k, i);
        }
      } else {
        rotated_.setZero();
        for (Index j = 0; j < dimension_; ++j) {
          const double deviation = static_cast<double>(x[j]) - alpha_ * component.mean[j];
          for (Index i = 0; i < dimension_; ++i) rotated_[i] += component.axes(j, i) * deviation;
        }
        for (Index i = 0; i < dimension_; ++i) {
          exponent += rotated_[i] * rotated_[i] * inverse_(k, i);
          residuals_(k, i) = rotated_[i] * inverse_(k, i);
        }
      }
      weights_[k] = log_scale_[k] - 0.5 * exponent;
      most = std::max(most, weights_[k]);
    }
    double sum = 0;
    for (Index k = 0; k < components_; ++k) {
      // exp(-45) is below the rounding of a double beside the 1 of the largest component.
      const double gap = weights_[k] - most;
      weights_[k] = gap < -45 ? 0.0 : exponential(gap);
      sum += weights_[k];
    }
    for (Index k = 0; k < components_; ++k) weights_[k] /= sum;
    return most + natural_log(sum);
  }

  /// r_k(x), the posterior probability of component k.
  [[nodiscard]] double responsibility(Index k) const { return weights_[k]; }
  [[nodiscard]] Index components() const { return components_; }

  /// out += scale Q (factor_i * residual_i), where residual = C_k^-1 (x - alpha mu_k) along the
  /// axes and factor_i is 1, or variance_i when times_covariance.
  void add_residual(Index k, double scale, bool times_covariance, Eigen::VectorXd& out) const {
    const auto& component = mixture_.components()[static_cast<std::size_t>(k)];
    for (Index i = 0; i < dimension_; ++i) {
      const double along =
          scale * residuals_(k, i) * (times_covariance ? component.variances[i] : 1.0);
      if (component.isotropic) {
        out[i] += along;
      } else {
        for (Index j = 0; j < dimension_; ++j) out[j] += component.axes(j, i) * along;
      }
    }
  }

  /// out = E[z | x, k] = mu_k + alpha S_k C_k^-1 (x - alpha mu_k).
  void posterior_mean(Index k, Eigen::VectorXd& out) const {
    out = mixture_.components()[static_cast<std::size_t>(k)].mean;
    add_residual(k, alpha_, true, out);
  }

  /// tr Cov(z | x, k) / sigma^2 = tr(S_k C_k^-1).
  [[nodiscard]] double posterior_trace(Index k) const {
    const auto& component = mixture_.components()[static_cast<std::size_t>(k)];
    double trace = 0;
    for (Index i = 0; i < dimension_; ++i) trace += component.variances[i] * inverse_(k, i);
    return trace;
  }
  /// tr(C_k^-1).
  [[nodiscard]] double precision_trace(Index k) const { return inverse_.row(k).sum(); }

 private:
  const GaussianMixture& mixture_;
  Index dimension_;
  Index components_;
  double alpha_ = 1;
  double sigma_ = 0;
  Eigen::MatrixXd inverse_;    // K x D: 1 / d_i
  Eigen::VectorXd log_scale_;  // K: log weight + log normaliser
  Eigen::MatrixXd residuals_;  // K x D
  Eigen::VectorXd rotated_;    // D
  Eigen::VectorXd weights_;    // K
};

}  // namespace flowmatch
