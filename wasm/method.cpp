// How a model is learned, as JavaScript sets it. Apart from the other bindings, so that a module
// for the first motion does without: it learns by flow matching.
#include "method.h"

#include "binding.h"
#include "data.h"

#include <utility>

flowmatch::Problems flowmatch::binding::read_method(const val& js, ExperimentConfig& out) {
  ProblemList problems;
  if (has(js, "cnfSolver")) {
    out.method = Method::cnf;
    read_name(problems, "cnfSolver", js["cnfSolver"].as<std::string>(), kSolvers, out.cnf_solver);
    read_whole(problems, "cnfSteps", number_at(js, "cnfSteps"), 1,
               static_cast<double>(kMaxCnfSteps), out.cnf_steps);
  } else {
    out.method = Method::normalizing_flow;
    read_whole(problems, "couplingLayers", number_at(js, "couplingLayers"), 2,
               static_cast<double>(kMaxCouplings), out.coupling_layers);
    out.max_log_scale = number_at(js, "maxLogScale");
  }
  return std::move(problems).take();
}
