#include "flowmatch/maximum_likelihood.h"

#include "descent.h"
#include "network_pass.h"
#include "state_hash.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace flowmatch {

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
  // Whole passes of the networks.
  const Index rows = shard_rows(config.batch_size, kPassRows, kPassRows);
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
  Index done = 0;
  for (float& loss : losses) {
    if (finished() || diverged_) break;

    pool_.parallel_for(static_cast<Index>(shards_.size()), [&](Index index, int worker) {
      Shard& shard = shards_[static_cast<std::size_t>(index)];
      shard.loss = run_shard(shard, *workers_[static_cast<std::size_t>(worker)]);
    });
    double sum = 0;
    std::array<float*, kMaxShards> gradients{};
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      sum += shards_[i].loss;
      gradients[i] = shards_[i].gradient.data();
    }
    loss = static_cast<float>(sum / static_cast<double>(config_.batch_size));
    if (!descend(config_, steps_done_, static_cast<double>(loss),
                 std::span(gradients).first(shards_.size()), pool_, adam_, parameters_, ema_)) {
      diverged_ = true;
      break;
    }
    ++steps_done_;
    ++done;
  }
  return done;
}

std::uint64_t MaximumLikelihoodTrainer::state_hash() const {
  return flowmatch::state_hash(steps_done_, parameters_, ema_, adam_);
}

}  // namespace flowmatch
