#include "paired_mixture.h"

#include "elementary.h"
#include "planar_mixture.h"
#include "principal_axes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>

namespace flowmatch {

namespace {

using Pair = PairedMixture::Pair;
using Component = GaussianMixture::Component;

Pair make_pair(const Component& source, const Component& target) {
  Pair pair{.source = &source,
            .target = &target,
            .log_weight = source.log_weight + target.log_weight,
            .isotropic = source.isotropic && target.isotropic,
            .log_determinant = 0,
            .target_variances = target.variances,
            .source_variance = source.variances[0],
            .axes = {},
            .inverse = {}};
  if (pair.isotropic) return pair;
  const Eigen::VectorXd deviations = source.variances.cwiseSqrt();
  const Eigen::MatrixXd root = source.axes * deviations.asDiagonal();
  const Eigen::MatrixXd inverse_root =
      deviations.cwiseInverse().asDiagonal() * source.axes.transpose();
  // Its root first, so that what is made of it is symmetric and no variance below 0.
  const Eigen::MatrixXd target_root =
      inverse_root * target.axes * target.variances.cwiseSqrt().asDiagonal();
  const auto [rotation, variances] = principal_axes(target_root * target_root.transpose());
  // What rounding may take from the smallest ones, which no pair can have below this.
  const double least = kMinVariance / source.variances.maxCoeff();
  pair.target_variances = variances.cwiseMax(least);
  pair.source_variance = 1;
  pair.axes = root * rotation;
  pair.inverse = rotation.transpose() * inverse_root;
  for (Index i = 0; i < source.variances.size(); ++i) {
    pair.log_determinant += natural_log(source.variances[i]);
  }
  return pair;
}

/// sigma' itself, not as the training target has it; where it diverges at t = 1, bounded as there.
double source_rate(const Schedule& schedule, const ScheduleValues& values) {
  if (!diverges_at_end(schedule)) return values.d_sigma;
  return values.sigma_d_sigma / std::max(values.sigma, kSqrtRegularisation);
}

/// All pairs at one time, with working memory for one point. Along the axes of a pair the
/// covariance is the diagonal c = alpha^2 s + sigma^2 r.
class PairedPoint {
 public:
  explicit PairedPoint(const PairedMixture& mixture)
      : mixture_(mixture),
        count_(static_cast<Index>(mixture.pairs().size())),
        dimension_(mixture.dimension()),
        inverse_(count_, dimension_),
        log_scale_(count_),
        residuals_(count_, dimension_),
        weights_(count_),
        deviation_(dimension_),
        along_(dimension_),
        residual_(dimension_),
        velocity_(dimension_),
        pair_velocity_(dimension_),
        mean_residual_(dimension_) {}

  void set_time(double t) {
    values_ = evaluate(mixture_.schedule(), t);
    source_rate_ = source_rate(mixture_.schedule(), values_);
    const double alpha_square = values_.alpha * values_.alpha;
    const double sigma_square = values_.sigma * values_.sigma;
    for (Index k = 0; k < count_; ++k) {
      const Pair& pair = pair_at(k);
      double log_determinant = pair.log_determinant;
      for (Index i = 0; i < dimension_; ++i) {
        const double variance =
            alpha_square * pair.target_variances[i] + sigma_square * pair.source_variance;
        inverse_(k, i) = 1 / variance;
        log_determinant += natural_log(variance);
      }
      log_scale_[k] =
          pair.log_weight - 0.5 * (log_determinant + static_cast<double>(dimension_) *
                                                         natural_log(2 * std::numbers::pi));
    }
  }

