// Conditional flow matching: trains a model to predict the velocity of the affine path.
//
//   loss = E |f(X_t, t) - u_t(X_t | z)|^2, mean over the batch and the coordinates,
//   t ~ U(0, 1), X_0 ~ N(0, I), z ~ data  (Lipman et al. 2022, arXiv 2210.02747, equation 9)
//
// One step is a pure function of the state, the configuration and the step's number: the batch is
// cut into shards whose number depends on nothing but its size, their gradients are summed in
// order, and random numbers are counters. The weights are therefore the same, bit for bit, for any
// number of threads and for any cutting of a run into calls.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/model.h"
#include "flowmatch/optimizer.h"
#include "flowmatch/path.h"
#include "flowmatch/problem.h"
#include "flowmatch/thread_pool.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flowmatch {

struct TrainerConfig {
  Index batch_size = 256;  ///< Points a step, 1 to kMaxBatchSize.
  Index steps =
      5000;  ///< Steps of the whole run, 1 to kMaxSteps; the learning-rate decay spans it.
  double learning_rate = 3e-3;  ///< (0, 1].
  LearningRateDecay learning_rate_decay = LearningRateDecay::cosine;
  double ema_decay = 0.999;  ///< Decay a step of the averaged weights, [0, 1); 0: no averaging.
  AdamConfig adam;
  std::uint64_t seed = 0;  ///< Of initial weights and batches; every 64-bit number.
};

inline constexpr Index kMaxBatchSize = 65536;
inline constexpr Index kMaxSteps = 1'000'000;

Problems validate(const TrainerConfig& config);

class Trainer {
 public:
  /// Preconditions: validate(config) is empty; model and data have the same dimension. The pool
  /// must outlive the trainer.
  Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Distribution> data,
          AffinePath path, const TrainerConfig& config, ThreadPool& pool);

  /// Runs up to losses.size() steps and writes the loss of each; returns how many were run: fewer
  /// when the run is complete or has diverged. Does not allocate.
  Index step(std::span<float> losses);

  [[nodiscard]] Index steps_done() const { return steps_done_; }
  [[nodiscard]] bool finished() const { return steps_done_ >= config_.steps; }
  /// A step gave a non-finite loss or gradient. That step was not applied: the state is that before
  /// it, and further calls of step() do nothing.
  [[nodiscard]] bool diverged() const { return diverged_; }

  [[nodiscard]] const TrainerConfig& config() const { return config_; }
  [[nodiscard]] const Model& model() const { return *model_; }
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

  double run_shard(Index shard, Worker& worker);

  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Distribution> data_;
  AffinePath path_;
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
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  ~Trainer();
};

}  // namespace flowmatch
