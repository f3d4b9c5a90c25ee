// One experiment as the page, the command line and a link describe it: a source and a target, how a
// model is learned between them, and how its field is looked at.
#pragma once

#include "flowmatch/cnf.h"
#include "flowmatch/guidance.h"
#include "flowmatch/method.h"
#include "flowmatch/mlp.h"
#include "flowmatch/normalizing_flow.h"
#include "flowmatch/path.h"
#include "flowmatch/problem.h"
#include "flowmatch/schedule.h"
#include "flowmatch/solver.h"
#include "flowmatch/stopping.h"
#include "flowmatch/target.h"
#include "flowmatch/training_config.h"

#include <optional>
#include <vector>

namespace flowmatch {

struct ExperimentConfig {
  DataConfig data = ring_mixture(11, 10, 1);
  /// What X_0 is drawn from, of the dimension of the data; none: N(0, I). Its labels mean nothing.
  /// The score is then not to be predicted: what it says of X_0 holds for N(0, I) alone.
  std::optional<DataConfig> source = std::nullopt;
  Method method = Method::flow_matching;
  /// Of flow matching; of another method only that of the exact field beside it.
  Schedule schedule = Schedule::cond_ot;
  Prediction prediction = Prediction::velocity;
  std::vector<Index> hidden{64, 64, 64};  ///< As in MlpConfig.
  Activation activation = Activation::silu;
  TimeFeatures time_features;                                    ///< As in MlpConfig.
  Solver cnf_solver = CnfConfig{}.solver;                        ///< Of the CNF, as in CnfConfig.
  Index cnf_steps = CnfConfig{}.solver_steps;                    ///< As in CnfConfig.
  Index coupling_layers = NormalizingFlowConfig{}.couplings;     ///< As in NormalizingFlowConfig.
  double max_log_scale = NormalizingFlowConfig{}.max_log_scale;  ///< As in NormalizingFlowConfig.
  /// Whether the model is conditional: told the labels of the data, which has to have some.
  bool labels = false;
  TrainerConfig training;
  /// When the run ends before its last step.
  StopConfig stop;
};

/// The blog's own settings: schedule sqrt, 3-1024-16-2, batch 1000, 5000 steps at 1e-3, no
/// averaging.
ExperimentConfig blog_config();
/// A faster and better run of the same example: cond_ot, 3-64-64-64-2, batch 256, 5000 steps.
ExperimentConfig quick_config();

/// Every problem of the configuration, or none. What belongs to flow matching alone has to be as it
/// is by default where another method is chosen: source, prediction, times, weights, coupling,
/// labels, features of t.
Problems validate(const ExperimentConfig& config);

/// The multilayer perceptron that is trained, and of a normalizing flow only its dimension.
/// Precondition: validate(config) is empty.
MlpConfig network_config(const ExperimentConfig& config);

/// How the fields of an experiment are looked at.
struct FieldOptions {
  GuidanceConfig guidance;  ///< One class of the data, or all of it.
  /// The schedule of the field; without it that of the training. A model trained under one schedule
  /// is sampled under any: see rescheduled_field.h.
  std::optional<Schedule> schedule;
};

/// Every problem of the options for the fields of an experiment, or none.
Problems validate(const FieldOptions& options, const ExperimentConfig& config);

/// A problem, of the field "solver", where the solver is of an SDE and the fields of the experiment
/// do not tell it the score; or none. It is found in the velocity of a path from N(0, I) (see
/// sde.h): not where the source is another, nor in a field of another method than flow matching.
Problems check_solver(Solver solver, const ExperimentConfig& config);

}  // namespace flowmatch
