// The suite `memory` of flowmatch_bench: that a long run takes no more memory than a short one.
#pragma once

#include <string>

namespace flowmatch::bench {

/// Trains a small network for 100,000 steps on so many threads; before, and after every power of
/// ten from 100 on, it also moves a cloud and measures the result, as a page does. Prints what is
/// in use then, a line of JSON each.
void measure_memory(const std::string& suite, int threads);

}  // namespace flowmatch::bench
