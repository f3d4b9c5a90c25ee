// Conditional flow matching: a model learns to predict the velocity of the affine path, or what
// else of it the path says (see Prediction).
//
//   loss = E w(t) |f(X_t, t, c) - target|^2, mean over the batch and the coordinates,
//   (X_0, X_1) ~ a coupling of source and data, t ~ a time law, c the label of X_1 or none
//   (Lipman et al. 2022, arXiv 2210.02747, equation 9; there w = 1, t ~ U(0, 1), X_0 ~ N(0, I) is
//   independent of X_1, and the target is the velocity)
#pragma once

#include "flowmatch/model.h"
#include "flowmatch/pairs.h"
#include "flowmatch/path.h"
#include "flowmatch/thread_pool.h"
#include "flowmatch/training_loss.h"

#include <memory>
#include <span>

namespace flowmatch {

class CoupledBatches;

class FlowMatchingLoss final : public TrainingLoss {
 public:
  /// Preconditions: validate(config) is empty; model and pairs have the same dimension, and as many
  /// labels if the model has any. The pool, on which a coupling is found, must outlive the loss.
  FlowMatchingLoss(std::shared_ptr<const Model> model, std::shared_ptr<const Pairs> pairs,
                   AffinePath path, const TrainerConfig& config, ThreadPool& pool);
  ~FlowMatchingLoss() override;

  [[nodiscard]] Index parameter_count() const override { return model_->parameter_count(); }
  void initialise(std::span<float> parameters) const override {
    model_->initialise(config().seed, parameters);
  }
  [[nodiscard]] double divisor() const override {
    return static_cast<double>(config().batch_size * model_->dimension());
  }
  [[nodiscard]] ShardRows shard_rows() const override;
  [[nodiscard]] std::unique_ptr<TrainingLossWorkspace> workspace(Index rows) const override;
  void prepare(Index step) override;
  void forget() override;

 private:
  class Workspace;

  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Pairs> pairs_;
  AffinePath path_;
  std::unique_ptr<CoupledBatches> coupled_;  ///< None where the coupling is independent.
};

}  // namespace flowmatch
