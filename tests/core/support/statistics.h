// Means with their standard errors, so that a Monte-Carlo test states how far off chance may be.
#pragma once

#include <cmath>
#include <cstddef>

namespace flowmatch::testing {

/// A sample mean and the standard error of that mean, gathered one value at a time.
class Estimate {
 public:
  void add(double value) {
    ++count_;
    const double before = value - mean_;
    mean_ += before / static_cast<double>(count_);
    squares_ += before * (value - mean_);
  }
  [[nodiscard]] double mean() const { return mean_; }
  [[nodiscard]] double variance() const { return squares_ / static_cast<double>(count_ - 1); }
  [[nodiscard]] double error() const { return std::sqrt(variance() / static_cast<double>(count_)); }

 private:
  std::size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // sum of squared deviations
};

/// Chance puts a mean beyond this many of its standard errors once in 1.7 million times. Every draw
/// of the tests comes from a fixed seed, so that a test that passes once passes always.
inline constexpr double kSigmas = 5;

}  // namespace flowmatch::testing
