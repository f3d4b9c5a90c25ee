// The compiled half of `npm run published`: trains what papers have published numbers of, by their
// recipes, and prints one line of JSON for each case.
//
//   flowmatch_published CASE SEED [STEPS]
//
// `flowmatch_published list` prints the names of the cases. STEPS replaces the recipe's number of
// training steps, to try the program. It works on one thread: cases are run side by side instead.
// Every distance is the W2 (the root) between 10,000 points and as many fresh true ones, by exact
// assignment; `floor` is that of fresh true points from others. Likelihoods are of 10,000 fresh
// points. `seconds` are those of the processor.
#include "flowmatch/datasets.h"
#include "flowmatch/flow.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/likelihood.h"
#include "flowmatch/metrics.h"
#include "flowmatch/mlp.h"
#include "flowmatch/trainer.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <initializer_list>
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
  MlpConfig network;
  TrainerConfig training;
};

MlpConfig three_layers(Index width, Activation activation) {
  return {.dimension = 2, .hidden = {width, width, width}, .activation = activation};
}

/// C2OT's (arXiv 2503.10636): width 128, GELU, Adam at a constant 3e-4, 20,000 steps of 256, four
/// of them coupled at once. Their network has three residual blocks, each four times as wide
/// inside; ours is the plain one of that width. Ours are the averaged weights: at a constant rate
/// the last ones scatter.
Recipe c2ot(Coupling coupling) {
  Recipe recipe{.network = three_layers(128, Activation::gelu), .training = {}};
  recipe.training.batch_size = 256;
  recipe.training.steps = 20'000;
  recipe.training.learning_rate = 3e-4;
  recipe.training.learning_rate_decay = LearningRateDecay::constant;
  recipe.training.coupling.coupling = coupling;
  recipe.training.coupling_batches = coupling == Coupling::independent ? 1 : 4;
  return recipe;
}

/// For what DSBM (arXiv 2303.16852) compares, torchcfm's network of three layers of 64 with our
/// averaged weights and decay of the learning rate: half its batch, 8,000 steps.
Recipe from_noise(Coupling coupling) {
  Recipe recipe{.network = three_layers(64, Activation::silu), .training = {}};
  recipe.training.batch_size = 256;
  recipe.training.steps = 8000;
  recipe.training.learning_rate = 3e-3;
  recipe.training.coupling.coupling = coupling;
  return recipe;
}

/// The same with the whole batch and twice the steps, for a set of far modes: by how much their
/// shares are off is most of its W2.
Recipe from_noise_to_modes(Coupling coupling) {
  Recipe recipe = from_noise(coupling);
  recipe.training.batch_size = 512;
  recipe.training.steps = 16'000;
  return recipe;
}

/// Our own, for likelihoods.
Recipe likelihood_recipe() {
  Recipe recipe{.network = three_layers(128, Activation::silu), .training = {}};
  recipe.training.batch_size = 512;
  recipe.training.steps = 10'000;
  recipe.training.learning_rate = 2e-3;
  return recipe;
}

/// The same for sets as thin as the moons: more of the late times, at which a field tells apart
/// what is near.
Recipe thin_recipe() {
  Recipe recipe = likelihood_recipe();
  recipe.network.activation = Activation::gelu;
  recipe.training.time_law = {.law = TimeLaw::logit_normal, .logit_mean = 0.8, .logit_scale = 1.2};
  return recipe;
}

/// For sharp edges, at which all of the likelihood is lost: more of the network, and more of the
/// late times, at which the edges are made.
Recipe sharp_recipe() {
  Recipe recipe{.network = three_layers(256, Activation::gelu), .training = {}};
  recipe.network.hidden.push_back(256);
  recipe.training.batch_size = 1024;
  recipe.training.steps = 30'000;
  recipe.training.learning_rate = 2e-3;
  recipe.training.time_law = {.law = TimeLaw::logit_normal, .logit_mean = 0.8, .logit_scale = 1.2};
  return recipe;
}

std::shared_ptr<const Field> train(Recipe recipe, const DistributionPtr& source,
                                   const DistributionPtr& data, std::uint64_t seed, Index steps,
                                   ThreadPool& pool) {
  recipe.training.seed = seed;
  if (steps > 0) recipe.training.steps = steps;
  const auto model = std::make_shared<const Mlp>(recipe.network);
  const auto pairs = std::make_shared<const IndependentPairs>(source, data);
  Trainer trainer(model, pairs, AffinePath(Schedule::cond_ot), recipe.training, pool);
  std::vector<float> losses(static_cast<std::size_t>(recipe.training.steps));
  if (trainer.step(losses) != recipe.training.steps) std::abort();
  const auto weights = trainer.averaged_parameters();
  return std::make_shared<const LearnedField>(model,
                                              std::vector<float>(weights.begin(), weights.end()));
}

/// Draw number `number` of kPoints.
Points draw(const Distribution& distribution, Purpose purpose, std::uint64_t seed, int number = 0) {
  Points points(kPoints, 2);
  distribution.sample({seed, purpose, static_cast<std::uint32_t>(number)}, 0, points);
  return points;
}

