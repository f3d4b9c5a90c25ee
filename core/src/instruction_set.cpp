#include "flowmatch/instruction_set.h"

#include "kernels/platform.h"
// platform.h first: it chooses Highway's targets.
#include "hwy/targets.h"

namespace flowmatch {

std::string_view instruction_set() {
#if defined(__EMSCRIPTEN__)
  return FLOWMATCH_RELAXED_SIMD != 0 ? "relaxed" : "simd128";
#else
  // Of the targets that are both compiled and supported, the lowest bit is the best.
  const auto usable = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(usable & -usable);
#endif
}

}  // namespace flowmatch
