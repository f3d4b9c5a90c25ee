#include "flowmatch/likelihood.h"

#include "flowmatch/dopri5.h"
#include "flowmatch/exact_field.h"
#include "flowmatch/flow.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/mlp.h"
#include "flowmatch/trainer.h"
#include "support/allocations.h"
#include "support/errors.h"
#include "support/samples.h"
#include "support/statistics.h"
#include "support/threads.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::kMostThreads;
using flowmatch::testing::kSigmas;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::make_mixture;
using flowmatch::testing::normal_points;
using flowmatch::testing::thread_counts;

/// v(x, t) = A x, whose flow is exp(A t) and whose divergence is tr A.
class LinearField final : public Field {
 public:
  explicit LinearField(Eigen::MatrixXf matrix) : matrix_(std::move(matrix)) {}
  [[nodiscard]] Index dimension() const override { return matrix_.rows(); }
  [[nodiscard]] bool has_divergence() const override { return true; }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index /*max_rows*/) const override {
    return std::make_unique<Evaluator>(matrix_);
  }

 private:
  class Evaluator final : public FieldEvaluator {
   public:
    explicit Evaluator(const Eigen::MatrixXf& matrix) : matrix_(matrix) {}
    void velocity(double /*t*/, const ConstPointsRef& x, PointsRef out) override {
      out = x.lazyProduct(matrix_.transpose());
    }
    void velocity_and_divergence(double t, const ConstPointsRef& x, const ConstPointsRef& probes,
                                 PointsRef out, ValuesRef divergence) override {
      velocity(t, x, out);
      divergence.setConstant(static_cast<double>(matrix_.trace()));
      if (probes.rows() == 0) return;
      divergence.setZero();
      for (Index i = 0; i < probes.rows(); ++i) {
        divergence[i % x.rows()] += static_cast<double>(
            probes.row(i).dot((matrix_ * probes.row(i).transpose()).transpose()));
      }
      divergence *= static_cast<double>(x.rows()) / static_cast<double>(probes.rows());
    }

   private:
    const Eigen::MatrixXf& matrix_;
  };

  Eigen::MatrixXf matrix_;
};

std::shared_ptr<const Field> linear_field(const Eigen::MatrixXf& matrix) {
  return std::make_shared<const LinearField>(matrix);
}

std::shared_ptr<const ExactField> exact_field(const GaussianMixtureConfig& config,
                                              Schedule schedule = Schedule::cond_ot) {
  return std::make_shared<const ExactField>(make_mixture(config), schedule);
}

LikelihoodConfig rk4(Index steps) {
  return {.solver = {.solver = Solver::rk4, .steps = steps}};
}

LikelihoodConfig dopri5(double tolerance) {
  return {.solver = {.solver = Solver::dopri5, .rtol = tolerance, .atol = tolerance}};
}

Points samples(const Distribution& distribution, Index count, std::uint64_t seed) {
  Points points(count, distribution.dimension());
  distribution.sample({seed, Purpose::test, 0}, 0, points);
  return points;
}

Values log_density(const Distribution& distribution, const Points& x) {
  Values out(x.rows());
  distribution.log_density(x, out);
  return out;
}

TEST_CASE("a scaling of the plane has the density of a wider normal") {
  // dx/dt = a x: X_1 = exp(a) X_0, so log p(x) is N(0, exp(2 a) I)'s.
  constexpr double kRate = 0.7;
  const auto field = linear_field(static_cast<float>(kRate) * Eigen::MatrixXf::Identity(3, 3));
  const Points x = normal_points(45, 3, 1, 2);
  ThreadPool pool(1);
  const Values got = log_likelihood(field, rk4(20), x, pool);
  const Points back = static_cast<float>(std::exp(-kRate)) * x;
  const Values expected = log_density(StandardNormal(3), back).array() - 3 * kRate;
  CHECK(largest_magnitude(got - expected) < 1e-5);
}

