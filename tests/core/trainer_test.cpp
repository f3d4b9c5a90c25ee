#include "flowmatch/trainer.h"

#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/mlp.h"
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
#include <numeric>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinRel;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::kMostThreads;
using flowmatch::testing::make_mixture;
using flowmatch::testing::thread_counts;

const MlpConfig kSmallNetwork{.dimension = 2, .hidden = {24, 17}, .activation = Activation::silu};

std::shared_ptr<const Distribution> ring() {
  return std::make_shared<const GaussianMixture>(make_mixture(ring_mixture(11, 10, 1)));
}

/// A trainer with its pool.
struct Run {
  explicit Run(const TrainerConfig& config, int threads = 1,
               const MlpConfig& network = kSmallNetwork,
               std::shared_ptr<const Distribution> data = ring(),
               Schedule schedule = Schedule::cond_ot)
      : pool(threads),
        trainer(std::make_shared<const Mlp>(network), std::move(data), AffinePath(schedule), config,
                pool) {}

  std::vector<float> step(Index count) {
    std::vector<float> losses(static_cast<std::size_t>(count));
    losses.resize(static_cast<std::size_t>(trainer.step(losses)));
    return losses;
  }

  ThreadPool pool;
  Trainer trainer;
};

TEST_CASE("training gives the same bits for any number of threads") {
  // Batches of one shard, of several, and with a last one that is shorter; 33 parameters beyond a
  // range of the update with the wider network.
  const MlpConfig network =
      GENERATE(kSmallNetwork,
               MlpConfig{.dimension = 2, .hidden = {200, 48}, .activation = Activation::gelu});
  for (const Index batch : {1, 2, 31, 33, 300, 1000}) {
    const TrainerConfig config{.batch_size = batch, .steps = 20};
    std::set<std::uint64_t> hashes;
    std::set<std::vector<float>> losses;
    for (const int threads : thread_counts()) {
      Run run(config, threads, network);
      losses.insert(run.step(10));
      hashes.insert(run.trainer.state_hash());
    }
    CAPTURE(batch);
    CHECK(hashes.size() == 1);
    CHECK(losses.size() == 1);
    CHECK(losses.begin()->size() == 10);
  }
}

TEST_CASE("training gives the same bits in one call as in many") {
  const TrainerConfig config{.batch_size = 100, .steps = 40};
  Run whole(config);
  const std::vector<float> losses = whole.step(40);
  Run pieces(config);
  std::vector<float> pieced;
  for (const Index count : {1, 0, 7, 30, 50}) {
    const std::vector<float> part = pieces.step(count);
    pieced.insert(pieced.end(), part.begin(), part.end());
  }
  CHECK(pieced == losses);
  CHECK(pieces.trainer.state_hash() == whole.trainer.state_hash());
}

TEST_CASE("the state hash tells runs apart that differ in anything") {
  const auto hash = [](const TrainerConfig& config, Schedule schedule = Schedule::cond_ot) {
    Run run(config, 1, kSmallNetwork, ring(), schedule);
    run.step(5);
    return run.trainer.state_hash();
  };
  const TrainerConfig base{.batch_size = 64, .steps = 100, .seed = 1};
  std::vector<std::uint64_t> hashes{hash(base), hash(base, Schedule::sqrt)};
  const auto add = [&](auto&& change) {
    TrainerConfig config = base;
    change(config);
    hashes.push_back(hash(config));
  };
  add([](TrainerConfig& config) { config.seed = 2; });
  add([](TrainerConfig& config) { config.seed += std::uint64_t{1} << 40; });
  add([](TrainerConfig& config) { config.batch_size = 65; });
  add([](TrainerConfig& config) { config.learning_rate = 2.9e-3; });
  add([](TrainerConfig& config) { config.learning_rate_decay = LearningRateDecay::constant; });
  add([](TrainerConfig& config) { config.ema_decay = 0; });
  add([](TrainerConfig& config) { config.adam.beta2 = 0.99; });
  CHECK(hash(base) == hashes[0]);
  CHECK(std::set<std::uint64_t>(hashes.begin(), hashes.end()).size() == hashes.size());
}

TEST_CASE("the state hash changes with every step and with nothing else") {
  Run run({.batch_size = 8, .steps = 10});
  const std::uint64_t start = run.trainer.state_hash();
  CHECK(run.trainer.state_hash() == start);
  run.step(1);
  const std::uint64_t after = run.trainer.state_hash();
  CHECK(after != start);
  CHECK(run.trainer.state_hash() == after);
}

