// A trained model as a velocity field.
#pragma once

#include "flowmatch/field.h"
#include "flowmatch/model.h"
#include "flowmatch/rescheduled_field.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace flowmatch {

/// Holds its own copy of the weights, so that training may go on while the field is in use.
class LearnedField final : public Field {
 public:
  /// parameters has model->parameter_count() entries. `reading` says what the model was trained to
  /// predict and under which schedule, and of which schedule this is the field; without, the
  /// model's output is the velocity, of a schedule that nobody knows. `label` is that of every
  /// point: one of the model's, or none.
  LearnedField(std::shared_ptr<const Model> model, std::vector<float> parameters,
               const std::optional<Reading>& reading = std::nullopt, std::int32_t label = kNoLabel);

  [[nodiscard]] Index dimension() const override { return model_->dimension(); }
  [[nodiscard]] bool has_divergence() const override { return true; }
  [[nodiscard]] std::optional<Schedule> path_schedule() const override { return schedule_; }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index max_rows) const override;

 private:
  std::shared_ptr<const Model> model_;
  std::vector<float> parameters_;
  Rescheduling rescheduling_;
  std::optional<Schedule> schedule_;
  std::int32_t label_;
};

}  // namespace flowmatch
