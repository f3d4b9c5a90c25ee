// Maximum likelihood: what the densities of density_model.h are trained by.
//
//   loss = E -log p(x), x ~ data, mean over the batch, in nats a point.
//
// It cannot fall below the data's entropy.
#pragma once

#include "flowmatch/density_model.h"
#include "flowmatch/distribution.h"
#include "flowmatch/training_loss.h"

#include <memory>
#include <optional>
#include <span>

namespace flowmatch {

/// The least that the loss can be, the entropy of the data in nats; none where it is not known.
std::optional<double> least_maximum_likelihood_loss(const Distribution& data);

class MaximumLikelihoodLoss final : public TrainingLoss {
 public:
  /// Preconditions: validate(config) is empty; model and data have the same dimension. Of the
  /// configuration, times, weights, coupling and labels mean nothing here.
  MaximumLikelihoodLoss(std::shared_ptr<const DensityModel> model,
                        std::shared_ptr<const Distribution> data, const TrainerConfig& config);

  [[nodiscard]] Index parameter_count() const override { return model_->parameter_count(); }
  void initialise(std::span<float> parameters) const override {
    model_->initialise(config().seed, parameters);
  }
  [[nodiscard]] double divisor() const override { return static_cast<double>(config().batch_size); }
  [[nodiscard]] ShardRows shard_rows() const override;
  [[nodiscard]] std::unique_ptr<TrainingLossWorkspace> workspace(Index rows) const override;

 private:
  class Workspace;

  std::shared_ptr<const DensityModel> model_;
  std::shared_ptr<const Distribution> data_;
};

}  // namespace flowmatch