TEST_CASE("training is the plain loop of its documented parts") {
  // Three steps rebuilt from the streams, in double precision where the trainer is in floats.
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::sqrt);
  constexpr Index kBatch = 300;
  const TrainerConfig config{.batch_size = kBatch, .steps = 50, .learning_rate = 1e-2, .seed = 77};
  const auto data = ring();
  Run run(config, 1, kSmallNetwork, data, schedule);
  const std::vector<float> losses = run.step(3);
  REQUIRE(losses.size() == 3);

  const MlpOf<double> model(kSmallNetwork);
  const auto count = static_cast<std::size_t>(model.parameter_count());
  std::vector<float> initial(count);
  Mlp(kSmallNetwork).initialise(77, initial);
  std::vector<double> parameters(initial.begin(), initial.end());
  std::vector<double> average = parameters;
  std::vector<double> m(count);
  std::vector<double> v(count);
  const auto workspace = model.workspace(WorkspaceUse::training);
  for (std::uint32_t step = 0; step < 3; ++step) {
    Eigen::VectorXf t(kBatch);
    Points x0(kBatch, 2);
    Points x1(kBatch, 2);
    Points x_t(kBatch, 2);
    Points target(kBatch, 2);
    fill_uniform({77, Purpose::training_time, step}, 0,
                 {t.data(), static_cast<std::size_t>(kBatch)});
    fill_normal({77, Purpose::training_source, step}, 0, x0);
    data->sample({77, Purpose::training_data, step}, 0, x1);
    AffinePath(schedule).interpolate(t, x0, x1, x_t, target);

    std::vector<double> gradient(count);
    const double sum =
        workspace->loss_gradient(parameters, t.cast<double>(), x_t.cast<double>(),
                                 target.cast<double>(), 1.0 / (2 * kBatch), gradient);
    CAPTURE(name(schedule), step);
    CHECK_THAT(static_cast<double>(losses[step]), WithinRel(sum / (2 * kBatch), 1e-5));
    const double rate = 1e-2 * (1 + std::cos(std::acos(-1.0) * step / 50)) / 2;
    const double decay = std::min(0.999, (1.0 + step) / (10.0 + step));
    for (std::size_t i = 0; i < count; ++i) {
      m[i] = 0.9 * m[i] + 0.1 * gradient[i];
      v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
      const double m_hat = m[i] / (1 - std::pow(0.9, step + 1));
      const double v_hat = v[i] / (1 - std::pow(0.999, step + 1));
      parameters[i] -= rate * m_hat / (std::sqrt(v_hat) + 1e-8);
      average[i] = decay * average[i] + (1 - decay) * parameters[i];
    }
  }
  // Adam's first steps are the sign of the gradient: where that is all rounding, they may differ
  // entirely, but hardly ever do; the steps are 1e-2 each.
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double error = std::abs(static_cast<double>(run.trainer.parameters()[i]) - parameters[i]);
    const double average_error =
        std::abs(static_cast<double>(run.trainer.averaged_parameters()[i]) - average[i]);
    if (!(error <= 1e-4) || !(average_error <= 1e-4)) ++wrong;
  }
  CHECK(wrong <= count / 200);
}

double mean(const std::vector<float>& values, std::size_t first, std::size_t count) {
  double sum = 0;
  for (std::size_t i = first; i < first + count; ++i) sum += static_cast<double>(values[i]);
  return sum / static_cast<double>(count);
}

TEST_CASE("a run that goes on from a kept state is the uninterrupted one, to the bit") {
  const TrainerConfig config{.batch_size = 100,
                             .steps = 40,
                             .warmup_steps = 20,
                             .gradient_clip = 30,
                             .ema_decay = GENERATE(0.0, 0.99),
                             .adam = {.weight_decay = 0.01},
                             .seed = 5};
  Run whole(config);
  const std::vector<float> all = whole.step(40);
  Run first(config);
  first.step(17);
  const TrainerState kept = first.trainer.state();
  CHECK(kept.steps_done == 17);
  Run second(config, 2);
  REQUIRE(second.trainer.restore(kept).empty());
  CHECK(second.trainer.state() == kept);
  CHECK(second.trainer.state_hash() == first.trainer.state_hash());
  const std::vector<float> rest = second.step(40);
  CHECK(std::equal(rest.begin(), rest.end(), all.begin() + 17, all.end()));
  CHECK(second.trainer.state_hash() == whole.trainer.state_hash());
}

