#include "flowmatch/solver_report.h"

#include <cmath>
#include <string>
#include <string_view>
#include <utility>

namespace flowmatch {

void add(SolverReport& sum, const SolverReport& part, double start) {
  sum.evaluations += part.evaluations;
  sum.accepted_steps += part.accepted_steps;
  sum.rejected_steps += part.rejected_steps;
  sum.too_many_steps += part.too_many_steps;
  sum.step_too_small += part.step_too_small;
  if (std::abs(part.stopped_at - start) < std::abs(sum.stopped_at - start)) {
    sum.stopped_at = part.stopped_at;
  }
}

Problems problems_of(const SolverReport& report, const SolverConfig& config, Index points) {
  ProblemList problems;
  const auto add = [&](std::string_view field, double value, std::int64_t given_up,
                       std::string_view remedy) {
    if (given_up == 0) return;
    problems.add(field, format_number(value),
                 std::string(remedy) + ": " + format_number(static_cast<double>(given_up)) +
                     " of " + format_number(static_cast<double>(points)) +
                     " points were given up, the first at t = " + format_number(report.stopped_at));
  };
  add("maxSteps", static_cast<double>(config.max_steps), report.too_many_steps,
      "more, or with larger tolerances");
  add("rtol", config.rtol, report.step_too_small, "larger, or with a field that is finite");
  return std::move(problems).take();
}

}  // namespace flowmatch
