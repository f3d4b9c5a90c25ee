// Elementary functions without tables. The standard library's are faster for the eight kilobytes of
// powers, logarithms and digits of pi that they look things up in; a reader waits for those, and
// nothing here is called in a loop that matters: those are kernels, with functions of their own.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>

namespace flowmatch {

/// base^exponent, for an exponent of 0 or more.
constexpr double whole_power(double base, std::int64_t exponent) {
  double power = 1;
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) power *= base;
    base *= base;
  }
  return power;
}

struct CirclePoint {
  double x;
  double y;
};

/// (cos, sin) of 2 pi `turns`, for turns in [0, 1]. An angle in turns is reduced to an eighth of
/// one without rounding, where short series are enough.
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

/// log(x) for x >= 0, to 2 ulp: of the fraction of x, which is brought near 1, by the series of the
/// inverse hyperbolic tangent.
inline double natural_log(double x) {
  if (x == 0) return -std::numeric_limits<double>::infinity();
  int exponent = 0;
  double fraction = std::frexp(x, &exponent);
  if (fraction < 1 / std::numbers::sqrt2) {
    fraction *= 2;
    --exponent;
  }
  const double ratio = (fraction - 1) / (fraction + 1);
  const double square = ratio * ratio;
  double rest = 0;
  for (int n = 21; n >= 3; n -= 2) rest = square * (1.0 / n + rest);
  return 2 * (ratio + ratio * rest) + exponent * std::numbers::ln2;
}

/// exp(x) for x in [-700, 700] or NaN, to 2 ulp: by Taylor's series of what is left of x after a
/// power of 2.
inline double exponential(double x) {
  constexpr std::size_t kTerms = 14;
  static constexpr std::array<double, kTerms> kInverseFactorials = [] {
    std::array<double, kTerms> inverse{1};
    double factorial = 1;
    for (std::size_t n = 1; n < kTerms; ++n) {
      factorial *= static_cast<double>(n);
      inverse[n] = 1 / factorial;
    }
    return inverse;
  }();
  // ln 2 in two parts, the first with so few bits that its product with a whole number is exact.
  constexpr double kHigh = 0x1.62e42fefap-1;
  constexpr double kLow = 0x1.cf79abc9e3b3ap-40;
  if (std::isnan(x)) return x;
  const double power = std::floor(x / std::numbers::ln2 + 0.5);
  const double rest = (x - power * kHigh) - power * kLow;
  double sum = 0;
  for (std::size_t n = kTerms; n-- > 0;) sum = sum * rest + kInverseFactorials[n];
  return std::ldexp(sum, static_cast<int>(power));
}

/// exp(x) - 1 for x in [-700, 700] or NaN, to 4 ulp: near 0 by Taylor's series without its first
/// term, where the difference would lose its digits.
inline double exponential_minus_one(double x) {
  if (!(std::abs(x) < 0.35)) return exponential(x) - 1;
  double sum = 1;
  for (int n = 14; n >= 2; --n) sum = 1 + x / n * sum;
  return x * sum;
}

/// base^exponent, for a base of 0 or more, above 0 where the exponent is negative. To 8 + 2
/// |log(result)| ulp.
inline double power(double base, double exponent) {
  if (exponent == 0) return 1;
  if (exponent == 1 || base == 0) return base;
  const double log = exponent * natural_log(base);
  if (log < -700) return 0;
  if (log > 700) return std::numeric_limits<double>::infinity();
  return exponential(log);
}

}  // namespace flowmatch