TEST_CASE("a state that does not fit is refused with all its problems, and nothing changes") {
  Run run({.batch_size = 16, .steps = 40});
  run.step(3);
  const TrainerState good = run.trainer.state();
  const auto refused = [&](const TrainerState& state) {
    std::vector<std::string> fields;
    for (const Problem& problem : run.trainer.restore(state)) fields.push_back(problem.field);
    CHECK(run.trainer.state() == good);
    return fields;
  };
  using Fields = std::vector<std::string>;
  TrainerState bad = good;
  bad.parameters.pop_back();
  bad.ema.clear();
  bad.steps_done = 41;
  CHECK(refused(bad) == Fields{"parameters", "ema", "stepsDone"});
  bad = good;
  bad.first_moment[7] = std::numeric_limits<float>::quiet_NaN();
  bad.second_moment[2] = -1e-9F;
  bad.steps_done = -1;
  CHECK(refused(bad) == Fields{"firstMoment[7]", "secondMoment[2]", "stepsDone"});
}

TEST_CASE("clipped steps are those of a gradient of the largest norm") {
  // With beta1 = 0 the first moment after a step is its gradient.
  TrainerConfig config{.batch_size = 64, .steps = 40, .ema_decay = 0};
  config.adam.beta1 = 0;
  Run free(config);
  free.step(1);
  config.gradient_clip = 1e-2;
  Run clipped(config);
  clipped.step(1);
  const TrainerState a = free.trainer.state();
  const TrainerState b = clipped.trainer.state();
  const auto norm = [](const std::vector<float>& v) {
    double sum = 0;
    for (const float x : v) sum += static_cast<double>(x) * static_cast<double>(x);
    return std::sqrt(sum);
  };
  REQUIRE(norm(a.first_moment) > 1);
  CHECK_THAT(norm(b.first_moment), WithinRel(1e-2, 1e-5));
  for (const std::size_t i : {std::size_t{0}, std::size_t{100}, a.first_moment.size() - 1}) {
    CHECK_THAT(static_cast<double>(b.first_moment[i]) * norm(a.first_moment),
               WithinRel(static_cast<double>(a.first_moment[i]) * 1e-2, 1e-4));
  }
}

TEST_CASE("given pairs are all drawn, each with its own other end") {
  constexpr Index kCount = 7;
  Points x0(kCount, 2);
  Points x1(kCount, 2);
  for (Index i = 0; i < kCount; ++i) {
    x0.row(i).setConstant(static_cast<float>(i));
    x1.row(i).setConstant(static_cast<float>(10 * i));
  }
  const GivenPairs pairs(x0, x1);
  CHECK(pairs.dimension() == 2);
  CHECK(pairs.count() == kCount);
  constexpr Index kDraws = 7000;
  Points a(kDraws, 2);
  Points b(kDraws, 2);
  pairs.sample(3, 5, 0, a, b, {});
  CHECK(b == 10 * a);
  std::vector<int> counts(kCount);
  for (Index i = 0; i < kDraws; ++i) ++counts[static_cast<std::size_t>(a(i, 0))];
  // 1000 each; five standard deviations.
  for (const int count : counts) CHECK(std::abs(count - 1000) < 5 * 30);
  Points tail0(9, 2);
  Points tail1(9, 2);
  pairs.sample(3, 5, kDraws - 9, tail0, tail1, {});
  CHECK(tail0 == a.bottomRows(9));
  pairs.sample(3, 6, kDraws - 9, tail0, tail1, {});
  CHECK(tail0 != a.bottomRows(9));
}

TEST_CASE("the loss falls") {
  const Schedule schedule = GENERATE(Schedule::cond_ot, Schedule::sqrt);
  Run run({.batch_size = 256, .steps = 600, .learning_rate = 1e-2}, 1, kSmallNetwork, ring(),
          schedule);
  const std::vector<float> losses = run.step(600);
  REQUIRE(losses.size() == 600);
  CAPTURE(name(schedule), mean(losses, 0, 50), mean(losses, 500, 100));
  // The target's mean square is about 51 a coordinate under cond_ot and the floor is 9.86; sqrt has
  // a heavy tail at t = 1, which makes single losses jump.
  CHECK(mean(losses, 0, 10) > 30);
  CHECK(mean(losses, 500, 100) < 22);
}

TEST_CASE("the average is another set of weights, unless averaging is off") {
  Run averaged({.batch_size = 16, .steps = 50});
  averaged.step(20);
  CHECK_FALSE(
      std::ranges::equal(averaged.trainer.averaged_parameters(), averaged.trainer.parameters()));
  Run plain({.batch_size = 16, .steps = 50, .ema_decay = 0});
  plain.step(20);
  CHECK(std::ranges::equal(plain.trainer.averaged_parameters(), plain.trainer.parameters()));
  // Averaging looks on and changes nothing.
  CHECK(std::ranges::equal(plain.trainer.parameters(), averaged.trainer.parameters()));
}