/// The W2 of each of some solvers, and the floor: means over so many draws of starts and of fresh
/// data.
struct Way {
  const char* key;
  SolverConfig solver;
};
std::string distances(const Recipe& recipe, std::initializer_list<Way> ways,
                      const DistributionPtr& source, const DistributionPtr& data,
                      std::uint64_t seed, Index steps, int draws, ThreadPool& pool) {
  const auto field = train(recipe, source, data, seed, steps, pool);
  std::string text;
  char entry[200];
  for (const Way& way : ways) {
    double distance = 0;
    double evaluations = 0;
    for (int i = 0; i < draws; ++i) {
      Flow flow(field, way.solver, draw(*source, Purpose::sampling_source, seed, i), 1, pool);
      flow.advance(std::numeric_limits<double>::infinity());
      distance += w2(flow.frame(1), draw(*data, Purpose::reference_data, seed, i)) / draws;
      evaluations += flow.function_evaluations() / draws;
    }
    std::snprintf(entry, sizeof entry, R"(,"%s":%.5g,"%sEvaluations":%.5g)", way.key, distance,
                  way.key, evaluations);
    text += entry;
  }
  double floor = 0;
  for (int i = 0; i < draws; ++i) {
    floor += w2(draw(*data, Purpose::floor_data, seed, i),
                draw(*data, Purpose::reference_data, seed, i)) /
             draws;
  }
  std::snprintf(entry, sizeof entry, R"(,"floor":%.5g)", floor);
  return text + entry;
}

std::string likelihood(const Recipe& recipe, const DataSetConfig& set, std::uint64_t seed,
                       Index steps, ThreadPool& pool) {
  const auto data = make(set);
  const auto field = train(recipe, standard_normal(), data, seed, steps, pool);
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
std::string noise_to(std::uint64_t seed, Index steps, ThreadPool& pool) {
  constexpr bool kModes = kSet == DataSet::eight_gaussians;
  const DataSetConfig set = kModes ? wide_gaussians() : default_config(kSet);
  return distances(kModes ? from_noise_to_modes(kCoupling) : from_noise(kCoupling),
                   {{"euler20", {.solver = Solver::euler, .steps = 20}}}, standard_normal(),
                   make(set), seed, steps, kModes ? 8 : 1, pool);
}

template <Coupling kCoupling>
std::string gaussians_to_moons(std::uint64_t seed, Index steps, ThreadPool& pool) {
  // Their tolerance.
  constexpr SolverConfig kAdaptive{.solver = Solver::dopri5, .rtol = 1e-4, .atol = 1e-4};
  return distances(
      c2ot(kCoupling), {{"euler1", {.solver = Solver::euler, .steps = 1}}, {"dopri5", kAdaptive}},
      make(wide_gaussians()), make(default_config(DataSet::moons_torchdyn)), seed, steps, 1, pool);
}

constexpr Case kCases[] = {
    {"c2ot-independent", gaussians_to_moons<Coupling::independent>},
    {"c2ot-ot", gaussians_to_moons<Coupling::optimal_transport>},
    {"fm-moons", noise_to<DataSet::moons, Coupling::independent>},
    {"ot-moons", noise_to<DataSet::moons, Coupling::optimal_transport>},
    {"fm-s_curve", noise_to<DataSet::s_curve, Coupling::independent>},
    {"ot-s_curve", noise_to<DataSet::s_curve, Coupling::optimal_transport>},
    {"fm-eight_gaussians", noise_to<DataSet::eight_gaussians, Coupling::independent>},
    {"ot-eight_gaussians", noise_to<DataSet::eight_gaussians, Coupling::optimal_transport>},
    {"nll-checkerboard",
     [](std::uint64_t seed, Index steps, ThreadPool& pool) {
       return likelihood(sharp_recipe(), default_config(DataSet::checkerboard), seed, steps, pool);
     }},
    {"nll-eight_gaussians",
     [](std::uint64_t seed, Index steps, ThreadPool& pool) {
       return likelihood(likelihood_recipe(), default_config(DataSet::eight_gaussians), seed, steps,
                         pool);
     }},
    {"nll-moons-0.05",
     [](std::uint64_t seed, Index steps, ThreadPool& pool) {
       return likelihood(thin_recipe(), moons(0.05), seed, steps, pool);
     }},
    {"nll-moons-0.1",
     [](std::uint64_t seed, Index steps, ThreadPool& pool) {
       return likelihood(thin_recipe(), moons(0.1), seed, steps, pool);
     }},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "list") {
    for (const Case& each : kCases) std::puts(each.name);
    return 0;
  }
  for (const Case& each : kCases) {
    if (argc < 3 || argc > 4 || std::string_view(argv[1]) != each.name) continue;
    ThreadPool pool(1);
    const std::string numbers =
        each.run(std::strtoull(argv[2], nullptr, 10), argc == 4 ? std::atol(argv[3]) : 0, pool);
    std::printf(R"({"case":"%s","seed":%s,"seconds":%.1f%s})"
                "\n",
                each.name, argv[2], static_cast<double>(std::clock()) / CLOCKS_PER_SEC,
                numbers.c_str());
    return 0;
  }
  std::fprintf(stderr, "usage: flowmatch_published list | CASE SEED [STEPS]\n");
  return 2;
}
