// Trains the blog's example with several seeds and prints how good the result is, beside the exact
// field and the floor: the native half of the README's table (quality.mjs is the other and prints
// both).
//
//   flowmatch_quality [blog|blog_cond_ot|quick] [seeds] [threads]
//
// One line of JSON a seed, and one for the exact field. Each quality is the average of several
// comparisons of kCount generated with kCount fresh true samples.
#include "flowmatch/experiment.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;

constexpr Index kCount = 10000;
/// Comparisons for each trained network, whose seeds scatter more than the draws do, and for the
/// exact field and the floor, which have no other scatter.
constexpr std::uint64_t kDraws = 4;
constexpr std::uint64_t kExactDraws = 64;
constexpr double kForever = std::numeric_limits<double>::infinity();

struct Preset {
  ExperimentConfig config;
  SolverConfig solver;
};

bool find_preset(const std::string& name, Preset& preset) {
  preset.config = name == "quick" ? quick_config() : blog_config();
  preset.solver = {.solver = Solver::euler, .steps = 299};
  if (name == "blog_cond_ot") preset.config.schedule = Schedule::cond_ot;
  if (name == "quick") preset.solver = {.solver = Solver::midpoint, .steps = 50};
  return name == "blog" || name == "blog_cond_ot" || name == "quick";
}

/// The mean over draws of every quality, as the inside of a JSON object.
std::string evaluate_field(const std::shared_ptr<const Field>& field, const SolverConfig& solver,
                           const std::shared_ptr<const GaussianMixture>& target,
                           std::uint64_t first_seed, std::uint64_t draws, ThreadPool& pool) {
  EvaluationResult mean;
  double within_three = 0;
  mean.mode_shares = Values::Zero(static_cast<Index>(target->components().size()));
  const double share = 1.0 / static_cast<double>(draws);
  for (std::uint64_t draw = 0; draw < draws; ++draw) {
    Evaluation evaluation(field, solver, target, kCount, first_seed + draw, pool);
    evaluation.advance(kForever);
    const EvaluationResult& result = evaluation.result();
    mean.sliced_w2 += share * result.sliced_w2;
    mean.sliced_w2_floor += share * result.sliced_w2_floor;
    mean.energy_distance += share * result.energy_distance;
    mean.energy_distance_floor += share * result.energy_distance_floor;
    within_three += share * result.within_three.value();
    mean.mode_shares += share * result.mode_shares;
  }
  const auto entry = [](const char* key, double value) {
    return std::string("\"") + key + "\":" + format_number(value);
  };
  return entry("slicedW2", mean.sliced_w2) + "," + entry("slicedW2Floor", mean.sliced_w2_floor) +
         "," + entry("energy", mean.energy_distance) + "," +
         entry("energyFloor", mean.energy_distance_floor) + "," +
         entry("withinThree", within_three) + "," +
         entry("leastShare", mean.mode_shares.minCoeff()) + "," +
         entry("mostShare", mean.mode_shares.maxCoeff());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "blog";
  const long seeds = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 10;
  const long threads = argc > 3 ? std::strtol(argv[3], nullptr, 10) : hardware_threads();
  Preset preset;
  if (!find_preset(name, preset) || seeds < 1 || threads < 1 || threads > ThreadPool::kMaxThreads) {
    std::cerr
        << "usage: flowmatch_quality [blog|blog_cond_ot|quick] [seeds from 1] [threads from 1 to "
        << ThreadPool::kMaxThreads << "]\n";
    return 2;
  }
  ThreadPool pool(static_cast<int>(threads));
  for (long seed = 0; seed < seeds; ++seed) {
    preset.config.training.seed = static_cast<std::uint64_t>(seed);
    auto made = Experiment::make(preset.config, pool);
    Experiment& experiment = *made.value();
    std::vector<float> losses(static_cast<std::size_t>(preset.config.training.steps));
    const auto begin = std::chrono::steady_clock::now();
    experiment.trainer().step(losses);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    double last = 0;
    for (std::size_t i = losses.size() - 500; i < losses.size(); ++i) {
      last += static_cast<double>(losses[i]) / 500;
    }
    if (seed == 0) {
      std::cout << "{\"preset\":\"" << name << "\",\"seed\":\"exact\","
                << "\"irreducibleLoss\":" << format_number(experiment.irreducible_loss().value())
                << ","
                << evaluate_field(experiment.field(FieldChoice::exact), preset.solver,
                                  experiment.modes(), 1000, kExactDraws, pool)
                << "}" << std::endl;
    }
    std::cout << "{\"preset\":\"" << name << "\",\"seed\":" << seed
              << ",\"seconds\":" << format_number(seconds.count())
              << ",\"lossLast500\":" << format_number(last) << ","
              << evaluate_field(experiment.field(FieldChoice::learned), preset.solver,
                                experiment.modes(), 1000 + 10 * static_cast<std::uint64_t>(seed),
                                kDraws, pool)
              << "}" << std::endl;
  }
}
