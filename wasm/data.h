// The data of an experiment as JavaScript describes it: one object, told apart by the keys that it
// has, which are those of a configuration in JSON (core/io/src/config_json.cpp).
//
//   { components, radius, standardDeviation }   equal Gaussians on a circle
//   { dataSet, noise, scale, ... }              a set, with the parameters that are not its own
//   { weights, means, covariances }             any mixture in the plane
//   { points, labels, smoothing }               given points: x, y in turns, typed arrays
#pragma once

#include "flowmatch/problem.h"
#include "flowmatch/target.h"

#include <emscripten/val.h>

namespace flowmatch::binding {

using emscripten::val;

/// Registered with the types of the four in bindings.cpp.
EMSCRIPTEN_DECLARE_VAL_TYPE(DataValue)
/// One of them for the source, or null: N(0, I).
EMSCRIPTEN_DECLARE_VAL_TYPE(SourceValue)

/// What a property is as a number; NaN where it is none that could be one.
inline double number_at(const val& object, const char* key) {
  return object[key].as<double>();
}

inline bool has(const val& object, const char* key) {
  return !object[key].isUndefined();
}

/// The first of the four: the small module knows no other.
inline bool is_ring(const val& data) {
  return has(data, "components");
}

/// Reads the first of the four. `out` keeps its value where there is a problem.
Problems read_ring(const val& js, DataConfig& out);

/// Reads any of them, but for the ranges that validate(DataConfig) checks. Not of the small module.
Problems read_data(const val& js, DataConfig& out);

}  // namespace flowmatch::binding
