// The stopping rule of a run as JavaScript describes it: { metric, below, every, patience, count },
// or null: the run goes on to its last step.
#pragma once

#include "flowmatch/problem.h"
#include "flowmatch/stopping.h"

#include <emscripten/val.h>

namespace flowmatch::binding {

/// Registered with its type in bindings.cpp.
EMSCRIPTEN_DECLARE_VAL_TYPE(StopValue)

/// Reads a rule, but for the ranges that validate(StopConfig) checks. Not of the small module.
Problems read_stop(const emscripten::val& js, StopConfig& out);

}  // namespace flowmatch::binding