  /// Prepares the point x (D entries). Returns log p_t(x).
  template <class Row>
  double set_point(const Row& x) {
    double most = -std::numeric_limits<double>::infinity();
    for (Index k = 0; k < count_; ++k) {
      const Pair& pair = pair_at(k);
      for (Index i = 0; i < dimension_; ++i) {
        deviation_[i] = static_cast<double>(x[i]) - values_.alpha * pair.target->mean[i] -
                        values_.sigma * pair.source->mean[i];
      }
      if (pair.isotropic) {
        along_ = deviation_;
      } else {
        along_.noalias() = pair.inverse * deviation_;
      }
      double exponent = 0;
      for (Index i = 0; i < dimension_; ++i) {
        residuals_(k, i) = along_[i] * inverse_(k, i);
        exponent += along_[i] * residuals_(k, i);
      }
      weights_[k] = log_scale_[k] - 0.5 * exponent;
      most = std::max(most, weights_[k]);
    }
    double sum = 0;
    for (Index k = 0; k < count_; ++k) {
      // exp(-45) is below the rounding of a double beside the 1 of the largest pair.
      const double gap = weights_[k] - most;
      weights_[k] = gap < -45 ? 0.0 : exponential(gap);
      sum += weights_[k];
    }
    weights_ /= sum;
    return most + natural_log(sum);
  }

  [[nodiscard]] Index count() const { return count_; }
  [[nodiscard]] double responsibility(Index k) const { return weights_[k]; }
  [[nodiscard]] const ScheduleValues& values() const { return values_; }

  /// e_k, the precision times the deviation.
  const Eigen::VectorXd& residual(Index k) {
    const Pair& pair = pair_at(k);
    along_ = residuals_.row(k).transpose();
    if (pair.isotropic) {
      residual_ = along_;
    } else {
      residual_.noalias() = pair.inverse.transpose() * along_;
    }
    return residual_;
  }

  /// out = of_target mu + of_source n + (target_factor S + source_factor R) e_k.
  void combine(Index k, double of_target, double of_source, double target_factor,
               double source_factor, Eigen::VectorXd& out) {
    const Pair& pair = pair_at(k);
    out = of_target * pair.target->mean + of_source * pair.source->mean;
    for (Index i = 0; i < dimension_; ++i) {
      along_[i] =
          (target_factor * pair.target_variances[i] + source_factor * pair.source_variance) *
          residuals_(k, i);
    }
    if (pair.isotropic) {
      out += along_;
    } else {
      out.noalias() += pair.axes * along_;
    }
  }

  /// u_t of the point.
  const Eigen::VectorXd& velocity() {
    velocity_.setZero();
    for (Index k = 0; k < count_; ++k) {
      if (weights_[k] == 0) continue;
      velocity_ += weights_[k] * velocity_of(k);
    }
    return velocity_;
  }

  /// div u_t of the point, after velocity().
  double divergence() {
    mean_residual_.setZero();
    double sum = 0;
    for (Index k = 0; k < count_; ++k) {
      if (weights_[k] == 0) continue;
      const Pair& pair = pair_at(k);
      double trace = 0;
      for (Index i = 0; i < dimension_; ++i) {
        trace += (values_.d_alpha * values_.alpha * pair.target_variances[i] +
                  values_.sigma_d_sigma * pair.source_variance) *
                 inverse_(k, i);
      }
      mean_residual_ += weights_[k] * residual(k);
      sum += weights_[k] * (trace - residual_.dot(velocity_of(k)));
    }
    return sum + mean_residual_.dot(velocity_);
  }

  /// tr(S C^-1 R): what the trace of Cov(X_1 | x, k) has of sigma^2.
  [[nodiscard]] double posterior_trace(Index k) const {
    const Pair& pair = pair_at(k);
    double trace = 0;
    for (Index i = 0; i < dimension_; ++i) {
      const double square = pair.isotropic ? 1 : pair.axes.col(i).squaredNorm();
      trace += square * pair.target_variances[i] * pair.source_variance * inverse_(k, i);
    }
    return trace;
  }

 private:
  [[nodiscard]] const Pair& pair_at(Index k) const {
    return mixture_.pairs()[static_cast<std::size_t>(k)];
  }

  /// w_k.
  const Eigen::VectorXd& velocity_of(Index k) {
    combine(k, values_.d_alpha, source_rate_, values_.d_alpha * values_.alpha,
            values_.sigma_d_sigma, pair_velocity_);
    return pair_velocity_;
  }

