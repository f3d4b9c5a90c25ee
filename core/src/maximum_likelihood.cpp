#include "flowmatch/maximum_likelihood.h"

#include "kernels/elementwise.h"
#include "network_pass.h"
#include "state_hash.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <utility>

namespace flowmatch {

namespace {

/// A batch has at most this many shards: more would cost memory and summing, fewer would leave
/// threads of a larger machine idle.
constexpr Index kMaxShards = 8;

/// Rows of a shard: whole passes of the networks.
Index shard_rows(Index batch_size) {
  const Index even = (batch_size + kMaxShards - 1) / kMaxShards;
  return (even + kPassRows - 1) / kPassRows * kPassRows;
}

}  // namespace

/// Working memory of one thread.
struct MaximumLikelihoodTrainer::Worker {
  Worker(const DensityModel& model, Index rows)
      : workspace(model.workspace()), x(rows, model.dimension()) {}

  std::unique_ptr<DensityWorkspace> workspace;
  Points x;
};

/// One part of every batch and its gradient.
struct MaximumLikelihoodTrainer::Shard {
  Index first_row;
  Index rows;
  std::vector<float> gradient;
  double loss = 0;
};

MaximumLikelihoodTrainer::MaximumLikelihoodTrainer(std::shared_ptr<const DensityModel> model,
                                                   std::shared_ptr<const Distribution> data,
                                                   const TrainerConfig& config, ThreadPool& pool)
    : model_(std::move(model)),
      data_(std::move(data)),
      config_(config),
      pool_(pool),
      parameters_(static_cast<std::size_t>(model_->parameter_count())),
      adam_(config.adam, model_->parameter_count()) {
  assert(validate(config).empty());
  assert(model_->dimension() == data_->dimension());
  model_->initialise(config.seed, parameters_);
  if (config.ema_decay > 0) ema_ = parameters_;
  const Index rows = shard_rows(config.batch_size);
  for (Index first = 0; first < config.batch_size; first += rows) {
    shards_.push_back({.first_row = first,
                       .rows = std::min(rows, config.batch_size - first),
                       .gradient = std::vector<float>(parameters_.size())});
  }
  for (int worker = 0; worker < pool.size(); ++worker) {
    workers_.push_back(std::make_unique<Worker>(*model_, rows));
  }
}

MaximumLikelihoodTrainer::~MaximumLikelihoodTrainer() = default;

double MaximumLikelihoodTrainer::run_shard(Shard& shard, Worker& worker) {
  const RandomStream stream{config_.seed, Purpose::ml_data,
                            static_cast<std::uint32_t>(steps_done_)};
  data_->sample(stream, shard.first_row, worker.x.topRows(shard.rows));
  return worker.workspace->loss_gradient(parameters_, worker.x.topRows(shard.rows),
                                         1 / static_cast<float>(config_.batch_size),
                                         shard.gradient);
}

Index MaximumLikelihoodTrainer::step(std::span<float> losses) {
  const Index count = model_->parameter_count();
  Index done = 0;
  for (float& loss : losses) {
    if (finished() || diverged_) break;

    pool_.parallel_for(static_cast<Index>(shards_.size()), [&](Index index, int worker) {
      Shard& shard = shards_[static_cast<std::size_t>(index)];
      shard.loss = run_shard(shard, *workers_[static_cast<std::size_t>(worker)]);
    });
    // In order, by one thread: next to the shards themselves these sums and the update are nothing.
    double sum = 0;
    std::array<const float*, kMaxShards> parts{};
    for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
      sum += shards_[shard].loss;
      parts[shard] = shards_[shard].gradient.data();
    }
    loss = static_cast<float>(sum / static_cast<double>(config_.batch_size));
    std::vector<float>& gradient = shards_.front().gradient;
    const bool squarable =
        kernels::sum_parts(count, std::span(parts).first(shards_.size()), gradient.data());
    if (!std::isfinite(loss) || !squarable) {
      diverged_ = true;
      break;
    }

    adam_.update(0, count, adam_step(config_, steps_done_, gradient), gradient, parameters_, ema_);
    ++steps_done_;
    ++done;
  }
  return done;
}

std::uint64_t MaximumLikelihoodTrainer::state_hash() const {
  return flowmatch::state_hash(steps_done_, parameters_, ema_, adam_);
}

}  // namespace flowmatch
