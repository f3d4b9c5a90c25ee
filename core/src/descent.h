// What a trainer does with the gradients of a batch's shards: sums them in their order, and moves
// the weights by Adam; the same to the bit for any number of threads.
#pragma once

#include "flowmatch/optimizer.h"
#include "flowmatch/points.h"
#include "flowmatch/thread_pool.h"
#include "flowmatch/training_config.h"
#include "flowmatch/training_loss.h"

#include <span>
#include <vector>

namespace flowmatch {

/// A batch has at most this many shards: more would cost memory and summing, fewer would leave
/// threads of a larger machine idle.
inline constexpr Index kMaxShards = 8;

/// Rows of each shard of a batch but the last.
Index shard_rows(Index batch_size, const ShardRows& best);

/// One step by the mean gradient, the sum of those of 1 to kMaxShards shards; the first of them
/// holds the sum afterwards. False, and no weight has moved, where the loss or the gradient is not
/// finite. `ema` is empty where there is no average. Does not allocate.
bool descend(const TrainerConfig& config, Index step, double loss,
             std::span<float* const> gradients, ThreadPool& pool, Adam& adam,
             std::vector<float>& parameters, std::vector<float>& ema);

}  // namespace flowmatch
