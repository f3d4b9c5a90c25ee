#include "flowmatch/distribution.h"

#include "elementary.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace flowmatch {

void Distribution::sample_labelled(const RandomStream& stream, Index first_row, PointsRef out,
                                   std::span<std::int32_t> labels) const {
  assert(labels.size() == static_cast<std::size_t>(out.rows()));
  sample(stream, first_row, out);
  std::ranges::fill(labels, 0);
}

void Distribution::log_density(const ConstPointsRef& /*x*/, ValuesRef out) const {
  assert(false && "this distribution has no density: ask has_density() first");
  out.setConstant(std::nan(""));
}

void Distribution::score(const ConstPointsRef& /*x*/, PointsRef out) const {
  assert(false && "this distribution has no density: ask has_density() first");
  out.setConstant(std::nanf(""));
}

void StandardNormal::sample(const RandomStream& stream, Index first_row, PointsRef out) const {
  fill_normal(stream, first_row, out);
}

void StandardNormal::log_density(const ConstPointsRef& x, ValuesRef out) const {
  const double normaliser = static_cast<double>(dimension_) * natural_log(2 * std::numbers::pi);
  for (Index i = 0; i < x.rows(); ++i) {
    out[i] = -0.5 * (x.row(i).cast<double>().squaredNorm() + normaliser);
  }
}

void StandardNormal::score(const ConstPointsRef& x, PointsRef out) const {
  out = -x;
}

std::optional<double> StandardNormal::entropy() const {
  return 0.5 * static_cast<double>(dimension_) * (1 + natural_log(2 * std::numbers::pi));
}

}  // namespace flowmatch
