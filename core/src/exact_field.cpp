#include "flowmatch/exact_field.h"

#include "elementary.h"
#include "kernels/mixture.h"
#include "mixture_math.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace flowmatch {

namespace {

/// Evaluates u_t at one point after another; shared by the float and the double interface.
class PointEvaluator {
 public:
  explicit PointEvaluator(const ExactField& field)
      : schedule_(field.schedule()), mixture_(field.target()), velocity_(field.dimension()) {}

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

 private:
  Schedule schedule_;
  ScheduleValues values_{};
  BlurredMixture mixture_;
  Eigen::VectorXd velocity_;
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

 private:
  const GaussianMixture& target_;
  PointEvaluator point_;
};

/// Whether the kernel of planar mixtures applies.
bool is_planar(const GaussianMixture& mixture) {
  return mixture.dimension() == 2 &&
         std::ranges::all_of(mixture.components(), &GaussianMixture::Component::isotropic);
}

/// A planar mixture of isotropic components, many points at a time.
class PlanarMixture {
 public:
  explicit PlanarMixture(const GaussianMixture& mixture)
      : mixture_(mixture),
        components_(mixture.components().size()),
        scratch_(mixture.components().size() * kernels::kPlanarScratch) {}

  void set(const ScheduleValues& values) {
    for (std::size_t k = 0; k < components_.size(); ++k) {
      const auto& component = mixture_.components()[k];
      const double variance = component.variances[0];
      const double blurred = values.alpha * values.alpha * variance + values.sigma * values.sigma;
      components_[k] = {
          .log_scale = component.log_weight - natural_log(2 * std::numbers::pi * blurred),
          .half_inverse = 0.5 / blurred,
          .mean_x = values.alpha * component.mean[0],
          .mean_y = values.alpha * component.mean[1],
          .base_x = values.d_alpha * component.mean[0],
          .base_y = values.d_alpha * component.mean[1],
          .slope = (values.d_alpha * values.alpha * variance + values.sigma_d_sigma) / blurred};
    }
  }

  /// Calls use(row, log density, velocity x, velocity y) for every row of x.
  template <class Use>
  void evaluate(const ConstPointsRef& x, const Use& use) {
    constexpr Index kRows = kernels::kPlanarRows;
    for (Index first = 0; first < x.rows(); first += kRows) {
      const Index rows = std::min(kRows, x.rows() - first);
      for (Index i = 0; i < rows; ++i) {
        xs_[static_cast<std::size_t>(i)] = static_cast<double>(x(first + i, 0));
        ys_[static_cast<std::size_t>(i)] = static_cast<double>(x(first + i, 1));
      }
      kernels::planar_mixture(components_.data(), static_cast<Index>(components_.size()), rows,
                              xs_.data(), ys_.data(), scratch_.data(),
                              {density_.data(), us_.data(), vs_.data()});
      for (Index i = 0; i < rows; ++i) {
        const auto at = static_cast<std::size_t>(i);
        use(first + i, density_[at], us_[at], vs_[at]);
      }
    }
  }

 private:
  using Numbers = std::array<double, kernels::kPlanarRows>;
  const GaussianMixture& mixture_;
  std::vector<kernels::PlanarComponent> components_;
  std::vector<double> scratch_;
  Numbers xs_{};
  Numbers ys_{};
  Numbers density_{};
  Numbers us_{};
  Numbers vs_{};
};

class PlanarEvaluator final : public FieldEvaluator {
 public:
  explicit PlanarEvaluator(const ExactField& field)
      : schedule_(field.schedule()), mixture_(field.target()) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    mixture_.set(evaluate(schedule_, t));
    mixture_.evaluate(x, [&](Index row, double /*log_density*/, double u, double v) {
      out(row, 0) = static_cast<float>(u);
      out(row, 1) = static_cast<float>(v);
    });
  }

 private:
  Schedule schedule_;
  PlanarMixture mixture_;
};

template <class Rows>
void log_density_rows(const ExactField& field, double t, const Rows& x, ValuesRef& out) {
  const ScheduleValues values = evaluate(field.schedule(), t);
  BlurredMixture mixture(field.target());
  mixture.set(values.alpha, values.sigma);
  for (Index i = 0; i < x.rows(); ++i) out[i] = mixture.set_point(x.row(i));
}

}  // namespace

ExactField::ExactField(GaussianMixture target, Schedule schedule)
    : target_(std::move(target)), schedule_(schedule) {}

std::unique_ptr<FieldEvaluator> ExactField::evaluator(Index /*max_rows*/) const {
  if (is_planar(target_)) return std::make_unique<PlanarEvaluator>(*this);
  return std::make_unique<ExactEvaluator>(*this);
}

void ExactField::velocity(double t, const ConstPointsRefOf<double>& x,
                          PointsRefOf<double> out) const {
  PointEvaluator point(*this);
  point.set_time(t);
  for (Index i = 0; i < x.rows(); ++i) out.row(i) = point.velocity(x.row(i), target_).transpose();
}

void ExactField::log_density(double t, const ConstPointsRefOf<double>& x, ValuesRef out) const {
  log_density_rows(*this, t, x, out);
}

void ExactField::log_density(double t, const ConstPointsRef& x, ValuesRef out) const {
  if (is_planar(target_)) {
    PlanarMixture mixture(target_);
    mixture.set(evaluate(schedule_, t));
    mixture.evaluate(x, [&](Index row, double log_density, double /*u*/, double /*v*/) {
      out[row] = log_density;
    });
    return;
  }
  log_density_rows(*this, t, x, out);
}

void ExactField::score(double t, const ConstPointsRefOf<double>& x, PointsRefOf<double> out) const {
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

double ExactField::irreducible_loss(double t, const ConstPointsRef& x) const {
  // Given X_t = x the target is (alpha' - alpha sigma' / sigma) z + const, so its conditional
  // covariance is the square of that factor times Cov(z | x) = sum_k r_k (Cov_k + (m_k - m)(m_k -
  // m)^T) with Cov_k = sigma^2 S_k C_k^-1. The sigma of the factor and of Cov_k cancel.
  const ScheduleValues values = evaluate(schedule_, t);
  const double factor = values.d_alpha * values.sigma - values.alpha * values.d_sigma;
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
  const RandomStream source{seed, Purpose::irreducible_loss, 0};
  const RandomStream data{seed, Purpose::irreducible_loss, 1};
  const StandardNormal normal(field.dimension());
  Points x0(rows, field.dimension());
  Points x1(rows, field.dimension());
  Points x(rows, field.dimension());
  // t = 1 - (1 - u)^power. The loss of `sqrt` grows as 1 / (sqrt(1 - t) + 1e-4)^2 near t = 1, and a
  // power of 4 puts the strata where it lives; that of the others is even enough.
  const int power = field.schedule() == Schedule::sqrt ? 4 : 1;
  double sum = 0;
  for (Index i = 0; i < strata; ++i) {
    const double rest = 1 - (static_cast<double>(i) + 0.5) / static_cast<double>(strata);
    // Not 1 itself, where the conditional variance is 0 / 0.
    const double t = std::min(1 - whole_power(rest, power), 1 - 0x1p-53);
    const ScheduleValues values = evaluate(field.schedule(), t);
    normal.sample(source, i * rows, x0);
    field.target().sample(data, i * rows, x1);
    x = static_cast<float>(values.alpha) * x1 + static_cast<float>(values.sigma) * x0;
    sum += power * whole_power(rest, power - 1) * field.irreducible_loss(t, x);
  }
  return sum / static_cast<double>(strata);
}

}  // namespace flowmatch
