// How straight a flow is, and how far from the optimal one: both are about whole trajectories, not
// only about where they end.
#pragma once

#include "flowmatch/field.h"
#include "flowmatch/points.h"
#include "flowmatch/solver.h"

namespace flowmatch {

struct TrajectoryMetrics {
  /// E integral |v(X_t, t)|^2 dt. Among all flows between two distributions the least is the
  /// squared W2 (Benamou and Brenier 2000). Tong et al. 2023 (arXiv 2302.00482), section 5.1.
  double path_energy = 0;
  /// E integral |v(X_t, t) - (X_1 - X_0)|^2 dt: 0 exactly if all trajectories are straight and at
  /// constant speed, so that one Euler step is exact. Liu et al. 2022, "Flow straight and fast"
  /// (arXiv 2209.03003), section 2.2.
  double straightness = 0;
  Index function_evaluations = 0;  ///< For each point (NFE).
};

/// Both for the rows of `start` (N x D) moved along the field as `config` says, averaged over the
/// rows, squared norms summed over coordinates. The integrals over time are by the trapezoidal rule
/// over the solver's steps, so that their error falls as the square of a step at best. If `config`
/// does not go from 0 to 1, v is that over the time it does go through and X_0, X_1 are its ends:
/// in the clock of a flow that does it in one unit of time. Preconditions: validate(config) is
/// empty, t_start is not t_end. NaN for no rows.
TrajectoryMetrics trajectory_metrics(const Field& field, const SolverConfig& config,
                                     const ConstPointsRef& start);

double straightness(const Field& field, const SolverConfig& config, const ConstPointsRef& start);
double path_energy(const Field& field, const SolverConfig& config, const ConstPointsRef& start);

/// |path energy - W2^2| / W2^2 for the W2 (the root, as w2() gives it) between source and target: 0
/// for the optimal flow. Tong et al. 2023 (arXiv 2302.00482), section 5.1.
double normalised_path_energy(double path_energy, double w2);

}  // namespace flowmatch
