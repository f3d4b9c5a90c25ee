#include "flowmatch/step_controller.h"

#include "elementary.h"

#include <algorithm>

namespace flowmatch {

namespace {

// Constants of Hairer's DOPRI5.
constexpr double kBeta = 0.04;
constexpr double kExponent = 0.2 - 0.75 * kBeta;
constexpr double kSafety = 0.9;
constexpr double kLeastFactor = 0.2;
constexpr double kMostFactor = 10;
/// The error that the step before the first one is taken to have had, and the least that any has.
constexpr double kLeastPreviousError = 1e-4;

}  // namespace

StepController::Verdict StepController::judge(double error) {
  // Errors beyond these give the extreme factors anyway; what is not a number is on neither side.
  error = error < 1e10 ? std::max(error, 1e-10) : 1e10;
  const double factor = kSafety * power(error, -kExponent);
  if (error > 1) {
    after_rejection_ = true;
    return {.accepted = false, .factor = std::max(factor, kLeastFactor)};
  }
  const double most = after_rejection_ ? 1.0 : kMostFactor;
  const Verdict verdict{
      .accepted = true,
      .factor = std::clamp(factor * power(previous_error_, kBeta), kLeastFactor, most)};
  previous_error_ = std::max(error, kLeastPreviousError);
  after_rejection_ = false;
  return verdict;
}

double first_step_guess(double point, double slope) {
  // Also where one of them is not a number.
  if (!(point > 1e-5 && slope > 1e-5 && point < 1e30 && slope < 1e30)) return 1e-6;
  return 0.01 * point / slope;
}

double first_step(double guess, double slope, double curvature) {
  const double most = std::max(slope, curvature);
  if (!(slope < 1e30 && curvature < 1e30)) return guess;
  const double step = most <= 1e-15 ? std::max(1e-6, guess * 1e-3) : power(0.01 / most, 1.0 / 5.0);
  return std::min(100 * guess, step);
}

}  // namespace flowmatch
