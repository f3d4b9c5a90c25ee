// Class labels of points: 0, 1, ... up to a number of classes.
#pragma once

#include "flowmatch/points.h"

#include <cstdint>

namespace flowmatch {

/// The label of a point that has none, or of which it is not told.
inline constexpr std::int32_t kNoLabel = -1;
/// Most classes that a model may tell apart, or points may be given with.
inline constexpr Index kMaxLabels = 1024;

}  // namespace flowmatch
