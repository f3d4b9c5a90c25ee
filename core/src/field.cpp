#include "flowmatch/field.h"

#include <cassert>
#include <cmath>

namespace flowmatch {

void FieldEvaluator::velocity_and_divergence(double t, const ConstPointsRef& x,
                                             const ConstPointsRef& /*probes*/, PointsRef out,
                                             ValuesRef divergence) {
  assert(false && "this field has no divergence: ask has_divergence() first");
  velocity(t, x, out);
  divergence.setConstant(std::nan(""));
}

void FieldEvaluator::velocity_and_divergence(double t, const ConstPointsRef& x, PointsRef out,
                                             ValuesRef divergence) {
  const Eigen::Map<const Points> none(nullptr, 0, x.cols());
  velocity_and_divergence(t, x, none, out, divergence);
}

Index FieldEvaluator::follow(double /*from*/, double /*to*/, PointsRef x) {
  assert(false && "the trajectories of this field are not known: ask is_followed_exactly() first");
  x.setConstant(std::nanf(""));
  return 0;
}

Points velocities(const Field& field, double t, const ConstPointsRef& x) {
  Points out(x.rows(), x.cols());
  field.evaluator(x.rows())->velocity(t, x, out);
  return out;
}

}  // namespace flowmatch
