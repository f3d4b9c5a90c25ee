// 8 gaussians -> moons from end to end: a flow that starts in a source other than N(0, I) is
// learned with either coupling and by either prediction, and lies beside its exact field.
#include "flowmatch/experiment.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;

constexpr double kForever = std::numeric_limits<double>::infinity();

EvaluationResult evaluate_field(const Experiment& experiment, FieldChoice choice,
                                ThreadPool& pool) {
  Evaluation evaluation(experiment.field(choice), {.solver = Solver::midpoint, .steps = 20},
                        experiment.target(), experiment.modes(), 1000, 11, pool,
                        experiment.source().get());
  evaluation.advance(kForever);
  return evaluation.result();
}

TEST_CASE("8 gaussians flow to moons after a short training") {
  struct Case {
    Coupling coupling;
    Prediction prediction;
  };
  const auto [coupling, prediction] =
      GENERATE(Case{Coupling::independent, Prediction::velocity},
               Case{Coupling::independent, Prediction::noise},
               Case{Coupling::optimal_transport, Prediction::velocity});
  CAPTURE(name(coupling), name(prediction));
  ExperimentConfig config;
  config.data = default_config(DataSet::moons);
  config.source = default_config(DataSet::eight_gaussians);
  config.prediction = prediction;
  config.hidden = {32, 32};
  config.training.batch_size = 128;
  config.training.steps = 800;
  config.training.learning_rate = 1e-2;
  config.training.ema_decay = 0.99;
  config.training.coupling.coupling = coupling;
  config.training.seed = 1;
  ThreadPool pool(1);
  auto made = Experiment::make(config, pool);
  REQUIRE(made.ok());
  Experiment& experiment = *made.value();

  const EvaluationResult untrained = evaluate_field(experiment, FieldChoice::learned, pool);
  std::vector<float> losses(800);
  REQUIRE(experiment.train(losses) == 800);
  const EvaluationResult trained = evaluate_field(experiment, FieldChoice::learned, pool);
  CAPTURE(untrained.sliced_w2, trained.sliced_w2, trained.sliced_w2_floor,
          untrained.energy_distance, trained.energy_distance, trained.energy_distance_floor);
  CHECK(trained.lost == 0);
  CHECK(trained.sliced_w2 < untrained.sliced_w2 / 4);
  CHECK(trained.energy_distance < untrained.energy_distance / 10);

  const Points start = experiment.starts(300, 5);
  Flow flow(experiment.field(FieldChoice::learned), {.solver = Solver::midpoint, .steps = 20},
            start, 4, pool);
  flow.advance(kForever);
  CHECK(flow.frame(0) == start);
  CHECK(share_within(*experiment.exact_field().source(), flow.frame(0), 4 * 0.3163) > 0.99);
  CHECK(flow.frame(4).allFinite());
}

TEST_CASE("the exact field takes 8 gaussians to moons") {
  ExperimentConfig config;
  config.data = default_config(DataSet::moons);
  config.source = default_config(DataSet::eight_gaussians);
  ThreadPool pool(1);
  auto made = Experiment::make(config, pool);
  REQUIRE(made.ok());
  const EvaluationResult result = evaluate_field(*made.value(), FieldChoice::exact, pool);
  CAPTURE(result.sliced_w2, result.sliced_w2_floor);
  // Up to the 288 points that stand for the moons.
  CHECK(result.sliced_w2 < 0.3);
}

}  // namespace
