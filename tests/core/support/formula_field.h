// A field given by a formula, which counts what it is asked for.
#pragma once

#include "flowmatch/field.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>

namespace flowmatch::testing {

/// formula(t, x) gives the velocities of all rows of x.
template <class Formula>
class FormulaField final : public Field {
 public:
  FormulaField(Index dimension, Formula formula) : dimension_(dimension), formula_(formula) {}
  [[nodiscard]] Index dimension() const override { return dimension_; }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index max_rows) const override {
    return std::make_unique<Evaluator>(*this, max_rows);
  }
  /// Rows evaluated, summed over all calls.
  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] double first_time() const { return first_time_; }
  [[nodiscard]] double last_time() const { return last_time_; }
  [[nodiscard]] bool too_many_rows() const { return too_many_rows_; }

 private:
  class Evaluator final : public FieldEvaluator {
   public:
    Evaluator(const FormulaField& field, Index max_rows) : field_(field), max_rows_(max_rows) {}
    void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
      out = field_.formula_(t, x);
      const std::scoped_lock lock(field_.mutex_);
      field_.rows_ += x.rows();
      field_.first_time_ = std::min(field_.first_time_, t);
      field_.last_time_ = std::max(field_.last_time_, t);
      if (x.rows() > max_rows_) field_.too_many_rows_ = true;
    }

   private:
    const FormulaField& field_;
    Index max_rows_;
  };

  Index dimension_;
  Formula formula_;
  mutable std::mutex mutex_;
  mutable Index rows_ = 0;
  mutable double first_time_ = std::numeric_limits<double>::infinity();
  mutable double last_time_ = -std::numeric_limits<double>::infinity();
  mutable bool too_many_rows_ = false;
};

template <class Formula>
auto formula_field(Index dimension, Formula formula) {
  return std::make_shared<const FormulaField<Formula>>(dimension, formula);
}

}  // namespace flowmatch::testing
