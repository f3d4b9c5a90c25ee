// Powers with a whole exponent.
#pragma once

#include <cstdint>

namespace flowmatch {

/// base^exponent, for an exponent of 0 or more, by repeated squaring: std::pow would bring its
/// tables into a module that a reader waits for.
constexpr double whole_power(double base, std::int64_t exponent) {
  double power = 1;
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) power *= base;
    base *= base;
  }
  return power;
}

}  // namespace flowmatch
