#include "flowmatch/solver.h"

namespace flowmatch {

std::string_view name(Solver solver) {
  switch (solver) {
    case Solver::euler:
      return "euler";
    case Solver::midpoint:
      return "midpoint";
    case Solver::heun:
      return "heun";
    case Solver::rk4:
      return "rk4";
    case Solver::dopri5:
      return "dopri5";
    case Solver::euler_maruyama:
      return "euler_maruyama";
    case Solver::stochastic_heun:
      return "stochastic_heun";
  }
  return "";
}

std::optional<Solver> solver_from_name(std::string_view text) {
  for (const Solver solver : kAllSolvers) {
    if (name(solver) == text) return solver;
  }
  return std::nullopt;
}

int order(Solver solver) {
  switch (solver) {
    case Solver::euler:
    case Solver::euler_maruyama:
      return 1;
    case Solver::midpoint:
    case Solver::heun:
    case Solver::stochastic_heun:
      return 2;
    case Solver::rk4:
      return 4;
    case Solver::dopri5:
      return 5;
  }
  return 0;
}

int evaluations_per_step(Solver solver) {
  // Up to order 4 an explicit Runge-Kutta step takes as many evaluations as its order, and order 5
  // takes six. Dormand and Prince's seventh is the first of the next step.
  return solver == Solver::dopri5 ? 6 : order(solver);
}

Problems validate(const SolverConfig& config) {
  ProblemList problems;
  problems.check_integer("steps", static_cast<double>(config.steps), 1,
                         static_cast<double>(kMaxSolverSteps));
  problems.check_range("tStart", config.t_start, 0, 1);
  problems.check_range("tEnd", config.t_end, 0, 1);
  problems.check_range("rtol", config.rtol, kMinTolerance, 1);
  problems.check_range("atol", config.atol, kMinTolerance, 1);
  problems.check_integer("maxSteps", static_cast<double>(config.max_steps), 1,
                         static_cast<double>(kMaxSolverSteps));
  problems.append("sde", validate(config.sde));
  return std::move(problems).take();
}

}  // namespace flowmatch
