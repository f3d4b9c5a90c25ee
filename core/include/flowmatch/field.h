// A velocity field v(x, t): what a solver integrates, whether known in closed form or learned.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/schedule.h"

#include <memory>
#include <optional>

namespace flowmatch {

/// Evaluates one field with working memory of its own, so that evaluation does not allocate. Each
/// thread takes its own.
class FieldEvaluator {
 public:
  FieldEvaluator() = default;
  FieldEvaluator(const FieldEvaluator&) = delete;
  FieldEvaluator& operator=(const FieldEvaluator&) = delete;
  virtual ~FieldEvaluator() = default;

  /// out = v(x, t) row by row, for t in [0, 1]; x and out are N x D and may not overlap. N is at
  /// most the max_rows that the evaluator was made for.
  virtual void velocity(double t, const ConstPointsRef& x, PointsRef out) = 0;

  /// Also the divergence of v by x, div v = tr dv/dx, row by row (N entries). Without `probes` (no
  /// rows) it is exact; with K N probes e it may be Hutchinson's estimate, the mean over K of
  /// e^T (dv/dx) e, where those of row i are rows i, N + i, 2 N + i, ...: cheaper where D is large.
  /// Precondition: the field's has_divergence().
  virtual void velocity_and_divergence(double t, const ConstPointsRef& x,
                                       const ConstPointsRef& probes, PointsRef out,
                                       ValuesRef divergence);
  /// The same without probes.
  void velocity_and_divergence(double t, const ConstPointsRef& x, PointsRef out,
                               ValuesRef divergence);

  /// Moves x (N x D) along the field from time `from` to `to`, both in [0, 1], in closed form, to
  /// the rounding of floats; returns how much of the work of a whole way that was, in evaluations
  /// of one point. Precondition: the field's is_followed_exactly().
  virtual Index follow(double from, double to, PointsRef x);
};

/// Immutable, so any number of threads may take evaluators from one field at once.
class Field {
 public:
  Field() = default;
  Field(const Field&) = delete;
  Field& operator=(const Field&) = delete;
  virtual ~Field() = default;

  [[nodiscard]] virtual Index dimension() const = 0;

  /// Whether evaluators give the divergence.
  [[nodiscard]] virtual bool has_divergence() const { return false; }

  /// Whether evaluators know the field's trajectories in closed form: no solver is needed then.
  [[nodiscard]] virtual bool is_followed_exactly() const { return false; }

  /// The schedule of the affine path whose marginals the field is of, where it knows it: by that an
  /// SDE finds the score in the velocity, if the path is one from N(0, I) (see sde.h).
  [[nodiscard]] virtual std::optional<Schedule> path_schedule() const { return std::nullopt; }

  /// An evaluator for batches of up to max_rows points. The field must outlive it.
  [[nodiscard]] virtual std::unique_ptr<FieldEvaluator> evaluator(Index max_rows) const = 0;
};

/// v(x, t) for all rows of x at once: a convenience that makes its own evaluator.
Points velocities(const Field& field, double t, const ConstPointsRef& x);

}  // namespace flowmatch