TEST_CASE("the log-density converges with the order of the solver") {
  Eigen::MatrixXf matrix(2, 2);
  matrix << 0.5F, -2, 1, 0.3F;
  const auto field = linear_field(matrix);
  const Points x = normal_points(10, 2, 1);
  ThreadPool pool(1);
  const Values exact = log_likelihood(field, rk4(100), x, pool);
  const auto error = [&](Solver solver, Index steps) {
    const LikelihoodConfig config{.solver = {.solver = solver, .steps = steps}};
    return largest_magnitude(log_likelihood(field, config, x, pool) - exact);
  };
  CHECK_THAT(std::log2(error(Solver::euler, 40) / error(Solver::euler, 80)), WithinAbs(1, 0.1));
  CHECK_THAT(std::log2(error(Solver::heun, 20) / error(Solver::heun, 40)), WithinAbs(2, 0.2));
}

TEST_CASE("the exact field's likelihood is the mixture's density") {
  const auto check = [](const GaussianMixtureConfig& config, Schedule schedule, Index steps,
                        double tolerance) {
    const auto field = exact_field(config, schedule);
    const Points x = samples(field->target(), 70, 1);
    ThreadPool pool(1);
    const Values error =
        log_likelihood(field, rk4(steps), x, pool) - log_density(field->target(), x);
    CAPTURE(name(schedule), field->dimension(), steps);
    CHECK(largest_magnitude(error) < tolerance);
  };
  check(ring_mixture(11, 10, 1), Schedule::cond_ot, 80, 1e-4);
  check(correlated_mixture(1), Schedule::cond_ot, 60, 1e-3);
  check(correlated_mixture(2), Schedule::cond_ot, 60, 1e-3);
  check(correlated_mixture(5), Schedule::cond_ot, 60, 1e-3);
  check(correlated_mixture(2), Schedule::sqrt, 60, 1e-3);
}

TEST_CASE("up to an earlier time it is the density of the path there") {
  const auto field = exact_field(correlated_mixture(2));
  const Points x = normal_points(40, 2, 1, 2);
  LikelihoodConfig config = rk4(40);
  config.solver.t_end = 0.6;
  Values expected(40);
  field->log_density(0.6, x, expected);
  ThreadPool pool(1);
  CHECK(largest_magnitude(log_likelihood(field, config, x, pool) - expected) < 1e-3);
}

TEST_CASE("without motion the density is the source's, whichever that is") {
  const auto source = std::make_shared<const GaussianMixture>(make_mixture(correlated_mixture(2)));
  const auto field = linear_field(Eigen::MatrixXf::Zero(2, 2));
  const Points x = normal_points(33, 2, 1, 3);
  ThreadPool pool(1);
  CHECK(log_likelihood(field, rk4(3), x, pool, source) == log_density(*source, x));
  CHECK(log_likelihood(field, rk4(3), x, pool) == log_density(StandardNormal(2), x));
}

TEST_CASE("Hutchinson's estimate is unbiased, and exact where the Jacobian is diagonal") {
  ThreadPool pool(1);
  const Points x = normal_points(40, 2, 1);
  Eigen::MatrixXf matrix = Eigen::Vector2f(0.4F, -0.9F).asDiagonal();
  LikelihoodConfig probing = rk4(10);
  probing.probes = 1;
  CHECK(largest_magnitude(log_likelihood(linear_field(matrix), probing, x, pool) -
                          log_likelihood(linear_field(matrix), rk4(10), x, pool)) < 1e-6);

  // e^T A e = tr A + (a + b) e_1 e_2: for one probe the log-density is off by 1 in either
  // direction.
  matrix << 0.4F, 0.7F, 0.3F, -0.9F;
  const auto field = linear_field(matrix);
  const Points many = normal_points(2000, 2, 1);
  const Values error =
      log_likelihood(field, probing, many, pool) - log_likelihood(field, rk4(10), many, pool);
  CHECK(largest_magnitude(error.array().abs() - 1) < 1e-5);
  const MeanEstimate bias = mean_estimate(error);
  CHECK(std::abs(bias.mean) < kSigmas * bias.standard_error);
  // The mean of 100 probes is ten times nearer.
  probing.probes = 100;
  const Values less =
      log_likelihood(field, probing, many, pool) - log_likelihood(field, rk4(10), many, pool);
  CHECK_THAT(less.norm() / std::sqrt(2000.0), WithinAbs(0.1, 0.01));
  // Another seed has other probes.
  LikelihoodConfig other = probing;
  other.seed = 1;
  CHECK(log_likelihood(field, other, x, pool) != log_likelihood(field, probing, x, pool));
}

