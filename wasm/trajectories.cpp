// How straight a field's flow is, as JavaScript sees it. Only the whole module tells: the least
// energy that a flow can need is found by exact optimal transport, which the small one does
// without.
//
// That least is of the points that are moved and of where they end, instead of fresh samples of the
// target: of finite sets those differ in how many points each mode has, which no flow can mend, and
// an optimal flow would be found to be well above it, or below. Between its own ends it is at 0.
//
// As in bindings.cpp nothing throws, and work is done in slices.
#include "binding.h"
#include "flowmatch/flow.h"
#include "flowmatch/metrics.h"
#include "flowmatch/trajectory_metrics.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace {

using namespace flowmatch;
using namespace flowmatch::binding;

/// Most points whose optimal transport is found, which cannot be interrupted; whole parts.
constexpr Index kTransported = 512;
/// Points that go their way as one piece of work.
constexpr Index kPartRows = 32;
/// Of the ODE, whatever moves the cloud on show: straightness is of the field, not of a solver.
constexpr SolverConfig kWay{.solver = Solver::midpoint, .steps = 50};

struct JsTrajectoriesConfig {
  std::string field;
  JsFieldOptions options;
  double count;
  double seed;
};

struct JsTrajectoriesResult {
  double straightness;
  double path_energy;
  double least_path_energy;
  double normalised_path_energy;
};

/// Of the points that a cloud of the same seed starts from.
class JsTrajectories {
 public:
  JsTrajectories(std::shared_ptr<const Field> field, Points start)
      : field_(std::move(field)),
        start_(std::move(start)),
        parts_(static_cast<std::size_t>((start_.rows() + kPartRows - 1) / kPartRows)),
        flow_(field_, kWay, start_.topRows(std::min(start_.rows(), kTransported)), 1,
              *shared_pool()) {}

  /// At least a piece of work for each thread; the transport is the last of them.
  bool advance(double milliseconds) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    ThreadPool& pool = *shared_pool();
    const auto parts = static_cast<Index>(parts_.size());
    while (next_part_ < parts) {
      const Index round = std::min<Index>(pool.size(), parts - next_part_);
      pool.parallel_for(round, [&](Index task, int /*worker*/) { run_part(next_part_ + task); });
      next_part_ += round;
      const std::chrono::duration<double, std::milli> spent = Clock::now() - begin;
      if (spent.count() >= milliseconds) return false;
    }
    if (!flow_.advance(milliseconds)) return false;
    if (!done_) finish();
    return true;
  }
  /// All zero before that has returned true.
  [[nodiscard]] JsTrajectoriesResult result() const { return result_; }

 private:
  void run_part(Index part) {
    const Index first = part * kPartRows;
    const Index rows = std::min(kPartRows, start_.rows() - first);
    parts_[static_cast<std::size_t>(part)] =
        trajectory_metrics(*field_, kWay, start_.middleRows(first, rows));
  }

  void finish() {
    Index first = 0;
    double energy = 0;
    double energy_of_transported = 0;
    for (const TrajectoryMetrics& part : parts_) {
      const Index rows = std::min(kPartRows, start_.rows() - first);
      const auto weight = static_cast<double>(rows);
      result_.straightness += weight * part.straightness;
      energy += weight * part.path_energy;
      first += rows;
      if (first <= flow_.particles()) energy_of_transported = energy;
    }
    const auto count = static_cast<double>(start_.rows());
    result_.straightness /= count;
    result_.path_energy = energy / count;
    const double distance = w2(flow_.frame(0), flow_.frame(1));
    result_.least_path_energy = distance * distance;
    result_.normalised_path_energy = normalised_path_energy(
        energy_of_transported / static_cast<double>(flow_.particles()), distance);
    done_ = true;
  }

  std::shared_ptr<const Field> field_;
  Points start_;
  std::vector<TrajectoryMetrics> parts_;
  /// Of those whose optimal transport is found.
  Flow flow_;
  Index next_part_ = 0;
  bool done_ = false;
  JsTrajectoriesResult result_{};
};

// `{ run: Trajectories | null, problems: Problem[] }`: one of the two says something.
EMSCRIPTEN_DECLARE_VAL_TYPE(TrajectoriesStart)

TrajectoriesStart start_trajectories(ExperimentHandle& handle, const JsTrajectoriesConfig& js) {
  const Experiment& experiment = handle.experiment();
  ProblemList problems;
  const auto field = field_choice_from_name(js.field);
  if (!field) problems.add("field", js.field, "one of exact, learned");
  const FieldOptions options = read(js.options, experiment, problems);
  Index count = 1;
  std::uint64_t seed = 0;
  read_whole(problems, "count", js.count, 1, kMaxParticles, count);
  read_whole(problems, "seed", js.seed, 0, kMaxSeed, seed);
  if (!problems.empty()) return refused<TrajectoriesStart>("run", std::move(problems).take());
  return started<TrajectoriesStart>(
      "run", std::make_unique<JsTrajectories>(experiment.field(*field, options),
                                              experiment.starts(count, seed)));
}

}  // namespace

EMSCRIPTEN_BINDINGS(flowmatch_trajectories) {
  using namespace emscripten;

  register_type<TrajectoriesStart>("{ run: Trajectories | null; problems: Problem[] }");
  value_object<JsTrajectoriesConfig>("TrajectoriesConfig")
      .field("field", &JsTrajectoriesConfig::field)
      .field("options", &JsTrajectoriesConfig::options)
      .field("count", &JsTrajectoriesConfig::count)
      .field("seed", &JsTrajectoriesConfig::seed);
  value_object<JsTrajectoriesResult>("TrajectoriesResult")
      .field("straightness", &JsTrajectoriesResult::straightness)
      .field("pathEnergy", &JsTrajectoriesResult::path_energy)
      .field("leastPathEnergy", &JsTrajectoriesResult::least_path_energy)
      .field("normalisedPathEnergy", &JsTrajectoriesResult::normalised_path_energy);
  class_<JsTrajectories>("Trajectories")
      .function("advance(milliseconds)", &JsTrajectories::advance)
      .function("result", &JsTrajectories::result);
  function("startTrajectories(experiment, config)", &start_trajectories);
}
