#include "flowmatch/evaluation.h"

#include "flowmatch/exact_field.h"
#include "support/formula_field.h"
#include "support/samples.h"
#include "support/threads.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <limits>
#include <memory>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::make_mixture;
using flowmatch::testing::thread_counts;

constexpr double kForever = std::numeric_limits<double>::infinity();
const SolverConfig kSolver{.solver = Solver::midpoint, .steps = 20};

struct Setting {
  std::shared_ptr<const GaussianMixture> target =
      std::make_shared<const GaussianMixture>(make_mixture(ring_mixture(11, 10, 1)));
  std::shared_ptr<const Field> field =
      std::make_shared<const ExactField>(*target, Schedule::cond_ot);
};

bool same_bits(const EvaluationResult& a, const EvaluationResult& b) {
  return a.sliced_w2 == b.sliced_w2 && a.sliced_w2_floor == b.sliced_w2_floor &&
         a.energy_distance == b.energy_distance &&
         a.energy_distance_floor == b.energy_distance_floor && a.within_three == b.within_three &&
         a.within_three_truth == b.within_three_truth && a.mode_shares == b.mode_shares;
}

TEST_CASE("an evaluation is its metrics on its documented samples") {
  const Setting setting;
  // Not a multiple of its blocks.
  constexpr Index kCount = 500;
  ThreadPool pool(1);
  Evaluation evaluation(setting.field, kSolver, setting.target, kCount, 9, pool);
  CHECK_FALSE(evaluation.done());
  CHECK(evaluation.advance(kForever));
  CHECK(evaluation.done());
  const EvaluationResult& result = evaluation.result();

  const Points generated = integrate(setting.field, kSolver, starting_noise(kCount, 2, 9), pool);
  Points reference(kCount, 2);
  setting.target->sample({9, Purpose::reference_data, 0}, 0, reference);
  Points floor(kCount, 2);
  setting.target->sample({9, Purpose::floor_data, 0}, 0, floor);
  CHECK_THAT(result.sliced_w2,
             WithinRel(sliced_w2(generated, reference, kSlicedProjections, 9), 1e-12));
  CHECK_THAT(result.sliced_w2_floor,
             WithinRel(sliced_w2(floor, reference, kSlicedProjections, 9), 1e-12));
  // Means of distances of 10 in floats, subtracted: only the order of the sums differs.
  CHECK_THAT(result.energy_distance, WithinAbs(energy_distance(generated, reference), 1e-6));
  CHECK_THAT(result.energy_distance_floor, WithinAbs(energy_distance(floor, reference), 1e-6));
  CHECK(result.within_three == share_within(*setting.target, generated, 3));
  CHECK(result.within_three_truth == share_within(*setting.target, reference, 3));
  CHECK(result.mode_shares == mode_shares(*setting.target, generated));
}

TEST_CASE("without modes there is no share of them, and all else is the same") {
  const Setting setting;
  ThreadPool pool(1);
  Evaluation with(setting.field, kSolver, setting.target, 200, 9, pool);
  Evaluation without(setting.field, kSolver, setting.target, nullptr, 200, 9, pool);
  with.advance(kForever);
  without.advance(kForever);
  CHECK(without.result().sliced_w2 == with.result().sliced_w2);
  CHECK(without.result().energy_distance == with.result().energy_distance);
  CHECK(with.result().within_three.has_value());
  CHECK_FALSE(without.result().within_three.has_value());
  CHECK_FALSE(without.result().within_three_truth.has_value());
  CHECK(without.result().mode_shares.size() == 0);
}

