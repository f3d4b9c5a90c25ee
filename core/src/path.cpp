#include "flowmatch/path.h"

namespace flowmatch {

void AffinePath::interpolate(const Eigen::Ref<const Eigen::VectorXf>& t, const ConstPointsRef& x0,
                             const ConstPointsRef& x1, PointsRef x_t, PointsRef velocity) const {
  for (Index i = 0; i < t.size(); ++i) {
    const ScheduleValues values = evaluate(schedule_, static_cast<double>(t[i]));
    const auto alpha = static_cast<float>(values.alpha);
    const auto sigma = static_cast<float>(values.sigma);
    const auto d_alpha = static_cast<float>(values.d_alpha);
    const auto d_sigma = static_cast<float>(values.d_sigma);
    x_t.row(i) = alpha * x1.row(i) + sigma * x0.row(i);
    velocity.row(i) = d_alpha * x1.row(i) + d_sigma * x0.row(i);
  }
}

}  // namespace flowmatch
