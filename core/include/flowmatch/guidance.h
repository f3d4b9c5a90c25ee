// Classifier-free guidance: the field of a class, pushed away from the field without one, so that
// samples are more typical of the class than its own distribution (Ho and Salimans 2022, arXiv
// 2207.12598, equation 6; for velocities Zheng et al. 2023, arXiv 2311.13443).
#pragma once

#include "flowmatch/field.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/problem.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace flowmatch {

/// v(x, t) = (1 + w) v_c(x, t) - w v_0(x, t) for the field v_c of a class and v_0 without one.
/// w = 0 is v_c and w = -1 is v_0, to the bit and at the cost of that one alone.
class GuidedField final : public Field {
 public:
  /// Both fields are of one dimension. `scale` is w, any finite number.
  GuidedField(std::shared_ptr<const Field> conditional, std::shared_ptr<const Field> unconditional,
              double scale);

  [[nodiscard]] Index dimension() const override { return conditional_->dimension(); }
  /// Where both fields have one.
  [[nodiscard]] bool has_divergence() const override;
  /// That of the field of the class.
  [[nodiscard]] std::optional<Schedule> path_schedule() const override {
    return conditional_->path_schedule();
  }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index max_rows) const override;
  [[nodiscard]] double scale() const { return scale_; }

 private:
  std::shared_ptr<const Field> conditional_;
  std::shared_ptr<const Field> unconditional_;
  double scale_;
};

struct GuidanceConfig {
  std::int32_t label = kNoLabel;  ///< The class: kNoLabel, or 0 to the model's labels, exclusive.
  double scale = 0;               ///< w, -kMaxGuidanceScale to kMaxGuidanceScale.
};

inline constexpr double kMaxGuidanceScale = 1000;

/// Every problem of the configuration for a model of so many labels, or none.
Problems validate(const GuidanceConfig& config, Index labels);

/// The guided field of a model; without a class the scale means nothing, and it is the field
/// without one. `reading` is as LearnedField takes it. Precondition: validate(config,
/// model->labels()) is empty.
std::shared_ptr<const Field> guided_field(const std::shared_ptr<const Model>& model,
                                          const std::vector<float>& parameters,
                                          const GuidanceConfig& config,
                                          const std::optional<Reading>& reading = std::nullopt);

}  // namespace flowmatch
