// Reflow of a conditional model: every class makes its own pairs, which carry its label, and what
// is trained on them is straight for each class by itself.
#include "flowmatch/experiment.h"
#include "flowmatch/labels.h"
#include "flowmatch/metrics.h"
#include "flowmatch/reflow.h"
#include "flowmatch/trajectory_metrics.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

namespace {

using namespace flowmatch;

constexpr double kForever = std::numeric_limits<double>::infinity();
constexpr std::uint64_t kSeed = 3;
const SolverConfig kManySteps{.solver = Solver::rk4, .steps = 20};
const SolverConfig kOneStep{.solver = Solver::euler, .steps = 1};

/// Three Gaussians far apart, of unequal weights.
GaussianMixtureConfig three_modes() {
  GaussianMixtureConfig config = ring_mixture(3, 5, 0.3);
  config.weights = {0.5, 0.3, 0.2};
  return config;
}

/// Two classes of two points each, so that a class has paths that cross.
EmpiricalConfig two_pairs_of_points() {
  EmpiricalConfig config;
  config.points.resize(4, 2);
  config.points << 4, 0, -4, 0, 0, 4, 0, -4;
  config.labels = {0, 0, 1, 1};
  config.smoothing = 0.3;
  return config;
}

ExperimentConfig config_of(Index steps, const DataConfig& data = three_modes()) {
  ExperimentConfig config;
  config.data = data;
  config.hidden = {32, 32};
  config.labels = true;
  config.training = {.batch_size = 128, .steps = steps, .learning_rate = 5e-3, .ema_decay = 0.99};
  return config;
}

std::vector<ReflowClass> classes_of(const Experiment& experiment, FieldChoice choice) {
  std::vector<ReflowClass> classes;
  for (const double share : label_shares(experiment.config().data)) {
    const FieldOptions options{.guidance = {.label = static_cast<std::int32_t>(classes.size())}};
    classes.push_back({.field = experiment.field(choice, options), .share = share});
  }
  return classes;
}

/// The class whose mean is nearest.
std::int32_t class_at(const Points& points, Index row) {
  const GaussianMixtureConfig config = three_modes();
  std::vector<double> distances;
  for (const auto& mean : config.means) {
    distances.push_back((points.row(row).transpose().cast<double>() - mean).norm());
  }
  return static_cast<std::int32_t>(std::ranges::min_element(distances) - distances.begin());
}

TEST_CASE("each class makes its share of the pairs, and they end in it") {
  ThreadPool pool(2);
  auto made = Experiment::make(config_of(1), pool);
  REQUIRE(made.ok());
  constexpr Index kCount = 1003;
  Reflow reflow(classes_of(*made.value(), FieldChoice::exact), kManySteps, StandardNormal(2),
                kCount, kSeed, pool);
  CHECK(reflow.progress() == 0);
  double before = 0;
  while (!reflow.advance(0)) {
    CHECK(reflow.progress() >= before);
    before = reflow.progress();
  }
  CHECK(reflow.progress() == 1);
  const auto pairs = reflow.pairs();
  REQUIRE(pairs != nullptr);
  CHECK(pairs->labels() == 3);
  REQUIRE(pairs->classes().size() == static_cast<std::size_t>(kCount));
  // Rounded, as 501.5, 802.4 and all of them are where the classes end.
  CHECK(std::ranges::count(pairs->classes(), 0) == 502);
  CHECK(std::ranges::count(pairs->classes(), 1) == 300);
  CHECK(std::ranges::count(pairs->classes(), 2) == 201);
  Index astray = 0;
  for (Index i = 0; i < kCount; ++i) {
    if (class_at(pairs->ends(), i) != pairs->classes()[static_cast<std::size_t>(i)]) ++astray;
  }
  CHECK(astray == 0);

  // Which points start does not depend on the classes.
  const auto all = made.value()->field(FieldChoice::exact);
  Reflow plain(all, kManySteps, StandardNormal(2), kCount, kSeed, pool);
  plain.advance(kForever);
  CHECK(plain.pairs()->starts() == pairs->starts());
  CHECK(plain.pairs()->labels() == 0);

  // What is drawn of them keeps its label.
  Points x0(500, 2);
  Points x1(500, 2);
  std::vector<std::int32_t> labels(500);
  pairs->sample(1, 2, 0, x0, x1, labels);
  Index wrong = 0;
  for (Index i = 0; i < 500; ++i) {
    if (class_at(x1, i) != labels[static_cast<std::size_t>(i)]) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(std::ranges::count(labels, 2) > 50);
}

TEST_CASE("a class without a share has no pairs") {
  ThreadPool pool(1);
  auto made = Experiment::make(config_of(1), pool);
  REQUIRE(made.ok());
  auto classes = classes_of(*made.value(), FieldChoice::exact);
  classes[0].share = 0;
  classes[1].share = 1;
  classes[2].share = 0;
  Reflow reflow(classes, kManySteps, StandardNormal(2), 40, kSeed, pool);
  while (!reflow.advance(kForever)) {
  }
  CHECK(std::ranges::count(reflow.pairs()->classes(), 1) == 40);
  CHECK(reflow.pairs()->labels() == 3);
}

TEST_CASE("a conditional model's own pairs straighten the flow of each class") {
  ThreadPool pool(2);
  constexpr Index kSteps = 600;
  const ExperimentConfig config = config_of(kSteps, two_pairs_of_points());
  auto made = Experiment::make(config, pool);
  REQUIRE(made.ok());
  std::vector<float> losses(kSteps);
  REQUIRE(made.value()->train(losses) == kSteps);
  Reflow reflow(classes_of(*made.value(), FieldChoice::learned), kManySteps, StandardNormal(2),
                3000, kSeed, pool);
  while (!reflow.advance(kForever)) {
  }
  auto again = Experiment::make(config, reflow.pairs(), pool);
  REQUIRE(again.ok());
  CHECK(again.value()->labels() == 2);
  REQUIRE(again.value()->train(losses) == kSteps);

  const Points start = starting_noise(400, 2, 8);
  for (std::int32_t label = 0; label < 2; ++label) {
    const FieldOptions options{.guidance = {.label = label}};
    const auto of_class = [&](const Experiment& experiment) {
      return experiment.field(FieldChoice::learned, options);
    };
    Points truth(400, 2);
    made.value()->target_of(options).distribution->sample({9, Purpose::test, 0}, 0, truth);
    const Points leap = integrate(of_class(*again.value()), kOneStep, start, pool);
    const double after = energy_distance(leap, truth);
    const double before =
        energy_distance(integrate(of_class(*made.value()), kOneStep, start, pool), truth);
    const double curved = straightness(*of_class(*made.value()), kManySteps, start);
    const double straight = straightness(*of_class(*again.value()), kManySteps, start);
    CAPTURE(label, before, after, curved, straight);
    CHECK(straight < curved / 2);
    // 0.59 and 0.61 of it: what lies between the two points of a class is still torn apart.
    CHECK(after < 0.75 * before);
  }
}

TEST_CASE("a conditional model takes no pairs of other classes than its own") {
  ThreadPool pool(1);
  const Points points = Points::Zero(3, 2);
  const auto refused = [&](const std::shared_ptr<const GivenPairs>& pairs) {
    auto made = Experiment::make(config_of(1), pairs, pool);
    REQUIRE_FALSE(made.ok());
    REQUIRE(made.problems().size() == 1);
    CHECK(made.problems()[0].field == "labels");
  };
  refused(std::make_shared<const GivenPairs>(points, points));
  refused(
      std::make_shared<const GivenPairs>(points, points, std::vector<std::int32_t>{0, 1, 0}, 2));

  // One that is told none takes them all.
  ExperimentConfig config = config_of(1);
  config.labels = false;
  const auto labelled =
      std::make_shared<const GivenPairs>(points, points, std::vector<std::int32_t>{0, 1, 0}, 2);
  CHECK(Experiment::make(config, labelled, pool).ok());
}

}  // namespace
