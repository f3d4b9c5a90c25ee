// What an experiment trains, by whatever method: a model without its weights, with the loss that
// these are trained by and the velocity field that they give.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/experiment_config.h"
#include "flowmatch/field.h"
#include "flowmatch/pairs.h"
#include "flowmatch/thread_pool.h"
#include "flowmatch/training_loss.h"

#include <memory>
#include <vector>

namespace flowmatch {

/// Immutable.
class GenerativeModel {
 public:
  GenerativeModel() = default;
  GenerativeModel(const GenerativeModel&) = delete;
  GenerativeModel& operator=(const GenerativeModel&) = delete;
  virtual ~GenerativeModel() = default;

  [[nodiscard]] virtual Index parameter_count() const = 0;
  /// The loss that trains it, of pairs or, by maximum likelihood, of the data alone. The pool must
  /// outlive the loss.
  [[nodiscard]] virtual std::unique_ptr<TrainingLoss> loss(std::shared_ptr<const Pairs> pairs,
                                                           std::shared_ptr<const Distribution> data,
                                                           const TrainerConfig& config,
                                                           ThreadPool& pool) const = 0;
  /// The field that carries N(0, I), or the source, to what the weights have learned: parameters
  /// has parameter_count() entries. Precondition: the options are valid for the experiment.
  [[nodiscard]] virtual std::shared_ptr<const Field> field(const std::vector<float>& parameters,
                                                           const FieldOptions& options) const = 0;
};

/// The model of a configuration. Precondition: validate(config) is empty.
std::shared_ptr<const GenerativeModel> make_generative_model(const ExperimentConfig& config);

/// The model of flow matching, whatever the configuration's method.
std::shared_ptr<const GenerativeModel> make_flow_matching_model(const ExperimentConfig& config);

/// Every problem that the configuration's method has with the rest of it, or none: see validate().
Problems check_method(const ExperimentConfig& config);

/// That a field of the configuration's method, if it is not flow matching, can not be looked at
/// under another schedule.
Problems check_other_schedule(const Schedule& schedule, const ExperimentConfig& config);

/// What the normalizing flow and the CNF are of. Precondition of what is made of them: that
/// check_method(config) is empty.
NormalizingFlowConfig normalizing_flow_config(const ExperimentConfig& config);
CnfConfig cnf_config(const ExperimentConfig& config);

}  // namespace flowmatch
