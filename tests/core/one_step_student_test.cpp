// A one-step student of a flow: trained on the flow's own pairs at t = 0 alone. Liu, Gong, Liu 2022
// (arXiv 2209.03003).
#include "flowmatch/experiment.h"
#include "flowmatch/metrics.h"
#include "flowmatch/reflow.h"
#include "support/errors.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

namespace {

using namespace flowmatch;

constexpr double kForever = std::numeric_limits<double>::infinity();
const SolverConfig kOneStep{.solver = Solver::euler, .steps = 1};
const SolverConfig kManySteps{.solver = Solver::rk4, .steps = 20};

ExperimentConfig config_of(TimeLaw law, Index steps) {
  ExperimentConfig config;
  config.data = ring_mixture(3, 3, 0.5);
  config.hidden = {32, 32};
  config.training = {.batch_size = 128, .steps = steps, .learning_rate = 5e-3, .ema_decay = 0.99};
  config.training.time_law.law = law;
  return config;
}

std::shared_ptr<const Field> trained(const std::unique_ptr<Experiment>& experiment, Index steps) {
  std::vector<float> losses(static_cast<std::size_t>(steps));
  REQUIRE(experiment->train(losses) == steps);
  return experiment->field(FieldChoice::learned);
}

TEST_CASE("a one-step student is better in one step than its teacher, and near it in many") {
  ThreadPool pool(1);
  constexpr Index kSteps = 700;
  auto made = Experiment::make(config_of(TimeLaw::uniform, kSteps), pool);
  REQUIRE(made.ok());
  const auto teacher = trained(made.value(), kSteps);

  Reflow reflow(teacher, kManySteps, StandardNormal(2), 4000, 1, pool);
  reflow.advance(kForever);
  made = Experiment::make(config_of(TimeLaw::fixed, kSteps), reflow.pairs(), pool);
  REQUIRE(made.ok());
  CHECK_FALSE(made.value()->irreducible_loss().has_value());
  const auto student = trained(made.value(), kSteps);

  const Points start = starting_noise(1500, 2, 7);
  Points truth(1500, 2);
  made.value()->target()->sample({7, Purpose::test, 0}, 0, truth);
  const Points goal = integrate(teacher, kManySteps, start, pool);
  const Points leap = integrate(student, kOneStep, start, pool);
  const Points teachers_leap = integrate(teacher, kOneStep, start, pool);
  const double many = energy_distance(goal, truth);
  const double one = energy_distance(leap, truth);
  const double teachers_one = energy_distance(teachers_leap, truth);
  CAPTURE(many, one, teachers_one);
  CHECK(one < teachers_one / 10);
  // And point by point it goes where the teacher goes.
  CHECK(transport_cost(leap, goal) < transport_cost(teachers_leap, goal) / 5);
}

TEST_CASE("a student of a shift learns it exactly in one step") {
  // Pairs (x, x + m): the velocity at t = 0 is m everywhere, and that is all that is asked.
  Points x0 = starting_noise(500, 2, 3);
  Points x1 = x0.rowwise() + Eigen::RowVector2f(2, -1);
  ThreadPool pool(1);
  ExperimentConfig config = config_of(TimeLaw::fixed, 400);
  config.hidden = {8};
  config.training.learning_rate = 2e-2;
  auto made = Experiment::make(config, std::make_shared<const GivenPairs>(x0, x1), pool);
  REQUIRE(made.ok());
  const auto student = trained(made.value(), 400);
  const Points start = starting_noise(300, 2, 4);
  const Points moved = integrate(student, kOneStep, start, pool);
  const double error = transport_cost(moved, start.rowwise() + Eigen::RowVector2f(2, -1));
  CHECK(error < 1e-3);
}

TEST_CASE("pairs that do not belong to an experiment are refused") {
  ThreadPool pool(1);
  const auto line = std::make_shared<const GivenPairs>(Points::Zero(3, 1), Points::Zero(3, 1));
  auto made = Experiment::make(config_of(TimeLaw::fixed, 10), line, pool);
  REQUIRE_FALSE(made.ok());
  REQUIRE(made.problems().size() == 1);
  CHECK(made.problems()[0].field == "data");

  const auto plane = std::make_shared<const GivenPairs>(Points::Zero(3, 2), Points::Zero(3, 2));
  ExperimentConfig config = config_of(TimeLaw::fixed, 10);
  config.training.coupling.coupling = Coupling::optimal_transport;
  made = Experiment::make(config, plane, pool);
  REQUIRE_FALSE(made.ok());
  CHECK(made.problems()[0].field == "coupling");
}

}  // namespace
