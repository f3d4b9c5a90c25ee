// What PyTorch makes of a tiny network as a field, by tests/data/field_golden.py, held against what
// this library makes of it in single precision.
#include "field_golden.h"

#include "flowmatch/flow.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/likelihood.h"
#include "flowmatch/mlp.h"
#include "flowmatch/path.h"
#include "support/errors.h"
#include "support/waves.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace {

using namespace flowmatch;
namespace golden = flowmatch::testing::golden_field;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::wave;
using flowmatch::testing::wave_points;

constexpr Index kRows = 5;
constexpr double kAgreement = 1e-5;

Points start() {
  return wave_points<float>(kRows, 2, 1.5, 2.3, 0.9);
}

std::shared_ptr<const Field> network(const std::optional<Reading>& reading = std::nullopt) {
  const auto model = std::make_shared<const Mlp>(MlpConfig{.dimension = 2, .hidden = {5, 4}});
  return std::make_shared<const LearnedField>(
      model, wave<float>(static_cast<std::size_t>(model->parameter_count()), 0.8, 1.7, 0.3),
      reading);
}

/// The largest error, relative to 1 and the number.
double worst(std::span<const double> got, std::span<const double> expected) {
  double error = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error = testing::worse(error, std::abs(got[i] - expected[i]) / (1 + std::abs(expected[i])));
  }
  return error;
}

double worst(const Points& got, std::span<const double> expected) {
  const PointsOf<double> numbers = got.cast<double>();
  return worst(std::span(numbers.data(), static_cast<std::size_t>(numbers.size())), expected);
}

double worst(const Values& got, std::span<const double> expected) {
  return worst(std::span(got.data(), static_cast<std::size_t>(got.size())), expected);
}

TEST_CASE("solvers take points where PyTorch's take them") {
  ThreadPool pool(1);
  for (const golden::Way& way : golden::kWays) {
    const SolverConfig config{
        .solver = way.solver, .steps = way.steps, .t_start = way.t_start, .t_end = way.t_end};
    CAPTURE(name(way.solver), way.t_start);
    CHECK(worst(integrate(network(), config, start(), pool), way.end) < kAgreement);
  }
  const SolverConfig adaptive{.solver = Solver::dopri5, .rtol = 1e-6, .atol = 1e-6};
  CHECK(worst(integrate(network(), adaptive, start(), pool), golden::kEnd) < kAgreement);
  // A coarser way is seen.
  CHECK(worst(integrate(network(), {.solver = Solver::rk4, .steps = 1}, start(), pool),
              golden::kEnd) > 3 * kAgreement);
}

TEST_CASE("the log-density is that of PyTorch's steps with its own derivatives") {
  ThreadPool pool(1);
  const LikelihoodConfig six{.solver = {.solver = Solver::rk4, .steps = 6}};
  CHECK(worst(log_likelihood(network(), six, start(), pool), golden::kLogDensityOfSixSteps) <
        kAgreement);
  const LikelihoodConfig adaptive{.solver = {.solver = Solver::dopri5, .rtol = 1e-6, .atol = 1e-6}};
  CHECK(worst(log_likelihood(network(), adaptive, start(), pool), golden::kLogDensity) <
        kAgreement);
}

TEST_CASE("a network is read as PyTorch solves it, by every prediction under every schedule") {
  for (const golden::Reading& row : golden::kReadings) {
    const Reading reading{row.prediction, row.trained, row.sampled};
    CAPTURE(name(row.prediction), name(row.trained), name(row.sampled), row.t);
    CHECK(worst(velocities(*network(reading), row.t, start()), row.velocity) < kAgreement);
  }
}

TEST_CASE("targets are PyTorch's, and every prediction is converted into every other") {
  const auto x1 = wave_points<float>(3, 1, 2.0, 1.1, 0.5);
  const auto x0 = wave_points<float>(3, 1, 1.5, 2.3, 0.9);
  for (const golden::Targets& row : golden::kTargets) {
    CAPTURE(name(row.schedule), row.t);
    const ScheduleValues values = evaluate(row.schedule, row.t);
    const Eigen::VectorXf t = Eigen::VectorXf::Constant(3, static_cast<float>(row.t));
    Points x(3, 1);
    Points target(3, 1);
    for (std::size_t from = 0; from < kPredictions.size(); ++from) {
      AffinePath(row.schedule, kPredictions[from]).interpolate(t, x0, x1, x, target);
      CAPTURE(name(kPredictions[from]));
      CHECK(worst(x, row.x) < kAgreement);
      CHECK(worst(target, row.of[from]) < kAgreement);
      for (std::size_t to = 0; to < kPredictions.size(); ++to) {
        const Affine affine = conversion(kPredictions[from], kPredictions[to], values);
        std::vector<double> converted;
        for (std::size_t i = 0; i < row.x.size(); ++i) {
          converted.push_back(affine.of_x * row.x[i] + affine.of_f * row.of[from][i]);
        }
        CAPTURE(name(kPredictions[to]));
        CHECK(worst(std::span<const double>(converted), row.of[to]) < 1e-12);
      }
    }
  }
}

}  // namespace
