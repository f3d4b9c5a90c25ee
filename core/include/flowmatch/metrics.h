// Distances between two sets of samples, and how a set is shared among the modes of a mixture.
//
// None of them is zero between two finite sets from the same distribution: print the floor, the
// distance between two fresh true sets of the same size, beside every value.
#pragma once

#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/points.h"

#include <cstdint>
#include <vector>

namespace flowmatch {

/// Sliced 2-Wasserstein distance of two sets of n points each (n x D): the root of the mean, over
/// random directions and sorted pairs, of the squared difference of projections. Bonneel et al.
/// 2015.
double sliced_w2(const ConstPointsRef& a, const ConstPointsRef& b, Index projections,
                 std::uint64_t seed);

/// The same for one direction: the mean squared difference of sorted projections. scratch is
/// resized to twice the number of points and can be kept between calls.
double projected_w2_squared(const ConstPointsRef& a, const ConstPointsRef& b,
                            const Eigen::Ref<const Eigen::VectorXf>& direction,
                            std::vector<float>& scratch);

/// `projections` unit vectors, uniform on the sphere (projections x D).
Points random_directions(Index projections, Index dimension, std::uint64_t seed);

/// Energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| over all pairs, a point with itself included
/// (the V-statistic, which is never negative). Szekely and Rizzo 2013.
double energy_distance(const ConstPointsRef& a, const ConstPointsRef& b);

/// sum_ij |a_i - b_j|, accumulated in double. a and b are n x D and m x D.
double sum_of_distances(const ConstPointsRef& a, const ConstPointsRef& b);

/// The share of x (N x D) whose nearest mean is that of component k, for each k.
Values mode_shares(const GaussianMixture& mixture, const ConstPointsRef& x);

/// The share of x nearer than `radius` to its nearest mean.
double share_within(const GaussianMixture& mixture, const ConstPointsRef& x, double radius);

}  // namespace flowmatch
