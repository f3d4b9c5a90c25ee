// Points as tables in text: comma-separated values with a line of names first. Numbers are written
// as short as reads back to the same float.
#pragma once

#include "flowmatch/points.h"

#include <span>
#include <string>

namespace flowmatch {

/// Columns x0, x1, ...; a line for each row of x (N x D).
std::string samples_to_csv(const ConstPointsRef& x);

/// Columns t, particle, x0, x1, ...; a line for each particle at each time. `positions` is frames x
/// particles x dimension, row-major, and `times` has a time for each frame.
std::string trajectories_to_csv(std::span<const double> times, std::span<const float> positions,
                                Index particles, Index dimension);

}  // namespace flowmatch
