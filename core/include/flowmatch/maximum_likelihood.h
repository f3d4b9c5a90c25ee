// Training by maximum likelihood: what trainer.h does by flow matching, for the densities of
// density_model.h.
//
//   loss = E -log p(x), x ~ data, mean over the batch, in nats a point.
//
// It cannot fall below the data's entropy. Steps, shards and random numbers are as in trainer.h:
// the weights are the same, bit for bit, for any number of threads and for any cutting of a run
// into calls.
#pragma once

#include "flowmatch/density_model.h"
#include "flowmatch/distribution.h"
#include "flowmatch/optimizer.h"
#include "flowmatch/thread_pool.h"
#include "flowmatch/trainer.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flowmatch {

class MaximumLikelihoodTrainer {
 public:
  /// Preconditions: validate(config) is empty; model and data have the same dimension. The pool
  /// must outlive the trainer.
  MaximumLikelihoodTrainer(std::shared_ptr<const DensityModel> model,
                           std::shared_ptr<const Distribution> data, const TrainerConfig& config,
                           ThreadPool& pool);

  /// Runs up to losses.size() steps and writes the negative log-likelihood of each, in nats a
  /// point; returns how many were run: fewer when the run is complete or has diverged. Does not
  /// allocate.
  Index step(std::span<float> losses);

  [[nodiscard]] Index steps_done() const { return steps_done_; }
  [[nodiscard]] bool finished() const { return steps_done_ >= config_.steps; }
  /// A step gave a non-finite loss or gradient. That step was not applied: the state is that before
  /// it, and further calls of step() do nothing.
  [[nodiscard]] bool diverged() const { return diverged_; }

  [[nodiscard]] const TrainerConfig& config() const { return config_; }
  [[nodiscard]] const DensityModel& model() const { return *model_; }
  [[nodiscard]] std::span<const float> parameters() const { return parameters_; }
  /// The weights to sample with: the averaged ones, or parameters() where averaging is off.
  [[nodiscard]] std::span<const float> averaged_parameters() const {
    return ema_.empty() ? parameters_ : ema_;
  }

  /// A hash (FNV-1a, 64 bits) of the complete state: equal states are equal bit for bit.
  [[nodiscard]] std::uint64_t state_hash() const;

 private:
  struct Worker;
  struct Shard;

  double run_shard(Shard& shard, Worker& worker);

  std::shared_ptr<const DensityModel> model_;
  std::shared_ptr<const Distribution> data_;
  TrainerConfig config_;
  ThreadPool& pool_;

  std::vector<float> parameters_;
  std::vector<float> ema_;
  Adam adam_;
  std::vector<Shard> shards_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Index steps_done_ = 0;
  bool diverged_ = false;

 public:
  MaximumLikelihoodTrainer(const MaximumLikelihoodTrainer&) = delete;
  MaximumLikelihoodTrainer& operator=(const MaximumLikelihoodTrainer&) = delete;
  ~MaximumLikelihoodTrainer();
};

}  // namespace flowmatch
