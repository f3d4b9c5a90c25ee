#include "flowmatch/maximum_likelihood.h"

#include "flowmatch/cnf.h"
#include "flowmatch/flow.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/normalizing_flow.h"
#include "flowmatch/trainer.h"
#include "support/allocations.h"
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
#include <vector>

namespace {

using namespace flowmatch;
using namespace flowmatch::testing;
using Catch::Matchers::WithinRel;

std::shared_ptr<const DensityModel> small_flow() {
  return std::make_shared<const NormalizingFlowModel>(
      NormalizingFlowConfig{.dimension = 2, .couplings = 4, .hidden = {9, 7}});
}

std::shared_ptr<const DensityModel> small_cnf() {
  return std::make_shared<const CnfModel>(
      CnfConfig{.dimension = 2, .hidden = {9, 7}, .solver = Solver::midpoint, .solver_steps = 2});
}

/// Two correlated Gaussians and a round one, some standard deviations apart.
std::shared_ptr<const GaussianMixture> target() {
  return std::make_shared<const GaussianMixture>(make_mixture(correlated_mixture(2, 1.5)));
}

/// A trainer with its pool.
struct Run {
  Run(std::shared_ptr<const DensityModel> density, const TrainerConfig& config, int threads = 1,
      std::shared_ptr<const Distribution> data = target())
      : model(std::move(density)),
        pool(threads),
        trainer(std::make_unique<MaximumLikelihoodLoss>(model, std::move(data), config), pool) {}

  std::vector<float> step(Index count) {
    std::vector<float> losses(static_cast<std::size_t>(count));
    losses.resize(static_cast<std::size_t>(trainer.step(losses)));
    return losses;
  }

  std::shared_ptr<const DensityModel> model;
  ThreadPool pool;
  Trainer trainer;
};

TEST_CASE("maximum likelihood gives the same bits for any number of threads") {
  const auto model = GENERATE(&small_flow, &small_cnf)();
  for (const Index batch : {1, 33, 300}) {
    std::set<std::uint64_t> hashes;
    std::set<std::vector<float>> losses;
    for (const int threads : thread_counts()) {
      Run run(model, {.batch_size = batch, .steps = 20}, threads);
      losses.insert(run.step(6));
      hashes.insert(run.trainer.state_hash());
    }
    CAPTURE(batch);
    CHECK(hashes.size() == 1);
    CHECK(losses.size() == 1);
    CHECK(losses.begin()->size() == 6);
  }
}

TEST_CASE("maximum likelihood gives the same bits in one call as in many") {
  const auto model = GENERATE(&small_flow, &small_cnf)();
  const TrainerConfig config{.batch_size = 70, .steps = 20};
  Run whole(model, config);
  const std::vector<float> losses = whole.step(20);
  Run pieces(model, config);
  std::vector<float> pieced;
  for (const Index count : {1, 0, 7, 30}) {
    const std::vector<float> part = pieces.step(count);
    pieced.insert(pieced.end(), part.begin(), part.end());
  }
  CHECK(pieced == losses);
  CHECK(pieces.trainer.finished());
  CHECK(pieces.trainer.state_hash() == whole.trainer.state_hash());
  CHECK(pieces.step(3).empty());
}

TEST_CASE("the state hash tells runs of maximum likelihood apart") {
  const auto hash = [](const TrainerConfig& config) {
    Run run(small_flow(), config);
    run.step(3);
    return run.trainer.state_hash();
  };
  const TrainerConfig base{.batch_size = 64, .steps = 100, .seed = 1};
  std::vector<std::uint64_t> hashes{hash(base)};
  const auto add = [&](auto&& change) {
    TrainerConfig config = base;
    change(config);
    hashes.push_back(hash(config));
  };
  add([](TrainerConfig& config) { config.seed = 2; });
  add([](TrainerConfig& config) { config.batch_size = 65; });
  add([](TrainerConfig& config) { config.learning_rate = 2.9e-3; });
  add([](TrainerConfig& config) { config.learning_rate_decay = LearningRateDecay::constant; });
  add([](TrainerConfig& config) { config.ema_decay = 0; });
  CHECK(hash(base) == hashes[0]);
  CHECK(std::set<std::uint64_t>(hashes.begin(), hashes.end()).size() == hashes.size());
}

TEST_CASE("a step of maximum likelihood is Adam's on the gradient of its documented batch") {
  const auto model = GENERATE(&small_flow, &small_cnf)();
  const TrainerConfig config{.batch_size = 100,
                             .steps = 50,
                             .learning_rate = 1e-2,
                             .learning_rate_decay = LearningRateDecay::constant,
                             .ema_decay = 0.5,
                             .seed = 77};
  Run run(model, config);
  std::vector<float> parameters(static_cast<std::size_t>(model->parameter_count()));
  model->initialise(77, parameters);
  CHECK(std::ranges::equal(run.trainer.parameters(), parameters));
  std::vector<float> average = parameters;
  Adam adam({}, model->parameter_count());
  const auto workspace = model->workspace();
  const std::vector<float> losses = run.step(2);
  for (std::uint32_t step = 0; step < 2; ++step) {
    Points x(100, 2);
    target()->sample({77, Purpose::ml_data, step}, 0, x);
    std::vector<float> gradient(parameters.size());
    const double loss = workspace->loss_gradient(parameters, x, 0.01F, gradient) / 100;
    CHECK_THAT(static_cast<double>(losses[step]), WithinRel(loss, 1e-5));
    const auto number = static_cast<Index>(step);
    adam.update(0, model->parameter_count(),
                {.step = number, .learning_rate = 1e-2, .ema_decay = ema_decay_at(0.5, number)},
                gradient, parameters, average);
  }
  // Where a gradient is all rounding, Adam's first step may be the opposite one, which hardly ever
  // is so.
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!(std::abs(parameters[i] - run.trainer.parameters()[i]) < 1e-4F)) ++wrong;
    if (!(std::abs(average[i] - run.trainer.averaged_parameters()[i]) < 1e-4F)) ++wrong;
  }
  CHECK(wrong <= parameters.size() / 50);
}

