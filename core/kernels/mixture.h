// The exact field and density of a mixture of isotropic Gaussians in the plane: the case of every
// figure that begins with one, and worth a kernel because the reader waits for it. naive.h says
// what it computes; mixture_math.h does the general case.
#pragma once

#include "flowmatch/points.h"

namespace flowmatch::kernels {

/// One component of the blurred mixture at one time.
struct PlanarComponent {
  double log_scale;     ///< Log of its weight times its normaliser.
  double half_inverse;  ///< 1 / (2 c) for the covariance c I.
  double mean_x;        ///< Of the blurred component, alpha mu.
  double mean_y;
  double base_x;  ///< Its velocity at its mean,
  double base_y;
  double slope;  ///< and how that grows with the distance from the mean.
};

/// Points of one call at most.
inline constexpr Index kPlanarRows = 64;
/// Numbers of working memory for each component.
inline constexpr Index kPlanarScratch = 8;

/// Arrays for what is asked of each point.
struct PlanarResult {
  double* log_density;
  double* velocity_x;
  double* velocity_y;
  double* divergence = nullptr;  ///< Of the velocity by the point; null: not asked for.
};

/// For `rows` points (x, y), with responsibilities r_k of the components:
/// log_density = log sum_k exp(log_scale_k - half_inverse_k |x - mean_k|^2), and
/// velocity = sum_k r_k w_k with w_k = base_k + slope_k (x - mean_k), and
/// divergence = sum_k r_k (2 slope_k - e_k . w_k) + (sum_k r_k e_k) . velocity with
/// e_k = 2 half_inverse_k (x - mean_k).
/// The points are finite. Arrays have room for kPlanarRows numbers, `scratch` for kPlanarScratch a
/// component.
void planar_mixture(const PlanarComponent* components, Index count, Index rows, const double* x,
                    const double* y, double* scratch, const PlanarResult& result);

}  // namespace flowmatch::kernels