  const PairedMixture& mixture_;
  Index count_;
  Index dimension_;
  ScheduleValues values_{};
  double source_rate_ = 0;
  Eigen::MatrixXd inverse_;    // K x D: 1 / c
  Eigen::VectorXd log_scale_;  // K: log weight + log normaliser
  Eigen::MatrixXd residuals_;  // K x D: along the axes, over c
  Eigen::VectorXd weights_;    // K
  Eigen::VectorXd deviation_;  // D, as all of these
  Eigen::VectorXd along_;
  Eigen::VectorXd residual_;       // e_k
  Eigen::VectorXd velocity_;       // u
  Eigen::VectorXd pair_velocity_;  // w_k
  Eigen::VectorXd mean_residual_;  // e
};

class PairedEvaluator final : public FieldEvaluator {
 public:
  explicit PairedEvaluator(const PairedMixture& mixture) : point_(mixture) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    point_.set_time(t);
    for (Index i = 0; i < x.rows(); ++i) {
      point_.set_point(x.row(i));
      out.row(i) = point_.velocity().cast<float>().transpose();
    }
  }

  void velocity_and_divergence(double t, const ConstPointsRef& x, const ConstPointsRef& /*probes*/,
                               PointsRef out, ValuesRef divergence) override {
    point_.set_time(t);
    for (Index i = 0; i < x.rows(); ++i) {
      point_.set_point(x.row(i));
      out.row(i) = point_.velocity().cast<float>().transpose();
      divergence[i] = point_.divergence();
    }
  }

 private:
  PairedPoint point_;
};

/// The pairs as components for the kernel.
void set_components(const PairedMixture& mixture, const ScheduleValues& values,
                    std::span<kernels::PlanarComponent> out) {
  // Many pairs have the same two variances, and a logarithm takes as long as the rest.
  double last = 0;
  double log_normaliser = 0;
  const double rate = source_rate(mixture.schedule(), values);
  for (std::size_t k = 0; k < out.size(); ++k) {
    const Pair& pair = mixture.pairs()[k];
    const Eigen::VectorXd& target = pair.target->mean;
    const Eigen::VectorXd& source = pair.source->mean;
    const double variance = pair.target_variances[0];
    const double blurred =
        values.alpha * values.alpha * variance + values.sigma * values.sigma * pair.source_variance;
    if (blurred != last) {
      last = blurred;
      log_normaliser = natural_log(2 * std::numbers::pi * blurred);
    }
    out[k] = {.log_scale = pair.log_weight - log_normaliser,
              .half_inverse = 0.5 / blurred,
              .mean_x = values.alpha * target[0] + values.sigma * source[0],
              .mean_y = values.alpha * target[1] + values.sigma * source[1],
              .base_x = values.d_alpha * target[0] + rate * source[0],
              .base_y = values.d_alpha * target[1] + rate * source[1],
              .slope = (values.d_alpha * values.alpha * variance +
                        values.sigma_d_sigma * pair.source_variance) /
                       blurred};
  }
}

class PlanarPairedEvaluator final : public FieldEvaluator {
 public:
  explicit PlanarPairedEvaluator(const PairedMixture& mixture)
      : pairs_(mixture), mixture_(mixture.pairs().size()) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    set_components(pairs_, evaluate(pairs_.schedule(), t), mixture_.components());
    mixture_.velocity(x, out);
  }

  void velocity_and_divergence(double t, const ConstPointsRef& x, const ConstPointsRef& /*probes*/,
                               PointsRef out, ValuesRef divergence) override {
    set_components(pairs_, evaluate(pairs_.schedule(), t), mixture_.components());
    mixture_.velocity_and_divergence(x, out, divergence);
  }

 private:
  const PairedMixture& pairs_;
  PlanarMixture mixture_;
};

template <class Rows>
void log_density_rows(const PairedMixture& mixture, double t, const Rows& x, ValuesRef& out) {
  PairedPoint point(mixture);
  point.set_time(t);
  for (Index i = 0; i < x.rows(); ++i) out[i] = point.set_point(x.row(i));
}

}  // namespace

