#include "flowmatch/learned_field.h"

#include "rescheduled_evaluation.h"

#include <cassert>
#include <utility>

namespace flowmatch {

namespace {

class LearnedEvaluator final : public FieldEvaluator {
 public:
  LearnedEvaluator(const Model& model, std::span<const float> parameters,
                   const Rescheduling& rescheduling, std::int32_t label, Index max_rows)
      : parameters_(parameters),
        workspace_(model.workspace(WorkspaceUse::prediction)),
        times_(max_rows),
        labels_(label == kNoLabel ? 0 : static_cast<std::size_t>(max_rows), label),
        evaluation_(rescheduling, max_rows, model.dimension()) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    evaluation_.velocity(t, x, out, [this](double time, const ConstPointsRef& y, PointsRef f) {
      times_.head(y.rows()).setConstant(static_cast<float>(time));
      workspace_->predict(parameters_, times_.head(y.rows()), y, labels(y.rows()), f);
    });
  }

  void velocity_and_divergence(double t, const ConstPointsRef& x, const ConstPointsRef& probes,
                               PointsRef out, ValuesRef divergence) override {
    evaluation_.velocity_and_divergence(
        t, x, out, divergence, [&](double time, const ConstPointsRef& y, PointsRef f) {
          times_.head(y.rows()).setConstant(static_cast<float>(time));
          workspace_->predict_with_divergence(parameters_, times_.head(y.rows()), y,
                                              labels(y.rows()), probes, f, divergence);
        });
  }

 private:
  [[nodiscard]] LabelsRef labels(Index rows) const {
    if (labels_.empty()) return {};
    return LabelsRef(labels_).first(static_cast<std::size_t>(rows));
  }

  std::span<const float> parameters_;
  std::unique_ptr<ModelWorkspace> workspace_;
  Eigen::VectorXf times_;
  std::vector<std::int32_t> labels_;  // none where no row has one
  RescheduledEvaluation evaluation_;
};

}  // namespace

LearnedField::LearnedField(std::shared_ptr<const Model> model, std::vector<float> parameters,
                           const std::optional<Reading>& reading, std::int32_t label)
    : model_(std::move(model)),
      parameters_(std::move(parameters)),
      rescheduling_(reading.value_or(Reading{})),
      schedule_(reading ? std::optional(reading->sampled) : std::nullopt),
      label_(label) {
  assert(static_cast<Index>(parameters_.size()) == model_->parameter_count());
  assert(label_ == kNoLabel || (label_ >= 0 && label_ < model_->labels()));
}

std::unique_ptr<FieldEvaluator> LearnedField::evaluator(Index max_rows) const {
  return std::make_unique<LearnedEvaluator>(*model_, parameters_, rescheduling_, label_, max_rows);
}

}  // namespace flowmatch
