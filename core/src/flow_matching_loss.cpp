#include "flowmatch/flow_matching_loss.h"

#include "coupled_batches.h"

#include <cassert>
#include <cstdint>
#include <utility>
#include <vector>

namespace flowmatch {

namespace {

/// Kernels run on full tiles of so many rows.
constexpr Index kTileRows = 32;

}  // namespace

class FlowMatchingLoss::Workspace final : public TrainingLossWorkspace {
 public:
  Workspace(const FlowMatchingLoss& loss, Index rows)
      : loss_(loss),
        workspace_(loss.model_->workspace(WorkspaceUse::training)),
        t_(rows),
        x0_(rows, loss.model_->dimension()),
        x1_(rows, loss.model_->dimension()),
        x_t_(rows, loss.model_->dimension()),
        target_(rows, loss.model_->dimension()),
        weights_(static_cast<std::size_t>(rows)),
        labels_(loss.model_->labels() > 0 ? static_cast<std::size_t>(rows) : 0) {}

  double add_rows(std::span<const float> parameters, Index step, Index first_row, Index rows,
                  std::span<float> gradient) override {
    const TrainerConfig& config = loss_.config();
    const AffinePath& path = loss_.path_;
    const auto size = static_cast<std::size_t>(rows);
    const std::span<float> times{t_.data(), size};
    const auto labels = std::span(labels_).first(labels_.empty() ? 0 : size);
    fill_times(config.time_law, path.schedule(),
               {config.seed, Purpose::training_time, static_cast<std::uint32_t>(step)}, first_row,
               times);
    draw(step, first_row, rows, labels);
    path.interpolate(t_.head(rows), x0_.topRows(rows), x1_.topRows(rows), x_t_.topRows(rows),
                     target_.topRows(rows));
    std::span<float> weights;
    if (config.loss_weighting.weighting != LossWeighting::constant) {
      weights = std::span(weights_).first(size);
      fill_weights(config.loss_weighting, path, times, weights);
    }
    return workspace_->loss_gradient(parameters, t_.head(rows), x_t_.topRows(rows), labels,
                                     target_.topRows(rows), weights,
                                     static_cast<float>(1 / loss_.divisor()), gradient);
  }

 private:
  /// The pairs of rows [first_row, first_row + rows) of the step's batch, and the labels that the
  /// model sees.
  void draw(Index step, Index first_row, Index rows, std::span<std::int32_t> labels) {
    const TrainerConfig& config = loss_.config();
    const auto number = static_cast<std::uint32_t>(step);
    if (loss_.coupled_ == nullptr) {
      loss_.pairs_->sample(config.seed, number, first_row, x0_.topRows(rows), x1_.topRows(rows),
                           labels);
    } else {
      loss_.coupled_->copy(step, first_row, x0_.topRows(rows), x1_.topRows(rows), labels);
    }
    if (labels.empty() || config.label_dropout <= 0) return;
    const RandomStream dropout{config.seed, Purpose::label_dropout, number};
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto row = static_cast<std::uint32_t>(first_row) + static_cast<std::uint32_t>(i);
      const auto uniform = static_cast<double>(uniform_from_word(dropout.words(row)[0]));
      if (uniform < config.label_dropout) labels[i] = kNoLabel;
    }
  }

  const FlowMatchingLoss& loss_;
  std::unique_ptr<ModelWorkspace> workspace_;
  Eigen::VectorXf t_;
  Points x0_;
  Points x1_;
  Points x_t_;
  Points target_;
  std::vector<float> weights_;
  std::vector<std::int32_t> labels_;
};

FlowMatchingLoss::FlowMatchingLoss(std::shared_ptr<const Model> model,
                                   std::shared_ptr<const Pairs> pairs, AffinePath path,
                                   const TrainerConfig& config, ThreadPool& pool)
    : TrainingLoss(config), model_(std::move(model)), pairs_(std::move(pairs)), path_(path) {
  assert(model_->dimension() == pairs_->dimension());
  assert(model_->labels() == 0 || model_->labels() == pairs_->labels());
  if (config.coupling.coupling != Coupling::independent) {
    coupled_ = CoupledBatches::make(config, pairs_, pool);
  }
}

FlowMatchingLoss::~FlowMatchingLoss() = default;

ShardRows FlowMatchingLoss::shard_rows() const {
  return {.multiple = kTileRows, .least = 2 * kTileRows};
}

std::unique_ptr<TrainingLossWorkspace> FlowMatchingLoss::workspace(Index rows) const {
  return std::make_unique<Workspace>(*this, rows);
}

void FlowMatchingLoss::prepare(Index step) {
  if (coupled_ != nullptr && !coupled_->has(step)) coupled_->prepare(step);
}

void FlowMatchingLoss::forget() {
  if (coupled_ != nullptr) coupled_->forget();
}

}  // namespace flowmatch
