#include "flowmatch/flow.h"

#include "flowmatch/dopri5.h"
#include "flowmatch/exact_field.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/mlp.h"
#include "support/allocations.h"
#include "support/errors.h"
#include "support/formula_field.h"
#include "support/samples.h"
#include "support/threads.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using flowmatch::testing::formula_field;
using flowmatch::testing::kMostThreads;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::make_mixture;
using flowmatch::testing::normal_points;
using flowmatch::testing::thread_counts;

constexpr double kForever = std::numeric_limits<double>::infinity();

std::shared_ptr<const Field> ring_field() {
  return std::make_shared<const ExactField>(make_mixture(ring_mixture(11, 10, 1)),
                                            Schedule::cond_ot);
}

std::shared_ptr<const Field> network_field() {
  auto model = std::make_shared<const Mlp>(
      MlpConfig{.dimension = 2, .hidden = {20, 30}, .activation = Activation::silu});
  std::vector<float> parameters(static_cast<std::size_t>(model->parameter_count()));
  model->initialise(3, parameters);
  return std::make_shared<const LearnedField>(model, parameters);
}

TEST_CASE("a flow's frames are the solver's steps") {
  // Step by step with solver_step, all points at once.
  const Solver solver = GENERATE(Solver::euler, Solver::midpoint, Solver::heun, Solver::rk4);
  const auto field = ring_field();
  const Points start = normal_points(70, 2, 1);
  constexpr Index kSteps = 12;
  ThreadPool pool(1);
  Flow flow(field, {.solver = solver, .steps = kSteps, .t_start = 0.125, .t_end = 0.875}, start,
            kSteps, pool);
  CHECK(flow.particles() == 70);
  CHECK(flow.frames() == kSteps);
  CHECK(flow.advance(kForever));

  const auto evaluator = field->evaluator(70);
  const auto velocity = [&](double t, const auto& x, auto&& out) {
    evaluator->velocity(t, x, out);
  };
  SolverScratch scratch(70, 2);
  Points x = start;
  CHECK(flow.frame(0) == start);
  CHECK(flow.time(0) == 0.125);
  for (Index s = 0; s < kSteps; ++s) {
    // A sixteenth is exact, so that the times are the same to the bit.
    const double t = 0.125 + 0.0625 * static_cast<double>(s);
    solver_step<float>(solver, velocity, t, 0.0625, x, scratch);
    CAPTURE(name(solver), s);
    CHECK(flow.frame(s + 1) == x);
    CHECK(flow.time(s + 1) == t + 0.0625);
  }
  CHECK(integrate(field, {.solver = solver, .steps = kSteps, .t_start = 0.125, .t_end = 0.875},
                  start, pool) == x);
}

TEST_CASE("all frames stand one after another in one array") {
  ThreadPool pool(1);
  Flow flow(ring_field(), {.steps = 6}, normal_points(40, 2, 1), 3, pool);
  flow.advance(kForever);
  REQUIRE(flow.positions().size() == std::size_t{4} * 40 * 2);
  for (Index f = 0; f <= 3; ++f) {
    CHECK(std::equal(flow.positions().begin() + f * 80, flow.positions().begin() + (f + 1) * 80,
                     flow.frame(f).data()));
  }
}

TEST_CASE("a moment between two steps is on the straight line between them") {
  // Frames and steps that divide each other and that do not, more of either.
  const Index steps = GENERATE(1, 3, 7, 10, 50);
  const Index frames = GENERATE(1, 2, 3, 7, 20, 49, 100);
  CAPTURE(steps, frames);
  const auto field = ring_field();
  const Points start = normal_points(5, 2, 1);
  ThreadPool pool(1);
  const SolverConfig config{.solver = Solver::midpoint, .steps = steps};
  Flow every_step(field, config, start, steps, pool);
  every_step.advance(kForever);
  Flow flow(field, config, start, frames, pool);
  flow.advance(kForever);
  for (Index f = 0; f <= frames; ++f) {
    CHECK_THAT(flow.time(f),
               WithinAbs(static_cast<double>(f) / static_cast<double>(frames), 1e-15));
    const Index whole = f * steps / frames;
    const Index next = std::min(whole + 1, steps);
    const double share =
        static_cast<double>(f * steps - whole * frames) / static_cast<double>(frames);
    const PointsOf<double> a = every_step.frame(whole).cast<double>();
    const PointsOf<double> b = every_step.frame(next).cast<double>();
    CAPTURE(f);
    // Floats of size up to 10.
    CHECK(largest_magnitude(flow.frame(f).cast<double>() - (a + share * (b - a))) < 3e-6);
  }
  CHECK(flow.frame(frames) == every_step.frame(steps));
}

