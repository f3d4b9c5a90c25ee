// The activations as the network runs them, in SIMD, against the standard library in double
// precision.
#include "flowmatch/activation.h"

#include "kernels/dense.h"
#include "kernels/naive.h"
#include "support/instruction_sets.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::for_each_instruction_set;
namespace naive = flowmatch::kernels::naive;

struct Curve {
  std::vector<float> value;
  std::vector<float> derivative;
};

/// act(x) and act'(x) of each x, by a layer of one weight 1 and the bias 0.
Curve activate(Activation activation, std::vector<float> x) {
  const std::size_t count = x.size();
  constexpr auto kMultiple = static_cast<std::size_t>(kernels::kRowMultiple);
  x.resize((count + kMultiple - 1) / kMultiple * kMultiple);
  // Of one feature, panels without a gap are one array.
  const Index rows = kernels::panel_rows();
  const Index panels = static_cast<Index>(x.size()) / rows;
  const float weight = 1;
  const float bias = 0;
  Curve curve{std::vector<float>(x.size()), std::vector<float>(x.size())};
  kernels::dense_forward_activated({1, 1, rows, panels, rows, rows}, activation, &weight, &bias,
                                   x.data(), curve.value.data(), curve.derivative.data());
  curve.value.resize(count);
  curve.derivative.resize(count);
  return curve;
}

struct Point {
  double value;
  double derivative;
};

/// The definitions of activation.h, written independently of naive.h.
Point exact(Activation activation, double x) {
  switch (activation) {
    case Activation::silu: {
      const double sigmoid = x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
      return {x * sigmoid, sigmoid + x * sigmoid * (1 - sigmoid)};
    }
    case Activation::tanh:
      return {std::tanh(x), 1 / (std::cosh(x) * std::cosh(x))};
    case Activation::relu:
      return x > 0 ? Point{x, 1} : Point{0, 0};
    case Activation::elu:
      return x > 0 ? Point{x, 1} : Point{std::expm1(x), std::exp(x)};
    case Activation::gelu: {
      const double phi = 0.5 * (1 + std::erf(x / std::numbers::sqrt2));
      const double upper = 0.5 * std::erfc(-x / std::numbers::sqrt2);
      const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
      const double share = x < 0 ? upper : phi;
      return {x * share, share + x * density};
    }
  }
  return {};
}

/// [-100, 100] evenly, the neighbourhood of 0 down to the smallest floats, and where the kernels
/// change from one formula to another.
std::vector<float> test_points() {
  std::vector<float> points;
  for (int i = -200'000; i <= 200'000; ++i) points.push_back(static_cast<float>(i) * 0.0005F);
  for (float x = 1; x > 1e-44F; x /= 1.7F) {
    points.push_back(x);
    points.push_back(-x);
  }
  for (const float corner : {0.25F, 0.625F, 13.0F, 87.0F, 88.0F}) {
    for (const float sign : {-1.0F, 1.0F}) {
      const float at = sign * corner;
      points.insert(points.end(),
                    {at, std::nextafter(at, 0.0F), std::nextafter(at, 200.0F * sign)});
    }
  }
  return points;
}

struct Tolerance {
  double relative;
  double absolute;
};

/// The largest error in units of its tolerance, and where it is.
struct Worst {
  double error = 0;
  float at = 0;

  void add(float x, double got, double expected, const Tolerance& tolerance) {
    const double allowed = tolerance.relative * std::abs(expected) + tolerance.absolute;
    const double share = std::abs(got - expected) / allowed;
    // What is not a number is the worst of all.
    if (share > error || std::isnan(share)) {
      error = std::isnan(share) ? std::numeric_limits<double>::infinity() : share;
      at = x;
    }
  }
};

