// The exact marginal velocity field that carries N(0, I), or another Gaussian mixture, to a
// Gaussian mixture along an affine path: the ground truth that a trained network is held against.
//
// For component k, X_t ~ N(alpha mu_k, C_k) with C_k = alpha^2 S_k + sigma^2 I. With
// responsibilities r_k(x) and e_k = C_k^-1 (x - alpha mu_k):
//   E[z | x, k] = mu_k + alpha S_k e_k
//   u_t(x)      = alpha' sum_k r_k E[z | x, k] + sigma sigma' sum_k r_k e_k
//   score       = -sum_k r_k e_k
// which is finite for every t in [0, 1], because sigma sigma' is. Lipman et al. 2022 (arXiv
// 2210.02747), equation 8, with the Gaussian integrals done.
//
// Its divergence: u is the mean sum_k r_k w_k of w_k = alpha' E[z | x, k] + sigma sigma' e_k, whose
// Jacobian is (alpha' alpha S_k + sigma sigma' I) C_k^-1, and grad r_k = r_k (e - e_k) with e =
// sum_k r_k e_k. So
//   div u_t(x) = sum_k r_k (tr[(alpha' alpha S_k + sigma sigma' I) C_k^-1] - e_k . w_k) + e . u.
//
// From a source mixture of components N(n_i, R_i), independent of the target, X_t is the mixture of
// the pairs (i, j) with weights of their products, means alpha mu_j + sigma n_i and covariances
// C_ij = alpha^2 S_j + sigma^2 R_i. In all of the above the pair takes the place of k, R_i that of
// I, and
//   w_ij = alpha' mu_j + sigma' n_i + (alpha' alpha S_j + sigma sigma' R_i) e_ij,
// of which N(0, I) is the case of one component. Where sigma' diverges at t = 1, so does the
// velocity itself if the mean of the source is not 0: it is then exact while sigma is
// kSqrtRegularisation or more, and bounded as if sigma were no less. A solver that evaluates it at
// t = 1 itself (Heun, RK4) goes wrong there; Euler, the midpoint rule and dopri5 do not.
#pragma once

#include "flowmatch/field.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/objective.h"
#include "flowmatch/schedule.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace flowmatch {

class PairedMixture;

class ExactField final : public Field {
 public:
  /// Of independent pairs. `source`: null is N(0, I); otherwise of the dimension of the target. The
  /// cost of a point is that of all pairs of their components: see make_exact_field().
  ExactField(GaussianMixture target, const Schedule& schedule,
             std::shared_ptr<const GaussianMixture> source = nullptr);

  [[nodiscard]] Index dimension() const override { return target_.dimension(); }
  [[nodiscard]] const GaussianMixture& target() const { return target_; }
  /// Null where it is N(0, I).
  [[nodiscard]] const GaussianMixture* source() const { return source_.get(); }
  [[nodiscard]] const Schedule& schedule() const { return schedule_; }

  [[nodiscard]] std::optional<Schedule> path_schedule() const override { return schedule_; }

  /// Its evaluators need no probes: with any, the divergence is exact all the same.
  [[nodiscard]] bool has_divergence() const override { return true; }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index max_rows) const override;

  /// u_t(x) in double precision, row by row; x and out are N x D, t in [0, 1].
  void velocity(double t, const ConstPointsRefOf<double>& x, PointsRefOf<double> out) const;
  /// div u_t(x) in double precision, row by row.
  void divergence(double t, const ConstPointsRefOf<double>& x, ValuesRef out) const;
  /// log p_t(x) of the marginal at time t, in nats.
  void log_density(double t, const ConstPointsRefOf<double>& x, ValuesRef out) const;
  void log_density(double t, const ConstPointsRef& x, ValuesRef out) const;
  /// grad log p_t(x).
  void score(double t, const ConstPointsRefOf<double>& x, PointsRefOf<double> out) const;

  /// The irreducible loss at time t, averaged over the rows of x ~ p_t: the mean over coordinates
  /// of the conditional variance of the training target given X_t = x (of the target as it is
  /// regularised, see ScheduleValues::d_sigma and Prediction::score). t in [0, 1).
  [[nodiscard]] double irreducible_loss(double t, const ConstPointsRef& x,
                                        Prediction prediction = Prediction::velocity) const;

 private:
  GaussianMixture target_;
  std::shared_ptr<const GaussianMixture> source_;
  Schedule schedule_;
  std::shared_ptr<const PairedMixture> pairs_;  ///< With a source alone.
};

/// The CFM loss that no field can go below: E |u_t(X_t | z) - E[u_t(X_t | z) | X_t]|^2 / D over t
/// uniform in [0, 1], by stratified quadrature in t with `strata` strata of `rows` points. At the
/// defaults its standard error is 0.02 for the blog's target under cond_ot (9.86), 0.04 under sqrt
/// (13.35).
double estimate_irreducible_loss(const ExactField& field, std::uint64_t seed, Index strata = 1024,
                                 Index rows = 32);

/// The same for any objective: the mean over its times of its weight times the conditional variance
/// of its target. For the default objective the same number.
double estimate_irreducible_loss(const ExactField& field, const Objective& objective,
                                 std::uint64_t seed, Index strata = 1024, Index rows = 32);

}  // namespace flowmatch