bool same_report(const SolverReport& a, const SolverReport& b) {
  return a.evaluations == b.evaluations && a.accepted_steps == b.accepted_steps &&
         a.rejected_steps == b.rejected_steps && a.too_many_steps == b.too_many_steps &&
         a.step_too_small == b.step_too_small && a.stopped_at == b.stopped_at;
}

TEST_CASE("a flow in slices gives the same bits as in one go") {
  const auto field = GENERATE(ring_field(), network_field());
  // Fewer frames than steps, and more.
  const Index frames = GENERATE(1, 4, 20);
  const Points start = normal_points(1000, 2, 2);
  constexpr Index kBlocks = 32;  // Of 32 points, the last one of 8.
  const Solver solver = GENERATE(Solver::heun, Solver::dopri5, Solver::stochastic_heun);
  const SolverConfig config{.solver = solver, .steps = 9};
  for (const int threads : {1, kMostThreads}) {
    CAPTURE(name(solver), frames, threads);
    ThreadPool pool(threads);
    Flow whole(field, config, start, frames, pool);
    CHECK_FALSE(whole.done());
    CHECK(whole.advance(kForever));
    CHECK(whole.done());
    Flow sliced(field, config, start, frames, pool);
    // At most 100 steps of an adaptive solver a block.
    const Index most_steps = is_adaptive(solver) ? 100 : config.steps;
    Index slices = 1;
    while (!sliced.advance(0)) {
      REQUIRE(++slices <= kBlocks * most_steps);
      CHECK_FALSE(sliced.done());
    }
    // A slice without any time is a step of a block, of as many blocks as there are threads.
    if (!is_adaptive(solver)) CHECK(slices * threads >= kBlocks * config.steps);
    CHECK(sliced.done());
    CHECK(sliced.positions() == whole.positions());
    CHECK(same_report(sliced.report(), whole.report()));
    // What is done stays done.
    CHECK(sliced.advance(0));
    CHECK(sliced.positions() == whole.positions());
    // Cut anywhere, and then left alone.
    Flow resumed(field, config, start, frames, pool);
    for (int slice = 0; slice < 13; ++slice) resumed.advance(0);
    CHECK(resumed.advance(kForever));
    CHECK(resumed.positions() == whole.positions());
  }
}

TEST_CASE("a flow stops after a solver step, in the middle of a block's way") {
  const auto field = formula_field(2, [](double, const ConstPointsRef& x) { return -x; });
  ThreadPool pool(1);
  Flow flow(field, {.solver = Solver::rk4, .steps = 100}, normal_points(64, 2, 2), 100, pool);
  for (Index step = 1; step <= 100; ++step) {
    CHECK_FALSE(flow.advance(0));
    REQUIRE(field->rows() == step * 4 * 32);
    CHECK(flow.frame(step).row(0) != flow.frame(0).row(0));
    if (step < 100) CHECK(flow.frame(step + 1).row(0) == flow.frame(0).row(0));
  }
}