std::shared_ptr<const PairedMixture> PairedMixture::make(const GaussianMixture& source,
                                                         const GaussianMixture& target,
                                                         const Schedule& schedule) {
  const std::shared_ptr<PairedMixture> made(new PairedMixture(target.dimension(), schedule));
  made->planar_ = is_planar(source) && is_planar(target);
  made->pairs_.reserve(source.components().size() * target.components().size());
  for (const Component& from : source.components()) {
    for (const Component& to : target.components()) made->pairs_.push_back(make_pair(from, to));
  }
  return made;
}

std::unique_ptr<FieldEvaluator> PairedMixture::evaluator() const {
  if (planar_) return std::make_unique<PlanarPairedEvaluator>(*this);
  return std::make_unique<PairedEvaluator>(*this);
}

void PairedMixture::velocity(double t, const ConstPointsRefOf<double>& x,
                             PointsRefOf<double> out) const {
  PairedPoint point(*this);
  point.set_time(t);
  for (Index i = 0; i < x.rows(); ++i) {
    point.set_point(x.row(i));
    out.row(i) = point.velocity().transpose();
  }
}

void PairedMixture::divergence(double t, const ConstPointsRefOf<double>& x, ValuesRef out) const {
  PairedPoint point(*this);
  point.set_time(t);
  for (Index i = 0; i < x.rows(); ++i) {
    point.set_point(x.row(i));
    point.velocity();
    out[i] = point.divergence();
  }
}

void PairedMixture::log_density(double t, const ConstPointsRefOf<double>& x, ValuesRef out) const {
  log_density_rows(*this, t, x, out);
}

void PairedMixture::log_density(double t, const ConstPointsRef& x, ValuesRef out) const {
  if (!planar_) return log_density_rows(*this, t, x, out);
  PlanarMixture mixture(pairs_.size());
  set_components(*this, evaluate(schedule_, t), mixture.components());
  mixture.log_density(x, out);
}

void PairedMixture::score(double t, const ConstPointsRefOf<double>& x,
                          PointsRefOf<double> out) const {
  PairedPoint point(*this);
  point.set_time(t);
  Eigen::VectorXd gradient(dimension_);
  for (Index i = 0; i < x.rows(); ++i) {
    point.set_point(x.row(i));
    gradient.setZero();
    for (Index k = 0; k < point.count(); ++k) {
      if (point.responsibility(k) == 0) continue;
      gradient -= point.responsibility(k) * point.residual(k);
    }
    out.row(i) = gradient.transpose();
  }
}

double PairedMixture::conditional_variance(double t, const ConstPointsRef& x) const {
  // The mean over the pairs of Cov(X_1 | x, k) = sigma^2 S C^-1 R, and the scatter of E[X_1 | x,
  // k]; where sigma is the smaller of the two that of E[X_0 | x, k], which is alpha / sigma as
  // large and then the one in which nothing cancels.
  PairedPoint point(*this);
  point.set_time(t);
  const auto [alpha, sigma] = std::array{point.values().alpha, point.values().sigma};
  const bool by_target = sigma >= alpha;
  const double divisor = by_target ? sigma * sigma : alpha * alpha;
  Eigen::VectorXd mean(dimension_);
  Eigen::VectorXd expected(dimension_);
  const auto expect = [&](Index k) -> const Eigen::VectorXd& {
    point.combine(k, by_target ? 1 : 0, by_target ? 0 : 1, by_target ? alpha : 0,
                  by_target ? 0 : sigma, expected);
    return expected;
  };
  double sum = 0;
  for (Index i = 0; i < x.rows(); ++i) {
    point.set_point(x.row(i));
    mean.setZero();
    double within = 0;
    for (Index k = 0; k < point.count(); ++k) {
      if (point.responsibility(k) == 0) continue;
      mean += point.responsibility(k) * expect(k);
      within += point.responsibility(k) * point.posterior_trace(k);
    }
    double between = 0;
    for (Index k = 0; k < point.count(); ++k) {
      if (point.responsibility(k) == 0) continue;
      between += point.responsibility(k) * (expect(k) - mean).squaredNorm();
    }
    sum += within + between / divisor;
  }
  return sum / static_cast<double>(x.rows());
}

}  // namespace flowmatch
