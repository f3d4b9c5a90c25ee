#include "flowmatch/field.h"

namespace flowmatch {

Points velocities(const Field& field, double t, const ConstPointsRef& x) {
  Points out(x.rows(), x.cols());
  field.evaluator(x.rows())->velocity(t, x, out);
  return out;
}

}  // namespace flowmatch
