#include "flowmatch/gaussian_mixture.h"

#include "elementary.h"
#include "mixture_math.h"
#include "principal_axes.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

std::string indexed(std::string_view field, std::size_t k) {
  return std::string(field) + "[" + std::to_string(k) + "]";
}

std::string shape_text(const Eigen::MatrixXd& matrix) {
  return std::to_string(matrix.rows()) + " x " + std::to_string(matrix.cols());
}

void check_covariance(const Eigen::MatrixXd& covariance, Index dimension, const std::string& field,
                      ProblemList& problems) {
  if (covariance.rows() != dimension || covariance.cols() != dimension) {
    problems.add(field, shape_text(covariance),
                 std::to_string(dimension) + " x " + std::to_string(dimension) + ", as the means");
    return;
  }
  if (!covariance.allFinite()) {
    problems.add(field, "not finite", "finite numbers");
    return;
  }
  const double scale = covariance.cwiseAbs().maxCoeff();
  if ((covariance - covariance.transpose()).cwiseAbs().maxCoeff() > 1e-9 * scale) {
    problems.add(field, "not symmetric", "a symmetric matrix");
    return;
  }
  const Eigen::VectorXd variances = principal_axes(covariance).variances;
  const double smallest = variances[0];
  const double largest = variances[dimension - 1];
  if (!(smallest >= kMinVariance)) {
    problems.add(field, "smallest variance " + format_number(smallest),
                 "positive definite, each variance at least " + format_number(kMinVariance));
  } else if (!(largest <= kMaxVariance)) {
    problems.add(field, "largest variance " + format_number(largest),
                 "each variance at most " + format_number(kMaxVariance));
  }
}

GaussianMixture::Component make_component(double weight, const Eigen::VectorXd& mean,
                                          const Eigen::MatrixXd& covariance) {
  const Index dimension = mean.size();
  GaussianMixture::Component component{.weight = weight,
                                       .log_weight = natural_log(weight),
                                       .mean = mean,
                                       .axes = Eigen::MatrixXd::Identity(dimension, dimension),
                                       .variances = covariance.diagonal(),
                                       .sample_root = {},
                                       .isotropic = false};
  component.isotropic =
      covariance == (covariance(0, 0) * Eigen::MatrixXd::Identity(dimension, dimension)).eval();
  if (!component.isotropic) {
    auto [axes, variances] = principal_axes(covariance);
    component.axes = std::move(axes);
    component.variances = std::move(variances);
  }
  component.sample_root =
      (component.axes * component.variances.cwiseSqrt().asDiagonal()).cast<float>();
  return component;
}

/// -E log p, the expectation over each component by the trapezoidal rule along its principal axes,
/// with `spacing` of a standard deviation between points. On a smooth function times a Gaussian the
/// rule converges faster than any power.
double entropy_by_quadrature(const GaussianMixture& mixture, double spacing) {
  constexpr double kReach = 6.5;  // standard deviations, beyond which is 1e-10 of the mass
  const auto side = static_cast<int>(kReach / spacing);
  const bool planar = mixture.dimension() == 2;
  BlurredMixture density(mixture);
  density.set(1, 0);
  Eigen::Vector2d x;
  double entropy = 0;
  for (const auto& component : mixture.components()) {
    double sum = 0;
    double total = 0;  // of the rule's own weights, so that it is exact for a constant
    for (int i = -side; i <= side; ++i) {
      for (int j = planar ? -side : 0; j <= (planar ? side : 0); ++j) {
        const Eigen::Vector2d steps(spacing * i, spacing * j);
        const double weight = exponential(-0.5 * steps.squaredNorm());
        for (Index row = 0; row < mixture.dimension(); ++row) {
          x[row] = component.mean[row];
          for (Index axis = 0; axis < mixture.dimension(); ++axis) {
            x[row] +=
                component.axes(row, axis) * std::sqrt(component.variances[axis]) * steps[axis];
          }
        }
        sum += weight * density.set_point(x);
        total += weight;
      }
    }
    entropy -= component.weight * sum / total;
  }
  return entropy;
}

}  // namespace

Problems validate(const GaussianMixtureConfig& config) {
  ProblemList problems;
  const std::size_t count = config.means.size();
  problems.check_integer("components", static_cast<double>(count), 1,
                         static_cast<double>(kMaxComponents));
  if (!problems.empty()) return std::move(problems).take();
  if (config.weights.size() != count) {
    problems.add("weights", std::to_string(config.weights.size()) + " numbers",
                 std::to_string(count) + ", one a component");
  }
  if (config.covariances.size() != count) {
    problems.add("covariances", std::to_string(config.covariances.size()) + " matrices",
                 std::to_string(count) + ", one a component");
  }
  const Index dimension = config.means.front().size();
  problems.check_integer("dimension", static_cast<double>(dimension), 1,
                         static_cast<double>(kMaxDimension));
  if (!problems.empty()) return std::move(problems).take();

  for (std::size_t k = 0; k < count; ++k) {
    problems.check_above(indexed("weights", k), config.weights[k], 0, 1e12);
    const std::string mean_field = indexed("means", k);
    if (config.means[k].size() != dimension) {
      problems.add(mean_field, std::to_string(config.means[k].size()) + " numbers",
                   std::to_string(dimension) + ", as the first mean");
    } else if (!(config.means[k].array().abs() <= 1e6).all()) {
      problems.add(mean_field, "not finite, or beyond 1e6", "finite numbers from -1e6 to 1e6");
    }
    check_covariance(config.covariances[k], dimension, indexed("covariances", k), problems);
  }
  return std::move(problems).take();
}

