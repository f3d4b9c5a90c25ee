#include "commands.h"
#include "flowmatch/experiment.h"
#include "flowmatch/instruction_set.h"
#include "interrupt.h"
#include "report.h"
#include "source.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

namespace flowmatch::cli {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Calls work() over and over for about `seconds`, at least three times, and gives the seconds of
/// the fastest call: what else runs on the machine only ever adds to it.
template <class Work>
double fastest(double seconds, Work&& work) {
  double best = std::numeric_limits<double>::infinity();
  const auto start = Clock::now();
  for (int calls = 0; (calls < 3 || seconds_since(start) < seconds) && !interrupted(); ++calls) {
    const auto begin = Clock::now();
    work();
    best = std::min(best, seconds_since(begin));
  }
  return best;
}

}  // namespace

int bench(const BenchOptions& options, const CommonOptions& common) {
  auto source = read_source(options.source);
  if (!source) return bad_usage;
  ExperimentConfig& config = source->config.experiment;
  // A run that does not end while it is measured, at a rate that changes nothing.
  config.training.steps = kMaxSteps;
  config.training.learning_rate = 1e-8;
  catch_interruption();
  ThreadPool pool(thread_count(common));
  auto experiment = Experiment::make(config, pool);
  if (!experiment) {
    print_problems(experiment.problems());
    return bad_usage;
  }
  constexpr Index kSteps = 10;
  std::vector<float> losses(kSteps);
  Trainer& trainer = experiment.value()->trainer();
  const double step = fastest(options.seconds, [&] { trainer.step(losses); }) / kSteps;

  const SamplerConfig& sampler = source->config.sampler;
  const auto field = experiment.value()->field(FieldChoice::learned);
  const Index particles = std::min<Index>(sampler.particles, 10000);
  const Points start = experiment.value()->starts(particles, sampler.seed);
  const double cloud =
      fastest(options.seconds, [&] { integrate(field, sampler.solver, start, pool); });
  if (interrupted()) return interruption;
  const double points_per_second = static_cast<double>(particles) / cloud;
  if (common.json) {
    print_json({{"instructionSet", instruction_set()},
                {"threads", pool.size()},
                {"parameters", trainer.parameters().size()},
                {"batchSize", config.training.batch_size},
                {"millisecondsPerStep", 1e3 * step},
                {"solver", name(sampler.solver.solver)},
                {"solverSteps", sampler.solver.steps},
                {"samplesPerSecond", points_per_second}});
    return success;
  }
  print_line(std::string(instruction_set()) + ", " + std::to_string(pool.size()) + " threads");
  print_line("training step   " + rounded(1e3 * step, 3) + " ms");
  print_line("sampling        " + rounded(points_per_second, 3) + " points/s, " +
             std::to_string(sampler.solver.steps) + " steps of " +
             std::string(name(sampler.solver.solver)));
  return success;
}

}  // namespace flowmatch::cli
