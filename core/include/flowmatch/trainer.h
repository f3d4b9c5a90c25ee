// Conditional flow matching: trains a model to predict the velocity of the affine path, or what
// else of it the path says (see Prediction).
//
//   loss = E w(t) |f(X_t, t, c) - target|^2, mean over the batch and the coordinates,
//   (X_0, X_1) ~ a coupling of source and data, t ~ a time law, c the label of X_1 or none
//   (Lipman et al. 2022, arXiv 2210.02747, equation 9; there w = 1, t ~ U(0, 1), X_0 ~ N(0, I) is
//   independent of X_1, and the target is the velocity)
//
// One step is a pure function of the state, the configuration and the step's number: the batch is
// cut into shards whose number depends on nothing but its size, their gradients are summed in
// order, and random numbers are counters. The weights are therefore the same, bit for bit, for any
// number of threads and for any cutting of a run into calls.
#pragma once

#include "flowmatch/coupling.h"
#include "flowmatch/distribution.h"
#include "flowmatch/loss_weighting.h"
#include "flowmatch/model.h"
#include "flowmatch/optimizer.h"
#include "flowmatch/pairs.h"
#include "flowmatch/path.h"
#include "flowmatch/problem.h"
#include "flowmatch/thread_pool.h"
#include "flowmatch/time_law.h"
#include "flowmatch/trainer_state.h"

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
  Index warmup_steps = 0;    ///< Over which the learning rate rises, 0 to kMaxSteps.
  double gradient_clip = 0;  ///< Largest norm of a step's gradient, [0, 1e6]; 0: no clipping.
  double ema_decay = 0.999;  ///< Decay a step of the averaged weights, [0, 1); 0: no averaging.
  AdamConfig adam;
  TimeLawConfig time_law;
  LossWeightingConfig loss_weighting;
  CouplingConfig coupling;
  /// Batches that are paired as one by a coupling other than the independent one, 1 to
  /// kMaxCouplingBatches, and at most kMaxCouplingRows points: the larger the set, the nearer the
  /// pairing to that of the distributions.
  Index coupling_batches = 1;
  /// Share of the rows whose label a conditional model does not see, [0, 1]: what it learns of them
  /// is the field without a label. Ho and Salimans 2022 (arXiv 2207.12598), algorithm 1.
  double label_dropout = 0.1;
  std::uint64_t seed = 0;  ///< Of initial weights and batches; every 64-bit number.
};

inline constexpr Index kMaxBatchSize = 65536;
inline constexpr Index kMaxCouplingBatches = 64;
/// Pairing costs the square of their number in memory and up to the cube in time.
inline constexpr Index kMaxCouplingRows = 4096;
inline constexpr Index kMaxSteps = 1'000'000;
inline constexpr double kMaxGradientClip = 1e6;

Problems validate(const TrainerConfig& config);

/// What the configuration makes of step `step` (from 0), whose gradient this is.
AdamStep adam_step(const TrainerConfig& config, Index step, std::span<const float> gradient);

class CoupledBatches;

class Trainer {
 public:
  /// Preconditions: validate(config) is empty; model and pairs have the same dimension, and as many
  /// labels if the model has any. The pool must outlive the trainer.
  Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Pairs> pairs, AffinePath path,
          const TrainerConfig& config, ThreadPool& pool);
  /// With X_0 ~ N(0, I), independent of the data.
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

  /// A copy of the complete state.
  [[nodiscard]] TrainerState state() const;
  /// Goes on from `state`, which may come from any file: every problem it has (arrays of another
  /// size, numbers that are not finite, more steps than the run has) is returned, and nothing
  /// changes then.
  Problems restore(const TrainerState& state);

  /// A hash (FNV-1a, 64 bits) of the complete state: equal states are equal bit for bit.
  [[nodiscard]] std::uint64_t state_hash() const;

 private:
  struct Worker;
  struct Shard;

  double run_shard(Index shard, Worker& worker);
  void draw(Index first_row, Index rows, Worker& worker);

  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Pairs> pairs_;
  AffinePath path_;
  TrainerConfig config_;
  ThreadPool& pool_;

  std::vector<float> parameters_;
  std::vector<float> ema_;
  Adam adam_;
  std::vector<Shard> shards_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<CoupledBatches> coupled_;  ///< None where the coupling is independent.
  Index steps_done_ = 0;
  bool diverged_ = false;

 public:
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  ~Trainer();
};

}  // namespace flowmatch
