// Plots as pictures, for a paper or a log: samples, a density, a loss curve.
#pragma once

#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/io/image.h"
#include "flowmatch/points.h"

#include <span>
#include <string>

namespace flowmatch {

/// The part of the plane that a plot shows. Each maximum is above its minimum.
struct Window {
  double x_min = -1;
  double x_max = 1;
  double y_min = -1;
  double y_max = 1;

  static Window square(double half) { return {-half, half, -half, half}; }
};

/// Half the width of a window around the origin that shows a mixture and the source, null for N(0,
/// I), with room around them, rounded up.
double window_of(const GaussianMixture& data, const GaussianMixture* source = nullptr);

/// The rows of x (N x 2) as dots, the fainter the more there are; what lies outside is left out.
Image plot_samples(const ConstPointsRef& x, const Window& window);

/// The rows of x (N x 2) as their density, counted in bins x bins cells, with a scale beside it.
Image plot_histogram(const ConstPointsRef& x, const Window& window, Index bins = 100);

/// A density on a grid (rows from the smallest y, columns from the smallest x), at the centres of
/// equal cells over the window, with a scale beside it. Values that are not finite are left blank.
Image plot_density(const ConstPointsRefOf<double>& density, const Window& window);

/// The loss of each step after `first_step`, and their running mean, over the irreducible loss
/// `floor` (none where it is not above 0). The axis of the loss is logarithmic where it spans more
/// than a factor of ten. Losses that are not finite and above 0 are left out.
Image plot_loss(std::span<const float> losses, Index first_step, double floor);

}  // namespace flowmatch
