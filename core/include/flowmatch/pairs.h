// Where the two ends of a training path come from: a point X_0 of the source and a point X_1 of the
// data, paired one way or another.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/points.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flowmatch {

/// Immutable after construction, so any number of threads may use one at once.
class Pairs {
 public:
  Pairs() = default;
  Pairs(const Pairs&) = delete;
  Pairs& operator=(const Pairs&) = delete;
  virtual ~Pairs() = default;

  /// D, the number of coordinates of a point.
  [[nodiscard]] virtual Index dimension() const = 0;
  /// Classes that X_1 may belong to; 0: there are none.
  [[nodiscard]] virtual Index labels() const { return 0; }

  /// Draws pairs first_row, first_row + 1, ... of training step `step`: x0 and x1 are N x D, labels
  /// has N entries, or none where they are not wanted. Row by row, the result does not depend on
  /// how a batch is cut into calls. Does not allocate.
  virtual void sample(std::uint64_t seed, std::uint32_t step, Index first_row, PointsRef x0,
                      PointsRef x1, std::span<std::int32_t> labels) const = 0;
};

/// X_0 and X_1 independent of each other: the coupling of conditional flow matching.
class IndependentPairs final : public Pairs {
 public:
  /// Precondition: both have the same dimension.
  IndependentPairs(std::shared_ptr<const Distribution> source,
                   std::shared_ptr<const Distribution> data);

  [[nodiscard]] Index dimension() const override { return data_->dimension(); }
  [[nodiscard]] Index labels() const override { return data_->labels(); }
  void sample(std::uint64_t seed, std::uint32_t step, Index first_row, PointsRef x0, PointsRef x1,
              std::span<std::int32_t> labels) const override;

 private:
  std::shared_ptr<const Distribution> source_;
  std::shared_ptr<const Distribution> data_;
};

/// Pairs from a given list, each drawn with the same probability: what a rectified flow is trained
/// on, when the list is a flow's own starts and ends (see reflow.h).
class GivenPairs final : public Pairs {
 public:
  /// Row i of x0 belongs to row i of x1: both N x D, N >= 1.
  GivenPairs(Points x0, Points x1);
  /// And to class labels[i], one of `classes`.
  GivenPairs(Points x0, Points x1, std::vector<std::int32_t> labels, Index classes);

  [[nodiscard]] Index dimension() const override { return x0_.cols(); }
  [[nodiscard]] Index labels() const override { return classes_; }
  [[nodiscard]] Index count() const { return x0_.rows(); }
  /// All of them: N x D each.
  [[nodiscard]] const Points& starts() const { return x0_; }
  [[nodiscard]] const Points& ends() const { return x1_; }
  /// N of them, or none.
  [[nodiscard]] const std::vector<std::int32_t>& classes() const { return of_class_; }
  void sample(std::uint64_t seed, std::uint32_t step, Index first_row, PointsRef x0, PointsRef x1,
              std::span<std::int32_t> labels) const override;

 private:
  Points x0_;
  Points x1_;
  std::vector<std::int32_t> of_class_;
  Index classes_ = 0;
};

}  // namespace flowmatch
