// What training minimises: a mean over a batch of rows, each a random number whose mean is the loss
// itself, as a function of the weights and of the number of the step. A Trainer descends any of
// them: that of flow matching (flow_matching_loss.h), of maximum likelihood (maximum_likelihood.h).
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/training_config.h"

#include <cstdint>
#include <memory>
#include <span>

namespace flowmatch {

/// Working memory for one thread, allocated once.
class TrainingLossWorkspace {
 public:
  TrainingLossWorkspace() = default;
  TrainingLossWorkspace(const TrainingLossWorkspace&) = delete;
  TrainingLossWorkspace& operator=(const TrainingLossWorkspace&) = delete;
  virtual ~TrainingLossWorkspace() = default;

  /// Returns what rows first_row to first_row + rows of the step's batch add to the loss, before it
  /// is divided by TrainingLoss::divisor(); `gradient` becomes what they add to the gradient of the
  /// loss, divided. A row's part does not depend on those around it. Does not allocate.
  virtual double add_rows(std::span<const float> parameters, Index step, Index first_row,
                          Index rows, std::span<float> gradient) = 0;
};

/// How many rows one call of add_rows() is best asked for: a multiple of one number, and no fewer
/// than another.
struct ShardRows {
  Index multiple;
  Index least;
};

class TrainingLoss {
 public:
  TrainingLoss(const TrainingLoss&) = delete;
  TrainingLoss& operator=(const TrainingLoss&) = delete;
  virtual ~TrainingLoss() = default;

  [[nodiscard]] const TrainerConfig& config() const { return config_; }
  [[nodiscard]] virtual Index parameter_count() const = 0;
  /// Writes initial weights drawn from config().seed; parameters has parameter_count() entries.
  virtual void initialise(std::span<float> parameters) const = 0;
  /// What the sum over a whole batch is divided by, to be the loss.
  [[nodiscard]] virtual double divisor() const = 0;
  [[nodiscard]] virtual ShardRows shard_rows() const = 0;
  /// For up to so many rows at once. The loss must outlive it.
  [[nodiscard]] virtual std::unique_ptr<TrainingLossWorkspace> workspace(Index rows) const = 0;

  /// Makes what all rows of a step have in common, before the first of them. Does not allocate.
  virtual void prepare(Index /*step*/) {}
  /// The steps to come do not follow those that were.
  virtual void forget() {}

 protected:
  /// Precondition: validate(config) is empty.
  explicit TrainingLoss(const TrainerConfig& config) : config_(config) {}

 private:
  TrainerConfig config_;
};

}  // namespace flowmatch
