#include "flowmatch/maximum_likelihood.h"

#include "network_pass.h"

#include <cassert>
#include <cstdint>
#include <utility>

namespace flowmatch {

std::optional<double> least_maximum_likelihood_loss(const Distribution& data) {
  return data.entropy();
}

class MaximumLikelihoodLoss::Workspace final : public TrainingLossWorkspace {
 public:
  Workspace(const MaximumLikelihoodLoss& loss, Index rows)
      : loss_(loss), workspace_(loss.model_->workspace()), x_(rows, loss.model_->dimension()) {}

  double add_rows(std::span<const float> parameters, Index step, Index first_row, Index rows,
                  std::span<float> gradient) override {
    const RandomStream stream{loss_.config().seed, Purpose::ml_data,
                              static_cast<std::uint32_t>(step)};
    loss_.data_->sample(stream, first_row, x_.topRows(rows));
    return workspace_->loss_gradient(parameters, x_.topRows(rows),
                                     1 / static_cast<float>(loss_.divisor()), gradient);
  }

 private:
  const MaximumLikelihoodLoss& loss_;
  std::unique_ptr<DensityWorkspace> workspace_;
  Points x_;
};

MaximumLikelihoodLoss::MaximumLikelihoodLoss(std::shared_ptr<const DensityModel> model,
                                             std::shared_ptr<const Distribution> data,
                                             const TrainerConfig& config)
    : TrainingLoss(config), model_(std::move(model)), data_(std::move(data)) {
  assert(model_->dimension() == data_->dimension());
}

/// Whole passes of the networks.
ShardRows MaximumLikelihoodLoss::shard_rows() const {
  return {.multiple = kPassRows, .least = kPassRows};
}

std::unique_ptr<TrainingLossWorkspace> MaximumLikelihoodLoss::workspace(Index rows) const {
  return std::make_unique<Workspace>(*this, rows);
}

}  // namespace flowmatch