TEST_CASE("points that were given up are counted, and are in no distance and no share") {
  const Setting setting;
  // What passes x = 4 has no velocity from there on: blocks of which one point does are given up.
  const auto field =
      flowmatch::testing::formula_field(2, [&](double t, const ConstPointsRef& x) -> Points {
        const Points v = velocities(*setting.field, t, x);
        return (x.col(0).array() > 4).any() && x.rows() > 1 && x(0, 1) > 0
                   ? Points::Constant(x.rows(), 2, std::nanf(""))
                   : v;
      });
  const SolverConfig solver{.solver = Solver::dopri5, .rtol = 1e-3, .atol = 1e-3};
  constexpr Index kCount = 250;
  ThreadPool pool(1);
  const Points ends = integrate(field, solver, starting_noise(kCount, 2, 9), pool);
  Points kept(kCount, 2);
  Index rows = 0;
  for (Index i = 0; i < kCount; ++i) {
    if (ends.row(i).allFinite()) kept.row(rows++) = ends.row(i);
  }
  kept.conservativeResize(rows, 2);
  REQUIRE(rows > 20);
  REQUIRE(rows < kCount);

  Evaluation evaluation(field, solver, setting.target, kCount, 9, pool);
  evaluation.advance(kForever);
  const EvaluationResult& result = evaluation.result();
  CHECK(result.lost == kCount - rows);
  Points reference(kCount, 2);
  setting.target->sample({9, Purpose::reference_data, 0}, 0, reference);
  CHECK_THAT(result.sliced_w2,
             WithinRel(sliced_w2(kept, reference.topRows(rows), kSlicedProjections, 9), 1e-12));
  CHECK_THAT(result.energy_distance, WithinAbs(energy_distance(kept, reference), 1e-6));
  CHECK(result.within_three == share_within(*setting.target, kept, 3));
  CHECK(result.mode_shares == mode_shares(*setting.target, kept));
  // The floors are of the target alone.
  Evaluation whole(setting.field, kSolver, setting.target, kCount, 9, pool);
  whole.advance(kForever);
  CHECK(whole.result().lost == 0);
  CHECK(result.sliced_w2_floor == whole.result().sliced_w2_floor);
  CHECK(result.energy_distance_floor == whole.result().energy_distance_floor);
}

TEST_CASE("where no point has come to the end there is no distance") {
  const Setting setting;
  ThreadPool pool(1);
  Evaluation evaluation(setting.field, {.solver = Solver::dopri5, .max_steps = 1}, setting.target,
                        100, 9, pool);
  CHECK(evaluation.advance(kForever));
  const EvaluationResult& result = evaluation.result();
  CHECK(result.lost == 100);
  CHECK(std::isnan(result.sliced_w2));
  CHECK(std::isnan(result.energy_distance));
  CHECK(std::isnan(result.within_three.value()));
  CHECK(result.mode_shares.array().isNaN().all());
  CHECK(result.mode_shares.size() == 11);
  CHECK(std::isfinite(result.sliced_w2_floor));
  CHECK(result.within_three_truth.value() > 0.9);
}

TEST_CASE("an evaluation gives the same bits in slices and for any number of threads") {
  const Setting setting;
  ThreadPool one(1);
  Evaluation whole(setting.field, kSolver, setting.target, 300, 1, one);
  whole.advance(kForever);
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    Evaluation sliced(setting.field, kSolver, setting.target, 300, 1, pool);
    int slices = 1;
    while (!sliced.advance(0.01)) REQUIRE(++slices < 100'000);
    CAPTURE(threads, slices);
    CHECK(slices > 1);
    CHECK(same_bits(sliced.result(), whole.result()));
    // What is done stays done.
    CHECK(sliced.advance(0.01));
    CHECK(same_bits(sliced.result(), whole.result()));
  }
}

TEST_CASE("an evaluation goes on however little time it is given") {
  const Setting setting;
  ThreadPool pool(1);
  Evaluation evaluation(setting.field, kSolver, setting.target, 100, 1, pool);
  int slices = 1;
  while (!evaluation.advance(0) && slices < 10'000) ++slices;
  CHECK(evaluation.done());
}

TEST_CASE("an evaluation of the fewest points is finite") {
  const Setting setting;
  ThreadPool pool(1);
  Evaluation evaluation(setting.field, kSolver, setting.target, 2, 1, pool);
  CHECK(evaluation.advance(kForever));
  CHECK(std::isfinite(evaluation.result().sliced_w2));
  CHECK(std::isfinite(evaluation.result().energy_distance));
}

TEST_CASE("an evaluation tells a good field from none") {
  const Setting setting;
  ThreadPool pool(1);
  const auto evaluate = [&](const SolverConfig& solver) {
    Evaluation evaluation(setting.field, solver, setting.target, 1000, 2, pool);
    evaluation.advance(kForever);
    return evaluation.result();
  };
  const EvaluationResult good = evaluate({.solver = Solver::rk4, .steps = 50});
  // From 0 to 0: the noise itself.
  const EvaluationResult none =
      evaluate({.solver = Solver::euler, .steps = 1, .t_start = 0, .t_end = 0});
  // Two true sets of 1000 are 0.025 apart in energy, give or take as much again.
  CHECK(good.energy_distance < 0.075);
  CHECK(good.sliced_w2 < 1);
  CHECK_THAT(good.within_three.value(), WithinAbs(good.within_three_truth.value(), 0.02));
  CHECK(none.energy_distance > 5);
  CHECK(none.sliced_w2 > 5);
  CHECK(none.within_three.value() < 0.01);
  CHECK(none.energy_distance_floor == good.energy_distance_floor);
  CHECK(none.sliced_w2_floor == good.sliced_w2_floor);
}

}  // namespace
