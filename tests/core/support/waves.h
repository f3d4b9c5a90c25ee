// Numbers that a script in tests/data can repeat: for golden values.
#pragma once

#include "flowmatch/points.h"

#include <cmath>
#include <cstddef>
#include <vector>

namespace flowmatch::testing {

/// Number i is amplitude sin(frequency i + phase).
template <class Scalar>
std::vector<Scalar> wave(std::size_t count, double amplitude, double frequency, double phase) {
  std::vector<Scalar> values;
  values.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(
        static_cast<Scalar>(amplitude * std::sin(frequency * static_cast<double>(i) + phase)));
  }
  return values;
}

/// The same as N x D points.
template <class Scalar>
PointsOf<Scalar> wave_points(Index rows, Index dimension, double amplitude, double frequency,
                             double phase) {
  const auto values =
      wave<Scalar>(static_cast<std::size_t>(rows * dimension), amplitude, frequency, phase);
  return Eigen::Map<const PointsOf<Scalar>>(values.data(), rows, dimension);
}

}  // namespace flowmatch::testing
