// Mixtures of Gaussians with full covariances: the targets whose flows are known in closed form.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/problem.h"

#include <Eigen/Core>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace flowmatch {

/// sum_k weights[k] N(means[k], covariances[k]); K components in D dimensions.
struct GaussianMixtureConfig {
  std::vector<double> weights;               ///< K positive numbers; scaled to sum to 1.
  std::vector<Eigen::VectorXd> means;        ///< K vectors of D finite numbers.
  std::vector<Eigen::MatrixXd> covariances;  ///< K symmetric positive definite D x D matrices.
};

inline constexpr Index kMaxComponents = 1024;
inline constexpr Index kMaxDimension = 4096;
/// Smallest variance along any axis of a component: below it a float cannot resolve the density.
inline constexpr double kMinVariance = 1e-8;
/// Largest: means go as far as standard deviations do, and squares of both fit in a float.
inline constexpr double kMaxVariance = 1e12;

/// Most components of which entropy() is computed: its cost grows with their square.
inline constexpr Index kMaxEntropyComponents = 32;

/// Every problem of the configuration, or none.
Problems validate(const GaussianMixtureConfig& config);

/// `components` equal Gaussians of covariance standard_deviation^2 I on a circle around the origin,
/// the first at angle 0. The blog's target is ring_mixture(11, 10, 1).
GaussianMixtureConfig ring_mixture(Index components, double radius, double standard_deviation);

class GaussianMixture final : public Distribution {
 public:
  /// One component. Its covariance is axes diag(variances) axes^T.
  struct Component {
    double weight;
    double log_weight;
    Eigen::VectorXd mean;
    Eigen::MatrixXd axes;         ///< D x D orthogonal; columns are the principal axes.
    Eigen::VectorXd variances;    ///< Along each axis, ascending.
    Eigen::MatrixXf sample_root;  ///< axes diag(sqrt(variances)): normals to deviations.
    bool isotropic;  ///< Covariance is a multiple of the identity, and axes is the identity.
  };

  static Result<GaussianMixture> make(const GaussianMixtureConfig& config);

  [[nodiscard]] Index dimension() const override { return components_.front().mean.size(); }
  [[nodiscard]] const std::vector<Component>& components() const { return components_; }

  /// Row i takes its component from one uniform number (block 0) and its deviation from normals
  /// (blocks 1, 2, ...).
  void sample(const RandomStream& stream, Index first_row, PointsRef out) const override;
  /// A point's label is the number of the component that it was drawn from.
  [[nodiscard]] Index labels() const override { return static_cast<Index>(components_.size()); }
  void sample_labelled(const RandomStream& stream, Index first_row, PointsRef out,
                       std::span<std::int32_t> labels) const override;
  [[nodiscard]] bool has_density() const override { return true; }
  void log_density(const ConstPointsRef& x, ValuesRef out) const override;
  void score(const ConstPointsRef& x, PointsRef out) const override;
  /// In closed form for one component; by quadrature for up to kMaxEntropyComponents in one or two
  /// dimensions, in some milliseconds; not known otherwise, or where quadrature does not converge.
  [[nodiscard]] std::optional<double> entropy() const override;

 private:
  GaussianMixture() = default;

  /// Writes labels where there are any.
  void draw(const RandomStream& stream, Index first_row, PointsRef out,
            std::span<std::int32_t> labels) const;

  std::vector<Component> components_;
  std::vector<float> cumulative_weights_;
};

}  // namespace flowmatch
