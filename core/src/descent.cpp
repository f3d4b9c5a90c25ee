#include "descent.h"

#include "kernels/elementwise.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cmath>

namespace flowmatch {

namespace {

/// Parameters that one task covers. Fixed, because the last few of a range take a path with other
/// rounding: ranges must not depend on the number of threads.
constexpr Index kRange = 8192;

}  // namespace

Index shard_rows(Index batch_size, const ShardRows& best) {
  const Index even = (batch_size + kMaxShards - 1) / kMaxShards;
  return std::max((even + best.multiple - 1) / best.multiple * best.multiple, best.least);
}

bool descend(const TrainerConfig& config, Index step, double loss,
             std::span<float* const> gradients, ThreadPool& pool, Adam& adam,
             std::vector<float>& parameters, std::vector<float>& ema) {
  assert(!gradients.empty() && gradients.size() <= static_cast<std::size_t>(kMaxShards));
  const auto count = static_cast<Index>(parameters.size());
  const Index ranges = (count + kRange - 1) / kRange;
  float* const gradient = gradients.front();
  // All sums before the first update: a step that diverges leaves the weights as they were.
  std::atomic<bool> squarable{true};
  pool.parallel_for(ranges, [&](Index range, int /*worker*/) {
    const Index first = range * kRange;
    std::array<const float*, kMaxShards> parts{};
    for (std::size_t shard = 0; shard < gradients.size(); ++shard) {
      parts[shard] = gradients[shard] + first;
    }
    if (!kernels::sum_parts(std::min(kRange, count - first),
                            std::span(parts).first(gradients.size()), gradient + first)) {
      squarable = false;
    }
  });
  if (!std::isfinite(loss) || !squarable) return false;

  const std::span<const float> sum(gradient, parameters.size());
  const AdamStep scalars = adam_step(config, step, sum);
  pool.parallel_for(ranges, [&](Index range, int /*worker*/) {
    const Index first = range * kRange;
    adam.update(first, std::min(first + kRange, count), scalars, sum, parameters, ema);
  });
  return true;
}

}  // namespace flowmatch
