// A stochastic differential equation whose marginals are those of the flow, and its solvers.
//
//   dX = [v(X, t) + (g(t)^2 / 2) score(X, t)] dt + g(t) dW
//
// for any g(t) >= 0: Song et al. 2021 (arXiv 2011.13456), equation 13 and appendix D.1, read
// backwards; Albergo, Boffi, Vanden-Eijnden 2023 (arXiv 2303.08797), whose epsilon is g^2 / 2.
// Backwards in time the sign of the score's term is the other.
//
// The score is found in the velocity, where X_0 ~ N(0, I): of another source the velocity does not
// tell it. With z = E[X_1 | x] and e = E[X_0 | x], which are the data and the noise that a field
// expects at x,
//   x = alpha z + sigma e,  v = alpha' z + sigma' e,  score = -e / sigma
//   score = (alpha v - alpha' x) / (sigma^2 alpha' - alpha sigma sigma')
// The denominator is positive inside (0, 1). At t = 0, where alpha may vanish with its derivative,
// the score is that of the noise, -x. At t = 1 sigma vanishes, and with it what v can say of the
// score. There, for t > 1 - kDiffusionCutoff and in a step that reaches so far, g is taken to be 0:
// which is no approximation, since any g will do.
//
// g does not depend on x, so the equation is the same in the sense of Ito and of Stratonovich, and
// both solvers use one normal number a coordinate and step:
//   Euler-Maruyama   weak order 1, strong order 1
//   stochastic Heun  weak order 2, strong order 1: the trapezoidal rule for drift and noise, from a
//                    step of Euler-Maruyama with the same increment. Kloeden and Platen 1992,
//                    "Numerical Solution of Stochastic Differential Equations", scheme 15.1.1,
//                    which is this for additive noise.
#pragma once

#include "flowmatch/diffusion.h"
#include "flowmatch/field.h"
#include "flowmatch/schedule.h"
#include "flowmatch/solver.h"

namespace flowmatch {

/// score = velocity * v(x, t) + point * x.
struct ScoreWeights {
  double velocity;
  double point;
};

/// Of the schedule that made the values. Infinite or NaN where sigma is 0, unless the denominator
/// above is finite there.
ScoreWeights score_weights(const ScheduleValues& values);

/// The last part of the way is without noise.
inline constexpr double kDiffusionCutoff = 1e-3;

/// Advances x (N x D) from t to t + h in place, both in [0, 1] but for a rounding. `normal` is N x
/// D standard normal numbers, `scratch` has at least N rows. Precondition: is_stochastic(solver).
/// Does not allocate.
void sde_step(Solver solver, const SdeConfig& config, FieldEvaluator& field, double t, double h,
              const ConstPointsRef& normal, PointsRef x, SolverScratch& scratch);

}  // namespace flowmatch