TEST_CASE("a network's likelihood by probes is the exact one on average") {
  const auto model = std::make_shared<const Mlp>(MlpConfig{.dimension = 6, .hidden = {24, 24}});
  std::vector<float> parameters(static_cast<std::size_t>(model->parameter_count()));
  model->initialise(1, parameters);
  for (float& parameter : parameters) parameter *= 2;
  const auto field = std::make_shared<const LearnedField>(model, parameters);
  const Points x = normal_points(500, 6, 1);
  ThreadPool pool(1);
  LikelihoodConfig config = rk4(5);
  const Values exact = log_likelihood(field, config, x, pool);
  config.probes = 2;
  const MeanEstimate bias = mean_estimate(log_likelihood(field, config, x, pool) - exact);
  CAPTURE(bias.mean, bias.standard_error);
  CHECK(bias.standard_error > 1e-4);
  CHECK(std::abs(bias.mean) < kSigmas * bias.standard_error);
}

TEST_CASE("an adaptive solver's log-density is the closed form, within its tolerance") {
  // The tolerance bounds the errors of single steps, in each coordinate; they add up, and the slope
  // of the density where the points come from multiplies them.
  const auto check = [](const GaussianMixtureConfig& config, Schedule schedule) {
    const auto field = exact_field(config, schedule);
    const Points x = samples(field->target(), 70, 1);
    ThreadPool pool(1);
    const Values truth = log_density(field->target(), x);
    for (const double tolerance : {1e-2, 1e-4, 1e-6}) {
      const Values error = log_likelihood(field, dopri5(tolerance), x, pool) - truth;
      CAPTURE(name(schedule), field->dimension(), tolerance);
      // Floats of size 10, of which a point's own rounding is 1e-6.
      CHECK(largest_magnitude(error) < 200 * tolerance + 2e-5);
    }
  };
  check(ring_mixture(11, 10, 1), Schedule::cond_ot);
  check(ring_mixture(11, 10, 1), Schedule::sqrt);
  check(correlated_mixture(1), Schedule::cond_ot);
  check(correlated_mixture(5), Schedule::cosine);
}

TEST_CASE("an adaptive solver's error follows the tolerance, and its steps the fifth root") {
  const auto field = exact_field(ring_mixture(5, 3, 0.5));
  const Points x = samples(field->target(), 64, 1);
  const Values truth = log_density(field->target(), x);
  ThreadPool pool(1);
  std::vector<double> errors;
  std::vector<double> steps;
  for (const double tolerance : {1e-3, 1e-4, 1e-5}) {
    Likelihood likelihood(field, nullptr, dopri5(tolerance), x, pool);
    likelihood.advance(std::numeric_limits<double>::infinity());
    errors.push_back(largest_magnitude(likelihood.log_density() - truth));
    steps.push_back(static_cast<double>(likelihood.report().accepted_steps) / 64);
  }
  CAPTURE(errors, steps);
  for (std::size_t i = 1; i < errors.size(); ++i) CHECK(errors[i] < errors[i - 1] / 2);
  // Two decades of tolerance: 10^(2 / 5) times as many steps.
  CHECK_THAT(std::log10(steps[2] / steps[0]), WithinAbs(0.4, 0.1));
  // At equal cost it is better than steps of equal length.
  const auto equal = static_cast<Index>(6 * steps[1] / 4) + 1;
  CHECK(errors[1] < largest_magnitude(log_likelihood(field, rk4(equal), x, pool) - truth));
}

