// How many threads a test may use in this build.
#pragma once

#include "kernels/platform.h"

#include <vector>

namespace flowmatch::testing {

/// 8 is more than the cores of a small machine, on purpose. A build without threads has the caller
/// alone.
inline constexpr int kMostThreads = FLOWMATCH_THREADS != 0 ? 8 : 1;

/// The numbers of threads over which a result has to be the same: 1, 2, 3 and 8 where there are
/// threads.
inline std::vector<int> thread_counts() {
  if (kMostThreads == 1) return {1};
  return {1, 2, 3, kMostThreads};
}

}  // namespace flowmatch::testing