void check_curve(Activation activation, const Tolerance& of_value, const Tolerance& of_derivative) {
  const std::vector<float> x = test_points();
  for_each_instruction_set([&] {
    const Curve curve = activate(activation, x);
    Worst value;
    Worst derivative;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Point expected = exact(activation, static_cast<double>(x[i]));
      value.add(x[i], static_cast<double>(curve.value[i]), expected.value, of_value);
      derivative.add(x[i], static_cast<double>(curve.derivative[i]), expected.derivative,
                     of_derivative);
    }
    CAPTURE(name(activation), value.at, derivative.at);
    CHECK(value.error < 1);
    CHECK(derivative.error < 1);
  });
}

// A float's rounding is 6e-8 of its value. Tolerances are some multiple of that, with an absolute
// part where the function passes through zero, or where it falls below what the exponential's range
// of [-87, 88] gives: exp(-88) = 6e-39, times the 100 of the widest argument.
TEST_CASE("silu is accurate to a few units in the last place") {
  // The derivative has 1 - sigmoid, a rounding of 1, times x while that is not yet 0: x < 17.
  check_curve(Activation::silu, {5e-7, 1e-36}, {5e-7, 1e-6});
}
TEST_CASE("tanh is accurate to a few units in the last place") {
  // 1 - tanh^2 cancels where tanh is near 1.
  check_curve(Activation::tanh, {4e-7, 0x1p-149}, {4e-7, 2e-7});
}
TEST_CASE("relu is exact") {
  check_curve(Activation::relu, {0, 1e-300}, {0, 1e-300});
}
TEST_CASE("elu is accurate to a few units in the last place") {
  check_curve(Activation::elu, {6e-7, 0x1p-149}, {4e-7, 2e-38});
}
TEST_CASE("gelu is accurate to its approximation of the normal distribution") {
  // Formula 7.1.26 of Abramowitz and Stegun is off by up to 7.5e-8 in the distribution, and the
  // value is that times x, which matters while the distribution's tail does: |x| < 5.
  check_curve(Activation::gelu, {3e-7, 3e-7}, {3e-7, 3e-7});
}

TEST_CASE("the naive twins are the definitions") {
  for (const Activation activation : kActivations) {
    Worst value;
    Worst derivative;
    for (const float x : test_points()) {
      const auto twin = naive::activate<double>(activation, static_cast<double>(x));
      const Point expected = exact(activation, static_cast<double>(x));
      // 1 - tanh^2 cancels to 1e-16.
      value.add(x, twin.value, expected.value, {1e-14, 1e-300});
      derivative.add(x, twin.derivative, expected.derivative, {1e-14, 1e-15});
    }
    CAPTURE(name(activation), value.at, derivative.at);
    CHECK(value.error < 1);
    CHECK(derivative.error < 1);
  }
}

TEST_CASE("each derivative is the slope of its function") {
  for (const Activation activation : kActivations) {
    for (double x = -8.013; x < 8; x += 0.1) {
      constexpr double kStep = 1e-5;
      const double slope = (naive::activate<double>(activation, x + kStep).value -
                            naive::activate<double>(activation, x - kStep).value) /
                           (2 * kStep);
      CAPTURE(name(activation), x);
      CHECK(std::abs(naive::activate<double>(activation, x).derivative - slope) < 1e-9);
    }
  }
}

TEST_CASE("at zero the derivatives are PyTorch's") {
  const auto at_zero = [](Activation activation) {
    return activate(activation, {0.0F}).derivative[0];
  };
  CHECK(at_zero(Activation::silu) == 0.5F);
  CHECK(at_zero(Activation::tanh) == 1);
  CHECK(at_zero(Activation::relu) == 0);
  CHECK(at_zero(Activation::elu) == 1);
  CHECK(std::abs(at_zero(Activation::gelu) - 0.5F) < 2e-7F);
}

