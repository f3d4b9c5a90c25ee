// How long the next step of an adaptive solver of order 5 is: a PI controller, which looks at the
// last two errors and so does not swing between too long and too short as the one that looks at the
// last alone does where stability bounds the step.
// Gustafsson, Lundh, Soderlind 1988; Hairer, Norsett, Wanner, "Solving Ordinary Differential
// Equations I" (second edition), sections II.4 and IV.2 of volume II, with the constants of DOPRI5.
#pragma once

namespace flowmatch {

class StepController {
 public:
  struct Verdict {
    bool accepted;
    double factor;  ///< The next step's length over this one's, 0.2 to 10; at most 1 after a
                    ///< rejection and for the step after it.
  };

  /// Judges a step by its estimated error, in tolerances: up to 1 it is accepted. An error that is
  /// not a number is too large.
  Verdict judge(double error);

 private:
  double previous_error_ = 1e-4;
  bool after_rejection_ = false;
};

/// The length of the first step, for an adaptive solver of order 5: II.4 of the same book. All
/// norms are in tolerances.
/// The first guess makes an Euler step as small as a hundredth of the point. `point` and `slope`
/// are the norms of x and of v(x, t_start).
double first_step_guess(double point, double slope);
/// The step to begin with, from the guess and from `curvature`, the norm of v's change along an
/// Euler step of that length, divided by it.
double first_step(double guess, double slope, double curvature);

}  // namespace flowmatch
