#include "flowmatch/stopping.h"

#include "flowmatch/experiment.h"
#include "support/threads.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinRel;
using flowmatch::testing::thread_counts;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST_CASE("a rule without a metric measures nothing and never stops") {
  StoppingRule rule{StopConfig{}};
  CHECK(rule.steps_to_measurement(0) > 1'000'000'000);
  for (const Index step : {0, 1, 250, 500}) CHECK_FALSE(rule.due(step));
  rule.add_losses(std::array<float, 2>{1, 2});
  CHECK(rule.state() == StopState{});
  CHECK_FALSE(rule.stopped());
}

TEST_CASE("measurements are due every so many steps") {
  const StoppingRule rule(StopConfig{.metric = StopMetric::loss, .below = 1, .every = 40});
  CHECK(rule.steps_to_measurement(0) == 40);
  CHECK(rule.steps_to_measurement(39) == 1);
  CHECK(rule.steps_to_measurement(40) == 40);
  CHECK(rule.steps_to_measurement(61) == 19);
  CHECK_FALSE(rule.due(0));
  CHECK_FALSE(rule.due(39));
  CHECK(rule.due(40));
  CHECK(rule.due(120));
}

TEST_CASE("a run stops once its metric is below what was asked for") {
  StoppingRule rule(StopConfig{.metric = StopMetric::sliced_w2, .below = 0.5});
  for (const double value : {2.0, 0.7, 0.9, 0.5, std::nan("")}) {
    rule.observe(value);
    CHECK_FALSE(rule.stopped());
  }
  CHECK(rule.state().best == 0.5);
  rule.observe(0.49);
  CHECK(rule.stopped());
  CHECK(rule.state().reason == StopReason::below);
  CHECK(rule.state().last == 0.49);
}

TEST_CASE("a run stops after so many measurements without a new least one") {
  StoppingRule rule(StopConfig{.metric = StopMetric::sliced_w2, .patience = 3});
  // Equal is no improvement, nor is what is not a number.
  for (const double value : {2.0, 2.5, 2.0, 1.9, 1.9, std::nan("")}) {
    rule.observe(value);
    CHECK_FALSE(rule.stopped());
  }
  CHECK(rule.state().since_best == 2);
  rule.observe(kInfinity);
  CHECK(rule.state().reason == StopReason::no_improvement);
  CHECK(rule.state().best == 1.9);
}

TEST_CASE("the loss of a rule is the mean since the measurement before") {
  StoppingRule rule(StopConfig{.metric = StopMetric::loss, .below = 1});
  CHECK(std::isnan(rule.mean_loss()));
  rule.add_losses(std::array<float, 2>{3, 4});
  rule.add_losses(std::array<float, 1>{8});
  CHECK(rule.mean_loss() == 5);
  rule.observe(rule.mean_loss());
  CHECK(std::isnan(rule.mean_loss()));
  rule.add_losses(std::array<float, 1>{2});
  CHECK(rule.mean_loss() == 2);
}

TEST_CASE("a rule that is restored goes on as if it had never stopped") {
  const StopConfig config{.metric = StopMetric::loss, .patience = 2};
  StoppingRule whole(config);
  whole.add_losses(std::array<float, 2>{3, 4});
  whole.observe(whole.mean_loss());
  whole.add_losses(std::array<float, 1>{9});
  StoppingRule resumed(config);
  resumed.restore(whole.state());
  for (StoppingRule* rule : {&whole, &resumed}) {
    rule->add_losses(std::array<float, 1>{1});
    rule->observe(rule->mean_loss());
    CHECK_FALSE(rule->stopped());
    rule->observe(6);
  }
  CHECK(whole.stopped());
  CHECK(whole.state() == resumed.state());
}

TEST_CASE("metrics and reasons are found by their names and by nothing else") {
  for (const StopMetric metric : kStopMetrics) CHECK(stop_metric_from_name(name(metric)) == metric);
  for (const StopReason reason :
       {StopReason::none, StopReason::below, StopReason::no_improvement}) {
    CHECK(stop_reason_from_name(name(reason)) == reason);
  }
  CHECK_FALSE(stop_metric_from_name("w2").has_value());
  CHECK_FALSE(stop_reason_from_name("").has_value());
}

TEST_CASE("absurd stopping rules are refused") {
  const auto bad_fields = [](const StopConfig& config) {
    std::string fields;
    for (const Problem& problem : validate(config)) fields += problem.field + " ";
    return fields;
  };
  CHECK(bad_fields({}).empty());
  CHECK(bad_fields({.metric = StopMetric::loss, .below = 1}).empty());
  CHECK(bad_fields({.metric = StopMetric::loss, .patience = 1}).empty());
  CHECK(bad_fields({.metric = StopMetric::loss}) == "metric ");
  CHECK(bad_fields({.below = -1, .every = 0, .patience = -1, .count = 1}) ==
        "below every patience count ");
  CHECK(bad_fields({.below = std::nan("")}) == "below ");
  ExperimentConfig experiment;
  experiment.stop.every = 0;
  REQUIRE(validate(experiment).size() == 1);
  CHECK(validate(experiment)[0].field == "stop.every");
}

/// A run that is soon good.
ExperimentConfig short_run(const StopConfig& stop) {
  ExperimentConfig config;
  config.data = ring_mixture(1, 2, 0.5);
  config.hidden = {16};
  config.training = {.batch_size = 64, .steps = 400, .learning_rate = 1e-2, .ema_decay = 0.9};
  config.stop = stop;
  return config;
}

std::unique_ptr<Experiment> make(const ExperimentConfig& config, ThreadPool& pool) {
  auto made = Experiment::make(config, pool);
  REQUIRE(made.ok());
  return std::move(made).value();
}

TEST_CASE("an experiment stops where its metric says, and its weights are the trainer's") {
  for (const StopMetric metric :
       {StopMetric::loss, StopMetric::energy_distance, StopMetric::sliced_w2}) {
    CAPTURE(name(metric));
    // Between what an untrained network has and what a trained one has.
    const double below = metric == StopMetric::loss        ? 1.2
                         : metric == StopMetric::sliced_w2 ? 0.3
                                                           : 0.05;
    const StopConfig stop{.metric = metric, .below = below, .every = 30, .count = 200};
    ThreadPool pool(1);
    const auto experiment = make(short_run(stop), pool);
    std::vector<float> losses(400);
    const Index steps = experiment->train(losses);
    CHECK(experiment->stopping().state().reason == StopReason::below);
    CHECK(experiment->ended());
    CHECK(steps % 30 == 0);
    CHECK(steps > 30);
    CHECK(steps < 400);
    CHECK(experiment->trainer().steps_done() == steps);
    CHECK(experiment->train(losses) == 0);

    // The measurement by hand.
    const double last = experiment->stopping().state().last;
    CHECK(last < below);
    if (metric == StopMetric::loss) {
      double sum = 0;
      for (Index i = steps - 30; i < steps; ++i) {
        sum += static_cast<double>(losses[static_cast<std::size_t>(i)]);
      }
      CHECK_THAT(last, WithinRel(sum / 30, 1e-12));
    } else {
      Evaluation evaluation(experiment->field(FieldChoice::learned),
                            {.solver = Solver::midpoint, .steps = 20}, experiment->target(),
                            nullptr, 200, 0, pool);
      evaluation.advance(kInfinity);
      CHECK(last == (metric == StopMetric::sliced_w2 ? evaluation.result().sliced_w2
                                                     : evaluation.result().energy_distance));
    }

    // The same steps without a rule are the same weights.
    const auto plain = make(short_run({}), pool);
    std::vector<float> same(static_cast<std::size_t>(steps));
    REQUIRE(plain->trainer().step(same) == steps);
    CHECK(plain->trainer().state_hash() == experiment->trainer().state_hash());
    CHECK(std::equal(same.begin(), same.end(), losses.begin()));
  }
}

TEST_CASE("where a run stops does not depend on cutting, threads, or being resumed") {
  const StopMetric metric = StopMetric::loss;
  const ExperimentConfig config = short_run({.metric = metric, .every = 7, .patience = 2});
  ThreadPool one(1);
  const auto whole = make(config, one);
  std::vector<float> losses(400);
  const Index steps = whole->train(losses);
  CHECK(whole->stopping().state().reason == StopReason::no_improvement);
  CHECK(whole->stopping().state().since_best == 2);
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    auto experiment = make(config, pool);
    Index done = 0;
    for (Index call = 0; !experiment->ended(); ++call) {
      std::vector<float> part(static_cast<std::size_t>(1 + call % 5));
      done += experiment->train(part);
      if (call == 4) {
        auto resumed = make(config, pool);
        REQUIRE(resumed->restore(experiment->trainer().state(), experiment->stopping().state())
                    .empty());
        experiment = std::move(resumed);
      }
    }
    CHECK(done == steps);
    CHECK(experiment->stopping().state() == whole->stopping().state());
    CHECK(experiment->trainer().state_hash() == whole->trainer().state_hash());
  }
}

TEST_CASE("a run without a rule goes to its last step") {
  ThreadPool pool(1);
  const auto experiment = make(short_run({}), pool);
  std::vector<float> losses(500);
  CHECK(experiment->train(losses) == 400);
  CHECK(experiment->ended());
  CHECK_FALSE(experiment->stopping().stopped());
}

}  // namespace