TEST_CASE("what is not a number stays so, in its own lane only") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Activation activation : kActivations) {
    for_each_instruction_set([&] {
      for (std::size_t lane = 0; lane < 32; ++lane) {
        std::vector<float> x(32, 0.5F);
        x[lane] = nan;
        const Curve curve = activate(activation, x);
        Index wrong = 0;
        for (std::size_t i = 0; i < 32; ++i) {
          if (std::isnan(curve.value[i]) != (i == lane)) ++wrong;
          if (std::isnan(curve.derivative[i]) != (i == lane)) ++wrong;
        }
        CAPTURE(name(activation), lane);
        CHECK(wrong == 0);
      }
    });
  }
}

TEST_CASE("large finite inputs give the limits, the largest of all at least a finite number") {
  for (const Activation activation : kActivations) {
    for_each_instruction_set([&] {
      for (const float sign : {-1.0F, 1.0F}) {
        for (const float magnitude : {101.0F, 1e4F, 1e10F, 1e20F, 1e30F}) {
          const float x = sign * magnitude;
          const Curve curve = activate(activation, {x});
          const Point expected = exact(activation, static_cast<double>(x));
          CAPTURE(name(activation), x);
          CHECK(std::abs(static_cast<double>(curve.value[0]) - expected.value) <=
                1e-7 * std::max(1.0, std::abs(expected.value)));
          CHECK(std::abs(static_cast<double>(curve.derivative[0]) - expected.derivative) <= 1e-7);
        }
        const float largest = sign * std::numeric_limits<float>::max();
        const Curve curve = activate(activation, {largest});
        CAPTURE(name(activation), largest);
        CHECK(std::isfinite(curve.value[0]));
        CHECK(std::isfinite(curve.derivative[0]));
      }
    });
  }
}

/// Value and derivative in the limit x -> +-infinity.
Point limit(Activation activation, float x) {
  const bool right = x > 0;
  const Point linear = right ? Point{static_cast<double>(x), 1} : Point{0, 0};
  switch (activation) {
    case Activation::silu:
    case Activation::relu:
    case Activation::gelu:
      return linear;
    case Activation::tanh:
      return {right ? 1.0 : -1.0, 0};
    case Activation::elu:
      return right ? linear : Point{-1, 0};
  }
  return {};
}

TEST_CASE("an infinite input gives the limit, or no finite number where the twin gives none") {
  // Such an input means that training has diverged: it may be hidden by a true limit, but never by
  // some other finite number. The twins have infinity times 0 where kernels may know better.
  for (const Activation activation : kActivations) {
    for (const float sign : {-1.0F, 1.0F}) {
      const float x = sign * std::numeric_limits<float>::infinity();
      const auto twin = naive::activate<float>(activation, x);
      const Point expected = limit(activation, x);
      for_each_instruction_set([&] {
        const Curve curve = activate(activation, {x});
        const auto agrees = [](float got, float of_twin, double exact_limit) {
          const auto value = static_cast<double>(got);
          return value == exact_limit || std::abs(value - exact_limit) < 1e-30 ||
                 (!std::isfinite(got) && !std::isfinite(of_twin));
        };
        CAPTURE(name(activation), x, curve.value[0], curve.derivative[0]);
        CHECK(agrees(curve.value[0], twin.value, expected.value));
        CHECK(agrees(curve.derivative[0], twin.derivative, expected.derivative));
        CHECK(agrees(twin.value, twin.value, expected.value));
        CHECK(agrees(twin.derivative, twin.derivative, expected.derivative));
      });
    }
  }
}

TEST_CASE("an activation is found by its name and by nothing else") {
  CHECK(name(Activation::silu) == "silu");
  CHECK(name(Activation::tanh) == "tanh");
  CHECK(name(Activation::relu) == "relu");
  CHECK(name(Activation::elu) == "elu");
  CHECK(name(Activation::gelu) == "gelu");
  CHECK(kActivations.size() == 5);
  for (const Activation activation : kActivations) {
    CHECK(activation_from_name(name(activation)) == activation);
  }
  for (const auto* const text : {"", "SiLU", "relu6", "swish", "gel"}) {
    CAPTURE(text);
    CHECK_FALSE(activation_from_name(text).has_value());
  }
}

}  // namespace
