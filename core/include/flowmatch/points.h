// The memory layout of a batch of points, shared by the whole library and by JavaScript typed
// arrays.
#pragma once

#include <Eigen/Core>

namespace flowmatch {

using Index = Eigen::Index;

/// N points of dimension D: N x D, row-major, so that point n is the D consecutive numbers from n *
/// D.
template <class Scalar>
using PointsOf = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Points = PointsOf<float>;

/// A view of such a batch to write to or to read from; an Eigen::Map of a plain array fits as well.
template <class Scalar>
using PointsRefOf = Eigen::Ref<PointsOf<Scalar>>;
using PointsRef = PointsRefOf<float>;
template <class Scalar>
using ConstPointsRefOf = Eigen::Ref<const PointsOf<Scalar>>;
using ConstPointsRef = ConstPointsRefOf<float>;

/// One number a point, in double precision (log-densities, losses).
using Values = Eigen::VectorXd;
using ValuesRef = Eigen::Ref<Values>;

}  // namespace flowmatch