TEST_CASE("a flow may be given up before it is done") {
  const auto field = network_field();
  ThreadPool pool(kMostThreads);
  for (const double milliseconds : {0.0, 1.0}) {
    Flow flow(field, {.steps = 10'000}, normal_points(5000, 2, 2), 10, pool);
    CHECK_FALSE(flow.advance(milliseconds));
  }
  CHECK(integrate(field, {.steps = 3}, normal_points(50, 2, 2), pool).allFinite());
}

TEST_CASE("a flow gives the same bits for any number of threads") {
  const auto field = GENERATE(ring_field(), network_field());
  const Solver solver = GENERATE(Solver::rk4, Solver::dopri5, Solver::euler_maruyama);
  const Points start = normal_points(333, 2, 3);
  std::set<std::vector<float>> results;
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    Flow flow(field, {.solver = solver, .steps = 5}, start, 5, pool);
    flow.advance(kForever);
    results.insert(flow.positions());
  }
  CHECK(results.size() == 1);
}

TEST_CASE("a point's way does not depend on the other points") {
  const auto field = GENERATE(ring_field(), network_field());
  const Points start = normal_points(100, 2, 4);
  ThreadPool pool(1);
  const Points all = integrate(field, {.steps = 10}, start, pool);
  for (const Index i : {0, 31, 32, 99}) {
    CHECK(integrate(field, {.steps = 10}, start.row(i), pool) == all.row(i));
  }
}

TEST_CASE("points that have not come so far yet stand at their start") {
  const auto field = ring_field();
  const Points start = normal_points(2000, 2, 5);
  ThreadPool pool(1);
  Flow flow(field, {.steps = 10}, start, 3, pool);
  for (Index f = 0; f <= 3; ++f) CHECK(flow.frame(f) == start);
  for (int step = 0; step < 10; ++step) REQUIRE_FALSE(flow.advance(0));
  CHECK(flow.frame(3).topRows(1) != start.topRows(1));
  for (Index f = 0; f <= 3; ++f) CHECK(flow.frame(f).bottomRows(1000) == start.bottomRows(1000));
}

TEST_CASE("the number of evaluations is what the field was asked for") {
  for (const Solver solver : {Solver::euler, Solver::midpoint, Solver::heun, Solver::rk4,
                              Solver::dopri5, Solver::euler_maruyama, Solver::stochastic_heun}) {
    const auto field = formula_field(3, [](double, const ConstPointsRef& x) { return -x; });
    ThreadPool pool(kMostThreads);
    Flow flow(field, {.solver = solver, .steps = 17}, normal_points(77, 3, 6), 4, pool);
    flow.advance(kForever);
    CAPTURE(name(solver));
    const SolverReport report = flow.report();
    CHECK(field->rows() == report.evaluations);
    CHECK(flow.function_evaluations() == static_cast<double>(report.evaluations) / 77);
    if (is_adaptive(solver)) {
      CHECK(report.evaluations == 77 * 2 + 6 * (report.accepted_steps + report.rejected_steps));
    } else {
      CHECK(flow.function_evaluations() == 17 * evaluations_per_step(solver));
      CHECK(report.accepted_steps == 77 * 17);
      CHECK(report.rejected_steps == 0);
    }
    CHECK(report.stopped_at == 1);
    CHECK(flow.problems().empty());
    CHECK_FALSE(field->too_many_rows());
  }
}

TEST_CASE("the field is never asked for a time outside of the flow's") {
  // Steps that do not divide 1 exactly, in both directions.
  for (const Index steps : {3, 7, 10, 49, 299, 1000}) {
    for (const bool forwards : {true, false}) {
      const auto field = formula_field(2, [](double, const ConstPointsRef& x) { return 0 * x; });
      ThreadPool pool(1);
      integrate(field,
                {.solver = Solver::rk4,
                 .steps = steps,
                 .t_start = forwards ? 0.0 : 1.0,
                 .t_end = forwards ? 1.0 : 0.0},
                normal_points(1, 2, 7), pool);
      CAPTURE(steps, forwards);
      CHECK(field->first_time() >= 0);
      CHECK(field->first_time() < 1e-12);
      CHECK(field->last_time() <= 1);
      CHECK(field->last_time() > 1 - 1e-12);
    }
  }
}

TEST_CASE("a flow backwards in time undoes the flow forwards") {
  const auto field = ring_field();
  const Points start = normal_points(100, 2, 8);
  ThreadPool pool(1);
  const Points end = integrate(field, {.solver = Solver::rk4, .steps = 100}, start, pool);
  Flow back(field, {.solver = Solver::rk4, .steps = 100, .t_start = 1, .t_end = 0}, end, 4, pool);
  back.advance(kForever);
  CHECK(back.time(0) == 1);
  CHECK(back.time(1) == 0.75);
  CHECK(back.time(4) == 0);
  // Near the borders between modes the way back amplifies the floats' rounding, by some hundred.
  CHECK(largest_magnitude(back.frame(4) - start) < 2e-3);
}

TEST_CASE("a flow through a field that blows up ends with what is not finite, and with all else") {
  const auto field = formula_field(2, [](double, const ConstPointsRef& x) -> Points {
    return 1e30F * x.array().cube().matrix();
  });
  Points start = Points::Zero(40, 2);
  start(3, 0) = 1;
  ThreadPool pool(1);
  const Points end = integrate(field, {.steps = 20}, start, pool);
  CHECK_FALSE(end.row(3).allFinite());
  CHECK(end.row(4).isZero(0));
}

TEST_CASE("an advance of a flow does not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  const auto field = GENERATE(ring_field(), network_field());
  ThreadPool pool(GENERATE(1, 3));
  const Solver solver = GENERATE(Solver::rk4, Solver::dopri5, Solver::stochastic_heun);
  Flow flow(field, {.solver = solver, .steps = 20}, normal_points(300, 2, 9), 30, pool);
  const std::int64_t before = flowmatch::testing::allocation_count();
  for (int slice = 0; slice < 50; ++slice) flow.advance(0);
  flow.advance(1);
  flow.advance(kForever);
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CHECK(allocations == 0);
}

TEST_CASE("an adaptive flow's blocks take the steps of their solver, and frames between them") {
  // Block by block with Dopri5 itself.
  const auto field = ring_field();
  const Points start = normal_points(70, 2, 1);
  const bool forwards = GENERATE(true, false);
  const SolverConfig config{.solver = Solver::dopri5,
                            .t_start = forwards ? 0.25 : 0.75,
                            .t_end = forwards ? 0.75 : 0.25,
                            .rtol = 1e-4,
                            .atol = 1e-4};
  constexpr Index kFrames = 16;
  ThreadPool pool(1);
  Flow flow(field, config, start, kFrames, pool);
  CHECK(flow.advance(kForever));
  const auto evaluator = field->evaluator(32);
  const auto velocity = [&](double t, const auto& x, auto&& out) {
    evaluator->velocity(t, x, out);
  };
  SolverReport expected;
  for (Index first = 0; first < 70; first += kFlowBlockRows) {
    const Index rows = std::min<Index>(kFlowBlockRows, 70 - first);
    Dopri5 solver(32, 2);
    solver.start(config, start.middleRows(first, rows), velocity);
    Index frame = 1;
    Points x(rows, 2);
    while (solver.state() == AdaptiveState::running) {
      if (!solver.attempt(velocity)) continue;
      for (; frame < kFrames && (flow.time(frame) <= solver.time()) == forwards; ++frame) {
        solver.interpolate(flow.time(frame), x);
        CHECK(flow.frame(frame).middleRows(first, rows) == x);
      }
    }
    CHECK(frame == kFrames);
    CHECK(flow.frame(kFrames).middleRows(first, rows) == solver.x());
    expected.evaluations += rows * solver.evaluations();
    expected.accepted_steps += rows * solver.accepted_steps();
    expected.rejected_steps += rows * solver.rejected_steps();
  }
  expected.stopped_at = config.t_end;
  CHECK(same_report(flow.report(), expected));
}

TEST_CASE("the frames of an adaptive flow are as good as its steps") {
  // A turn by 8 radians in a few steps; on straight lines between them frames would be off by 0.1.
  const auto field = formula_field(2, [](double, const ConstPointsRef& x) {
    Points out(x.rows(), 2);
    out.col(0) = -8 * x.col(1);
    out.col(1) = 8 * x.col(0);
    return out;
  });
  const Points start = Points::Ones(3, 2);
  ThreadPool pool(1);
  Flow flow(field, {.solver = Solver::dopri5}, start, 97, pool);
  flow.advance(kForever);
  const SolverReport report = flow.report();
  CHECK(report.accepted_steps < 30 * 3);
  for (Index f = 0; f <= 97; ++f) {
    const double angle = 8 * flow.time(f) + std::atan(1.0);
    const Eigen::RowVector2d expected(std::cos(angle), std::sin(angle));
    CAPTURE(f);
    CHECK(largest_magnitude(flow.frame(f).row(2).cast<double>() - std::sqrt(2) * expected) < 2e-4);
  }
}

TEST_CASE("where a field is steep at one time, an adaptive flow is better at equal cost") {
  // Narrow modes: towards t = 1 everything falls into them.
  const auto field =
      std::make_shared<const ExactField>(make_mixture(ring_mixture(8, 5, 0.01)), Schedule::cond_ot);
  const Points start = normal_points(64, 2, 4);
  ThreadPool pool(1);
  const Points truth = integrate(field, {.solver = Solver::rk4, .steps = 2000}, start, pool);
  Flow flow(field, {.solver = Solver::dopri5, .rtol = 1e-4, .atol = 1e-4}, start, 1, pool);
  flow.advance(kForever);
  const auto error = [&](const Points& end) {
    return static_cast<double>((end - truth).norm()) / std::sqrt(64.0);
  };
  const double adaptive = error(flow.frame(1));
  const auto steps = static_cast<Index>(flow.function_evaluations() / 4) + 1;
  const double fixed =
      error(integrate(field, {.solver = Solver::rk4, .steps = steps}, start, pool));
  const double fixed_for_more =
      error(integrate(field, {.solver = Solver::rk4, .steps = steps * 3 / 2}, start, pool));
  CAPTURE(flow.function_evaluations(), adaptive, fixed, fixed_for_more);
  CHECK(adaptive < 1e-3);
  CHECK(adaptive < fixed / 3);
  CHECK(adaptive < fixed_for_more);
}

TEST_CASE("an adaptive flow there and back again ends at its start") {
  const auto field = ring_field();
  const Points start = normal_points(100, 2, 8);
  ThreadPool pool(1);
  const SolverConfig there{.solver = Solver::dopri5, .rtol = 1e-6, .atol = 1e-6};
  SolverConfig back = there;
  std::swap(back.t_start, back.t_end);
  const Points end = integrate(field, there, start, pool);
  CHECK(largest_magnitude(integrate(field, back, end, pool) - start) < 2e-3);
}

TEST_CASE("a flow that was given up says so, and shows no point where it is not") {
  const auto field = ring_field();
  ThreadPool pool(1);
  Flow flow(field, {.solver = Solver::dopri5, .max_steps = 3}, normal_points(40, 2, 1), 50, pool);
  CHECK(flow.advance(kForever));
  const SolverReport report = flow.report();
  CHECK(report.too_many_steps == 40);
  CHECK(report.step_too_small == 0);
  CHECK(report.evaluations == 40 * (2 + 6 * 3));
  CHECK(report.stopped_at > 0);
  CHECK(report.stopped_at < 1);
  for (Index f = 0; f <= 50; ++f) {
    CAPTURE(f);
    if (flow.time(f) <= report.stopped_at) CHECK(flow.frame(f).allFinite());
    // The other block came a little farther.
    if (flow.time(f) > report.stopped_at + 0.2) CHECK(flow.frame(f).array().isNaN().all());
  }
  const Problems problems = flow.problems();
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "maxSteps");
  CHECK(problems[0].value == "3");
  CHECK(problems[0].allowed.find("40 of 40 points") != std::string::npos);
  CHECK(problems[0].allowed.find(format_number(report.stopped_at)) != std::string::npos);
}

