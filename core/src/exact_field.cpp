#include "flowmatch/exact_field.h"

#include "elementary.h"
#include "mixture_math.h"
#include "paired_mixture.h"
#include "planar_mixture.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>

namespace flowmatch {

namespace {

/// Evaluates u_t at one point after another; shared by the float and the double interface.
class PointEvaluator {
 public:
  explicit PointEvaluator(const ExactField& field)
      : schedule_(field.schedule()),
        mixture_(field.target()),
        velocity_(field.dimension()),
        residual_(field.dimension()),
        mean_residual_(field.dimension()),
        component_velocity_(field.dimension()) {}

  void set_time(double t) {
    values_ = evaluate(schedule_, t);
    mixture_.set(values_.alpha, values_.sigma);
  }

  template <class Row>
  const Eigen::VectorXd& velocity(const Row& x, const GaussianMixture& target) {
    mixture_.set_point(x);
    velocity_.setZero();
    for (Index k = 0; k < mixture_.components(); ++k) {
      const double share = mixture_.responsibility(k);
      if (share == 0) continue;
      // alpha' (mu_k + alpha S_k e_k) + sigma sigma' e_k
      velocity_ += share * values_.d_alpha * target.components()[static_cast<std::size_t>(k)].mean;
      mixture_.add_residual(k, share * values_.d_alpha * values_.alpha, true, velocity_);
      mixture_.add_residual(k, share * values_.sigma_d_sigma, false, velocity_);
    }
    return velocity_;
  }

  /// div u_t(x) of the point that velocity() was given last; see exact_field.h.
  double divergence(const GaussianMixture& target) {
    mean_residual_.setZero();
    double sum = 0;
    for (Index k = 0; k < mixture_.components(); ++k) {
      const double share = mixture_.responsibility(k);
      if (share == 0) continue;
      residual_.setZero();
      mixture_.add_residual(k, 1, false, residual_);
      mean_residual_ += share * residual_;
      component_velocity_ =
          values_.d_alpha * target.components()[static_cast<std::size_t>(k)].mean +
          values_.sigma_d_sigma * residual_;
      mixture_.add_residual(k, values_.d_alpha * values_.alpha, true, component_velocity_);
      sum += share * (values_.d_alpha * values_.alpha * mixture_.posterior_trace(k) +
                      values_.sigma_d_sigma * mixture_.precision_trace(k) -
                      residual_.dot(component_velocity_));
    }
    return sum + mean_residual_.dot(velocity_);
  }

 private:
  Schedule schedule_;
  ScheduleValues values_{};
  BlurredMixture mixture_;
  Eigen::VectorXd velocity_;
  Eigen::VectorXd residual_;            // e_k
  Eigen::VectorXd mean_residual_;       // e
  Eigen::VectorXd component_velocity_;  // w_k
};

class ExactEvaluator final : public FieldEvaluator {
 public:
  explicit ExactEvaluator(const ExactField& field) : target_(field.target()), point_(field) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    point_.set_time(t);
    for (Index i = 0; i < x.rows(); ++i) {
      out.row(i) = point_.velocity(x.row(i), target_).cast<float>().transpose();
    }
  }

  void velocity_and_divergence(double t, const ConstPointsRef& x, const ConstPointsRef& /*probes*/,
                               PointsRef out, ValuesRef divergence) override {
    point_.set_time(t);
    for (Index i = 0; i < x.rows(); ++i) {
      out.row(i) = point_.velocity(x.row(i), target_).cast<float>().transpose();
      divergence[i] = point_.divergence(target_);
    }
  }

 private:
  const GaussianMixture& target_;
  PointEvaluator point_;
};

/// The components of the blurred mixture.
void set_components(const GaussianMixture& mixture, const ScheduleValues& values,
                    std::span<kernels::PlanarComponent> out) {
  for (std::size_t k = 0; k < out.size(); ++k) {
    const auto& component = mixture.components()[k];
    const double variance = component.variances[0];
    const double blurred = values.alpha * values.alpha * variance + values.sigma * values.sigma;
    out[k] = {.log_scale = component.log_weight - natural_log(2 * std::numbers::pi * blurred),
              .half_inverse = 0.5 / blurred,
              .mean_x = values.alpha * component.mean[0],
              .mean_y = values.alpha * component.mean[1],
              .base_x = values.d_alpha * component.mean[0],
              .base_y = values.d_alpha * component.mean[1],
              .slope = (values.d_alpha * values.alpha * variance + values.sigma_d_sigma) / blurred};
  }
}

class PlanarEvaluator final : public FieldEvaluator {
 public:
  explicit PlanarEvaluator(const ExactField& field)
      : schedule_(field.schedule()),
        target_(field.target()),
        mixture_(target_.components().size()) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    set_components(target_, evaluate(schedule_, t), mixture_.components());
    mixture_.velocity(x, out);
  }