/// How much more than the data's own negative log-likelihood is the model's, in nats a point: an
/// estimate of the Kullback-Leibler divergence on fresh points, without the noise of the entropy.
double excess(const Run& run) {
  constexpr Index kPoints = 4000;
  Points x(kPoints, 2);
  target()->sample({5, Purpose::test, 0}, 0, x);
  Values truth(kPoints);
  target()->log_density(x, truth);
  Values learned(kPoints);
  run.model->workspace()->log_density(run.trainer.averaged_parameters(), x, learned);
  return (truth - learned).mean();
}

TEST_CASE("a normalizing flow learns a mixture to near its entropy") {
  Run run(std::make_shared<const NormalizingFlowModel>(
              NormalizingFlowConfig{.dimension = 2, .couplings = 8, .hidden = {24, 24}}),
          {.batch_size = 256, .steps = 600, .learning_rate = 5e-3, .ema_decay = 0.99});
  const double before = excess(run);
  const std::vector<float> losses = run.step(600);
  REQUIRE(losses.size() == 600);
  const double after = excess(run);
  CAPTURE(before, after, losses.front(), losses.back());
  CHECK(before > 0.5);
  CHECK(after > 0);
  CHECK(after < 0.05);
}

TEST_CASE("a continuous flow learns a mixture to near its entropy, and its field makes it") {
  const auto model = std::make_shared<const CnfModel>(
      CnfConfig{.dimension = 2, .hidden = {24, 24}, .solver = Solver::midpoint, .solver_steps = 4});
  Run run(model, {.batch_size = 256, .steps = 300, .learning_rate = 1e-2, .ema_decay = 0.98});
  const double before = excess(run);
  const std::vector<float> losses = run.step(300);
  REQUIRE(losses.size() == 300);
  const double after = excess(run);
  CAPTURE(before, after, losses.front(), losses.back());
  CHECK(before > 0.5);
  CHECK(after < 0.04);

  // What the field makes of noise is as likely as the data are: by their density, not the model's.
  const std::span<const float> weights = run.trainer.averaged_parameters();
  const auto field = std::make_shared<const LearnedField>(
      model->network(), std::vector<float>(weights.begin(), weights.end()));
  ThreadPool pool(1);
  const Points samples =
      integrate(field, {.solver = Solver::rk4, .steps = 10}, starting_noise(4000, 2, 3), pool);
  Points data(4000, 2);
  target()->sample({6, Purpose::test, 0}, 0, data);
  Values made(4000);
  Values true_ones(4000);
  target()->log_density(samples, made);
  target()->log_density(data, true_ones);
  CAPTURE(made.mean(), true_ones.mean());
  CHECK(std::abs(made.mean() - true_ones.mean()) < 0.15);
}

/// The target, with one value in one row of one step replaced.
class Spoiled final : public Distribution {
 public:
  Spoiled(std::uint32_t step, Index row, float value) : step_(step), row_(row), value_(value) {}
  [[nodiscard]] Index dimension() const override { return 2; }
  void sample(const RandomStream& stream, Index first_row, PointsRef out) const override {
    target_->sample(stream, first_row, out);
    const Index row = row_ - first_row;
    if (stream.step == step_ && row >= 0 && row < out.rows()) out(row, 1) = value_;
  }

 private:
  std::uint32_t step_;
  Index row_;
  float value_;
  std::shared_ptr<const Distribution> target_ = target();
};

TEST_CASE("a step of maximum likelihood that is not finite is not taken, and nothing follows it") {
  const auto model = GENERATE(&small_flow, &small_cnf)();
  const float value = GENERATE(std::numeric_limits<float>::quiet_NaN(),
                               std::numeric_limits<float>::infinity(), 1e30F);
  const Index row = GENERATE(0, 199);
  const TrainerConfig config{.batch_size = 200, .steps = 100};
  Run healthy(model, config);
  healthy.step(4);
  Run run(model, config, std::min(kMostThreads, 3), std::make_shared<const Spoiled>(4, row, value));
  const std::vector<float> losses = run.step(10);
  CAPTURE(value, row);
  CHECK(losses.size() == 4);
  CHECK(run.trainer.diverged());
  CHECK(run.trainer.steps_done() == 4);
  CHECK_FALSE(run.trainer.finished());
  CHECK(std::ranges::all_of(losses, [](float loss) { return std::isfinite(loss); }));
  CHECK(run.trainer.state_hash() == healthy.trainer.state_hash());
  CHECK(run.step(5).empty());
  CHECK(run.trainer.state_hash() == healthy.trainer.state_hash());
}

TEST_CASE("a step of maximum likelihood does not allocate") {
  if (!counts_allocations()) SKIP("this build cannot count allocations");
  const auto model = GENERATE(&small_flow, &small_cnf)();
  const int threads = GENERATE(1, 3);
  Run run(model, {.batch_size = 100, .steps = 100}, threads);
  std::vector<float> losses(5);
  run.trainer.step(losses);
  const std::int64_t before = allocation_count();
  run.trainer.step(losses);
  CHECK(allocation_count() == before);
}

}  // namespace
