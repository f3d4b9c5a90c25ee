// What must hold of every density of density_model.h, whatever its map.
#pragma once

#include "flowmatch/density_model.h"
#include "support/errors.h"
#include "support/samples.h"
#include "support/waves.h"

#include <Eigen/LU>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace flowmatch::testing {

/// Weights that bend the map well: waves of about the size of initial ones.
template <class Scalar>
std::vector<Scalar> density_weights(const DensityModelOf<Scalar>& model, double amplitude = 0.5) {
  return wave<Scalar>(static_cast<std::size_t>(model.parameter_count()), amplitude, 1.7, 0.3);
}

/// -log p of all rows together.
template <class Scalar>
double negative_log_likelihood(DensityWorkspaceOf<Scalar>& workspace,
                               const std::vector<Scalar>& parameters, const PointsOf<Scalar>& x) {
  Values out(x.rows());
  workspace.log_density(parameters, x, out);
  return -out.sum();
}

/// The worst error of the gradient against central differences, relative to 1 and the slope, over
/// every `stride`-th parameter. Infinite where the loss that comes with it is not that of
/// log_density.
inline double worst_gradient_error(const DensityModelOf<double>& model,
                                   std::vector<double> parameters, const PointsOf<double>& x,
                                   std::size_t stride = 1) {
  const auto workspace = model.workspace();
  std::vector<double> gradient(parameters.size(), 100.0);
  const double loss = workspace->loss_gradient(parameters, x, 0.7, gradient);
  if (std::abs(loss - negative_log_likelihood(*workspace, parameters, x)) > 1e-12 * std::abs(loss))
    return std::numeric_limits<double>::infinity();
  // The differences are off by h^2 = 1e-10 times a third derivative, and by 1e-16 of the loss
  // over h.
  constexpr double kStep = 1e-5;
  double worst = 0;
  for (std::size_t i = 0; i < parameters.size(); i += stride) {
    const double value = parameters[i];
    parameters[i] = value + kStep;
    const double after = negative_log_likelihood(*workspace, parameters, x);
    parameters[i] = value - kStep;
    const double before = negative_log_likelihood(*workspace, parameters, x);
    parameters[i] = value;
    const double slope = 0.7 * (after - before) / (2 * kStep);
    worst = worse(worst, std::abs(gradient[i] - slope) / (1 + std::abs(slope)));
  }
  return worst;
}

/// The worst error of the score against central differences of log p.
inline double worst_score_error(const DensityModelOf<double>& model,
                                const std::vector<double>& parameters, const PointsOf<double>& x) {
  const auto workspace = model.workspace();
  PointsOf<double> score(x.rows(), x.cols());
  workspace->score(parameters, x, score);
  constexpr double kStep = 1e-5;
  double worst = 0;
  for (Index d = 0; d < x.cols(); ++d) {
    Values after(x.rows());
    Values before(x.rows());
    PointsOf<double> moved = x;
    moved.col(d).array() += kStep;
    workspace->log_density(parameters, moved, after);
    moved.col(d).array() -= 2 * kStep;
    workspace->log_density(parameters, moved, before);
    worst = worse(worst, largest_magnitude(score.col(d) - (after - before) / (2 * kStep)));
  }
  return worst;
}

/// The worst difference of the log-determinant and that of the Jacobian of to_noise() by central
/// differences.
inline double worst_determinant_error(const DensityModelOf<double>& model,
                                      const std::vector<double>& parameters,
                                      const PointsOf<double>& x) {
  const auto workspace = model.workspace();
  const Index dimension = x.cols();
  PointsOf<double> noise(x.rows(), dimension);
  Values log_determinant(x.rows());
  workspace->to_noise(parameters, x, noise, log_determinant);
  constexpr double kStep = 1e-5;
  std::vector<Eigen::MatrixXd> jacobians(static_cast<std::size_t>(x.rows()),
                                         Eigen::MatrixXd(dimension, dimension));
  Values unused(x.rows());
  for (Index d = 0; d < dimension; ++d) {
    PointsOf<double> after = noise;
    PointsOf<double> before = noise;
    PointsOf<double> moved = x;
    moved.col(d).array() += kStep;
    workspace->to_noise(parameters, moved, after, unused);
    moved.col(d).array() -= 2 * kStep;
    workspace->to_noise(parameters, moved, before, unused);
    for (Index i = 0; i < x.rows(); ++i) {
      jacobians[static_cast<std::size_t>(i)].col(d) =
          (after.row(i) - before.row(i)).transpose() / (2 * kStep);
    }
  }
  double worst = 0;
  for (Index i = 0; i < x.rows(); ++i) {
    const double numerical =
        std::log(std::abs(jacobians[static_cast<std::size_t>(i)].determinant()));
    worst = worse(worst, std::abs(numerical - log_determinant[i]));
  }
  return worst;
}

