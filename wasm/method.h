// How a model is learned, as JavaScript describes it, told apart by the keys that it has:
//
//   null                            flow matching
//   { cnfSolver, cnfSteps }         a continuous normalizing flow, by maximum likelihood
//   { couplingLayers, maxLogScale } a normalizing flow of affine couplings, by maximum likelihood
#pragma once

#include "flowmatch/experiment_config.h"
#include "flowmatch/problem.h"

#include <emscripten/val.h>

namespace flowmatch::binding {

/// Registered with its type in bindings.cpp.
EMSCRIPTEN_DECLARE_VAL_TYPE(MethodValue)

/// Reads one of the last two, but for the ranges that validate(ExperimentConfig) checks. Not of the
/// small module.
Problems read_method(const emscripten::val& js, ExperimentConfig& out);

}  // namespace flowmatch::binding