  void velocity_and_divergence(double t, const ConstPointsRef& x, const ConstPointsRef& /*probes*/,
                               PointsRef out, ValuesRef divergence) override {
    set_components(target_, evaluate(schedule_, t), mixture_.components());
    mixture_.velocity_and_divergence(x, out, divergence);
  }

 private:
  Schedule schedule_;
  const GaussianMixture& target_;
  PlanarMixture mixture_;
};

/// What the target of a prediction is at x, as a function of z: factor / sigma z + const.
double error_factor(Prediction prediction, const ScheduleValues& values) {
  switch (prediction) {
    case Prediction::velocity:
      return values.d_alpha * values.sigma - values.alpha * values.d_sigma;
    case Prediction::x1:
      return values.sigma;
    case Prediction::noise:
      return values.alpha;
    case Prediction::score:
      return values.alpha / std::max(values.sigma, kConversionFloor);
  }
  return 0;
}

template <class Rows>
void log_density_rows(const ExactField& field, double t, const Rows& x, ValuesRef& out) {
  const ScheduleValues values = evaluate(field.schedule(), t);
  BlurredMixture mixture(field.target());
  mixture.set(values.alpha, values.sigma);
  for (Index i = 0; i < x.rows(); ++i) out[i] = mixture.set_point(x.row(i));
}

}  // namespace

ExactField::ExactField(GaussianMixture target, const Schedule& schedule,
                       std::shared_ptr<const GaussianMixture> source)
    : target_(std::move(target)), source_(std::move(source)), schedule_(schedule) {
  if (source_ != nullptr) {
    assert(source_->dimension() == target_.dimension());
    pairs_ = PairedMixture::make(*source_, target_, schedule_);
  }
}

std::unique_ptr<FieldEvaluator> ExactField::evaluator(Index /*max_rows*/) const {
  if (pairs_ != nullptr) return pairs_->evaluator();
  if (is_planar(target_)) return std::make_unique<PlanarEvaluator>(*this);
  return std::make_unique<ExactEvaluator>(*this);
}

void ExactField::velocity(double t, const ConstPointsRefOf<double>& x,
                          PointsRefOf<double> out) const {
  if (pairs_ != nullptr) return pairs_->velocity(t, x, out);
  PointEvaluator point(*this);
  point.set_time(t);
  for (Index i = 0; i < x.rows(); ++i) out.row(i) = point.velocity(x.row(i), target_).transpose();
}

void ExactField::divergence(double t, const ConstPointsRefOf<double>& x, ValuesRef out) const {
  if (pairs_ != nullptr) return pairs_->divergence(t, x, out);
  PointEvaluator point(*this);
  point.set_time(t);
  for (Index i = 0; i < x.rows(); ++i) {
    point.velocity(x.row(i), target_);
    out[i] = point.divergence(target_);
  }
}

void ExactField::log_density(double t, const ConstPointsRefOf<double>& x, ValuesRef out) const {
  if (pairs_ != nullptr) return pairs_->log_density(t, x, out);
  log_density_rows(*this, t, x, out);
}

void ExactField::log_density(double t, const ConstPointsRef& x, ValuesRef out) const {
  if (pairs_ != nullptr) return pairs_->log_density(t, x, out);
  if (is_planar(target_)) {
    PlanarMixture mixture(target_.components().size());
    set_components(target_, evaluate(schedule_, t), mixture.components());
    mixture.log_density(x, out);
    return;
  }
  log_density_rows(*this, t, x, out);
}

void ExactField::score(double t, const ConstPointsRefOf<double>& x, PointsRefOf<double> out) const {
  if (pairs_ != nullptr) return pairs_->score(t, x, out);
  const ScheduleValues values = evaluate(schedule_, t);
  BlurredMixture mixture(target_);
  mixture.set(values.alpha, values.sigma);
  Eigen::VectorXd gradient(dimension());
  for (Index i = 0; i < x.rows(); ++i) {
    mixture.set_point(x.row(i));
    gradient.setZero();
    for (Index k = 0; k < mixture.components(); ++k) {
      mixture.add_residual(k, -mixture.responsibility(k), false, gradient);
    }
    out.row(i) = gradient.transpose();
  }
}

