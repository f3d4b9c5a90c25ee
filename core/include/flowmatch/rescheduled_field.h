// A model or field of one prediction and schedule, read as the velocity field of another: a model
// trained under one schedule is sampled under any. Lipman et al. 2024 (arXiv 2412.06264), section
// 4.6.1 ("scale-time transformation"); Karras et al. 2022 (arXiv 2206.00364) do the same.
//
// Two schedules differ only in how they scale the point and how fast they go: with t' the time at
// which the first has the ratio sigma / alpha that the second has at t, and s the quotient of their
// alphas (and so of their sigmas), X_t = s X'_t', and what X_t tells of data and noise is what
// X'_t' tells. So the prediction at (x / s, t') gives the means of X_1 and X_0, and these the
// velocity.
#pragma once

#include "flowmatch/field.h"
#include "flowmatch/path.h"

#include <memory>
#include <optional>
#include <utility>

namespace flowmatch {

/// How predictions are read as a velocity field.
struct Reading {
  Prediction prediction = Prediction::velocity;  ///< What the model predicts.
  Schedule trained = Schedule::cond_ot;          ///< The schedule that it was trained under.
  Schedule sampled = Schedule::cond_ot;          ///< The schedule of the velocity field.

  friend bool operator==(const Reading&, const Reading&) = default;
};

/// The coefficients of a reading at any time.
///
/// v is the velocity of the marginals, with sigma' = sigma sigma' / sigma unregularised. (A model
/// of the velocity of a schedule whose sigma' diverges has learned the regularised one, and is read
/// as if it had not: its mean of X_1 is then off by 1e-4 sigma |score|, of X_0 by less than 1e-4
/// |score|.)
///
/// At the ends:
/// - Where the predictions at t = 0 do not tell the data at all (noise or score, or the velocity of
///   `polynomial`, if that is to be converted), the field before the first time that has alpha =
///   kConversionFloor is that at this time. So is a field before the first time at which `trained`
///   has as much noise as `sampled` (`trained` = `vp`).
/// - Towards t = 1 the mean of X_0 fades to 0 where sigma < kConversionFloor, as conversion() says.
///   In the limit of t = 1 it is 0, and v is exact there if sigma' does not diverge under `sampled`
///   (from the score to kConversionFloor |sigma' score|). If it does, v needs sigma sigma' score,
///   which at t = 1 is told only by the score, or by a velocity under a schedule that diverges as
///   well: from those v is exact, from the others it lacks this term at t = 1.
/// v is therefore finite for finite predictions, and continuous in t on all of [0, 1].
class Rescheduling {
 public:
  /// Precondition: both schedules are valid.
  explicit Rescheduling(const Reading& reading);

  /// Whether the predictions are the velocities as they are.
  [[nodiscard]] bool identity() const { return identity_; }

  struct Coefficients {
    double time;      ///< t', of the model
    double scale;     ///< s; 1 exactly where the schedules are the same
    Affine velocity;  ///< v(x, t) = of_x x + of_f f(x / s, t')
  };
  /// For t in [0, 1].
  [[nodiscard]] Coefficients at(double t) const;

 private:
  Reading reading_;
  bool identity_;
  double least_sigma_;
  double first_time_ = 0;
};

/// The velocity field under `sampled` of a field that gives the predictions of `trained`: read
/// "velocity" in its evaluator as "prediction".
class RescheduledField final : public Field {
 public:
  RescheduledField(std::shared_ptr<const Field> field, const Reading& reading);
  /// Of a velocity field.
  RescheduledField(std::shared_ptr<const Field> field, const Schedule& from, const Schedule& to)
      : RescheduledField(std::move(field), {.trained = from, .sampled = to}) {}

  [[nodiscard]] Index dimension() const override { return field_->dimension(); }
  [[nodiscard]] bool has_divergence() const override { return field_->has_divergence(); }
  [[nodiscard]] std::optional<Schedule> path_schedule() const override { return sampled_; }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index max_rows) const override;

 private:
  std::shared_ptr<const Field> field_;
  Rescheduling rescheduling_;
  Schedule sampled_;
};

}  // namespace flowmatch
