// One class of a distribution whose points have labels: the distribution of its points given the
// label.
#pragma once

#include "flowmatch/distribution.h"

#include <cstdint>
#include <memory>

namespace flowmatch {

/// Draws points until one is of the class: at a cost of 1 / p draws a point for a class of
/// probability p.
class ClassDistribution final : public Distribution {
 public:
  /// Preconditions: 0 <= label < all->labels(), and the class has a probability above 0.
  ClassDistribution(std::shared_ptr<const Distribution> all, std::int32_t label);

  [[nodiscard]] Index dimension() const override { return all_->dimension(); }
  void sample(const RandomStream& stream, Index first_row, PointsRef out) const override;

 private:
  std::shared_ptr<const Distribution> all_;
  std::int32_t label_;
};

}  // namespace flowmatch