TEST_CASE("an adaptive likelihood is the solver's own, for every block by itself") {
  const auto field = exact_field(ring_mixture(5, 3, 0.5));
  const Points x = samples(field->target(), 77, 1);
  const LikelihoodConfig config = dopri5(1e-4);
  ThreadPool pool(1);
  Likelihood likelihood(field, nullptr, config, x, pool);
  likelihood.advance(std::numeric_limits<double>::infinity());

  SolverConfig back = config.solver;
  std::swap(back.t_start, back.t_end);
  const auto evaluator = field->evaluator(32);
  LogDensityOde ode(*evaluator, 32);
  Dopri5 solver(32, 3);
  const Points none(0, 2);
  const auto slope = [&](double t, const auto& state, auto&& out) { ode(t, state, none, out); };
  SolverReport expected;
  for (Index first = 0; first < x.rows(); first += 32) {
    const Index rows = std::min<Index>(32, x.rows() - first);
    Points state = Points::Zero(rows, 3);
    state.leftCols(2) = x.middleRows(first, rows);
    solver.start(back, state, slope);
    while (solver.state() == AdaptiveState::running) solver.attempt(slope);
    REQUIRE(solver.state() == AdaptiveState::arrived);
    const Points end = solver.x();
    const Values got = likelihood.log_density().segment(first, rows);
    CHECK(got == log_density(StandardNormal(2), end.leftCols(2)) - end.col(2).cast<double>());
    add(expected, report_of(solver, rows), 1);
  }
  const SolverReport report = likelihood.report();
  CHECK(report.evaluations == expected.evaluations);
  CHECK(report.evaluations == 77 * 2 + 6 * (expected.accepted_steps + expected.rejected_steps));
  CHECK(report.accepted_steps == expected.accepted_steps);
  CHECK(report.rejected_steps == expected.rejected_steps);
  CHECK(report.given_up() == 0);
  CHECK(likelihood.function_evaluations() == static_cast<double>(report.evaluations) / 77);
  CHECK(likelihood.problems().empty());
}

TEST_CASE("an adaptive likelihood is the same for any number of threads and any cutting") {
  const auto model = std::make_shared<const Mlp>(MlpConfig{.dimension = 2, .hidden = {17}});
  std::vector<float> parameters(static_cast<std::size_t>(model->parameter_count()));
  model->initialise(1, parameters);
  for (float& parameter : parameters) parameter *= 3;
  const auto field = std::make_shared<const LearnedField>(model, parameters);
  const Points x = normal_points(203, 2, 1);
  LikelihoodConfig config = dopri5(1e-4);
  config.probes = GENERATE(0, 3);
  ThreadPool one(1);
  const Values expected = log_likelihood(field, config, x, one);
  CHECK(expected.allFinite());
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    CHECK(log_likelihood(field, config, x, pool) == expected);
    Likelihood likelihood(field, nullptr, config, x, pool);
    CHECK(likelihood.progress() == 0);
    double progress = 0;
    while (!likelihood.advance(0)) {
      // A step that is rejected is no progress.
      CHECK(likelihood.progress() >= progress);
      progress = likelihood.progress();
      CHECK(progress < 1);
    }
    CHECK(progress > 0.5);
    CHECK(likelihood.progress() == 1);
    CHECK(likelihood.log_density() == expected);
  }
  // Blocks of points that are not the last one's are the same in a smaller set.
  CHECK(log_likelihood(field, config, x.topRows(64), one) == expected.head(64));
}

