#include "flowmatch/experiment_config.h"

#include "flowmatch/generative_model.h"
#include "flowmatch/source.h"

#include <algorithm>
#include <string>
#include <utility>

namespace flowmatch {

MlpConfig network_config(const ExperimentConfig& config) {
  return {.dimension = dimension_of(config.data),
          .hidden = config.hidden,
          .activation = config.activation,
          .labels = config.labels ? label_count(config.data) : 0,
          .time_features = config.time_features};
}

ExperimentConfig blog_config() {
  ExperimentConfig config;
  config.schedule = Schedule::sqrt;
  config.hidden = {1024, 16};
  config.training = {.batch_size = 1000,
                     .steps = 5000,
                     .learning_rate = 1e-3,
                     .learning_rate_decay = LearningRateDecay::constant,
                     .ema_decay = 0,
                     .adam = {},
                     .seed = 0};
  return config;
}

ExperimentConfig quick_config() {
  return {};
}

Problems validate(const ExperimentConfig& config) {
  ProblemList problems;
  problems.append("data", validate(config.data));
  if (problems.empty() && config.labels && label_count(config.data) == 0) {
    problems.add("labels", "true", "false where the data has no labels");
  }
  if (problems.empty() && config.labels) {
    const std::vector<double> shares = label_shares(config.data);
    const auto none = std::ranges::find(shares, 0.0);
    if (none != shares.end()) {
      problems.add("data.labels", "without class " + std::to_string(none - shares.begin()),
                   "every class up to the largest, for a model that is told them");
    }
  }
  Problems all = std::move(problems).take();
  if (config.source) {
    for (Problem& problem : validate_source(config.source, dimension_of(config.data))) {
      all.push_back(std::move(problem));
    }
    if (config.prediction == Prediction::score) {
      all.push_back({.field = "prediction",
                     .value = "score",
                     .allowed = "one of velocity, x1, noise where the source is not N(0, I)"});
    }
  }
  for (Problem& problem : validate(config.schedule)) all.push_back(std::move(problem));
  if (config.method == Method::flow_matching) {
    MlpConfig network = network_config(config);
    // That the target has no dimension is reported by now; the network's widths are checked anyhow.
    network.dimension = std::clamp<Index>(network.dimension, 1, kMaxDimension);
    for (Problem& problem : validate(network)) all.push_back(std::move(problem));
  } else {
    for (Problem& problem : check_method(config)) all.push_back(std::move(problem));
  }
  for (Problem& problem : validate(config.training)) all.push_back(std::move(problem));
  ProblemList stop;
  stop.append("stop", validate(config.stop));
  for (Problem& problem : std::move(stop).take()) all.push_back(std::move(problem));
  return all;
}

Problems validate(const FieldOptions& options, const ExperimentConfig& config) {
  const Index labels = config.labels ? label_count(config.data) : 0;
  ProblemList problems;
  problems.append("guidance", validate(options.guidance, labels));
  Problems all = std::move(problems).take();
  if (options.schedule) {
    for (Problem& problem : validate(*options.schedule)) all.push_back(std::move(problem));
    if (config.method != Method::flow_matching && *options.schedule != config.schedule) {
      for (Problem& problem : check_other_schedule(*options.schedule, config)) {
        all.push_back(std::move(problem));
      }
    }
  }
  return all;
}

Problems check_solver(Solver solver, const ExperimentConfig& config) {
  ProblemList problems;
  if (!is_stochastic(solver)) return {};
  const bool other_source = config.source.has_value();
  if (other_source || config.method != Method::flow_matching) {
    problems.add("solver", std::string(name(solver)),
                 "a solver of the ODE where " +
                     (other_source ? std::string("the source is not N(0, I)")
                                   : "the method is " + std::string(name(config.method))) +
                     ": euler, midpoint, heun, rk4 or dopri5");
  }
  return std::move(problems).take();
}

}  // namespace flowmatch
