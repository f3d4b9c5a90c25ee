// What it costs to pair each of some points with each of others, a row of the cost matrix at a
// time: 10,000 points against 10,000 need no matrix of 400 MB.
#pragma once

#include "flowmatch/points.h"

#include <span>
#include <vector>

namespace flowmatch {

/// The rows of a cost matrix.
class CostRows {
 public:
  CostRows() = default;
  CostRows(const CostRows&) = delete;
  CostRows& operator=(const CostRows&) = delete;
  virtual ~CostRows() = default;

  [[nodiscard]] virtual Index rows() const = 0;
  [[nodiscard]] virtual Index columns() const = 0;

  /// The columns() costs of row i, to be read until the next call.
  virtual const float* row(Index i) = 0;

  /// The cost of one pair: row(i)[j] to the bit.
  [[nodiscard]] virtual float cost(Index i, Index j) const = 0;
};

/// A cost matrix that is there already. It must outlive this view of it.
class DenseCosts final : public CostRows {
 public:
  explicit DenseCosts(const ConstPointsRef& matrix) : matrix_(matrix) {}
  [[nodiscard]] Index rows() const override { return matrix_.rows(); }
  [[nodiscard]] Index columns() const override { return matrix_.cols(); }
  const float* row(Index i) override { return matrix_.row(i).data(); }
  [[nodiscard]] float cost(Index i, Index j) const override { return matrix_(i, j); }

 private:
  ConstPointsRef matrix_;
};

/// The cost of moving a point to another.
enum class GroundCost {
  distance,          ///< |a - b|: what W1 is made of.
  squared_distance,  ///< |a - b|^2: what W2 and optimal-transport couplings are made of.
};

/// The costs between two sets of points, computed when a row is asked for: in the plane that is
/// faster than to read a matrix, in any dimension it takes no memory of the order of rows times
/// columns. In float: relative to itself a cost is exact to about the dimension times 1e-7, however
/// far the points are from the origin.
class PointCosts final : public CostRows {
 public:
  /// For up to max_rows points against up to max_columns, of `dimension` coordinates.
  PointCosts(GroundCost ground, Index max_rows, Index max_columns, Index dimension);

  /// From now on the costs of pairs of a row of `from` with a row of `to`, which are copied. Does
  /// not allocate.
  void set(const ConstPointsRef& from, const ConstPointsRef& to);

  /// The same of some rows: row i is that of from.row(from_rows[i]), and likewise the columns.
  void set(const ConstPointsRef& from, std::span<const Index> from_rows, const ConstPointsRef& to,
           std::span<const Index> to_rows);

  [[nodiscard]] Index rows() const override { return rows_; }
  [[nodiscard]] Index columns() const override { return columns_; }
  const float* row(Index i) override;
  [[nodiscard]] float cost(Index i, Index j) const override;

 private:
  GroundCost ground_;
  Index dimension_;
  Index stride_;
  Index rows_ = 0;
  Index columns_ = 0;
  /// max_rows x D, and D x max_columns: coordinate k of point j is to_[k * stride_ + j].
  std::vector<float> from_;
  std::vector<float> to_;
  std::vector<float> row_;
};

}  // namespace flowmatch
