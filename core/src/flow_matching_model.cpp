#include "flowmatch/flow_matching_loss.h"
#include "flowmatch/generative_model.h"
#include "flowmatch/guidance.h"
#include "flowmatch/mlp.h"

#include <utility>

namespace flowmatch {

namespace {

class FlowMatchingModel final : public GenerativeModel {
 public:
  explicit FlowMatchingModel(const ExperimentConfig& config)
      : network_(std::make_shared<const Mlp>(network_config(config))),
        prediction_(config.prediction),
        schedule_(config.schedule) {}

  [[nodiscard]] Index parameter_count() const override { return network_->parameter_count(); }

  [[nodiscard]] std::unique_ptr<TrainingLoss> loss(std::shared_ptr<const Pairs> pairs,
                                                   std::shared_ptr<const Distribution> /*data*/,
                                                   const TrainerConfig& config,
                                                   ThreadPool& pool) const override {
    return std::make_unique<FlowMatchingLoss>(network_, std::move(pairs),
                                              AffinePath(schedule_, prediction_), config, pool);
  }

  [[nodiscard]] std::shared_ptr<const Field> field(const std::vector<float>& parameters,
                                                   const FieldOptions& options) const override {
    return guided_field(network_, parameters, options.guidance,
                        Reading{.prediction = prediction_,
                                .trained = schedule_,
                                .sampled = options.schedule.value_or(schedule_)});
  }

 private:
  std::shared_ptr<const Model> network_;
  Prediction prediction_;
  Schedule schedule_;
};

}  // namespace

std::shared_ptr<const GenerativeModel> make_flow_matching_model(const ExperimentConfig& config) {
  return std::make_shared<const FlowMatchingModel>(config);
}

}  // namespace flowmatch
