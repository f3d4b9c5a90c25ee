#include "src/elementary.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace {

using namespace flowmatch;

/// How far `value` is from `wanted`, in units of the last place of `wanted`.
double ulps(double value, double wanted) {
  const double next = std::nextafter(std::abs(wanted), std::numeric_limits<double>::infinity());
  return std::abs(value - wanted) / (next - std::abs(wanted));
}

TEST_CASE("a whole power is a product") {
  CHECK(whole_power(3, 0) == 1);
  CHECK(whole_power(0, 5) == 0);
  CHECK(whole_power(-2, 5) == -32);
  CHECK(whole_power(0.5, 30) == 0x1p-30);
  for (const int step : {1, 10, 1000, 100000}) {
    CHECK(std::abs(whole_power(0.999, step) - std::pow(0.999, step)) < 1e-12);
  }
}

TEST_CASE("points of the circle are those of cosine and sine, exact at its quarters") {
  double worst = 0;
  for (int i = 0; i <= 10000; ++i) {
    const double turns = i / 10000.0;
    const auto [x, y] = circle_point(turns);
    worst = std::max({worst, std::abs(x - std::cos(2 * std::numbers::pi * turns)),
                      std::abs(y - std::sin(2 * std::numbers::pi * turns))});
  }
  // The angle in radians is rounded by as much.
  CHECK(worst < 1e-15);
  CHECK(circle_point(0).x == 1);
  CHECK(circle_point(0.25).y == 1);
  CHECK(circle_point(0.5).x == -1);
  CHECK(circle_point(0.5).y == 0);
  CHECK(circle_point(0.75).y == -1);
  CHECK(circle_point(1).x == 1);
}

TEST_CASE("the logarithm is the library's to 2 ulp") {
  double worst = 0;
  for (int i = -7000; i <= 7000; ++i) {
    const double x = std::exp(i / 10.0 + 1e-3);
    worst = std::max(worst, ulps(natural_log(x), std::log(x)));
  }
  for (int i = 500; i <= 2000; ++i) {
    const double x = i / 1000.0;
    worst = std::max(worst, ulps(natural_log(x), std::log(x)));
  }
  CHECK(worst <= 2);
  CHECK(natural_log(1) == 0);
  CHECK(natural_log(0) == -std::numeric_limits<double>::infinity());
  CHECK(ulps(natural_log(std::numeric_limits<double>::denorm_min()),
             std::log(std::numeric_limits<double>::denorm_min())) <= 2);
}

TEST_CASE("the exponential is the library's to 2 ulp") {
  double worst = 0;
  for (int i = -70000; i <= 70000; ++i) {
    const double x = i / 100.0 + 1e-4;
    worst = std::max(worst, ulps(exponential(x), std::exp(x)));
  }
  CHECK(worst <= 2);
  CHECK(exponential(0) == 1);
  CHECK(std::isnan(exponential(std::numeric_limits<double>::quiet_NaN())));
}

TEST_CASE("the exponential less one is the library's to 4 ulp, the smallest arguments included") {
  double worst = 0;
  for (int i = -7000; i <= 7000; ++i) {
    const double x = i / 100.0 + 1e-5;
    worst = std::max(worst, ulps(exponential_minus_one(x), std::expm1(x)));
  }
  for (int i = -400; i <= 400; ++i) {
    const double x = i / 1000.0 + 1e-6;
    worst = std::max(worst, ulps(exponential_minus_one(x), std::expm1(x)));
  }
  for (const double x : {1e-300, -1e-300, 1e-17, -1e-17, 1e-9, -1e-9, 0.35, -0.35, 700.0, -700.0}) {
    worst = std::max(worst, ulps(exponential_minus_one(x), std::expm1(x)));
  }
  CHECK(worst <= 4);
  CHECK(exponential_minus_one(0) == 0);
  CHECK(std::isnan(exponential_minus_one(std::numeric_limits<double>::quiet_NaN())));
}

TEST_CASE("a power is the library's, and so at its edges") {
  double worst = 0;
  for (const double base : {1e-30, 0.1, 0.5, 0.999, 1.0, 2.0, 1e20}) {
    for (const double exponent : {0.1, 0.5, 1.5, 2.0, 3.7, 10.0}) {
      const double wanted = std::pow(base, exponent);
      worst =
          std::max(worst, ulps(power(base, exponent), wanted) / (4 + std::abs(std::log(wanted))));
    }
  }
  CHECK(worst <= 2);
  CHECK(power(0, 0) == 1);
  CHECK(power(0, 2) == 0);
  CHECK(power(0.3, 1) == 0.3);
  CHECK(power(1, 7.3) == 1);
  CHECK(power(1e-200, 10) == 0);
  CHECK(power(1e200, 10) == std::numeric_limits<double>::infinity());
}

}  // namespace
