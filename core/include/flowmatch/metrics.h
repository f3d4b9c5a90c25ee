// Distances between two sets of samples, and how a set is shared among the modes of a mixture.
//
// None of them is zero between two finite sets from the same distribution: print the floor, the
// distance between two fresh true sets of the same size, beside every value.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/points.h"
#include "flowmatch/random.h"

#include <cstdint>
#include <span>
#include <vector>

namespace flowmatch {

/// What a metric of two sets says of two fresh sets of `count` points each of one distribution: its
/// floor. metric(a, b) takes two N x D matrices. The sets are those of an Evaluation under the
/// seed.
template <class Metric>
double floor_of(const Metric& metric, const Distribution& distribution, Index count,
                std::uint64_t seed) {
  Points a(count, distribution.dimension());
  Points b(count, distribution.dimension());
  distribution.sample({seed, Purpose::reference_data, 0}, 0, a);
  distribution.sample({seed, Purpose::floor_data, 0}, 0, b);
  return metric(a, b);
}

/// The mean of |b_i - a_i|^2 over the rows: what it costs to move each row of a (n x D) to the same
/// row of b. Of a flow's starts and ends it is at least the squared W2 of the two sets. NaN for
/// sets of different size, or empty.
double transport_cost(const ConstPointsRef& a, const ConstPointsRef& b);

/// The 1- and the 2-Wasserstein distance of two sets of n points each (n x D), exact: for equal
/// weights the optimal plan is an assignment (Peyre and Cuturi 2019, arXiv 1803.00567, proposition
/// 2.1). W1 is the mean distance of the optimal pairs; W2 is the root of the mean squared distance
/// of (other) optimal pairs.
///
/// Trap: some publish the square of W2 under its name. Of those whose numbers we compare with,
/// torchcfm and DSBM print the root; C2OT's tables have the square.
///
/// A second or less for 2,000 points in the plane, some seconds for 10,000; memory is of the order
/// of n D. NaN for sets of different size, empty, or not finite.
double w1(const ConstPointsRef& a, const ConstPointsRef& b);
double w2(const ConstPointsRef& a, const ConstPointsRef& b);

/// Sliced 2-Wasserstein distance of two sets of n points each (n x D): the root of the mean, over
/// random directions and sorted pairs, of the squared difference of projections. Bonneel et al.
/// 2015. NaN for sets that are not finite.
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

/// The squared maximum mean discrepancy, E k(X, X') + E k(Y, Y') - 2 E k(X, Y) for a kernel k.
/// Gretton et al. 2012, "A kernel two-sample test", section 2.2.
struct Mmd {
  double biased;  ///< A point with itself included (the V-statistic): never negative.
  /// Without those pairs (the U-statistic): zero on average for two sets of one distribution, and
  /// so at times negative. Not finite for a set of one point.
  double unbiased;
};

/// For the mean over the bandwidths h of the Gaussian kernels exp(-|x - y|^2 / (2 h^2)). a and b
/// are n x D and m x D; bandwidths are positive, at least one.
Mmd squared_mmd(const ConstPointsRef& a, const ConstPointsRef& b,
                std::span<const double> bandwidths);

/// The median heuristic: the median distance of different points of both sets together, a usual
/// bandwidth (Gretton et al. 2012, section 8). Of large sets, of 500 points of each at equal steps.
/// 1 if that median is 0, for then any bandwidth will do.
double median_bandwidth(const ConstPointsRef& a, const ConstPointsRef& b);

/// The share of x (N x D) whose nearest mean is that of component k, for each k.
Values mode_shares(const GaussianMixture& mixture, const ConstPointsRef& x);

/// The share of x nearer than `radius` to its nearest mean.
double share_within(const GaussianMixture& mixture, const ConstPointsRef& x, double radius);

}  // namespace flowmatch
