#include "flowmatch/cost.h"

#include "kernels/costs.h"

#include <cassert>
#include <cmath>
#include <cstddef>

namespace flowmatch {

PointCosts::PointCosts(GroundCost ground, Index max_rows, Index max_columns, Index dimension)
    : ground_(ground),
      dimension_(dimension),
      stride_(max_columns),
      from_(static_cast<std::size_t>(max_rows * dimension)),
      to_(static_cast<std::size_t>(dimension * max_columns)),
      row_(static_cast<std::size_t>(max_columns)) {}

void PointCosts::set(const ConstPointsRef& from, const ConstPointsRef& to) {
  assert(from.cols() == dimension_ && to.cols() == dimension_);
  rows_ = from.rows();
  columns_ = to.rows();
  assert(rows_ * dimension_ <= static_cast<Index>(from_.size()) && columns_ <= stride_);
  Eigen::Map<Points>(from_.data(), rows_, dimension_) = from;
  for (Index j = 0; j < columns_; ++j) {
    for (Index k = 0; k < dimension_; ++k) {
      to_[static_cast<std::size_t>(k * stride_ + j)] = to(j, k);
    }
  }
}

void PointCosts::set(const ConstPointsRef& from, std::span<const Index> from_rows,
                     const ConstPointsRef& to, std::span<const Index> to_rows) {
  assert(from.cols() == dimension_ && to.cols() == dimension_);
  rows_ = static_cast<Index>(from_rows.size());
  columns_ = static_cast<Index>(to_rows.size());
  assert(rows_ * dimension_ <= static_cast<Index>(from_.size()) && columns_ <= stride_);
  float* out = from_.data();
  for (const Index row : from_rows) {
    for (Index k = 0; k < dimension_; ++k) *out++ = from(row, k);
  }
  for (std::size_t j = 0; j < to_rows.size(); ++j) {
    for (Index k = 0; k < dimension_; ++k) {
      to_[static_cast<std::size_t>(k * stride_) + j] = to(to_rows[j], k);
    }
  }
}

const float* PointCosts::row(Index i) {
  assert(i >= 0 && i < rows_);
  const auto compute =
      ground_ == GroundCost::distance ? kernels::distances : kernels::squared_distances;
  compute(dimension_, from_.data() + i * dimension_, columns_, stride_, to_.data(), row_.data());
  return row_.data();
}

float PointCosts::cost(Index i, Index j) const {
  assert(i >= 0 && i < rows_ && j >= 0 && j < columns_);
  // In the order of the kernels.
  float sum = 0;
  for (Index k = 0; k < dimension_; ++k) {
    const float difference = to_[static_cast<std::size_t>(k * stride_ + j)] -
                             from_[static_cast<std::size_t>(i * dimension_ + k)];
    sum += difference * difference;
  }
  return ground_ == GroundCost::distance ? std::sqrt(sum) : sum;
}

}  // namespace flowmatch
