// Trains a model by descending its loss: stochastic gradients, Adam, an average of the weights.
//
// One step is a pure function of the state, the configuration and the step's number: the batch is
// cut into shards whose number depends on nothing but its size, their gradients are summed in
// order, and random numbers are counters. The weights are therefore the same, bit for bit, for any
// number of threads and for any cutting of a run into calls.
//
// Not here: what is minimised (training_loss.h).
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/model.h"
#include "flowmatch/optimizer.h"
#include "flowmatch/pairs.h"
#include "flowmatch/path.h"
#include "flowmatch/problem.h"
#include "flowmatch/thread_pool.h"
#include "flowmatch/trainer_state.h"
#include "flowmatch/training_config.h"
#include "flowmatch/training_loss.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flowmatch {

class Trainer {
 public:
  /// With the configuration that the loss was made with. The pool must outlive the trainer.
  Trainer(std::unique_ptr<TrainingLoss> loss, ThreadPool& pool);
  /// By flow matching: see FlowMatchingLoss.
  Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Pairs> pairs, AffinePath path,
          const TrainerConfig& config, ThreadPool& pool);
  /// With X_0 ~ N(0, I), independent of the data.
  Trainer(std::shared_ptr<const Model> model, const std::shared_ptr<const Distribution>& data,
          AffinePath path, const TrainerConfig& config, ThreadPool& pool);

  /// Runs up to losses.size() steps and writes the loss of each; returns how many were run: fewer
  /// when the run is complete or has diverged. Does not allocate.
  Index step(std::span<float> losses);

  [[nodiscard]] Index steps_done() const { return steps_done_; }
  [[nodiscard]] bool finished() const { return steps_done_ >= config().steps; }
  /// A step gave a non-finite loss or gradient. That step was not applied: the state is that before
  /// it, and further calls of step() do nothing.
  [[nodiscard]] bool diverged() const { return diverged_; }

  [[nodiscard]] const TrainerConfig& config() const { return loss_->config(); }
  [[nodiscard]] std::span<const float> parameters() const { return parameters_; }
  /// The weights to sample with: the averaged ones, or parameters() where averaging is off.
  [[nodiscard]] std::span<const float> averaged_parameters() const {
    return ema_.empty() ? parameters_ : ema_;
  }

  /// A copy of the complete state.
  [[nodiscard]] TrainerState state() const;
  /// Goes on from `state`, which may come from any file: every problem it has (arrays of another
  /// size, numbers that are not finite, more steps than the run has) is returned, and nothing
  /// changes then.
  Problems restore(const TrainerState& state);

  /// A hash (FNV-1a, 64 bits) of the complete state: equal states are equal bit for bit.
  [[nodiscard]] std::uint64_t state_hash() const;

 private:
  struct Shard;

  std::unique_ptr<TrainingLoss> loss_;
  ThreadPool& pool_;

  std::vector<float> parameters_;
  std::vector<float> ema_;
  Adam adam_;
  std::vector<Shard> shards_;
  /// One for each thread.
  std::vector<std::unique_ptr<TrainingLossWorkspace>> workspaces_;
  Index steps_done_ = 0;
  bool diverged_ = false;

 public:
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  ~Trainer();
};

}  // namespace flowmatch