TEST_CASE("a likelihood that was given up is not a number, and counted") {
  // From t = 1 back to 1/2 all is well; before that there is no velocity right of x = 50.
  class Torn final : public Field {
   public:
    [[nodiscard]] Index dimension() const override { return 1; }
    [[nodiscard]] bool has_divergence() const override { return true; }
    [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index /*max_rows*/) const override {
      class Evaluator final : public FieldEvaluator {
       public:
        void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
          out = x;
          if (t < 0.5) out = (x.array() > 50).select(std::nanf(""), out);
        }
        void velocity_and_divergence(double t, const ConstPointsRef& x,
                                     const ConstPointsRef& /*probes*/, PointsRef out,
                                     ValuesRef divergence) override {
          velocity(t, x, out);
          divergence.setOnes();
        }
      };
      return std::make_unique<Evaluator>();
    }
  };
  Points x = normal_points(70, 1, 1);
  x(40, 0) = 200;
  ThreadPool pool(kMostThreads);
  Likelihood likelihood(std::make_shared<const Torn>(), nullptr, dopri5(1e-5), x, pool);
  CHECK(likelihood.advance(std::numeric_limits<double>::infinity()));
  CHECK(likelihood.progress() == 1);
  const SolverReport report = likelihood.report();
  CHECK(report.step_too_small == 32);
  CHECK(report.given_up() == 32);
  CHECK_THAT(report.stopped_at, WithinAbs(0.5, 1e-6));
  const Values& got = likelihood.log_density();
  CHECK(got.segment(32, 32).array().isNaN().all());
  // X_1 = e X_0 for the others.
  const Points back = static_cast<float>(std::exp(-1)) * x;
  const Values expected = log_density(StandardNormal(1), back).array() - 1;
  CHECK(largest_magnitude((got - expected).head(32)) < 1e-4);
  CHECK(largest_magnitude((got - expected).tail(6)) < 1e-4);
  REQUIRE(likelihood.problems().size() == 1);
  CHECK(likelihood.problems()[0].field == "rtol");
  CHECK(likelihood.problems()[0].allowed.find("32 of 70 points") != std::string::npos);

  LikelihoodConfig hasty = dopri5(1e-5);
  hasty.solver.max_steps = 2;
  const auto field = exact_field(ring_mixture(11, 10, 1));
  DensityGrid density(field, nullptr, hasty, {.columns = 8, .rows = 8}, pool);
  density.advance(std::numeric_limits<double>::infinity());
  CHECK(density.report().too_many_steps == 64);
  CHECK(density.function_evaluations() == 2 + 6 * 2);
  CHECK(std::isnan(density.integral()));
  REQUIRE(density.problems().size() == 1);
  CHECK(density.problems()[0].field == "maxSteps");
}

TEST_CASE("an adaptive likelihood of no length is the source's density") {
  const auto field = exact_field(ring_mixture(5, 3, 0.5));
  LikelihoodConfig config = dopri5(1e-5);
  config.solver.t_end = 0;
  const Points x = normal_points(40, 2, 1);
  ThreadPool pool(1);
  CHECK(log_likelihood(field, config, x, pool) == log_density(StandardNormal(2), x));
}

TEST_CASE("the result is the same for any number of threads and any cutting of the work") {
  const auto model = std::make_shared<const Mlp>(MlpConfig{.dimension = 2, .hidden = {17}});
  std::vector<float> parameters(static_cast<std::size_t>(model->parameter_count()));
  model->initialise(1, parameters);
  const auto field = std::make_shared<const LearnedField>(model, parameters);
  const Points x = normal_points(203, 2, 1);
  LikelihoodConfig config = rk4(4);
  config.probes = GENERATE(0, 3);
  ThreadPool one(1);
  const Values expected = log_likelihood(field, config, x, one);
  CHECK(expected.allFinite());
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    CHECK(log_likelihood(field, config, x, pool) == expected);
    Likelihood likelihood(field, nullptr, config, x, pool);
    CHECK_FALSE(likelihood.done());
    CHECK(likelihood.progress() == 0);
    CHECK(std::isnan(likelihood.log_density()[0]));
    double progress = 0;
    Index pieces = 1;
    while (!likelihood.advance(0)) {
      CHECK(likelihood.progress() > progress);
      progress = likelihood.progress();
      ++pieces;
    }
    CHECK(pieces >= 28 / kMostThreads);
    CHECK(likelihood.done());
    CHECK(likelihood.progress() == 1);
    CHECK(likelihood.log_density() == expected);
    CHECK(likelihood.function_evaluations() == 16);
  }
  // The points are worked on each by itself; with probes each has its own by its row.
  if (config.probes == 0) {
    CHECK(log_likelihood(field, config, x.middleRows(100, 1), one)[0] == expected[100]);
  }
  CHECK(log_likelihood(field, config, x.topRows(40), one) == expected.head(40));
}

