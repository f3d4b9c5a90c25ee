// Points of the unit circle.
#pragma once

#include <cmath>
#include <numbers>

namespace flowmatch {

struct CirclePoint {
  double x;
  double y;
};

/// (cos, sin) of 2 pi `turns`, for turns in [0, 1]. An angle in turns is reduced to an eighth of
/// one without rounding, where two short series are enough; std::cos brings two thousand digits of
/// pi, for angles that nobody asks for.
inline CirclePoint circle_point(double turns) {
  const double quarters = 4 * turns;
  const double nearest = std::floor(quarters + 0.5);
  const double angle = (quarters - nearest) * (std::numbers::pi / 2);
  const double square = angle * angle;
  // From the smallest term: 1 - a^2 / (1 2) (1 - a^2 / (3 4) (...)), and the same of the sine.
  double x = 1;
  double y = 1;
  for (int n = 16; n >= 2; n -= 2) {
    x = 1 - square / (n * (n - 1)) * x;
    y = 1 - square / (n * (n + 1)) * y;
  }
  y *= angle;
  switch (static_cast<int>(nearest) % 4) {
    case 1:
      return {-y, x};
    case 2:
      return {-x, -y};
    case 3:
      return {y, -x};
    default:
      return {x, y};
  }
}

}  // namespace flowmatch
