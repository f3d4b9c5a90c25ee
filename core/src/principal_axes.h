// The principal axes of a covariance matrix and the variances along them.
#pragma once

#include "flowmatch/points.h"

#include <Eigen/Core>

namespace flowmatch {

/// matrix = axes diag(variances) axes^T.
struct PrincipalAxes {
  Eigen::MatrixXd axes;       ///< Orthogonal; one axis a column.
  Eigen::VectorXd variances;  ///< Ascending; some are negative if the matrix is no covariance.
};

/// `matrix` is finite and symmetric; only its lower triangle is read.
PrincipalAxes principal_axes(const Eigen::MatrixXd& matrix);

}  // namespace flowmatch
