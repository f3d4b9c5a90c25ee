// The compiled half of `npm run published`: trains what papers have published numbers of, by their
// recipes, and prints one line of JSON for each case.
//
//   flowmatch_published CASE SEED THREADS [STEPS]
//
// `flowmatch_published list` prints the names of the cases. STEPS replaces the recipe's number of
// training steps, to try the program. Every distance is between 10,000 points and as many fresh
// true ones, by exact assignment; `floor` is that of fresh true points from others. W2 is the root;
// `w2Squared` its square, which C2OT prints.
#include "flowmatch/datasets.h"
#include "flowmatch/flow.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/likelihood.h"
#include "flowmatch/metrics.h"
#include "flowmatch/mlp.h"
#include "flowmatch/trainer.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;

constexpr Index kPoints = 10'000;

using DistributionPtr = std::shared_ptr<const Distribution>;

DistributionPtr make(const DataSetConfig& config) {
  auto made = make_distribution(config);
  if (!made) std::abort();
  return std::move(made).value();
}

DistributionPtr standard_normal() {
  return std::make_shared<const StandardNormal>(2);
}

struct Recipe {
  std::vector<Index> hidden;
  TrainerConfig training;
};

/// C2OT's (arXiv 2503.10636), their appendix: width 128, Adam at 3e-4, 20,000 steps of 256, with
/// batches of 1,024 for the coupling.
Recipe c2ot(Coupling coupling) {
  Recipe recipe{.hidden = {128, 128, 128}, .training = {}};
  recipe.training.batch_size = 256;
  recipe.training.steps = 20'000;
  recipe.training.learning_rate = 3e-4;
  recipe.training.learning_rate_decay = LearningRateDecay::constant;
  recipe.training.ema_decay = 0;
  recipe.training.coupling.coupling = coupling;
  recipe.training.coupling_batches = coupling == Coupling::independent ? 1 : 4;
  return recipe;
}

/// torchcfm's in two dimensions, which DSBM (arXiv 2303.16852) compares with: three layers of 64,
/// AdamW at 1e-3 with a decay of 1e-5, batches of 512; here with our averaged weights and decay of
/// the learning rate.
Recipe torchcfm(Coupling coupling) {
  Recipe recipe{.hidden = {64, 64, 64}, .training = {}};
  recipe.training.batch_size = 512;
  recipe.training.steps = 20'000;
  recipe.training.learning_rate = 1e-3;
  recipe.training.adam.weight_decay = 1e-5;
  recipe.training.coupling.coupling = coupling;
  return recipe;
}

/// Our own, for likelihoods.
Recipe likelihood_recipe() {
  Recipe recipe{.hidden = {256, 256, 256}, .training = {}};
  recipe.training.batch_size = 1024;
  recipe.training.steps = 20'000;
  recipe.training.learning_rate = 2e-3;
  return recipe;
}

std::shared_ptr<const Field> train(Recipe recipe, const DistributionPtr& source,
                                   const DistributionPtr& data, std::uint64_t seed, Index steps,
                                   ThreadPool& pool) {
  recipe.training.seed = seed;
  if (steps > 0) recipe.training.steps = steps;
  const auto model =
      std::make_shared<const Mlp>(MlpConfig{.dimension = 2, .hidden = recipe.hidden});
  const auto pairs = std::make_shared<const IndependentPairs>(source, data);
  Trainer trainer(model, pairs, AffinePath(Schedule::cond_ot), recipe.training, pool);
  std::vector<float> losses(static_cast<std::size_t>(recipe.training.steps));
  if (trainer.step(losses) != recipe.training.steps) std::abort();
  const auto weights = trainer.averaged_parameters();
  return std::make_shared<const LearnedField>(model,
                                              std::vector<float>(weights.begin(), weights.end()));
}

Points draw(const Distribution& distribution, Purpose purpose, std::uint64_t seed) {
  Points points(kPoints, 2);
  distribution.sample({seed, purpose, 0}, 0, points);
  return points;
}

/// W2 of the end points from fresh data, as one entry of JSON.
std::string distance(const char* key, const std::shared_ptr<const Field>& field,
                     const SolverConfig& solver, const Points& start, const Points& reference,
                     ThreadPool& pool) {
  Flow flow(field, solver, start, 1, pool);
  flow.advance(std::numeric_limits<double>::infinity());
  char text[200];
  std::snprintf(text, sizeof text, R"(,"%s":%.5g,"%sEvaluations":%.5g)", key,
                w2(flow.frame(1), reference), key, flow.function_evaluations());
  return text;
}

