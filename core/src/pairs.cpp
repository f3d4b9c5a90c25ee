#include "flowmatch/pairs.h"

#include "flowmatch/random.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace flowmatch {

IndependentPairs::IndependentPairs(std::shared_ptr<const Distribution> source,
                                   std::shared_ptr<const Distribution> data)
    : source_(std::move(source)), data_(std::move(data)) {
  assert(source_->dimension() == data_->dimension());
}

void IndependentPairs::sample(std::uint64_t seed, std::uint32_t step, Index first_row, PointsRef x0,
                              PointsRef x1, std::span<std::int32_t> labels) const {
  source_->sample({seed, Purpose::training_source, step}, first_row, x0);
  const RandomStream data{seed, Purpose::training_data, step};
  if (labels.empty()) {
    data_->sample(data, first_row, x1);
  } else {
    data_->sample_labelled(data, first_row, x1, labels);
  }
}

GivenPairs::GivenPairs(Points x0, Points x1) : x0_(std::move(x0)), x1_(std::move(x1)) {
  assert(x0_.rows() >= 1 && x0_.rows() == x1_.rows() && x0_.cols() == x1_.cols());
}

GivenPairs::GivenPairs(Points x0, Points x1, std::vector<std::int32_t> labels, Index classes)
    : GivenPairs(std::move(x0), std::move(x1)) {
  assert(static_cast<Index>(labels.size()) == count() && classes >= 1);
  of_class_ = std::move(labels);
  classes_ = classes;
}

void GivenPairs::sample(std::uint64_t seed, std::uint32_t step, Index first_row, PointsRef x0,
                        PointsRef x1, std::span<std::int32_t> labels) const {
  const RandomStream stream{seed, Purpose::training_data, step};
  for (Index i = 0; i < x0.rows(); ++i) {
    const auto row = static_cast<std::uint32_t>(first_row + i);
    const Index pair = index_from_word(stream.words(row)[0], x0_.rows());
    x0.row(i) = x0_.row(pair);
    x1.row(i) = x1_.row(pair);
    if (labels.empty()) continue;
    labels[static_cast<std::size_t>(i)] =
        of_class_.empty() ? 0 : of_class_[static_cast<std::size_t>(pair)];
  }
}

}  // namespace flowmatch
