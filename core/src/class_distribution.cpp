#include "flowmatch/class_distribution.h"

#include <cassert>
#include <span>
#include <utility>

namespace flowmatch {

ClassDistribution::ClassDistribution(std::shared_ptr<const Distribution> all, std::int32_t label)
    : all_(std::move(all)), label_(label) {
  assert(label_ >= 0 && label_ < all_->labels());
}

void ClassDistribution::sample(const RandomStream& stream, Index first_row, PointsRef out) const {
  // The steps of the streams of further attempts: far from those that are numbers of steps.
  constexpr std::uint32_t kAttempt = 0x9e3779b1;
  for (Index i = 0; i < out.rows(); ++i) {
    RandomStream attempt = stream;
    std::int32_t label = 0;
    for (;; attempt.step += kAttempt) {
      all_->sample_labelled(attempt, first_row + i, out.middleRows(i, 1), std::span(&label, 1));
      if (label == label_) break;
    }
  }
}

}  // namespace flowmatch