std::string distances(const Recipe& recipe, const DistributionPtr& source,
                      const DistributionPtr& data, std::uint64_t seed, Index steps,
                      ThreadPool& pool) {
  const auto field = train(recipe, source, data, seed, steps, pool);
  const Points start = draw(*source, Purpose::sampling_source, seed);
  const Points reference = draw(*data, Purpose::reference_data, seed);
  std::string text;
  text += distance("euler1", field, {.solver = Solver::euler, .steps = 1}, start, reference, pool);
  text +=
      distance("euler20", field, {.solver = Solver::euler, .steps = 20}, start, reference, pool);
  text += distance("dopri5", field, {.solver = Solver::dopri5}, start, reference, pool);
  char floor[60];
  std::snprintf(floor, sizeof floor, R"(,"floor":%.5g)",
                w2(draw(*data, Purpose::floor_data, seed), reference));
  return text + floor;
}

std::string likelihood(const DataSetConfig& set, std::uint64_t seed, Index steps,
                       ThreadPool& pool) {
  const auto data = make(set);
  const auto field = train(likelihood_recipe(), standard_normal(), data, seed, steps, pool);
  const Points points = draw(*data, Purpose::reference_data, seed);
  const auto of_model = negative_log_likelihood(log_likelihood(field, {}, points, pool));
  Values truth(kPoints);
  data->log_density(points, truth);
  const auto of_data = negative_log_likelihood(truth);
  char text[200];
  std::snprintf(text, sizeof text, R"(,"nll":%.5g,"nllError":%.3g,"truth":%.5g,"truthError":%.3g)",
                of_model.mean, of_model.standard_error, of_data.mean, of_data.standard_error);
  return text;
}

DataSetConfig moons(double noise) {
  DataSetConfig config = default_config(DataSet::moons);
  config.noise = noise;
  config.scale = 1;
  config.shift_x = config.shift_y = 0;
  return config;
}

/// Eight Gaussians as torchcfm and C2OT draw them.
DataSetConfig wide_gaussians() {
  DataSetConfig config = default_config(DataSet::eight_gaussians);
  config.noise = 0.5623413251903491;
  return config;
}

struct Case {
  const char* name;
  std::string (*run)(std::uint64_t seed, Index steps, ThreadPool& pool);
};

template <DataSet kSet, Coupling kCoupling>
std::string from_normal(std::uint64_t seed, Index steps, ThreadPool& pool) {
  const DataSetConfig set =
      kSet == DataSet::eight_gaussians ? wide_gaussians() : default_config(kSet);
  return distances(torchcfm(kCoupling), standard_normal(), make(set), seed, steps, pool);
}

template <Coupling kCoupling>
std::string gaussians_to_moons(std::uint64_t seed, Index steps, ThreadPool& pool) {
  return distances(c2ot(kCoupling), make(wide_gaussians()),
                   make(default_config(DataSet::moons_torchdyn)), seed, steps, pool);
}

constexpr Case kCases[] = {
    {"c2ot-independent", gaussians_to_moons<Coupling::independent>},
    {"c2ot-ot", gaussians_to_moons<Coupling::optimal_transport>},
    {"fm-moons", from_normal<DataSet::moons, Coupling::independent>},
    {"ot-moons", from_normal<DataSet::moons, Coupling::optimal_transport>},
    {"fm-s_curve", from_normal<DataSet::s_curve, Coupling::independent>},
    {"ot-s_curve", from_normal<DataSet::s_curve, Coupling::optimal_transport>},
    {"fm-eight_gaussians", from_normal<DataSet::eight_gaussians, Coupling::independent>},
    {"ot-eight_gaussians", from_normal<DataSet::eight_gaussians, Coupling::optimal_transport>},
    {"nll-checkerboard",
     [](std::uint64_t seed, Index steps, ThreadPool& pool) {
       return likelihood(default_config(DataSet::checkerboard), seed, steps, pool);
     }},
    {"nll-eight_gaussians",
     [](std::uint64_t seed, Index steps, ThreadPool& pool) {
       return likelihood(default_config(DataSet::eight_gaussians), seed, steps, pool);
     }},
    {"nll-moons-0.05", [](std::uint64_t seed, Index steps,
                          ThreadPool& pool) { return likelihood(moons(0.05), seed, steps, pool); }},
    {"nll-moons-0.1", [](std::uint64_t seed, Index steps,
                         ThreadPool& pool) { return likelihood(moons(0.1), seed, steps, pool); }},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "list") {
    for (const Case& each : kCases) std::puts(each.name);
    return 0;
  }
  const int threads = argc > 3 ? std::atoi(argv[3]) : 0;
  for (const Case& each : kCases) {
    if (argc < 4 || argc > 5 || std::string_view(argv[1]) != each.name || threads < 1 ||
        threads > ThreadPool::kMaxThreads) {
      continue;
    }
    ThreadPool pool(threads);
    const auto begin = std::chrono::steady_clock::now();
    const std::string numbers =
        each.run(std::strtoull(argv[2], nullptr, 10), argc == 5 ? std::atol(argv[4]) : 0, pool);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf(R"({"case":"%s","seed":%s,"seconds":%.1f%s})"
                "\n",
                each.name, argv[2], seconds.count(), numbers.c_str());
    return 0;
  }
  std::fprintf(stderr, "usage: flowmatch_published list | CASE SEED THREADS [STEPS]\n");
  return 2;
}
