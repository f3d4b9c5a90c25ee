// The exact field from one Gaussian mixture to another, over all pairs of their components: see
// exact_field.h for what it is. Not here: N(0, I) as the source, whose field costs a component of
// the target where this costs a pair.
//
// A pair is worked on along axes on which both of its covariances are diagonal, which do not depend
// on the time: with R = L L^T the source's, L = Q diag(root of variances), and L^-1 S L^-T = U
// diag(s) U^T for the target's S, these are the columns of B = L U, and
//   alpha^2 S + sigma^2 R = B diag(alpha^2 s + sigma^2) B^T.
// No matrix is factorised at any time t.
#pragma once

#include "flowmatch/field.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/schedule.h"

#include <Eigen/Core>

#include <memory>
#include <vector>

namespace flowmatch {

/// Immutable, so any number of threads may use one at once.
class PairedMixture {
 public:
  /// A pair of a component of the source and one of the target, which must outlive it.
  struct Pair {
    const GaussianMixture::Component* source;
    const GaussianMixture::Component* target;
    double log_weight;  ///< Of both.
    /// Whether both covariances are multiples of the identity: there are no axes then.
    bool isotropic;
    double log_determinant;            ///< Of R; 0 if isotropic.
    Eigen::VectorXd target_variances;  ///< s along each axis; if isotropic, that of S.
    double source_variance;            ///< 1; if isotropic, that of R.
    Eigen::MatrixXd axes;              ///< B, one axis a column.
    Eigen::MatrixXd inverse;           ///< Its inverse, U^T L^-1.
  };

  /// Both mixtures are of one dimension and must outlive what is made.
  static std::shared_ptr<const PairedMixture> make(const GaussianMixture& source,
                                                   const GaussianMixture& target,
                                                   const Schedule& schedule);

  [[nodiscard]] const std::vector<Pair>& pairs() const { return pairs_; }
  [[nodiscard]] Index dimension() const { return dimension_; }
  [[nodiscard]] const Schedule& schedule() const { return schedule_; }

  // As of ExactField.
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator() const;
  void velocity(double t, const ConstPointsRefOf<double>& x, PointsRefOf<double> out) const;
  void divergence(double t, const ConstPointsRefOf<double>& x, ValuesRef out) const;
  void log_density(double t, const ConstPointsRefOf<double>& x, ValuesRef out) const;
  void log_density(double t, const ConstPointsRef& x, ValuesRef out) const;
  void score(double t, const ConstPointsRefOf<double>& x, PointsRefOf<double> out) const;

  /// The trace of Cov(X_1 | X_t = x) / sigma^2, which is that of Cov(X_0 | X_t = x) / alpha^2, its
  /// mean over the rows of x.
  [[nodiscard]] double conditional_variance(double t, const ConstPointsRef& x) const;

 private:
  PairedMixture(Index dimension, const Schedule& schedule)
      : dimension_(dimension), schedule_(schedule) {}

  Index dimension_;
  Schedule schedule_;
  /// All pairs are isotropic, in the plane. What asks is not in every module (wasm/left_out.cpp).
  [[maybe_unused]] bool planar_ = false;
  std::vector<Pair> pairs_;
};

}  // namespace flowmatch