TEST_CASE("before the first step the weights are the seed's") {
  const Run run({.batch_size = 16, .steps = 50, .seed = 5});
  const Mlp network(kSmallNetwork);
  std::vector<float> initial(static_cast<std::size_t>(network.parameter_count()));
  network.initialise(5, initial);
  CHECK(std::ranges::equal(run.trainer.parameters(), initial));
  CHECK(std::ranges::equal(run.trainer.averaged_parameters(), initial));
  CHECK(run.trainer.steps_done() == 0);
  CHECK_FALSE(run.trainer.finished());
  CHECK_FALSE(run.trainer.diverged());
}

TEST_CASE("a run ends at its number of steps") {
  Run run({.batch_size = 16, .steps = 25});
  CHECK(run.step(20).size() == 20);
  CHECK(run.trainer.steps_done() == 20);
  CHECK_FALSE(run.trainer.finished());

  std::vector<float> losses(10, -1.0F);
  CHECK(run.trainer.step(losses) == 5);
  CHECK(run.trainer.steps_done() == 25);
  CHECK(run.trainer.finished());
  CHECK_FALSE(run.trainer.diverged());
  for (std::size_t i = 0; i < 10; ++i) CHECK((losses[i] == -1.0F) == (i >= 5));

  const std::uint64_t end = run.trainer.state_hash();
  CHECK(run.step(10).empty());
  CHECK(run.trainer.state_hash() == end);
}

/// The ring, with one value in one row of one step replaced.
class Spoiled final : public Distribution {
 public:
  Spoiled(std::uint32_t step, Index row, float value)
      : step_(step), row_(row), value_(value), ring_(ring()) {}
  [[nodiscard]] Index dimension() const override { return 2; }
  void sample(const RandomStream& stream, Index first_row, PointsRef out) const override {
    ring_->sample(stream, first_row, out);
    const Index row = row_ - first_row;
    if (stream.step == step_ && row >= 0 && row < out.rows()) out(row, 1) = value_;
  }

 private:
  std::uint32_t step_;
  Index row_;
  float value_;
  std::shared_ptr<const Distribution> ring_;
};

TEST_CASE("a step that is not finite is not taken, and nothing follows it") {
  // The last gives a loss of 1e28, finite, but a gradient whose square is not.
  const float value =
      GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
               -std::numeric_limits<float>::infinity(), 1e30F, 1e21F, 1e15F);
  // In the first shard or in the last, which one thread or another has.
  const Index row = GENERATE(0, 499);
  const double ema_decay = GENERATE(0.0, 0.999);
  CAPTURE(value, row, ema_decay);
  const TrainerConfig config{.batch_size = 500, .steps = 100, .ema_decay = ema_decay};
  Run healthy(config);
  healthy.step(7);

  Run run(config, std::min(kMostThreads, 3), kSmallNetwork,
          std::make_shared<const Spoiled>(7, row, value));
  const std::vector<float> losses = run.step(20);
  CHECK(losses.size() == 7);
  CHECK(run.trainer.diverged());
  CHECK(run.trainer.steps_done() == 7);
  CHECK_FALSE(run.trainer.finished());
  CHECK(std::ranges::all_of(losses, [](float loss) { return std::isfinite(loss); }));
  CHECK(run.trainer.state_hash() == healthy.trainer.state_hash());
  CHECK(std::ranges::all_of(run.trainer.parameters(),
                            [](float weight) { return std::isfinite(weight); }));
  CHECK(std::ranges::all_of(run.trainer.averaged_parameters(),
                            [](float weight) { return std::isfinite(weight); }));

  CHECK(run.step(5).empty());
  CHECK(run.trainer.diverged());
  CHECK(run.trainer.state_hash() == healthy.trainer.state_hash());
}

TEST_CASE("a huge value that floats can still square is survived") {
  Run run({.batch_size = 100, .steps = 20}, 1, kSmallNetwork,
          std::make_shared<const Spoiled>(3, 50, 1e6F));
  CHECK(run.step(20).size() == 20);
  CHECK_FALSE(run.trainer.diverged());
  CHECK(std::ranges::all_of(run.trainer.parameters(),
                            [](float weight) { return std::isfinite(weight); }));
}

