// The evaluation of a velocity field whose predictions come from elsewhere: what a rescheduled
// field and a learned one have in common.
#pragma once

#include "flowmatch/rescheduled_field.h"

namespace flowmatch {

/// A reading with the memory that it needs for batches of up to max_rows points.
class RescheduledEvaluation {
 public:
  RescheduledEvaluation(const Rescheduling& rescheduling, Index max_rows, Index dimension)
      : rescheduling_(rescheduling), scaled_(rescheduling.identity() ? 0 : max_rows, dimension) {}

  /// out = v(x, t), with predict(t', x', f) for the predictions.
  template <class Predict>
  void velocity(double t, const ConstPointsRef& x, PointsRef out, const Predict& predict) {
    if (rescheduling_.identity()) {
      predict(t, x, out);
    } else {
      read(rescheduling_.at(t), x, out, predict);
    }
  }

  /// The same, and the divergence of v, where predict() also makes `divergence` that of the
  /// predictions by x'.
  template <class Predict>
  void velocity_and_divergence(double t, const ConstPointsRef& x, PointsRef out,
                               ValuesRef divergence, const Predict& predict) {
    if (rescheduling_.identity()) {
      predict(t, x, out);
      return;
    }
    const Rescheduling::Coefficients at = rescheduling_.at(t);
    read(at, x, out, predict);
    // x' = x / s
    divergence = static_cast<double>(x.cols()) * at.velocity.of_x +
                 at.velocity.of_f / at.scale * divergence.array();
  }

 private:
  template <class Predict>
  void read(const Rescheduling::Coefficients& at, const ConstPointsRef& x, PointsRef out,
            const Predict& predict) {
    if (at.scale == 1) {
      predict(at.time, x, out);
    } else {
      auto scaled = scaled_.topRows(x.rows());
      scaled = static_cast<float>(1 / at.scale) * x;
      predict(at.time, scaled, out);
    }
    // In double: towards t = 1 of a prediction of x1 the two terms are large and nearly cancel.
    out = (at.velocity.of_x * x.cast<double>() + at.velocity.of_f * out.cast<double>())
              .template cast<float>();
  }

  Rescheduling rescheduling_;
  Points scaled_;
};

}  // namespace flowmatch
