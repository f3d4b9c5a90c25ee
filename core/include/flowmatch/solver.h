// The solvers of dx/dt = v(x, t), and of an SDE with the same marginals, by name; the settings of a
// way from one time to another; and the step of those with fixed steps.
// Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", section II.1.
// The others have files of their own: dopri5.h, sde.h.
#pragma once

#include "flowmatch/diffusion.h"
#include "flowmatch/points.h"
#include "flowmatch/problem.h"

#include <array>
#include <cassert>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace flowmatch {

enum class Solver {
  euler,            ///< Order 1, one evaluation a step.
  midpoint,         ///< Order 2, two evaluations.
  heun,             ///< Order 2, two evaluations: the trapezoidal rule, explicit.
  rk4,              ///< Order 4, four evaluations: the classical one.
  dopri5,           ///< Order 5, six evaluations: Dormand-Prince 5(4), which chooses its steps.
  euler_maruyama,   ///< Of the SDE: weak order 1, one evaluation.
  stochastic_heun,  ///< Of the SDE: weak order 2, strong order 1, two evaluations.
};

/// Every solver: those of the ODE, then those of the SDE.
inline constexpr std::array kAllSolvers{
    Solver::euler,  Solver::midpoint,       Solver::heun,           Solver::rk4,
    Solver::dopri5, Solver::euler_maruyama, Solver::stochastic_heun};
/// Those of the ODE with steps of equal length.
inline constexpr std::span<const Solver> kFixedStepSolvers{kAllSolvers.data(), 4};
/// All those of the ODE.
inline constexpr std::span<const Solver> kSolvers{kAllSolvers.data(), 5};
/// Those of the SDE; with steps of equal length.
inline constexpr std::span<const Solver> kSdeSolvers{kAllSolvers.data() + 5, 2};

/// The name in configurations and links ("euler", "dopri5", "stochastic_heun"), and back, for the
/// ODE and the SDE.
std::string_view name(Solver solver);
std::optional<Solver> solver_from_name(std::string_view name);

/// Whether it chooses the length of its steps by a tolerance.
inline bool is_adaptive(Solver solver) {
  return solver == Solver::dopri5;
}
/// Whether it solves the SDE.
inline bool is_stochastic(Solver solver) {
  return solver == Solver::euler_maruyama || solver == Solver::stochastic_heun;
}

/// Order of convergence: of the end points, and for an SDE of their distribution (weak order).
int order(Solver solver);
/// Evaluations of the field (NFE) a step; for an adaptive solver those of every step that is tried,
/// accepted or not, beside two at the start.
int evaluations_per_step(Solver solver);

struct SolverConfig {
  Solver solver = Solver::euler;
  Index steps = 50;    ///< Equal steps from t_start to t_end, 1 to kMaxSolverSteps. Not of dopri5.
  double t_start = 0;  ///< [0, 1].
  double t_end = 1;    ///< [0, 1]; before t_start to go backwards in time.
  // dopri5 alone. A step's estimated error in a coordinate x may be about atol + rtol |x|.
  double rtol = 1e-5;      ///< kMinTolerance to 1.
  double atol = 1e-5;      ///< kMinTolerance to 1.
  Index max_steps = 1000;  ///< Steps tried before it gives up, 1 to kMaxSolverSteps.
  SdeConfig sde;           ///< Of euler_maruyama and stochastic_heun alone.
};

inline constexpr Index kMaxSolverSteps = 10000;
/// With less, an error estimate would see little but the rounding of floats.
inline constexpr double kMinTolerance = 1e-7;

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

/// Advances x (N x D, N at most the scratch's rows) from t to t + h in place, by one of
/// kFixedStepSolvers. velocity(t, x, out) evaluates the field. Does not allocate.
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
    case Solver::dopri5:
    case Solver::euler_maruyama:
    case Solver::stochastic_heun:
      assert(false);
      return;
  }
}

}  // namespace flowmatch
