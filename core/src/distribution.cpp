#include "flowmatch/distribution.h"

#include "elementary.h"

#include <cassert>
#include <cmath>
#include <numbers>

namespace flowmatch {

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

}  // namespace flowmatch
