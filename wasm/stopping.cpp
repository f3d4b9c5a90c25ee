// When a run ends before its last step, as JavaScript sets and sees it. Apart from the other
// bindings, so that a module for the first motion does without: its runs go on to their last step.
#include "flowmatch/stopping.h"

#include "binding.h"
#include "stopping.h"

#include <emscripten/bind.h>

#include <cmath>
#include <utility>

namespace {

using namespace flowmatch;
using namespace flowmatch::binding;

struct JsStopState {
  std::string reason;
  NumberOrNull last{val::null()};
  NumberOrNull best{val::null()};
};

/// Null as long as nothing was measured.
NumberOrNull measured(double value) {
  return NumberOrNull(std::isfinite(value) ? val(value) : val::null());
}

/// Whether the run has stopped by its rule and why, with the last measurement and the least of all.
JsStopState stop_state(ExperimentHandle& handle) {
  const StopState& state = handle.experiment().stopping().state();
  return {.reason = std::string(name(state.reason)),
          .last = measured(state.last),
          .best = measured(state.best)};
}

}  // namespace

flowmatch::Problems flowmatch::binding::read_stop(const val& js, StopConfig& out) {
  ProblemList problems;
  read_name(problems, "metric", js["metric"].as<std::string>(), kStopMetrics, out.metric);
  out.below = js["below"].as<double>();
  read_whole(problems, "every", js["every"].as<double>(), 1, kMaxStopEvery, out.every);
  read_whole(problems, "patience", js["patience"].as<double>(), 0, kMaxStopEvery, out.patience);
  read_whole(problems, "count", js["count"].as<double>(), 2, kMaxStopCount, out.count);
  return std::move(problems).take();
}

EMSCRIPTEN_BINDINGS(flowmatch_stopping) {
  using namespace emscripten;

  value_object<JsStopState>("StopState")
      .field("reason", &JsStopState::reason)
      .field("last", &JsStopState::last)
      .field("best", &JsStopState::best);
  function("stopState(experiment)", &stop_state);
}