TEST_CASE("the weights stay finite with the largest learning rate, whether it diverges or not") {
  for (const Activation activation : kActivations) {
    Run run({.batch_size = 32,
             .steps = 300,
             .learning_rate = 1,
             .learning_rate_decay = LearningRateDecay::constant},
            1, {.dimension = 2, .hidden = {32, 32, 32, 32}, .activation = activation});
    const std::vector<float> losses = run.step(300);
    CAPTURE(name(activation));
    CHECK((losses.size() == 300) != run.trainer.diverged());
    CHECK(std::ranges::all_of(losses, [](float loss) { return std::isfinite(loss); }));
    CHECK(std::ranges::all_of(run.trainer.parameters(),
                              [](float weight) { return std::isfinite(weight); }));
  }
}

TEST_CASE("a step does not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  // Isotropic and correlated targets, in few dimensions and in many.
  const GaussianMixtureConfig target =
      GENERATE(ring_mixture(11, 10, 1), correlated_mixture(3), correlated_mixture(20));
  const int threads = GENERATE(1, 3);
  const Index dimension = target.means[0].size();
  Run run({.batch_size = 500, .steps = 100}, threads,
          {.dimension = dimension, .hidden = {40, 30}, .activation = Activation::silu},
          std::make_shared<const GaussianMixture>(make_mixture(target)));
  std::vector<float> losses(10);
  run.trainer.step(losses);
  const std::int64_t before = flowmatch::testing::allocation_count();
  run.trainer.step(losses);
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CAPTURE(dimension, threads);
  CHECK(allocations == 0);
}

TEST_CASE("the count of allocations counts those of Eigen and of the standard library") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  const std::int64_t before = flowmatch::testing::allocation_count();
  const Eigen::VectorXf vector = Eigen::VectorXf::Ones(100);
  const auto shared = std::make_unique<float>(vector[0]);
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CHECK(allocations == 2);
  CHECK(*shared == 1);
}

std::vector<std::string> bad_fields(const TrainerConfig& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) {
    CHECK_FALSE(problem.value.empty());
    CHECK_FALSE(problem.allowed.empty());
    fields.push_back(problem.field);
  }
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("settings of training at the ends of their ranges are good") {
  CHECK(bad_fields({}).empty());
  CHECK(bad_fields({.batch_size = 1, .steps = 1, .learning_rate = 1, .ema_decay = 0}).empty());
  CHECK(bad_fields({.batch_size = kMaxBatchSize,
                    .steps = kMaxSteps,
                    .learning_rate = 1e-300,
                    .ema_decay = 0.9999999,
                    .seed = ~std::uint64_t{0}})
            .empty());
}

TEST_CASE("each bad setting of training is reported by its name") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  CHECK(bad_fields({.batch_size = 0}) == Fields{"batchSize"});
  CHECK(bad_fields({.batch_size = -5}) == Fields{"batchSize"});
  CHECK(bad_fields({.batch_size = kMaxBatchSize + 1}) == Fields{"batchSize"});
  CHECK(bad_fields({.steps = 0}) == Fields{"steps"});
  CHECK(bad_fields({.steps = kMaxSteps + 1}) == Fields{"steps"});
  CHECK(bad_fields({.learning_rate = 0}) == Fields{"learningRate"});
  CHECK(bad_fields({.learning_rate = -1e-3}) == Fields{"learningRate"});
  CHECK(bad_fields({.learning_rate = 1.01}) == Fields{"learningRate"});
  CHECK(bad_fields({.learning_rate = kNan}) == Fields{"learningRate"});
  CHECK(bad_fields({.warmup_steps = -1}) == Fields{"warmupSteps"});
  CHECK(bad_fields({.warmup_steps = kMaxSteps + 1}) == Fields{"warmupSteps"});
  CHECK(bad_fields({.gradient_clip = -1}) == Fields{"gradientClip"});
  CHECK(bad_fields({.gradient_clip = kNan}) == Fields{"gradientClip"});
  CHECK(bad_fields({.ema_decay = 1}) == Fields{"emaDecay"});
  CHECK(bad_fields({.ema_decay = -0.1}) == Fields{"emaDecay"});
  CHECK(bad_fields({.ema_decay = kNan}) == Fields{"emaDecay"});
  CHECK(bad_fields({.adam = {.beta1 = 1}}) == Fields{"adam.beta1"});
}

TEST_CASE("all bad settings of training are reported at once") {
  CHECK(bad_fields({.batch_size = 0,
                    .steps = 0,
                    .learning_rate = 0,
                    .ema_decay = 1,
                    .adam = {.beta1 = 1, .beta2 = 1, .epsilon = 0}}) ==
        Fields{"batchSize", "steps", "learningRate", "emaDecay", "adam.beta1", "adam.beta2",
               "adam.epsilon"});
}

}  // namespace
