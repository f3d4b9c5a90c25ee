// The affine conditional path X_t = alpha(t) X_1 + sigma(t) X_0, what a model can be trained to
// predict along it, and how one prediction becomes another.
// Lipman et al. 2024 (arXiv 2412.06264), equations 4.6 to 4.10 and table 1.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/schedule.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flowmatch {

/// What a model predicts at (x, t): the mean, given X_t = x, of
enum class Prediction : std::uint8_t {
  velocity,  ///< alpha' X_1 + sigma' X_0, with the sigma' of ScheduleValues::d_sigma
  x1,        ///< X_1, the data: a denoiser ("x-prediction" where diffusion calls data x_0)
  noise,     ///< X_0, the noise ("epsilon-prediction"), or what else the source is
  /// -X_0 / sigma, whose mean is grad log p_t(x) if X_0 ~ N(0, I); of sigma see kConversionFloor
  score,
};

inline constexpr std::array kPredictions{Prediction::velocity, Prediction::x1, Prediction::noise,
                                         Prediction::score};

/// The name in configurations and links ("velocity", "x1", "noise", "score"), and back.
std::string_view name(Prediction prediction);
std::optional<Prediction> prediction_from_name(std::string_view name);

/// What is divided by is at least this. Were it not, a conversion would turn the rounding of x into
/// anything at all, where alpha or sigma is 0.
inline constexpr double kConversionFloor = 1e-3;

/// The function of_x x + of_f f of a point x and a prediction f there.
struct Affine {
  double of_x;
  double of_f;
};

/// The prediction `to` as a function of x and the prediction `from`, at one time of one schedule;
/// {0, 1} where they are the same. x and the prediction give X_1 and X_0 by two linear equations,
///
///   x = alpha X_1 + sigma X_0,   f = the definition of `from`,
///
/// and these give `to`: exactly, for single pairs (X_0, X_1) as for means given x, where the
/// divisor is kConversionFloor or more. Where it is less, which is near one end of time, one of the
/// two can not be told from f; it fades to 0 there, and the result is finite at every t in [0, 1]:
///
/// - from x1 the divisor is sigma. At t = 1 X_0 is 0, which is the limit of its mean given x: noise
///   is exact there, and so is velocity unless sigma' diverges (it then lacks -sigma sigma' score).
/// - from noise and from score it is alpha. At t = 0 X_1 is 0, and not the mean of the data as it
///   would have to be: evaluate a little later, as Rescheduling does.
/// - from velocity it is alpha' sigma - alpha sigma', which is small for `polynomial` near t = 0
///   only. X_1 is 0 there, as above; X_0 is what is left of x, exact at t = 0.
/// - to score it is sigma besides: the score is 0 at t = 1.
Affine conversion(Prediction from, Prediction to, const ScheduleValues& values);

/// The same where x and `from` belong to one schedule, and `to` to another at the time of the same
/// ratio sigma / alpha: X_1 and X_0 given x are the same there, and `to` is made of them with the
/// slopes of that schedule. x is the point on the first.
Affine conversion(Prediction from, const ScheduleValues& from_values, Prediction to,
                  const ScheduleValues& to_values);

class AffinePath {
 public:
  explicit AffinePath(const Schedule& schedule, Prediction prediction = Prediction::velocity)
      : schedule_(schedule), prediction_(prediction) {}

  [[nodiscard]] const Schedule& schedule() const { return schedule_; }
  [[nodiscard]] Prediction prediction() const { return prediction_; }

  /// For each row i: x_t = alpha(t_i) x1 + sigma(t_i) x0, and the target of the prediction, for
  /// velocity u = alpha'(t_i) x1 + sigma'(t_i) x0. The target of `score` divides by at least
  /// kConversionFloor, of `velocity` see ScheduleValues::d_sigma: all are finite. t has N entries
  /// in [0, 1]; the others are N x D. Does not allocate; x_t and target may not overlap the inputs.
  void interpolate(const Eigen::Ref<const Eigen::VectorXf>& t, const ConstPointsRef& x0,
                   const ConstPointsRef& x1, PointsRef x_t, PointsRef target) const;

 private:
  Schedule schedule_;
  Prediction prediction_;
};

}  // namespace flowmatch
