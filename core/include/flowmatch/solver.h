// Fixed-step Runge-Kutta solvers for dx/dt = v(x, t).
// Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", section II.1.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/problem.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace flowmatch {

enum class Solver {
  euler,     ///< Order 1, one evaluation a step.
  midpoint,  ///< Order 2, two evaluations.
  heun,      ///< Order 2, two evaluations: the trapezoidal rule, explicit.
  rk4,       ///< Order 4, four evaluations: the classical one.
};

inline constexpr std::array kSolvers{Solver::euler, Solver::midpoint, Solver::heun, Solver::rk4};

std::string_view name(Solver solver);
std::optional<Solver> solver_from_name(std::string_view name);

/// Order of convergence, and evaluations of the field (NFE) a step.
int order(Solver solver);
int evaluations_per_step(Solver solver);

struct SolverConfig {
  Solver solver = Solver::euler;
  Index steps = 50;    ///< Equal steps from t_start to t_end, 1 to kMaxSolverSteps.
  double t_start = 0;  ///< [0, 1].
  double t_end = 1;    ///< [0, 1]; before t_start to go backwards in time.
};

inline constexpr Index kMaxSolverSteps = 10000;

Problems validate(const SolverConfig& config);

/// The stages of a step for up to `rows` points, allocated once.
template <class Scalar>
struct SolverScratchOf {
  SolverScratchOf(Index rows, Index dimension)
      : stage(rows, dimension), slope(rows, dimension), sum(rows, dimension) {}
  PointsOf<Scalar> stage;
  PointsOf<Scalar> slope;
  PointsOf<Scalar> sum;
};
using SolverScratch = SolverScratchOf<float>;

/// Advances x (N x D, N at most the scratch's rows) from t to t + h in place. velocity(t, x, out)
/// evaluates the field. Does not allocate.
template <class Scalar, class Velocity>
void solver_step(Solver solver, Velocity&& velocity, double t, double h, PointsRefOf<Scalar> x,
                 SolverScratchOf<Scalar>& scratch) {
  const auto step = static_cast<Scalar>(h);
  const auto half = static_cast<Scalar>(h / 2);
  auto stage = scratch.stage.topRows(x.rows());
  auto slope = scratch.slope.topRows(x.rows());
  auto sum = scratch.sum.topRows(x.rows());
  switch (solver) {
    case Solver::euler:
      velocity(t, x, slope);
      x += step * slope;
      return;
    case Solver::midpoint:
      velocity(t, x, slope);
      stage = x + half * slope;
      velocity(t + h / 2, stage, slope);
      x += step * slope;
      return;
    case Solver::heun:
      velocity(t, x, sum);
      stage = x + step * sum;
      velocity(t + h, stage, slope);
      x += half * (sum + slope);
      return;
    case Solver::rk4:
      velocity(t, x, sum);
      stage = x + half * sum;
      velocity(t + h / 2, stage, slope);
      sum += Scalar{2} * slope;
      stage = x + half * slope;
      velocity(t + h / 2, stage, slope);
      sum += Scalar{2} * slope;
      stage = x + step * slope;
      velocity(t + h, stage, slope);
      x += static_cast<Scalar>(h / 6) * (sum + slope);
      return;
  }
}

}  // namespace flowmatch
