// A velocity field v(x, t): what a solver integrates, whether known in closed form or learned.
#pragma once

#include "flowmatch/points.h"

#include <memory>

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
};

/// Immutable, so any number of threads may take evaluators from one field at once.
class Field {
 public:
  Field() = default;
  Field(const Field&) = delete;
  Field& operator=(const Field&) = delete;
  virtual ~Field() = default;

  [[nodiscard]] virtual Index dimension() const = 0;

  /// An evaluator for batches of up to max_rows points. The field must outlive it.
  [[nodiscard]] virtual std::unique_ptr<FieldEvaluator> evaluator(Index max_rows) const = 0;
};

/// v(x, t) for all rows of x at once: a convenience that makes its own evaluator.
Points velocities(const Field& field, double t, const ConstPointsRef& x);

}  // namespace flowmatch