TEST_CASE("no points have no likelihood") {
  ThreadPool pool(2 <= kMostThreads ? 2 : 1);
  const auto field = linear_field(Eigen::MatrixXf::Zero(2, 2));
  CHECK(log_likelihood(field, rk4(3), Points(0, 2), pool).size() == 0);
}

TEST_CASE("a step of the likelihood does not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  const auto model = std::make_shared<const Mlp>(MlpConfig{.dimension = 2, .hidden = {17}});
  const std::vector<float> parameters(static_cast<std::size_t>(model->parameter_count()), 0.1F);
  const auto field = std::make_shared<const LearnedField>(model, parameters);
  LikelihoodConfig config = GENERATE(rk4(10), dopri5(1e-5));
  config.probes = GENERATE(0, 2);
  ThreadPool pool(1);
  Likelihood likelihood(field, nullptr, config, normal_points(70, 2, 1), pool);
  const std::int64_t before = flowmatch::testing::allocation_count();
  while (!likelihood.advance(0)) {
  }
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CHECK(allocations == 0);
}

TEST_CASE("the density grid of the exact field integrates to one and is the mixture's") {
  const auto field = exact_field(ring_mixture(11, 10, 1));
  const DensityGridConfig grid{.columns = 61, .rows = 60};
  ThreadPool pool(1);
  DensityGrid density(field, nullptr, rk4(40), grid, pool);
  CHECK(std::isnan(density.integral()));
  while (!density.advance(5)) {
  }
  CHECK_THAT(density.integral(), WithinAbs(1, 0.01));
  CHECK_THAT(density.cell_area(), WithinAbs(30.0 * 30 / (61 * 60), 1e-12));
  std::vector<float> values(61 * 60);
  density.density(values);
  const Values expected = log_density(field->target(), grid_points(grid));
  double worst = 0;
  for (Index i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(values[static_cast<std::size_t>(i)]) -
                                     std::exp(expected[i])));
  }
  // The peaks are 0.0145 high.
  CHECK(worst < 2e-5);
}

TEST_CASE("a trained network's density integrates to one, and its KL is small and positive") {
  const auto target = std::make_shared<const GaussianMixture>(make_mixture(ring_mixture(3, 3, 1)));
  const auto model = std::make_shared<const Mlp>(MlpConfig{.dimension = 2, .hidden = {32, 32}});
  ThreadPool pool(1);
  Trainer trainer(model, target, AffinePath(Schedule::cond_ot), {.batch_size = 128, .steps = 1500},
                  pool);
  std::vector<float> losses(1500);
  REQUIRE(trainer.step(losses) == 1500);
  const auto weights = trainer.averaged_parameters();
  const auto field = std::make_shared<const LearnedField>(
      model, std::vector<float>(weights.begin(), weights.end()));

  const DensityGridConfig grid{
      .x_low = -10, .x_high = 10, .y_low = -10, .y_high = 10, .columns = 40, .rows = 40};
  DensityGrid density(field, nullptr, rk4(25), grid, pool);
  density.advance(std::numeric_limits<double>::infinity());
  CAPTURE(density.integral());
  CHECK_THAT(density.integral(), WithinAbs(1, 0.01));

  const Points x = samples(*target, 1500, 3);
  const Values known = log_density(*target, x);
  const Values learned = log_likelihood(field, rk4(25), x, pool);
  const MeanEstimate divergence = kl_divergence(known, learned);
  const MeanEstimate nll = negative_log_likelihood(learned);
  CAPTURE(divergence.mean, divergence.standard_error, nll.mean);
  CHECK(divergence.mean > 0);
  CHECK(divergence.mean < 0.15);
  CHECK_THAT(nll.mean, WithinAbs(negative_log_likelihood(known).mean + divergence.mean, 1e-9));
}

