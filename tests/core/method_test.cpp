#include "flowmatch/method.h"

#include "flowmatch/experiment.h"
#include "flowmatch/likelihood.h"
#include "flowmatch/maximum_likelihood.h"
#include "flowmatch/normalizing_flow_field.h"
#include "flowmatch/reflow.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using namespace flowmatch::testing;
using Catch::Matchers::WithinAbs;

ExperimentConfig config_of(Method method) {
  ExperimentConfig config = quick_config();
  config.data = ring_mixture(3, 2, 0.5);
  config.method = method;
  config.hidden = {16, 16};
  config.cnf_solver = Solver::midpoint;
  config.cnf_steps = 4;
  config.training.steps = 500;
  config.training.batch_size = 128;
  config.training.learning_rate = 1e-2;
  config.training.ema_decay = 0.98;
  return config;
}

std::unique_ptr<Experiment> make(const ExperimentConfig& config, ThreadPool& pool) {
  auto made = Experiment::make(config, pool);
  REQUIRE(made.ok());
  return std::move(made).value();
}

std::set<std::string> wrong_fields(const Problems& problems) {
  std::set<std::string> fields;
  for (const Problem& problem : problems) fields.insert(problem.field);
  return fields;
}

TEST_CASE("methods are known by their names") {
  for (const Method method : kMethods) {
    CHECK(method_from_name(name(method)) == method);
  }
  CHECK_FALSE(method_from_name("gan").has_value());
  CHECK(name(Method::normalizing_flow) == "normalizing_flow");
}

TEST_CASE("an experiment learns its data by maximum likelihood, as far down as their entropy") {
  const Method method = GENERATE(Method::cnf, Method::normalizing_flow);
  CAPTURE(name(method));
  ThreadPool pool(2);
  const auto experiment = make(config_of(method), pool);
  const double entropy = experiment->irreducible_loss().value_or(std::nan(""));
  CHECK(entropy == experiment->target()->entropy());
  std::vector<float> losses(500);
  const auto distance = [&] {
    Evaluation evaluation(experiment->field(FieldChoice::learned),
                          {.solver = Solver::midpoint, .steps = 64}, experiment->target(), nullptr,
                          2000, 1, pool);
    evaluation.advance(std::numeric_limits<double>::infinity());
    return evaluation.result().energy_distance;
  };
  const double before = distance();
  REQUIRE(experiment->train(losses) == 500);
  const double after = distance();
  CAPTURE(entropy, losses.front(), losses.back(), before, after);
  CHECK(static_cast<double>(losses.front()) > entropy + 0.4);
  CHECK(before > 0.1);
  CHECK(after < 0.02);

  // The density of the field, by whatever solver, is that which was trained.
  Points x(2000, 2);
  experiment->target()->sample({3, Purpose::test, 0}, 0, x);
  const MeanEstimate nll = negative_log_likelihood(
      log_likelihood(experiment->field(FieldChoice::learned),
                     {.solver = {.solver = Solver::rk4, .steps = 64}}, x, pool));
  CAPTURE(nll.mean);
  CHECK(nll.mean > entropy - 3 * nll.standard_error);
  CHECK(nll.mean < entropy + 0.08 + 3 * nll.standard_error);
}

TEST_CASE("an experiment by maximum likelihood is its trainer's, to the bit") {
  const Method method = GENERATE(Method::cnf, Method::normalizing_flow);
  const ExperimentConfig config = config_of(method);
  ThreadPool pool(2);
  const auto experiment = make(config, pool);
  std::vector<float> losses(5);
  REQUIRE(experiment->train(losses) == 5);

  std::shared_ptr<const DensityModel> model;
  if (method == Method::cnf) {
    model = std::make_shared<const CnfModel>(cnf_config(config));
  } else {
    model = std::make_shared<const NormalizingFlowModel>(normalizing_flow_config(config));
  }
  Trainer trainer(
      std::make_unique<MaximumLikelihoodLoss>(model, experiment->target(), config.training), pool);
  std::vector<float> expected(5);
  trainer.step(expected);
  CHECK(losses == expected);
  CHECK(experiment->trainer().state_hash() == trainer.state_hash());

  // Its field is of the averaged weights.
  const auto weights = trainer.averaged_parameters();
  const std::vector<float> copy(weights.begin(), weights.end());
  std::shared_ptr<const Field> field;
  if (method == Method::cnf) {
    field = std::make_shared<const LearnedField>(CnfModel(cnf_config(config)).network(), copy);
  } else {
    field = std::make_shared<const NormalizingFlowField>(
        std::make_shared<const NormalizingFlowModel>(normalizing_flow_config(config)), copy);
  }
  const Points x = normal_points(20, 2, 1);
  CHECK(velocities(*experiment->field(FieldChoice::learned), 0.6, x) == velocities(*field, 0.6, x));
}

TEST_CASE("a run by maximum likelihood is resumed as if it had not been interrupted") {
  const Method method = GENERATE(Method::cnf, Method::normalizing_flow);
  ThreadPool pool(1);
  const auto whole = make(config_of(method), pool);
  std::vector<float> losses(6);
  whole->train(losses);
  const auto first = make(config_of(method), pool);
  std::vector<float> part(3);
  first->train(part);
  const auto second = make(config_of(method), pool);
  REQUIRE(second->restore(first->trainer().state(), {}).empty());
  second->train(part);
  CHECK(second->trainer().state_hash() == whole->trainer().state_hash());
}

