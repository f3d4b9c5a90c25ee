#include "flowmatch/rescheduled_field.h"

#include "rescheduled_evaluation.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace flowmatch {

namespace {

/// With sigma' unregularised, but sigma in it at least `least_sigma`.
ScheduleValues unregularised(const Schedule& schedule, ScheduleValues values, double least_sigma) {
  if (diverges_at_end(schedule)) {
    values.d_sigma = values.sigma_d_sigma / std::max(values.sigma, least_sigma);
  }
  return values;
}

/// Whether a prediction at t = 0 does not tell X_1.
bool blind_at_start(Prediction prediction, const Schedule& schedule) {
  const ScheduleValues start = evaluate(schedule, 0);
  switch (prediction) {
    case Prediction::velocity:
      return start.d_alpha * start.sigma - start.alpha * start.d_sigma < kConversionFloor;
    case Prediction::x1:
      return false;
    case Prediction::noise:
    case Prediction::score:
      return start.alpha < kConversionFloor;
  }
  return false;
}

class RescheduledEvaluator final : public FieldEvaluator {
 public:
  RescheduledEvaluator(const Field& field, const Rescheduling& rescheduling, Index max_rows)
      : evaluator_(field.evaluator(max_rows)),
        evaluation_(rescheduling, max_rows, field.dimension()) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    evaluation_.velocity(t, x, out, [this](double time, const ConstPointsRef& y, PointsRef f) {
      evaluator_->velocity(time, y, f);
    });
  }

  void velocity_and_divergence(double t, const ConstPointsRef& x, const ConstPointsRef& probes,
                               PointsRef out, ValuesRef divergence) override {
    evaluation_.velocity_and_divergence(
        t, x, out, divergence, [&](double time, const ConstPointsRef& y, PointsRef f) {
          evaluator_->velocity_and_divergence(time, y, probes, f, divergence);
        });
  }

 private:
  std::unique_ptr<FieldEvaluator> evaluator_;
  RescheduledEvaluation evaluation_;
};

}  // namespace

Rescheduling::Rescheduling(const Reading& reading)
    : reading_(reading),
      identity_(reading.prediction == Prediction::velocity && reading.trained == reading.sampled),
      // From one diverging slope to another only their quotient counts, down to sigma = 0.
      least_sigma_(reading.prediction == Prediction::velocity && diverges_at_end(reading.trained)
                       ? 1e-30
                       : kConversionFloor) {
  assert(validate(reading.trained).empty() && validate(reading.sampled).empty());
  if (identity_) return;
  // A ratio a little below that of alpha = kConversionFloor, where sigma is all but 1.
  const double first = blind_at_start(reading.prediction, reading.trained)
                           ? time_at_noise_to_signal(reading.trained, 0.99 / kConversionFloor)
                           : 0;
  first_time_ = reading.trained == reading.sampled
                    ? first
                    : time_at_noise_to_signal(reading.sampled,
                                              noise_to_signal(evaluate(reading.trained, first)));
}

Rescheduling::Coefficients Rescheduling::at(double t) const {
  if (identity_) return {t, 1, {0, 1}};
  const double later = std::max(t, first_time_);
  const ScheduleValues to =
      unregularised(reading_.sampled, evaluate(reading_.sampled, later), least_sigma_);
  if (reading_.trained == reading_.sampled) {
    return {later, 1, conversion(reading_.prediction, Prediction::velocity, to)};
  }
  const double time = time_at_noise_to_signal(reading_.trained, noise_to_signal(to));
  const ScheduleValues from =
      unregularised(reading_.trained, evaluate(reading_.trained, time), least_sigma_);
  // The quotient of the alphas is 0 / 0 at t = 0, of the sigmas at t = 1; this is either.
  const double scale = std::sqrt((to.alpha * to.alpha + to.sigma * to.sigma) /
                                 (from.alpha * from.alpha + from.sigma * from.sigma));
  const Affine of_scaled = conversion(reading_.prediction, from, Prediction::velocity, to);
  return {time, scale, {of_scaled.of_x / scale, of_scaled.of_f}};
}

RescheduledField::RescheduledField(std::shared_ptr<const Field> field, const Reading& reading)
    : field_(std::move(field)), rescheduling_(reading), sampled_(reading.sampled) {}

std::unique_ptr<FieldEvaluator> RescheduledField::evaluator(Index max_rows) const {
  return std::make_unique<RescheduledEvaluator>(*field_, rescheduling_, max_rows);
}

}  // namespace flowmatch