TEST_CASE("the KL of two Gaussians is the closed form") {
  // KL(N(0, 1) || N(m, s^2)) in each of D coordinates: log s + (1 + m^2) / (2 s^2) - 1/2.
  constexpr double kMean = 0.5;
  constexpr double kDeviation = 1.5;
  const auto q =
      make_mixture({.weights = {1},
                    .means = {Eigen::VectorXd::Constant(3, kMean)},
                    .covariances = {kDeviation * kDeviation * Eigen::MatrixXd::Identity(3, 3)}});
  const StandardNormal p(3);
  const Points x = samples(p, 5000, 4);
  const MeanEstimate estimate = kl_divergence(log_density(p, x), log_density(q, x));
  const double expected =
      3 * (std::log(kDeviation) + (1 + kMean * kMean) / (2 * kDeviation * kDeviation) - 0.5);
  CHECK(std::abs(estimate.mean - expected) < kSigmas * estimate.standard_error);
  CHECK(estimate.standard_error < 0.02);
  // The entropy of N(0, I) is D (1 + log 2 pi) / 2.
  const MeanEstimate entropy = negative_log_likelihood(log_density(p, x));
  CHECK(std::abs(entropy.mean - 1.5 * (1 + std::log(2 * std::numbers::pi))) <
        kSigmas * entropy.standard_error);
}

TEST_CASE("a mean has the standard error of its values") {
  Values values(4);
  values << 1, 2, 3, 6;
  CHECK(mean_estimate(values).mean == 3);
  CHECK_THAT(mean_estimate(values).standard_error, WithinAbs(std::sqrt(14.0 / 12), 1e-14));
  CHECK(std::isnan(mean_estimate(values.head(1)).standard_error));
  values[2] = std::nan("");
  CHECK(std::isnan(mean_estimate(values).mean));
}

TEST_CASE("grid points are the centres of the cells, from the lower left") {
  const Points points =
      grid_points({.x_low = -1, .x_high = 2, .y_low = 0, .y_high = 4, .columns = 3, .rows = 2});
  Points expected(6, 2);
  expected << -0.5F, 1, 0.5F, 1, 1.5F, 1, -0.5F, 3, 0.5F, 3, 1.5F, 3;
  CHECK(points == expected);
}

template <class Config>
std::vector<std::string> bad_fields(const Config& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) fields.push_back(problem.field);
  return fields;
}

TEST_CASE("absurd likelihoods and grids are refused") {
  using Fields = std::vector<std::string>;
  CHECK(bad_fields(LikelihoodConfig{}).empty());
  LikelihoodConfig config = rk4(0);
  config.probes = -1;
  CHECK(bad_fields(config) == Fields{"solver.steps", "probes"});
  config = rk4(1);
  config.probes = kMaxProbes + 1;
  CHECK(bad_fields(config) == Fields{"probes"});
  for (const Solver solver : kAllSolvers) {
    const Fields expected = is_stochastic(solver) ? Fields{"solver.solver"} : Fields{};
    CHECK(bad_fields(LikelihoodConfig{.solver = {.solver = solver}}) == expected);
  }

  CHECK(bad_fields(DensityGridConfig{}).empty());
  CHECK(bad_fields(DensityGridConfig{.x_low = 15}) == Fields{"xHigh"});
  CHECK(bad_fields(DensityGridConfig{.y_low = std::nan("")}) == Fields{"yLow", "yHigh"});
  CHECK(bad_fields(DensityGridConfig{.columns = 0}) == Fields{"columns"});
  CHECK(bad_fields(DensityGridConfig{.columns = 1 << 12, .rows = 1 << 10}).empty());
  CHECK(bad_fields(DensityGridConfig{.columns = 1 << 12, .rows = (1 << 10) + 1}) == Fields{"rows"});
}

}  // namespace
