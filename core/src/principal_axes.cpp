#include "principal_axes.h"

#include <Eigen/Jacobi>

#include <algorithm>
#include <cmath>
#include <limits>

namespace flowmatch {

namespace {

/// Convergence is quadratic: some seven sweeps are enough for any matrix that a mixture has.
constexpr int kMostSweeps = 60;

/// Whether entry (p, q) is nothing beside the diagonal: relative to both its ends, so that a small
/// variance is as exact as a large one.
bool is_negligible(const Eigen::MatrixXd& matrix, double smallest, Index p, Index q) {
  const double beside = std::sqrt(std::abs(matrix(p, p))) * std::sqrt(std::abs(matrix(q, q)));
  return std::abs(matrix(p, q)) <=
         std::max(smallest, std::numeric_limits<double>::epsilon() * beside);
}

}  // namespace

// Jacobi's method: one rotation after another makes one entry off the diagonal zero, until all are.
// For large matrices it is slower than Eigen's tridiagonal solver, but a matrix that is diagonal
// costs nothing, and it is a tenth of the code, for which the reader of a page waits.
PrincipalAxes principal_axes(const Eigen::MatrixXd& matrix) {
  const Index dimension = matrix.rows();
  Eigen::MatrixXd rest = matrix.selfadjointView<Eigen::Lower>();
  Eigen::MatrixXd axes = Eigen::MatrixXd::Identity(dimension, dimension);
  const double epsilon = std::numeric_limits<double>::epsilon();
  const double smallest = epsilon * epsilon * rest.cwiseAbs().maxCoeff();
  bool rotated = true;
  for (int sweep = 0; rotated && sweep < kMostSweeps; ++sweep) {
    rotated = false;
    for (Index p = 0; p < dimension; ++p) {
      for (Index q = p + 1; q < dimension; ++q) {
        if (is_negligible(rest, smallest, p, q)) continue;
        Eigen::JacobiRotation<double> rotation;
        rotation.makeJacobi(rest, p, q);
        rest.applyOnTheLeft(p, q, rotation.adjoint());
        rest.applyOnTheRight(p, q, rotation);
        rest(p, q) = rest(q, p) = 0;
        axes.applyOnTheRight(p, q, rotation);
        rotated = true;
      }
    }
  }
  Eigen::VectorXd variances = rest.diagonal();
  for (Index i = 0; i < dimension; ++i) {
    Index least = 0;
    variances.tail(dimension - i).minCoeff(&least);
    std::swap(variances[i], variances[i + least]);
    axes.col(i).swap(axes.col(i + least));
  }
  return {axes, variances};
}

}  // namespace flowmatch
