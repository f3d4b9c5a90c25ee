#include "flowmatch/learned_field.h"

#include <cassert>
#include <utility>

namespace flowmatch {

namespace {

class LearnedEvaluator final : public FieldEvaluator {
 public:
  LearnedEvaluator(const Model& model, std::span<const float> parameters, Index max_rows)
      : parameters_(parameters),
        workspace_(model.workspace(WorkspaceUse::prediction)),
        times_(max_rows) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    times_.head(x.rows()).setConstant(static_cast<float>(t));
    workspace_->predict(parameters_, times_.head(x.rows()), x, out);
  }

 private:
  std::span<const float> parameters_;
  std::unique_ptr<ModelWorkspace> workspace_;
  Eigen::VectorXf times_;
};

}  // namespace

LearnedField::LearnedField(std::shared_ptr<const Model> model, std::vector<float> parameters)
    : model_(std::move(model)), parameters_(std::move(parameters)) {
  assert(static_cast<Index>(parameters_.size()) == model_->parameter_count());
}

std::unique_ptr<FieldEvaluator> LearnedField::evaluator(Index max_rows) const {
  return std::make_unique<LearnedEvaluator>(*model_, parameters_, max_rows);
}

}  // namespace flowmatch