TEST_CASE("a block without a solution does not keep the others from theirs") {
  const auto field = formula_field(2, [](double t, const ConstPointsRef& x) -> Points {
    Points out = x;
    // Coordinates above 50 have no velocity for long.
    if (t > 0.25) out = (x.array() > 50).select(std::numeric_limits<float>::quiet_NaN(), out);
    return out;
  });
  Points start = Points::Ones(70, 2);
  start(40, 1) = 100;
  ThreadPool pool(kMostThreads);
  Flow flow(field, {.solver = Solver::dopri5}, start, 2, pool);
  CHECK(flow.advance(kForever));
  const SolverReport report = flow.report();
  CHECK(report.too_many_steps == 0);
  CHECK(report.step_too_small == 32);
  CHECK_THAT(report.stopped_at, WithinAbs(0.25, 1e-6));
  CHECK(flow.frame(2).middleRows(32, 32).array().isNaN().all());
  CHECK(largest_magnitude(flow.frame(2).topRows(32).array() - std::exp(1.0F)) < 1e-4);
  CHECK(largest_magnitude(flow.frame(2).bottomRows(6).array() - std::exp(1.0F)) < 1e-4);
  REQUIRE(flow.problems().size() == 1);
  CHECK(flow.problems()[0].field == "rtol");
}

TEST_CASE("an adaptive flow of no length stays where it is") {
  const auto field = formula_field(2, [](double, const ConstPointsRef& x) { return x; });
  const Points start = normal_points(40, 2, 1);
  ThreadPool pool(1);
  Flow flow(field, {.solver = Solver::dopri5, .t_start = 0.5, .t_end = 0.5}, start, 3, pool);
  CHECK(flow.advance(kForever));
  for (Index f = 0; f <= 3; ++f) CHECK(flow.frame(f) == start);
  CHECK(field->rows() == 0);
  CHECK(flow.problems().empty());
}

TEST_CASE("every cloud of a seed starts from the same noise") {
  const Points noise = starting_noise(100, 2, 5);
  CHECK(starting_noise(100, 2, 5) == noise);
  CHECK(starting_noise(30, 2, 5) == noise.topRows(30));
  CHECK(starting_noise(30, 2, 5, 64) == noise.middleRows(64, 30));
  CHECK(starting_noise(100, 2, 6) != noise);
  Points expected(100, 2);
  fill_normal({5, Purpose::sampling_source, 0}, 0, expected);
  CHECK(noise == expected);
}

}  // namespace
