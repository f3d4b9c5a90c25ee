#include "flowmatch/source.h"

#include "flowmatch/experiment.h"
#include "flowmatch/likelihood.h"
#include "flowmatch/reflow.h"
#include "flowmatch/rescheduled_field.h"
#include "support/errors.h"
#include "support/formula_field.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::formula_field;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::normal_points;

constexpr double kForever = std::numeric_limits<double>::infinity();

DataConfig set_of(DataSet set) {
  return default_config(set);
}

Source source_of(const DataConfig& config) {
  auto made = make_source(config, dimension_of(config));
  REQUIRE(made.ok());
  return std::move(made).value();
}

Target target_of(const DataConfig& config) {
  auto made = make_target(config);
  REQUIRE(made.ok());
  return std::move(made).value();
}

/// 8 gaussians -> moons, small.
ExperimentConfig small_config() {
  ExperimentConfig config;
  config.data = set_of(DataSet::moons);
  config.source = set_of(DataSet::eight_gaussians);
  config.hidden = {16};
  config.training.batch_size = 64;
  config.training.steps = 40;
  config.training.seed = 3;
  return config;
}

std::unique_ptr<Experiment> make_experiment(const ExperimentConfig& config, ThreadPool& pool) {
  auto made = Experiment::make(config, pool);
  REQUIRE(made.ok());
  return std::move(made).value();
}

Points draws(const Distribution& distribution, const RandomStream& stream, Index count,
             Index first = 0) {
  Points points(count, distribution.dimension());
  distribution.sample(stream, first, points);
  return points;
}

