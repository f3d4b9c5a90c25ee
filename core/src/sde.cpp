#include "flowmatch/sde.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace flowmatch {

namespace {

/// dX = (velocity v(X, t) + point X) dt + noise dW.
struct Coefficients {
  float velocity;
  float point;
  double noise;
};

/// direction: 1 forwards in time, -1 backwards.
Coefficients coefficients(const SdeConfig& config, double t, double direction) {
  const ScheduleValues values = evaluate(config.schedule, t);
  const double g = diffusion_coefficient(config.diffusion, values);
  if (g == 0) return {.velocity = 1, .point = 0, .noise = 0};
  const ScoreWeights score = score_weights(values);
  const double share = direction * g * g / 2;
  return {.velocity = static_cast<float>(1 + share * score.velocity),
          .point = static_cast<float>(share * score.point),
          .noise = g};
}

}  // namespace

ScoreWeights score_weights(const ScheduleValues& values) {
  const double variance = values.sigma * values.sigma;
  const double denominator = variance * values.d_alpha - values.alpha * values.sigma_d_sigma;
  // The limit at t = 0 of a schedule whose data comes in slowly: there is noise alone.
  if (denominator == 0) return {.velocity = 0, .point = -1 / variance};
  return {.velocity = values.alpha / denominator, .point = -values.d_alpha / denominator};
}

void sde_step(Solver solver, const SdeConfig& config, FieldEvaluator& field, double t, double h,
              const ConstPointsRef& normal, PointsRef x, SolverScratch& scratch) {
  assert(is_stochastic(solver));
  const double direction = h < 0 ? -1 : 1;
  // h times a number of steps may miss the ends of [0, 1] by a rounding.
  const double from = std::clamp(t, 0.0, 1.0);
  const double to = std::clamp(t + h, 0.0, 1.0);
  SdeConfig quiet = config;
  if (std::max(from, to) > 1 - kDiffusionCutoff) quiet.diffusion.scale = 0;
  const double root = std::sqrt(std::abs(h));
  const auto step = static_cast<float>(h);
  auto slope = scratch.slope.topRows(x.rows());

  const Coefficients first = coefficients(quiet, from, direction);
  field.velocity(from, x, slope);
  slope = first.velocity * slope + first.point * x;
  if (solver == Solver::euler_maruyama) {
    x += step * slope + static_cast<float>(first.noise * root) * normal;
    return;
  }
  auto stage = scratch.stage.topRows(x.rows());
  auto sum = scratch.sum.topRows(x.rows());
  const Coefficients second = coefficients(quiet, to, direction);
  sum = slope;
  stage = x + step * sum + static_cast<float>(first.noise * root) * normal;
  field.velocity(to, stage, slope);
  sum += second.velocity * slope + second.point * stage;
  x += static_cast<float>(h / 2) * sum +
       static_cast<float>((first.noise + second.noise) / 2 * root) * normal;
}

}  // namespace flowmatch
