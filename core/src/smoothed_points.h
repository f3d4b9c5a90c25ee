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

/// The same for few points: the centres of kDrawsPerCentre times as many draws by a few rounds of
/// Lloyd's k-means, from the first of them, each with the share of its draws as its weight. Where
/// points themselves would have many in one place and few in another by chance, these do not.
/// Centres that are left without draws are left out.
GaussianMixtureConfig clustered_points(const Distribution& distribution, Index count);

inline constexpr Index kDrawsPerCentre = 32;

}  // namespace flowmatch
