// The affine conditional path X_t = alpha(t) X_1 + sigma(t) X_0 and the velocity along it.
// Lipman et al. 2024 (arXiv 2412.06264), equations 4.6 to 4.10.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/schedule.h"

namespace flowmatch {

class AffinePath {
 public:
  explicit AffinePath(Schedule schedule) : schedule_(schedule) {}

  [[nodiscard]] Schedule schedule() const { return schedule_; }

  /// For each row i: x_t = alpha(t_i) x1 + sigma(t_i) x0, and the target velocity
  /// u = alpha'(t_i) x1 + sigma'(t_i) x0. t has N entries in [0, 1]; the others are N x D. Does not
  /// allocate; x_t and velocity may not overlap the inputs.
  void interpolate(const Eigen::Ref<const Eigen::VectorXf>& t, const ConstPointsRef& x0,
                   const ConstPointsRef& x1, PointsRef x_t, PointsRef velocity) const;

 private:
  Schedule schedule_;
};

}  // namespace flowmatch