TEST_CASE("a run by maximum likelihood stops by its loss, which may be below 0") {
  ThreadPool pool(1);
  ExperimentConfig config = config_of(Method::normalizing_flow);
  // Two thin Gaussians: log(2 pi e) + 2 log(0.05) + log 2 = -2.46.
  config.data = ring_mixture(2, 0.5, 0.05);
  config.stop = {.metric = StopMetric::loss, .every = 50, .patience = 3};
  config.training.steps = 3000;
  const auto experiment = make(config, pool);
  CHECK_THAT(experiment->irreducible_loss().value_or(0), WithinAbs(-2.46, 0.01));
  std::vector<float> losses(3000);
  experiment->train(losses);
  CHECK(experiment->stopping().stopped());
  CHECK(experiment->stopping().state().best < 0);
}

TEST_CASE("what only flow matching knows is refused with another method, all of it at once") {
  const Method method = GENERATE(Method::cnf, Method::normalizing_flow);
  CHECK(validate(config_of(method)).empty());
  ExperimentConfig config = config_of(method);
  config.source = DataConfig{DataSetConfig{default_config(DataSet::eight_gaussians)}};
  config.prediction = Prediction::x1;
  config.labels = true;
  config.time_features.kind = TimeFeatureKind::sinusoidal;
  config.training.time_law.law = TimeLaw::logit_normal;
  config.training.loss_weighting.weighting = LossWeighting::velocity;
  config.training.coupling.coupling = Coupling::optimal_transport;
  const std::set<std::string> expected{"source",      "prediction",
                                       "labels",      "timeFeatures.kind",
                                       "timeLaw.law", "lossWeighting.weighting",
                                       "coupling"};
  CHECK(wrong_fields(validate(config)) == expected);
  for (const Problem& problem : validate(config)) {
    CAPTURE(problem.field, problem.allowed);
    CHECK(problem.allowed.find(name(method)) != std::string::npos);
  }
  config.method = Method::flow_matching;
  CHECK(validate(config).empty());
}

TEST_CASE("the settings of a method are checked where it is chosen, by their own names") {
  ExperimentConfig config = config_of(Method::flow_matching);
  config.cnf_solver = Solver::dopri5;
  config.cnf_steps = 0;
  config.coupling_layers = 1;
  config.max_log_scale = 0;
  CHECK(validate(config).empty());
  config.method = Method::cnf;
  CHECK(wrong_fields(validate(config)) == std::set<std::string>{"cnfSolver", "cnfSteps"});
  config.method = Method::normalizing_flow;
  CHECK(wrong_fields(validate(config)) == std::set<std::string>{"couplingLayers", "maxLogScale"});
  config.coupling_layers = 8;
  config.max_log_scale = 2;
  config.hidden = {kMaxConditionerWidth + 1};
  CHECK(wrong_fields(validate(config)) == std::set<std::string>{"hidden[0]"});
  config.hidden = {4};
  // Data of one dimension have no halves.
  config.data = GaussianMixtureConfig{.weights = {1},
                                      .means = {Eigen::VectorXd::Zero(1)},
                                      .covariances = {Eigen::MatrixXd::Identity(1, 1)}};
  CHECK(wrong_fields(validate(config)) == std::set<std::string>{"dimension"});
  config.method = Method::cnf;
  CHECK(wrong_fields(validate(config)) == std::set<std::string>{"cnfSolver", "cnfSteps"});
}

TEST_CASE("a field of another method has neither another schedule nor an SDE") {
  for (const Method method : kMethods) {
    const ExperimentConfig config = config_of(method);
    const bool matching = method == Method::flow_matching;
    CAPTURE(name(method));
    CHECK(validate(FieldOptions{.schedule = config.schedule}, config).empty());
    const Problems other = validate(FieldOptions{.schedule = Schedule::cosine}, config);
    CHECK(wrong_fields(other) ==
          (matching ? std::set<std::string>{} : std::set<std::string>{"schedule"}));
    CHECK(check_solver(Solver::rk4, config).empty());
    CHECK(check_solver(Solver::euler_maruyama, config).empty() == matching);
  }
}

TEST_CASE("maximum likelihood is not trained on given pairs, but its flow makes them") {
  ThreadPool pool(1);
  const ExperimentConfig config = config_of(GENERATE(Method::cnf, Method::normalizing_flow));
  const auto experiment = make(config, pool);
  Reflow reflow(experiment->field(FieldChoice::learned), {.solver = Solver::dopri5},
                *experiment->source(), 64, 1, pool);
  reflow.advance(std::numeric_limits<double>::infinity());
  const auto refused = Experiment::make(config, reflow.pairs(), pool);
  REQUIRE_FALSE(refused.ok());
  CHECK(wrong_fields(refused.problems()) == std::set<std::string>{"method"});
  CHECK(Experiment::make(config_of(Method::flow_matching), reflow.pairs(), pool).ok());
}

}  // namespace