GaussianMixtureConfig ring_mixture(Index components, double radius, double standard_deviation) {
  GaussianMixtureConfig config;
  for (Index k = 0; k < components; ++k) {
    const auto [x, y] = circle_point(static_cast<double>(k) / static_cast<double>(components));
    config.weights.push_back(1);
    config.means.emplace_back(Eigen::Vector2d(radius * x, radius * y));
    config.covariances.emplace_back(standard_deviation * standard_deviation *
                                    Eigen::Matrix2d::Identity());
  }
  return config;
}

Result<GaussianMixture> GaussianMixture::make(const GaussianMixtureConfig& config) {
  if (Problems problems = validate(config); !problems.empty()) return problems;
  GaussianMixture mixture;
  double total = 0;
  for (const double weight : config.weights) total += weight;
  double cumulative = 0;
  for (std::size_t k = 0; k < config.weights.size(); ++k) {
    const double weight = config.weights[k] / total;
    cumulative += weight;
    mixture.cumulative_weights_.push_back(static_cast<float>(cumulative));
    mixture.components_.push_back(make_component(weight, config.means[k], config.covariances[k]));
  }
  return mixture;
}

void GaussianMixture::sample(const RandomStream& stream, Index first_row, PointsRef out) const {
  draw(stream, first_row, out, {});
}

void GaussianMixture::sample_labelled(const RandomStream& stream, Index first_row, PointsRef out,
                                      std::span<std::int32_t> labels) const {
  assert(labels.size() == static_cast<std::size_t>(out.rows()));
  draw(stream, first_row, out, labels);
}

void GaussianMixture::draw(const RandomStream& stream, Index first_row, PointsRef out,
                           std::span<std::int32_t> labels) const {
  fill_normal(stream, first_row, out, 1);
  constexpr std::size_t kChunk = 128;
  std::array<float, kChunk> uniforms{};
  // In place: no coordinate of a row may be written before all are read.
  std::array<float, kMaxDimension> normals{};
  for (Index first = 0; first < out.rows(); first += static_cast<Index>(kChunk)) {
    const auto rows =
        static_cast<std::size_t>(std::min(static_cast<Index>(kChunk), out.rows() - first));
    fill_uniform(stream, first_row + first, {uniforms.data(), rows});
    for (std::size_t i = 0; i < rows; ++i) {
      const auto found =
          std::upper_bound(cumulative_weights_.begin(), cumulative_weights_.end(), uniforms[i]);
      const auto k = std::min(static_cast<std::size_t>(found - cumulative_weights_.begin()),
                              components_.size() - 1);
      if (!labels.empty()) {
        labels[static_cast<std::size_t>(first) + i] = static_cast<std::int32_t>(k);
      }
      const Component& component = components_[k];
      auto row = out.row(first + static_cast<Index>(i));
      if (component.isotropic) {
        const float deviation = component.sample_root(0, 0);
        for (Index j = 0; j < row.size(); ++j) {
          row[j] = deviation * row[j] + static_cast<float>(component.mean[j]);
        }
      } else {
        for (Index l = 0; l < row.size(); ++l) normals[static_cast<std::size_t>(l)] = row[l];
        for (Index j = 0; j < row.size(); ++j) row[j] = static_cast<float>(component.mean[j]);
        // Column by column, the order in which the root is stored.
        for (Index l = 0; l < row.size(); ++l) {
          const float normal = normals[static_cast<std::size_t>(l)];
          for (Index j = 0; j < row.size(); ++j) row[j] += component.sample_root(j, l) * normal;
        }
      }
    }
  }
}

void GaussianMixture::log_density(const ConstPointsRef& x, ValuesRef out) const {
  BlurredMixture mixture(*this);
  mixture.set(1, 0);
  for (Index i = 0; i < x.rows(); ++i) out[i] = mixture.set_point(x.row(i));
}

void GaussianMixture::score(const ConstPointsRef& x, PointsRef out) const {
  BlurredMixture mixture(*this);
  mixture.set(1, 0);
  Eigen::VectorXd gradient(dimension());
  for (Index i = 0; i < x.rows(); ++i) {
    mixture.set_point(x.row(i));
    gradient.setZero();
    for (Index k = 0; k < mixture.components(); ++k) {
      mixture.add_residual(k, -mixture.responsibility(k), false, gradient);
    }
    out.row(i) = gradient.cast<float>().transpose();
  }
}

std::optional<double> GaussianMixture::entropy() const {
  if (components_.size() == 1) {
    const Component& component = components_.front();
    double twice = static_cast<double>(dimension()) * (1 + natural_log(2 * std::numbers::pi));
    for (Index i = 0; i < dimension(); ++i) twice += natural_log(component.variances[i]);
    return 0.5 * twice;
  }
  if (dimension() > 2 || labels() > kMaxEntropyComponents) return std::nullopt;
  // Half the spacing squares the error, so the last value is far closer than the two are.
  constexpr double kAgreement = 1e-3;
  double coarse = entropy_by_quadrature(*this, 0.8);
  for (const double spacing : {0.4, 0.2, 0.1}) {
    const double fine = entropy_by_quadrature(*this, spacing);
    if (std::abs(fine - coarse) < kAgreement) return fine;
    coarse = fine;
  }
  return std::nullopt;
}

}  // namespace flowmatch