std::vector<std::string> fields_of(const Problems& problems) {
  std::vector<std::string> fields;
  for (const Problem& problem : problems) fields.push_back(problem.field);
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("without a configuration the source is N(0, I)") {
  const Source source = make_source(std::nullopt, 3).value();
  CHECK(source.is_standard_normal());
  CHECK(source.distribution->dimension() == 3);
  CHECK(starting_points(*source.distribution, 50, 7) == starting_noise(50, 3, 7));
  CHECK(validate_source(std::nullopt, 3).empty());
  const Target target = target_of(ring_mixture(3, 2, 1));
  const auto field =
      make_exact_field(make_source(std::nullopt, 2).value(), target, Schedule::cosine);
  CHECK(field->source() == nullptr);
  const Points x = normal_points(9, 2, 1);
  CHECK(velocities(*field, 0.3, x) ==
        velocities(ExactField(*target.exact, Schedule::cosine), 0.3, x));
}

TEST_CASE("any data can be a source, and its labels mean nothing") {
  for (const DataSet set : kDataSets) {
    CAPTURE(name(set));
    const Source source = source_of(set_of(set));
    const Target same = target_of(set_of(set));
    CHECK_FALSE(source.is_standard_normal());
    const RandomStream stream{4, Purpose::test, 0};
    CHECK(draws(*source.distribution, stream, 20) == draws(*same.distribution, stream, 20));
    CHECK(starting_points(*source.distribution, 20, 5, 64) ==
          draws(*same.distribution, {5, Purpose::sampling_source, 0}, 20, 64));
  }
  const Source points = source_of(EmpiricalConfig{.points = normal_points(30, 4, 1)});
  CHECK(points.distribution->dimension() == 4);
}

TEST_CASE("what is wrong with a source is named as its own") {
  ExperimentConfig config = small_config();
  CHECK(validate(config).empty());
  DataSetConfig bad = default_config(DataSet::moons);
  bad.noise = -1;
  config.source = bad;
  CHECK(fields_of(validate(config)) == Fields{"source.noise"});
  CHECK_FALSE(make_source(config.source, 2).ok());
  config.source = correlated_mixture(3);
  REQUIRE(fields_of(validate(config)) == Fields{"source"});
  CHECK(validate(config)[0].value == "3 dimensions");
  CHECK(validate(config)[0].allowed == "2, as the data have");
  config.source = GaussianMixtureConfig{};
  CHECK(fields_of(validate(config)) == Fields{"source.components"});
  config = small_config();
  config.prediction = Prediction::score;
  CHECK(fields_of(validate(config)) == Fields{"prediction"});
  for (const Prediction prediction : {Prediction::x1, Prediction::noise}) {
    config.prediction = prediction;
    CHECK(validate(config).empty());
  }
  config.prediction = Prediction::score;
  config.source = std::nullopt;
  CHECK(validate(config).empty());
  ThreadPool pool(1);
  config = small_config();
  config.source = correlated_mixture(1);
  CHECK_FALSE(Experiment::make(config, pool).ok());
}

TEST_CASE("an SDE needs N(0, I) as its source, an ODE does not") {
  ExperimentConfig standard = small_config();
  standard.source = std::nullopt;
  for (const Solver solver : kAllSolvers) {
    CAPTURE(name(solver));
    CHECK(check_solver(solver, standard).empty());
    const Problems problems = check_solver(solver, small_config());
    CHECK(problems.size() == (is_stochastic(solver) ? 1 : 0));
    if (!problems.empty()) CHECK(problems[0].field == "solver");
  }
}

TEST_CASE("a likelihood needs a source whose density is known") {
  CHECK(check_density(StandardNormal(2)).empty());
  CHECK(check_density(*source_of(set_of(DataSet::moons)).distribution).empty());
  for (const DataConfig& config : {set_of(DataSet::pinwheel), set_of(DataSet::moons_torchdyn),
                                   DataConfig{EmpiricalConfig{.points = normal_points(9, 2, 1)}}}) {
    CHECK(fields_of(check_density(*source_of(config).distribution)) == Fields{"source"});
  }
  CHECK(
      check_density(*source_of(EmpiricalConfig{.points = normal_points(9, 2, 1), .smoothing = 0.1})
                         .distribution)
          .empty());
}

TEST_CASE("the pairs of an exact field are bounded, by fewer points where they would be too many") {
  const auto sizes = [](const DataConfig& source, const DataConfig& target) {
    const auto field = make_exact_field(source_of(source), target_of(target), Schedule::cond_ot);
    const auto from = static_cast<Index>(field->source()->components().size());
    const auto to = static_cast<Index>(field->target().components().size());
    CHECK(from * to <= kMaxComponentPairs);
    return std::pair{from, to};
  };
  // Some of them may be left without draws.
  const auto nearly = [&](const DataConfig& source, const DataConfig& target, Index wanted_from,
                          Index wanted_to) {
    const auto [from, to] = sizes(source, target);
    CAPTURE(from, to, wanted_from, wanted_to);
    CHECK(from <= wanted_from);
    CHECK(to <= wanted_to);
    CHECK(static_cast<double>(from * to) > 0.9 * static_cast<double>(wanted_from * wanted_to));
  };
  const DataConfig eight = set_of(DataSet::eight_gaussians);
  const DataConfig moons = set_of(DataSet::moons);
  using Sizes = std::pair<Index, Index>;
  CHECK(sizes(eight, ring_mixture(11, 10, 1)) == Sizes{8, 11});
  nearly(eight, moons, 8, 288);
  nearly(moons, eight, 288, 8);
  nearly(moons, ring_mixture(11, 10, 1), 209, 11);
  nearly(moons, set_of(DataSet::s_curve), 48, 48);
  nearly(eight, ring_mixture(1000, 10, 1), 8, 288);
  nearly(ring_mixture(1000, 10, 1), ring_mixture(100, 10, 1), 48, 48);
  CHECK(sizes(ring_mixture(48, 10, 1), ring_mixture(48, 1, 1)) == Sizes{48, 48});
  CHECK(sizes(correlated_mixture(20), correlated_mixture(20)) == Sizes{3, 3});
  // 48 x 48 pairs of matrices of 43 x 43 numbers are more than may be; points have none.
  const GaussianMixtureConfig three = correlated_mixture(43);
  GaussianMixtureConfig many;
  for (std::size_t k = 0; k < 48; ++k) {
    many.weights.push_back(1);
    many.means.emplace_back(three.means[k % 3] * static_cast<double>(k));
    many.covariances.push_back(three.covariances[k % 3]);
  }
  nearly(many, many, 48, 48);
  const auto field = make_exact_field(source_of(many), target_of(many), Schedule::cond_ot);
  CHECK(field->source()->components()[5].isotropic);
  CHECK(field->target().components()[5].isotropic);
}

TEST_CASE("the batches of a run with a source are those of its pairs, under every coupling") {
  const Coupling coupling = GENERATE(from_range(kCouplings));
  const bool label_aware = GENERATE(false, true);
  ExperimentConfig config = small_config();
  config.labels = label_aware;
  config.training.coupling = {.coupling = coupling, .label_aware = label_aware};
  CAPTURE(name(coupling), label_aware);
  ThreadPool pool(2);
  const auto experiment = make_experiment(config, pool);
  std::vector<float> losses(5);
  REQUIRE(experiment->train(losses) == 5);

  const auto pairs = std::make_shared<const IndependentPairs>(
      source_of(*config.source).distribution, target_of(config.data).distribution);
  Trainer trainer(std::make_shared<const Mlp>(network_config(config)), pairs,
                  AffinePath(config.schedule), config.training, pool);
  std::vector<float> expected(5);
  trainer.step(expected);
  CHECK(losses == expected);
  CHECK(experiment->trainer().state_hash() == trainer.state_hash());
}

TEST_CASE("samples start in the source") {
  ThreadPool pool(1);
  const auto experiment = make_experiment(small_config(), pool);
  const Points start = experiment->starts(100, 9);
  CHECK(start == draws(*experiment->source(), {9, Purpose::sampling_source, 0}, 100));
  CHECK(experiment->starts(30, 9, 64) == start.middleRows(64, 30));
  const GaussianMixture& eight = *experiment->exact_field().source();
  CHECK(share_within(eight, start, 4 * 0.3163) > 0.99);
  CHECK(share_within(eight, starting_noise(100, 2, 9), 4 * 0.3163) < 0.1);

  ExperimentConfig standard = small_config();
  standard.source = std::nullopt;
  const auto usual = make_experiment(standard, pool);
  CHECK(usual->starts(40, 5, 3) == starting_noise(40, 2, 5, 3));
}

TEST_CASE("an evaluation starts from the source that it is given") {
  // A field that moves nothing: what is compared with the target is the source itself.
  const auto still =
      formula_field(2, [](double, const ConstPointsRef& x) -> Points { return 0.0F * x; });
  const auto eight = source_of(set_of(DataSet::eight_gaussians)).distribution;
  ThreadPool pool(2);
  const auto distance = [&](const Distribution* source) {
    Evaluation evaluation(still, {.steps = 1}, eight, nullptr, 1000, 4, pool, source);
    evaluation.advance(kForever);
    return evaluation.result().sliced_w2;
  };
  CHECK(distance(eight.get()) < 0.6);
  CHECK(distance(nullptr) > 1.5);
  const StandardNormal normal(2);
  CHECK(distance(&normal) == distance(nullptr));
}

TEST_CASE("a stopping rule measures samples that start in the source") {
  ExperimentConfig config = small_config();
  config.stop = {.metric = StopMetric::energy_distance, .every = 5, .patience = 100, .count = 80};
  ThreadPool pool(1);
  const auto experiment = make_experiment(config, pool);
  std::vector<float> losses(5);
  REQUIRE(experiment->train(losses) == 5);
  Evaluation evaluation(experiment->field(FieldChoice::learned),
                        {.solver = Solver::midpoint, .steps = kStopSolverSteps},
                        experiment->target(), nullptr, 80, config.training.seed, pool,
                        experiment->source().get());
  evaluation.advance(kForever);
  CHECK(experiment->stopping().state().last == evaluation.result().energy_distance);
}

TEST_CASE("the difference of the fields is taken where the source leads") {
  const ExperimentConfig config = small_config();
  ThreadPool pool(1);
  const auto experiment = make_experiment(config, pool);
  const double t = 0.25;
  const Points x0 = draws(*experiment->source(), {3, Purpose::field_difference, 0}, 50);
  const Points x1 = draws(*experiment->target(), {3, Purpose::field_difference, 1}, 50);
  const Points x = 0.25F * x1 + 0.75F * x0;
  const Points exact = velocities(experiment->exact_field(), t, x);
  const Points learned = velocities(*experiment->field(FieldChoice::learned), t, x);
  const FieldDifference difference = experiment->difference(t, 50);
  CHECK_THAT(difference.exact_rms,
             WithinAbs(std::sqrt(exact.cast<double>().squaredNorm() / 50), 1e-12));
  CHECK_THAT(difference.rms,
             WithinAbs(std::sqrt((learned - exact).cast<double>().squaredNorm() / 50), 1e-12));
}

TEST_CASE("the field of a class leads from the source to that class") {
  ExperimentConfig config = small_config();
  config.data = ring_mixture(3, 6, 0.5);
  config.labels = true;
  ThreadPool pool(1);
  const auto experiment = make_experiment(config, pool);
  const FieldOptions second{.guidance = {.label = 1}};
  const auto field = experiment->field(FieldChoice::exact, second);
  const Points end =
      integrate(field, {.solver = Solver::midpoint, .steps = 50}, experiment->starts(400, 2), pool);
  CHECK(share_within(*experiment->target_of(second).modes, end, 4 * 0.5) > 0.99);
  CHECK(experiment->exact_field_of(second).source() != nullptr);
  // The same without an experiment.
  const auto alone = exact_field(config, second);
  const Points x = normal_points(20, 2, 3, 4);
  CHECK(velocities(*alone, 0.4, x) == velocities(*field, 0.4, x));
  CHECK(experiment->irreducible_loss().has_value());
}

TEST_CASE("the likelihood begins at the density of the source") {
  const DataConfig eight = set_of(DataSet::eight_gaussians);
  const DataConfig three = correlated_mixture(2);
  const auto source = source_of(eight);
  const auto target = target_of(three);
  const std::shared_ptr<const Field> field = make_exact_field(source, target, Schedule::cond_ot);
  ThreadPool pool(2);
  const Points x = draws(*target.distribution, {1, Purpose::test, 0}, 60);
  const Values found = log_likelihood(field, {.solver = {.solver = Solver::rk4, .steps = 200}}, x,
                                      pool, source.distribution);
  Values expected(x.rows());
  target.distribution->log_density(x, expected);
  // Where the ways part between two of the eight, the field is steep.
  CHECK(largest_magnitude(found - expected) < 0.05);
  // Without the source it would be another density.
  const Values wrong =
      log_likelihood(field, {.solver = {.solver = Solver::rk4, .steps = 200}}, x, pool);
  CHECK(largest_magnitude(wrong - expected) > 1);
}

TEST_CASE("a field from any source can be sampled under another schedule") {
  // The paths of two schedules are scaled copies of each other, whatever X_0 is.
  const auto source = source_of(correlated_mixture(2, 1));
  const auto target = target_of(set_of(DataSet::eight_gaussians));
  const Schedule trained = GENERATE(Schedule::cond_ot, Schedule::cosine);
  const Schedule sampled = GENERATE(from_range(kSchedules));
  CAPTURE(name(trained), name(sampled));
  const auto direct = make_exact_field(source, target, sampled);
  const RescheduledField read(make_exact_field(source, target, trained), trained, sampled);
  for (const double t : {0.1, 0.5, 0.9}) {
    const ScheduleValues values = evaluate(sampled, t);
    const Points x =
        static_cast<float>(values.alpha) * draws(*target.distribution, {1, Purpose::test, 1}, 30) +
        static_cast<float>(values.sigma) * draws(*source.distribution, {1, Purpose::test, 2}, 30);
    const Points expected = velocities(*direct, t, x);
    CAPTURE(t);
    CHECK(largest_magnitude(velocities(read, t, x) - expected) <
          2e-4 * (1 + largest_magnitude(expected)));
  }
}

TEST_CASE("the pairs of a reflow start in the source") {
  ThreadPool pool(1);
  const auto experiment = make_experiment(small_config(), pool);
  Reflow reflow(experiment->field(FieldChoice::exact), {.solver = Solver::midpoint, .steps = 20},
                *experiment->source(), 200, 6, pool);
  REQUIRE(reflow.advance(kForever));
  const auto pairs = reflow.pairs();
  Points x0(64, 2);
  Points x1(64, 2);
  pairs->sample(1, 0, 0, x0, x1, {});
  CHECK(share_within(*experiment->exact_field().source(), x0, 4 * 0.3163) > 0.99);
  // A student of them still starts there.
  ExperimentConfig config = small_config();
  auto student = Experiment::make(config, pairs, pool);
  REQUIRE(student.ok());
  CHECK(student.value()->starts(10, 1) == experiment->starts(10, 1));
  CHECK_FALSE(student.value()->irreducible_loss().has_value());
}

}  // namespace