double ExactField::irreducible_loss(double t, const ConstPointsRef& x,
                                    Prediction prediction) const {
  // Given X_t = x the target is factor / sigma z + const, so its conditional covariance is the
  // square of that times Cov(z | x) = sum_k r_k (Cov_k + (m_k - m)(m_k - m)^T) with Cov_k = sigma^2
  // S_k C_k^-1. The sigma of the factor and of Cov_k cancel.
  const ScheduleValues values = evaluate(schedule_, t);
  const double factor = error_factor(prediction, values);
  if (pairs_ != nullptr) {
    return factor * factor * pairs_->conditional_variance(t, x) / static_cast<double>(dimension());
  }
  const double variance = values.sigma * values.sigma;
  BlurredMixture mixture(target_);
  mixture.set(values.alpha, values.sigma);
  Eigen::MatrixXd means(dimension(), mixture.components());
  Eigen::VectorXd mean(dimension());
  Eigen::VectorXd scratch(dimension());
  double sum = 0;
  for (Index i = 0; i < x.rows(); ++i) {
    mixture.set_point(x.row(i));
    mean.setZero();
    double within = 0;
    for (Index k = 0; k < mixture.components(); ++k) {
      if (mixture.responsibility(k) == 0) continue;
      mixture.posterior_mean(k, scratch);
      means.col(k) = scratch;
      mean += mixture.responsibility(k) * scratch;
      within += mixture.responsibility(k) * mixture.posterior_trace(k);
    }
    double between = 0;
    for (Index k = 0; k < mixture.components(); ++k) {
      if (mixture.responsibility(k) == 0) continue;
      between += mixture.responsibility(k) * (means.col(k) - mean).squaredNorm();
    }
    sum += within + between / variance;
  }
  return factor * factor * sum / static_cast<double>(x.rows() * dimension());
}

double estimate_irreducible_loss(const ExactField& field, std::uint64_t seed, Index strata,
                                 Index rows) {
  return estimate_irreducible_loss(field, Objective{}, seed, strata, rows);
}

double estimate_irreducible_loss(const ExactField& field, const Objective& objective,
                                 std::uint64_t seed, Index strata, Index rows) {
  const RandomStream source{seed, Purpose::irreducible_loss, 0};
  const RandomStream data{seed, Purpose::irreducible_loss, 1};
  const StandardNormal normal(field.dimension());
  Points x0(rows, field.dimension());
  Points x1(rows, field.dimension());
  Points x(rows, field.dimension());
  // Uniform times: t = 1 - (1 - u)^power. Where sigma' diverges the loss grows as 1 / (sigma +
  // 1e-4)^2 near t = 1, and others than that of the velocity may as well; a power of 4 puts the
  // strata where it lives. That of the others is even enough.
  const bool uniform = objective.time_law.law == TimeLaw::uniform;
  const bool even =
      objective.prediction == Prediction::velocity && !diverges_at_end(field.schedule());
  const int power = even ? 1 : 4;
  // Other times are functions of a normal number: equal strata between the bounds of the
  // generator's own, with its density.
  constexpr double kBound = 5.3;
  double sum = 0;
  double total = 0;
  for (Index i = 0; i < strata; ++i) {
    const double u = (static_cast<double>(i) + 0.5) / static_cast<double>(strata);
    const double rest = 1 - u;
    const double z = kBound * (2 * u - 1);
    const double share = uniform ? power * whole_power(rest, power - 1) : exponential(-0.5 * z * z);
    // Not 1 itself, where the conditional variance is 0 / 0.
    const double t = std::min(uniform ? 1 - whole_power(rest, power)
                                      : time_of_normal(objective.time_law, field.schedule(), z),
                              1 - 0x1p-53);
    const ScheduleValues values = evaluate(field.schedule(), t);
    if (field.source() != nullptr) {
      field.source()->sample(source, i * rows, x0);
    } else {
      normal.sample(source, i * rows, x0);
    }
    field.target().sample(data, i * rows, x1);
    x = static_cast<float>(values.alpha) * x1 + static_cast<float>(values.sigma) * x0;
    sum += share * weight(objective.weighting, objective.prediction, values) *
           field.irreducible_loss(t, x, objective.prediction);
    total += share;
  }
  return sum / (uniform ? static_cast<double>(strata) : total);
}

}  // namespace flowmatch
