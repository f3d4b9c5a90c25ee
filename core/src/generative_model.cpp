#include "flowmatch/generative_model.h"

#include "flowmatch/cnf.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/maximum_likelihood.h"
#include "flowmatch/normalizing_flow_field.h"

#include <algorithm>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

std::shared_ptr<const Field> field_of(const std::shared_ptr<const CnfModel>& model,
                                      const std::vector<float>& parameters) {
  return std::make_shared<const LearnedField>(model->network(), parameters);
}

std::shared_ptr<const Field> field_of(const std::shared_ptr<const NormalizingFlowModel>& model,
                                      const std::vector<float>& parameters) {
  return std::make_shared<const NormalizingFlowField>(model, parameters);
}

/// A model whose likelihood is trained. It is of all data, and follows no schedule: there is one
/// way to look at its field.
template <class Density>
class LikelihoodModel final : public GenerativeModel {
 public:
  template <class Config>
  explicit LikelihoodModel(const Config& config)
      : density_(std::make_shared<const Density>(config)) {}

  [[nodiscard]] Index parameter_count() const override { return density_->parameter_count(); }

  [[nodiscard]] std::unique_ptr<TrainingLoss> loss(std::shared_ptr<const Pairs> /*pairs*/,
                                                   std::shared_ptr<const Distribution> data,
                                                   const TrainerConfig& config,
                                                   ThreadPool& /*pool*/) const override {
    return std::make_unique<MaximumLikelihoodLoss>(density_, std::move(data), config);
  }

  [[nodiscard]] std::shared_ptr<const Field> field(const std::vector<float>& parameters,
                                                   const FieldOptions& /*options*/) const override {
    return field_of(density_, parameters);
  }

 private:
  std::shared_ptr<const Density> density_;
};

/// What only flow matching knows.
void check_flow_matching_alone(const ExperimentConfig& config, ProblemList& problems) {
  const std::string where = " where the method is " + std::string(name(config.method));
  const auto only = [&](std::string_view field, const auto& chosen, const auto& standard) {
    if (chosen == standard) return;
    problems.add(field, std::string(name(chosen)), std::string(name(standard)) + where);
  };
  const TrainerConfig& training = config.training;
  if (config.source) {
    problems.add("source", "another distribution", "N(0, I)" + where);
  }
  if (config.labels) problems.add("labels", "true", "false" + where);
  only("prediction", config.prediction, Prediction::velocity);
  only("timeLaw.law", training.time_law.law, TimeLaw::uniform);
  only("lossWeighting.weighting", training.loss_weighting.weighting, LossWeighting::constant);
  only("coupling", training.coupling.coupling, Coupling::independent);
  only("timeFeatures.kind", config.time_features.kind, TimeFeatureKind::plain);
}

}  // namespace

NormalizingFlowConfig normalizing_flow_config(const ExperimentConfig& config) {
  return {.dimension = dimension_of(config.data),
          .couplings = config.coupling_layers,
          .hidden = config.hidden,
          .activation = config.activation,
          .max_log_scale = config.max_log_scale};
}

CnfConfig cnf_config(const ExperimentConfig& config) {
  return {.dimension = dimension_of(config.data),
          .hidden = config.hidden,
          .activation = config.activation,
          .solver = config.cnf_solver,
          .solver_steps = config.cnf_steps};
}

Problems check_method(const ExperimentConfig& config) {
  ProblemList problems;
  if (config.method == Method::flow_matching) return {};
  check_flow_matching_alone(config, problems);
  Problems own;
  if (config.method == Method::cnf) {
    CnfConfig cnf = cnf_config(config);
    // That the data has no dimension is reported by now.
    if (cnf.dimension == 0) cnf.dimension = 1;
    own = validate(cnf);
  } else {
    NormalizingFlowConfig flow = normalizing_flow_config(config);
    if (flow.dimension == 0) flow.dimension = 2;
    own = validate(flow);
  }
  // By the names that they have here.
  for (Problem& problem : own) {
    if (problem.field == "solver") problem.field = "cnfSolver";
    if (problem.field == "solverSteps") problem.field = "cnfSteps";
    if (problem.field == "couplings") problem.field = "couplingLayers";
    problems.add(problem.field, problem.value, problem.allowed);
  }
  return std::move(problems).take();
}

Problems check_other_schedule(const Schedule& schedule, const ExperimentConfig& config) {
  ProblemList problems;
  problems.add("schedule", std::string(name(schedule)),
               std::string(name(config.schedule)) + ", that of the training, where the method is " +
                   std::string(name(config.method)) + ": its field follows no schedule");
  return std::move(problems).take();
}

std::shared_ptr<const GenerativeModel> make_generative_model(const ExperimentConfig& config) {
  switch (config.method) {
    case Method::flow_matching:
      break;
    case Method::cnf:
      return std::make_shared<const LikelihoodModel<CnfModel>>(cnf_config(config));
    case Method::normalizing_flow:
      return std::make_shared<const LikelihoodModel<NormalizingFlowModel>>(
          normalizing_flow_config(config));
  }
  return make_flow_matching_model(config);
}

}  // namespace flowmatch
