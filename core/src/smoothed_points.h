// Points that stand for a distribution in an exact field: a mixture of a narrow Gaussian for each.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/gaussian_mixture.h"

namespace flowmatch {

/// Equal Gaussians of standard deviation `width` around points, one a row.
GaussianMixtureConfig around(const Eigen::MatrixXd& points, double width);

/// `count` points of a distribution, each a Gaussian of 0.3 times the width that Scott's rule gives
/// for the density of a normal distribution: the sets that need it have finer features.
GaussianMixtureConfig smoothed_points(const Distribution& distribution, Index count);

}  // namespace flowmatch
