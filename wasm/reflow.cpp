// A model's own pairs as JavaScript sees them: where points of the source start, and where the
// learned flow takes them. A run that is trained on them is made by Experiment.createOnPairs. Only
// the whole module has them.
//
// As in bindings.cpp nothing throws, and work is done in slices.
#include "flowmatch/reflow.h"

#include "binding.h"

namespace {

using namespace flowmatch;
using namespace flowmatch::binding;

/// Below it a run would learn the pairs by heart; above it they are a wait that gains nothing.
constexpr Index kFewestPairs = 16;
constexpr Index kMostPairs = 200'000;

/// By the learned field under the schedule of its training, of a conditional model by that of each
/// class, without guidance; the solver chooses its own steps.
Reflow reflow_of(const Experiment& experiment, Index count, std::uint64_t seed) {
  constexpr SolverConfig kSolver{.solver = Solver::dopri5};
  const Distribution& source = *experiment.source();
  if (experiment.labels() == 0) {
    return {experiment.field(FieldChoice::learned), kSolver, source, count, seed, *shared_pool()};
  }
  std::vector<ReflowClass> classes;
  for (const double share : label_shares(experiment.config().data)) {
    const FieldOptions options{.guidance = {.label = static_cast<std::int32_t>(classes.size())}};
    classes.push_back({.field = experiment.field(FieldChoice::learned, options), .share = share});
  }
  return {std::move(classes), kSolver, source, count, seed, *shared_pool()};
}

class JsReflow : public PairsHandle {
 public:
  JsReflow(const Experiment& experiment, Index count, std::uint64_t seed)
      : reflow_(reflow_of(experiment, count, seed)) {}

  bool advance(double milliseconds) {
    if (!reflow_.advance(milliseconds)) return false;
    if (pairs == nullptr) pairs = reflow_.pairs();
    return true;
  }
  [[nodiscard]] double progress() const { return reflow_.progress(); }

 private:
  Reflow reflow_;
};

// `{ run: Reflow | null, problems: Problem[] }`: one of the two says something.
EMSCRIPTEN_DECLARE_VAL_TYPE(ReflowStart)

ReflowStart start_reflow(ExperimentHandle& handle, double count, double seed) {
  Experiment& experiment = handle.experiment();
  ProblemList problems;
  Index pairs = kFewestPairs;
  std::uint64_t whole_seed = 0;
  read_whole(problems, "pairs", count, kFewestPairs, kMostPairs, pairs);
  read_whole(problems, "seed", seed, 0, kMaxSeed, whole_seed);
  if (!problems.empty()) return refused<ReflowStart>("run", std::move(problems).take());
  return started<ReflowStart>("run", std::make_unique<JsReflow>(experiment, pairs, whole_seed));
}

}  // namespace

EMSCRIPTEN_BINDINGS(flowmatch_reflow) {
  using namespace emscripten;

  register_type<ReflowStart>("{ run: Reflow | null; problems: Problem[] }");
  class_<JsReflow, base<PairsHandle>>("Reflow")
      .function("advance(milliseconds)", &JsReflow::advance)
      .function("progress", &JsReflow::progress);
  function("startReflow(experiment, pairs, seed)", &start_reflow);
}
