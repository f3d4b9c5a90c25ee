// What a checkpoint has besides the state of the training, which every module gives and takes
// (Experiment.state): what a stopping rule remembers, and the frequencies of the time features.
// Only the whole module has them, as it alone has rules and features.
//
// As in bindings.cpp nothing throws.
#include "binding.h"
#include "flowmatch/stopping.h"
#include "flowmatch/time_features.h"

#include <emscripten/bind.h>

#include <cmath>
#include <string>
#include <utility>

namespace {

using namespace flowmatch;
using namespace flowmatch::binding;

EMSCRIPTEN_DECLARE_VAL_TYPE(Frequencies)

/// The core's StopState.
struct JsStopMemory {
  double loss_sum;
  double losses;
  double last;
  double best;
  double since_best;
  std::string reason;
};

JsStopMemory stop_memory(ExperimentHandle& handle) {
  const StopState& state = handle.experiment().stopping().state();
  return {.loss_sum = state.loss_sum,
          .losses = static_cast<double>(state.losses),
          .last = state.last,
          .best = state.best,
          .since_best = static_cast<double>(state.since_best),
          .reason = std::string(name(state.reason))};
}

/// The rule goes on from there. What is wrong with it is returned, and nothing is changed then.
ProblemArray restore_stop(ExperimentHandle& handle, const JsStopMemory& js) {
  ProblemList problems;
  StopState state{.loss_sum = js.loss_sum, .last = js.last, .best = js.best};
  read_whole(problems, "stop.losses", js.losses, 0, kMaxSteps, state.losses);
  read_whole(problems, "stop.sinceBest", js.since_best, 0, kMaxSteps, state.since_best);
  if (std::isnan(js.best)) problems.add("stop.best", "not a number", "a number");
  if (const auto reason = stop_reason_from_name(js.reason)) {
    state.reason = *reason;
  } else {
    problems.add("stop.reason", js.reason, "one of none, below, no_improvement");
  }
  Experiment& experiment = handle.experiment();
  if (!problems.empty()) return to_js(std::move(problems).take());
  return to_js(experiment.restore(experiment.trainer().state(), state));
}

/// In turns for a time of 1: see TimeEncoding. None for plain, and for features that there are not.
Frequencies time_frequencies(const std::string& kind, double count, double scale, double seed) {
  ProblemList problems;
  TimeFeatures features{.scale = scale};
  read_name(problems, "kind", kind, kTimeFeatureKinds, features.kind);
  read_whole(problems, "count", count, 2, kMaxTimeFeatures, features.count);
  read_whole(problems, "seed", seed, 0, kMaxSeed, features.seed);
  val frequencies = val::array();
  if (!problems.empty() || !validate(features).empty()) return Frequencies(frequencies);
  const TimeEncoding encoding(features);
  for (const double frequency : encoding.frequencies()) {
    frequencies.call<void>("push", frequency);
  }
  return Frequencies(frequencies);
}

}  // namespace

EMSCRIPTEN_BINDINGS(flowmatch_checkpoint) {
  using namespace emscripten;

  register_type<Frequencies>("number[]");
  value_object<JsStopMemory>("StopMemory")
      .field("lossSum", &JsStopMemory::loss_sum)
      .field("losses", &JsStopMemory::losses)
      .field("last", &JsStopMemory::last)
      .field("best", &JsStopMemory::best)
      .field("sinceBest", &JsStopMemory::since_best)
      .field("reason", &JsStopMemory::reason);
  function("stopMemory(experiment)", &stop_memory);
  function("restoreStop(experiment, memory)", &restore_stop);
  function("timeFrequencies(kind, count, scale, seed)", &time_frequencies);
}