/// The integral of the density over [-extent, extent]^2, on a grid of `side` x `side` points.
inline double integral(const DensityModel& model, const std::vector<float>& parameters,
                       double extent, Index side) {
  Points x(side * side, 2);
  const double spacing = 2 * extent / static_cast<double>(side - 1);
  for (Index i = 0; i < side; ++i) {
    for (Index j = 0; j < side; ++j) {
      x(i * side + j, 0) = static_cast<float>(-extent + spacing * static_cast<double>(i));
      x(i * side + j, 1) = static_cast<float>(-extent + spacing * static_cast<double>(j));
    }
  }
  Values log_density(x.rows());
  model.workspace()->log_density(parameters, x, log_density);
  return log_density.array().exp().sum() * spacing * spacing;
}

/// The largest difference of the float gradient and the double one, in units of the largest entry.
inline double float_gradient_error(const DensityModelOf<float>& single,
                                   const DensityModelOf<double>& exact, Index rows) {
  const std::vector<float> parameters = density_weights(single);
  const Points x = normal_points(rows, single.dimension(), 5, 1.5F);
  std::vector<float> gradient(parameters.size());
  const auto scale = static_cast<float>(1 / static_cast<double>(rows));
  const double loss = single.workspace()->loss_gradient(parameters, x, scale, gradient);
  const std::vector<double> exact_parameters(parameters.begin(), parameters.end());
  std::vector<double> expected(parameters.size());
  const double expected_loss = exact.workspace()->loss_gradient(
      exact_parameters, x.cast<double>(), static_cast<double>(scale), expected);
  double worst = std::abs(loss / expected_loss - 1);
  double largest = 0;
  for (const double slope : expected) largest = std::max(largest, std::abs(slope));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = worse(worst, std::abs(static_cast<double>(gradient[i]) - expected[i]) / largest);
  }
  return worst;
}

/// Whether a row's density is the same to the bit in whatever batch, an earlier batch that was not
/// a number forgotten.
inline bool rows_are_independent(const DensityModel& model) {
  const std::vector<float> parameters = density_weights(model);
  const Points x = normal_points(133, model.dimension(), 6);
  Values whole(x.rows());
  const auto workspace = model.workspace();
  workspace->log_density(parameters, x, whole);
  const Points poison = Points::Constant(64, model.dimension(), std::nanf(""));
  std::vector<float> lost(parameters.size());
  workspace->loss_gradient(parameters, poison, 1, lost);
  for (const Index piece : {1, 31, 32, 100}) {
    Values pieces(x.rows());
    for (Index first = 0; first < x.rows(); first += piece) {
      const Index rows = std::min<Index>(piece, x.rows() - first);
      workspace->log_density(parameters, x.middleRows(first, rows), pieces.segment(first, rows));
    }
    if (pieces != whole) return false;
  }
  return true;
}

/// The worst difference of log-densities and gradient of the mean loss from PyTorch's, for the data
/// of generative_golden.py.
template <class Scalar>
double worst_golden_error(const DensityModelOf<Scalar>& model, std::span<const double> log_density,
                          std::span<const double> gradient) {
  const auto rows = static_cast<Index>(log_density.size());
  const PointsOf<Scalar> x = wave_points<Scalar>(rows, model.dimension(), 1.5, 2.3, 0.9);
  const std::vector<Scalar> parameters = density_weights(model, 0.8);
  if (parameters.size() != gradient.size()) return std::numeric_limits<double>::infinity();
  Values out(rows);
  const auto workspace = model.workspace();
  workspace->log_density(parameters, x, out);
  double worst = 0;
  for (Index i = 0; i < rows; ++i) {
    worst = worse(worst, std::abs(out[i] - log_density[static_cast<std::size_t>(i)]));
  }
  std::vector<Scalar> slopes(parameters.size());
  workspace->loss_gradient(parameters, x, static_cast<Scalar>(1 / static_cast<double>(rows)),
                           slopes);
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    worst = worse(worst, std::abs(static_cast<double>(slopes[i]) - gradient[i]));
  }
  return worst;
}

}  // namespace flowmatch::testing
