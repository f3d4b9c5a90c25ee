#include "flowmatch/path.h"

#include <algorithm>

namespace flowmatch {

namespace {

/// The prediction as of_x1 X_1 + of_x0 X_0.
struct Combination {
  double of_x1;
  double of_x0;
};

double floored(double divisor) {
  return std::max(divisor, kConversionFloor);
}

Combination combination(Prediction prediction, const ScheduleValues& values) {
  switch (prediction) {
    case Prediction::velocity:
      return {values.d_alpha, values.d_sigma};
    case Prediction::x1:
      return {1, 0};
    case Prediction::noise:
      return {0, 1};
    case Prediction::score:
      return {0, -1 / floored(values.sigma)};
  }
  return {};
}

/// X_1 and X_0 as functions of x and a prediction.
struct Ends {
  Affine x1;
  Affine x0;
};

Ends ends(Prediction prediction, const ScheduleValues& values) {
  const double alpha = values.alpha;
  const double sigma = values.sigma;
  switch (prediction) {
    case Prediction::velocity: {
      // Both terms are positive: nothing cancels.
      const double determinant = values.d_alpha * sigma - alpha * values.d_sigma;
      const double divisor = floored(determinant);
      const Affine x1{-values.d_sigma / divisor, sigma / divisor};
      if (determinant >= divisor) return {x1, {values.d_alpha / divisor, -alpha / divisor}};
      return {x1, {(1 - alpha * x1.of_x) / floored(sigma), -alpha * x1.of_f / floored(sigma)}};
    }
    case Prediction::x1:
      return {{0, 1}, {1 / floored(sigma), -alpha / floored(sigma)}};
    case Prediction::noise:
      return {{1 / floored(alpha), -sigma / floored(alpha)}, {0, 1}};
    case Prediction::score:
      return {{1 / floored(alpha), sigma * floored(sigma) / floored(alpha)}, {0, -floored(sigma)}};
  }
  return {};
}

}  // namespace

std::string_view name(Prediction prediction) {
  switch (prediction) {
    case Prediction::velocity:
      return "velocity";
    case Prediction::x1:
      return "x1";
    case Prediction::noise:
      return "noise";
    case Prediction::score:
      return "score";
  }
  return "";
}

std::optional<Prediction> prediction_from_name(std::string_view text) {
  for (const Prediction prediction : kPredictions) {
    if (name(prediction) == text) return prediction;
  }
  return std::nullopt;
}

Affine conversion(Prediction from, Prediction to, const ScheduleValues& values) {
  if (from == to) return {0, 1};
  return conversion(from, values, to, values);
}

Affine conversion(Prediction from, const ScheduleValues& from_values, Prediction to,
                  const ScheduleValues& to_values) {
  const auto [x1, x0] = ends(from, from_values);
  const auto [of_x1, of_x0] = combination(to, to_values);
  return {of_x1 * x1.of_x + of_x0 * x0.of_x, of_x1 * x1.of_f + of_x0 * x0.of_f};
}

void AffinePath::interpolate(const Eigen::Ref<const Eigen::VectorXf>& t, const ConstPointsRef& x0,
                             const ConstPointsRef& x1, PointsRef x_t, PointsRef target) const {
  for (Index i = 0; i < t.size(); ++i) {
    const ScheduleValues values = evaluate(schedule_, static_cast<double>(t[i]));
    const auto [of_x1, of_x0] = combination(prediction_, values);
    const auto alpha = static_cast<float>(values.alpha);
    const auto sigma = static_cast<float>(values.sigma);
    x_t.row(i) = alpha * x1.row(i) + sigma * x0.row(i);
    target.row(i) = static_cast<float>(of_x1) * x1.row(i) + static_cast<float>(of_x0) * x0.row(i);
  }
}

}  // namespace flowmatch
