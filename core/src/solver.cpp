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
  }
  return "";
}

std::optional<Solver> solver_from_name(std::string_view text) {
  for (const Solver solver : kSolvers) {
    if (name(solver) == text) return solver;
  }
  return std::nullopt;
}

int order(Solver solver) {
  switch (solver) {
    case Solver::euler:
      return 1;
    case Solver::midpoint:
    case Solver::heun:
      return 2;
    case Solver::rk4:
      return 4;
  }
  return 0;
}

int evaluations_per_step(Solver solver) {
  // Up to order 4 an explicit Runge-Kutta step takes as many evaluations as its order.
  return order(solver);
}

Problems validate(const SolverConfig& config) {
  ProblemList problems;
  problems.check_integer("steps", static_cast<double>(config.steps), 1,
                         static_cast<double>(kMaxSolverSteps));
  problems.check_range("t_start", config.t_start, 0, 1);
  problems.check_range("t_end", config.t_end, 0, 1);
  return std::move(problems).take();
}

}  // namespace flowmatch
