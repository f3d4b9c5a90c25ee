// A trained model as a velocity field.
#pragma once

#include "flowmatch/field.h"
#include "flowmatch/model.h"

#include <memory>
#include <vector>

namespace flowmatch {

/// Holds its own copy of the weights, so that training may go on while the field is in use.
class LearnedField final : public Field {
 public:
  /// parameters has model->parameter_count() entries.
  LearnedField(std::shared_ptr<const Model> model, std::vector<float> parameters);

  [[nodiscard]] Index dimension() const override { return model_->dimension(); }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index max_rows) const override;

 private:
  std::shared_ptr<const Model> model_;
  std::vector<float> parameters_;
};

}  // namespace flowmatch
