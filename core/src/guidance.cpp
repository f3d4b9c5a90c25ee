#include "flowmatch/guidance.h"

#include <cassert>
#include <cmath>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

class GuidedEvaluator final : public FieldEvaluator {
 public:
  GuidedEvaluator(const Field& conditional, const Field& unconditional, double scale,
                  Index max_rows)
      : conditional_(conditional.evaluator(max_rows)),
        unconditional_(unconditional.evaluator(max_rows)),
        scale_(scale),
        other_(max_rows, conditional.dimension()),
        other_divergence_(max_rows) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    conditional_->velocity(t, x, out);
    unconditional_->velocity(t, x, other_.topRows(x.rows()));
    join(out);
  }

  void velocity_and_divergence(double t, const ConstPointsRef& x, const ConstPointsRef& probes,
                               PointsRef out, ValuesRef divergence) override {
    auto other = other_divergence_.head(x.rows());
    conditional_->velocity_and_divergence(t, x, probes, out, divergence);
    unconditional_->velocity_and_divergence(t, x, probes, other_.topRows(x.rows()), other);
    join(out);
    divergence = (1 + scale_) * divergence - scale_ * other;
  }

 private:
  void join(PointsRef& out) const {
    const auto with = static_cast<float>(1 + scale_);
    const auto without = static_cast<float>(scale_);
    out = with * out - without * other_.topRows(out.rows());
  }

  std::unique_ptr<FieldEvaluator> conditional_;
  std::unique_ptr<FieldEvaluator> unconditional_;
  double scale_;
  Points other_;
  Values other_divergence_;
};

}  // namespace

GuidedField::GuidedField(std::shared_ptr<const Field> conditional,
                         std::shared_ptr<const Field> unconditional, double scale)
    : conditional_(std::move(conditional)),
      unconditional_(std::move(unconditional)),
      scale_(scale) {
  assert(std::isfinite(scale));
  assert(conditional_->dimension() == unconditional_->dimension());
}

bool GuidedField::has_divergence() const {
  return conditional_->has_divergence() && unconditional_->has_divergence();
}

std::unique_ptr<FieldEvaluator> GuidedField::evaluator(Index max_rows) const {
  if (scale_ == 0) return conditional_->evaluator(max_rows);
  if (scale_ == -1) return unconditional_->evaluator(max_rows);
  return std::make_unique<GuidedEvaluator>(*conditional_, *unconditional_, scale_, max_rows);
}

Problems validate(const GuidanceConfig& config, Index labels) {
  ProblemList problems;
  if (labels == 0 && config.label != kNoLabel) {
    problems.add("label", std::to_string(config.label),
                 std::to_string(kNoLabel) + " (none) where the model is told no labels");
  } else {
    problems.check_integer("label", config.label, kNoLabel, static_cast<double>(labels - 1));
  }
  problems.check_range("scale", config.scale, -kMaxGuidanceScale, kMaxGuidanceScale);
  return std::move(problems).take();
}

std::shared_ptr<const Field> guided_field(const std::shared_ptr<const Model>& model,
                                          const std::vector<float>& parameters,
                                          const GuidanceConfig& config,
                                          const std::optional<Reading>& reading) {
  assert(validate(config, model->labels()).empty());
  auto unconditional = std::make_shared<const LearnedField>(model, parameters, reading);
  if (config.label == kNoLabel) return unconditional;
  auto conditional = std::make_shared<const LearnedField>(model, parameters, reading, config.label);
  return std::make_shared<const GuidedField>(std::move(conditional), std::move(unconditional),
                                             config.scale);
}

}  // namespace flowmatch
