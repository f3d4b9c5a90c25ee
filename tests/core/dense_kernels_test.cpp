// The kernels of dense.h against their naive twins in double precision, on every instruction set,
// on shapes that end in the middle of their register tiles.
#include "kernels/dense.h"
#include "kernels/naive.h"
#include "support/errors.h"
#include "support/instruction_sets.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::kernels::DenseShape;
using flowmatch::testing::for_each_instruction_set;
using flowmatch::testing::normal_numbers;
using flowmatch::testing::worse;
namespace naive = flowmatch::kernels::naive;

constexpr float kCanary = 12345.0F;

std::vector<double> to_double(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

std::vector<double> magnitudes(const std::vector<float>& values) {
  std::vector<double> result;
  result.reserve(values.size());
  for (const float value : values) result.push_back(std::abs(static_cast<double>(value)));
  return result;
}

std::vector<DenseShape> odd_shapes() {
  std::vector<DenseShape> shapes;
  for (const Index outputs : {1, 2, 3, 5, 7, 16, 17, 64, 65}) {
    for (const Index inputs : {1, 2, 3, 5, 7, 16, 17, 64, 65}) {
      // Every number of rows and both strides, if not with every size.
      const Index rows = 32 * (1 + (outputs + inputs) % 4);
      const Index stride = inputs % 2 == 0 ? rows : rows + 32;
      shapes.push_back({outputs, inputs, rows, stride});
    }
  }
  shapes.push_back({1024, 3, 128, 128});
  shapes.push_back({16, 1024, 128, 128});
  shapes.push_back({2, 16, 128, 128});
  shapes.push_back({1024, 65, 32, 64});
  shapes.push_back({65, 1024, 96, 96});
  return shapes;
}

std::string describe(const DenseShape& shape) {
  return "outputs " + std::to_string(shape.outputs) + ", inputs " + std::to_string(shape.inputs) +
         ", rows " + std::to_string(shape.rows) + ", stride " + std::to_string(shape.stride);
}

/// Numbers of one layer and its block.
struct Layer {
  explicit Layer(const DenseShape& layer_shape)
      : shape(layer_shape),
        weight(normal_numbers(shape.outputs * shape.inputs, 1)),
        bias(normal_numbers(shape.outputs, 2)),
        x(normal_numbers(shape.inputs * shape.stride, 3)),
        slope(normal_numbers(shape.outputs * shape.stride, 4)),
        derivative(normal_numbers(shape.inputs * shape.stride, 5)) {}

  DenseShape shape;
  std::vector<float> weight;
  std::vector<float> bias;
  std::vector<float> x;
  std::vector<float> slope;
  std::vector<float> derivative;
};

/// How far a float sum of `terms` products may be from the exact one: (terms + 2) roundings of what
/// its terms add up to in magnitude (Higham, "Accuracy and Stability of Numerical Algorithms",
/// section 3.1).
double rounding_bound(Index terms, double magnitude) {
  return static_cast<double>(terms + 2) * 0x1p-24 * magnitude;
}

/// The largest error of `values` in units of its bound, over the rows of a block; the padding
/// between rows and stride must be untouched.
double worst_error(const DenseShape& shape, Index features, const std::vector<float>& values,
                   const std::vector<double>& expected, const std::vector<double>& magnitude,
                   Index terms) {
  double worst = 0;
  for (Index f = 0; f < features; ++f) {
    for (Index r = 0; r < shape.stride; ++r) {
      const auto at = static_cast<std::size_t>(f * shape.stride + r);
      if (r >= shape.rows) {
        if (values[at] != kCanary) return 1e30;
        continue;
      }
      const double error = std::abs(static_cast<double>(values[at]) - expected[at]);
      worst = worse(worst, error / rounding_bound(terms, magnitude[at]));
    }
  }
  return worst;
}

TEST_CASE("dense_forward is weight x + bias") {
  for (const DenseShape& shape : odd_shapes()) {
    INFO(describe(shape));
    const Layer layer(shape);
    const auto size = static_cast<std::size_t>(shape.outputs * shape.stride);
    std::vector<double> expected(size);
    std::vector<double> magnitude(size);
    naive::dense_forward(shape, to_double(layer.weight).data(), to_double(layer.bias).data(),
                         to_double(layer.x).data(), expected.data());
    naive::dense_forward(shape, magnitudes(layer.weight).data(), magnitudes(layer.bias).data(),
                         magnitudes(layer.x).data(), magnitude.data());
    for_each_instruction_set([&] {
      std::vector<float> y(size, kCanary);
      kernels::dense_forward(shape, layer.weight.data(), layer.bias.data(), layer.x.data(),
                             y.data());
      CHECK(worst_error(shape, shape.outputs, y, expected, magnitude, shape.inputs) < 1);
    });
  }
}

TEST_CASE("dense_forward_activated is the activation of weight x + bias with its derivative") {
  for (const Activation activation : kActivations) {
    for (const DenseShape& shape : {DenseShape{5, 3, 32, 64}, DenseShape{7, 17, 96, 96},
                                    DenseShape{64, 65, 128, 128}, DenseShape{1, 1, 64, 64}}) {
      INFO(name(activation) << ", " << describe(shape));
      const Layer layer(shape);
      const auto size = static_cast<std::size_t>(shape.outputs * shape.stride);
      std::vector<double> values(size);
      std::vector<double> derivatives(size);
      std::vector<double> magnitude(size);
      naive::dense_forward_activated(shape, activation, to_double(layer.weight).data(),
                                     to_double(layer.bias).data(), to_double(layer.x).data(),
                                     values.data(), derivatives.data());
      naive::dense_forward(shape, magnitudes(layer.weight).data(), magnitudes(layer.bias).data(),
                           magnitudes(layer.x).data(), magnitude.data());
      // No activation is steeper than 1.13, nor any derivative here but relu's jump; 5e-7 of their
      // own.
      const auto tolerance = [&](std::size_t at) {
        return 1.2 * rounding_bound(shape.inputs, magnitude[at]) +
               5e-7 * (1 + std::abs(values[at]));
      };
      for_each_instruction_set([&] {
        std::vector<float> y(size, kCanary);
        std::vector<float> derivative(size, kCanary);
        kernels::dense_forward_activated(shape, activation, layer.weight.data(), layer.bias.data(),
                                         layer.x.data(), y.data(), derivative.data());
        std::vector<float> y_alone(size, kCanary);
        kernels::dense_forward_activated(shape, activation, layer.weight.data(), layer.bias.data(),
                                         layer.x.data(), y_alone.data(), nullptr);
        // Training and sampling evaluate the same function, to the bit.
        CHECK(y_alone == y);
        Index wrong = 0;
        for (Index f = 0; f < shape.outputs; ++f) {
          for (Index r = 0; r < shape.stride; ++r) {
            const auto at = static_cast<std::size_t>(f * shape.stride + r);
            if (r >= shape.rows) {
              wrong += y[at] == kCanary && derivative[at] == kCanary ? 0 : 1;
              continue;
            }
            const double value_error = std::abs(static_cast<double>(y[at]) - values[at]);
            const double slope_error =
                std::abs(static_cast<double>(derivative[at]) - derivatives[at]);
            const bool at_a_jump =
                activation == Activation::relu && std::abs(values[at]) < tolerance(at);
            if (!(value_error <= tolerance(at))) ++wrong;
            if (!(slope_error <= tolerance(at)) && !at_a_jump) ++wrong;
          }
        }
        CHECK(wrong == 0);
      });
    }
  }
}

TEST_CASE("dense_backward_input is the transposed weight times the slope, times the derivative") {
  for (const DenseShape& shape : odd_shapes()) {
    INFO(describe(shape));
    const Layer layer(shape);
    const auto size = static_cast<std::size_t>(shape.inputs * shape.stride);
    std::vector<double> expected(size);
    std::vector<double> magnitude(size);
    naive::dense_backward_input(shape, to_double(layer.weight).data(),
                                to_double(layer.slope).data(), to_double(layer.derivative).data(),
                                expected.data());
    naive::dense_backward_input(shape, magnitudes(layer.weight).data(),
                                magnitudes(layer.slope).data(), magnitudes(layer.derivative).data(),
                                magnitude.data());
    for_each_instruction_set([&] {
      std::vector<float> dx(size, kCanary);
      kernels::dense_backward_input(shape, layer.weight.data(), layer.slope.data(),
                                    layer.derivative.data(), dx.data());
      CHECK(worst_error(shape, shape.inputs, dx, expected, magnitude, shape.outputs) < 1);
    });
  }
}

TEST_CASE("dense_backward_weight adds the slope times the transposed input") {
  for (const DenseShape& shape : odd_shapes()) {
    INFO(describe(shape));
    const Layer layer(shape);
    // It adds to what is there.
    const std::vector<float> weight_before = normal_numbers(shape.outputs * shape.inputs, 6);
    const std::vector<float> bias_before = normal_numbers(shape.outputs, 7);
    std::vector<double> expected = to_double(weight_before);
    std::vector<double> expected_bias = to_double(bias_before);
    std::vector<double> magnitude = magnitudes(weight_before);
    std::vector<double> magnitude_bias = magnitudes(bias_before);
    naive::dense_backward_weight(shape, to_double(layer.slope).data(), to_double(layer.x).data(),
                                 expected.data(), expected_bias.data());
    naive::dense_backward_weight(shape, magnitudes(layer.slope).data(), magnitudes(layer.x).data(),
                                 magnitude.data(), magnitude_bias.data());
    for_each_instruction_set([&] {
      std::vector<float> d_weight = weight_before;
      std::vector<float> d_bias = bias_before;
      kernels::dense_backward_weight(shape, layer.slope.data(), layer.x.data(), d_weight.data(),
                                     d_bias.data());
      double worst = 0;
      for (std::size_t i = 0; i < d_weight.size(); ++i) {
        worst = worse(worst, std::abs(static_cast<double>(d_weight[i]) - expected[i]) /
                                 rounding_bound(shape.rows + 1, magnitude[i]));
      }
      for (std::size_t i = 0; i < d_bias.size(); ++i) {
        worst = worse(worst, std::abs(static_cast<double>(d_bias[i]) - expected_bias[i]) /
                                 rounding_bound(shape.rows + 1, magnitude_bias[i]));
      }
      CHECK(worst < 1);
    });
  }
}

TEST_CASE("the kernels write nowhere but into their results") {
  // The results stand in the middle of larger arrays, at no alignment.
  constexpr std::size_t kMargin = 61;
  for (const DenseShape& shape : {DenseShape{7, 5, 32, 32}, DenseShape{17, 3, 64, 64}}) {
    INFO(describe(shape));
    const Layer layer(shape);
    const auto outputs = static_cast<std::size_t>(shape.outputs * shape.stride);
    const auto inputs = static_cast<std::size_t>(shape.inputs * shape.stride);
    const auto margins_are_whole = [&](const std::vector<float>& values) {
      const auto is_canary = [](float value) { return value == kCanary; };
      return std::all_of(values.begin(), values.begin() + kMargin, is_canary) &&
             std::all_of(values.end() - kMargin, values.end(), is_canary);
    };
    for_each_instruction_set([&] {
      std::vector<float> y(outputs + 2 * kMargin, kCanary);
      std::vector<float> derivative(outputs + 2 * kMargin, kCanary);
      kernels::dense_forward_activated(shape, Activation::silu, layer.weight.data(),
                                       layer.bias.data(), layer.x.data(), y.data() + kMargin,
                                       derivative.data() + kMargin);
      std::vector<float> dx(inputs + 2 * kMargin, kCanary);
      kernels::dense_backward_input(shape, layer.weight.data(), layer.slope.data(),
                                    layer.derivative.data(), dx.data() + kMargin);
      std::vector<float> d_weight(layer.weight.size() + 2 * kMargin, kCanary);
      std::vector<float> d_bias(layer.bias.size() + 2 * kMargin, kCanary);
      kernels::dense_backward_weight(shape, layer.slope.data(), layer.x.data(),
                                     d_weight.data() + kMargin, d_bias.data() + kMargin);
      CHECK(margins_are_whole(y));
      CHECK(margins_are_whole(derivative));
      CHECK(margins_are_whole(dx));
      CHECK(margins_are_whole(d_weight));
      CHECK(margins_are_whole(d_bias));
    });
  }
}

TEST_CASE("a row's result does not depend on its place among the rows") {
  // To the bit: it is what makes a batch's result independent of how the batch is cut.
  constexpr Index kRows = 128;
  const DenseShape shape{17, 7, kRows, kRows};
  Layer layer(shape);
  for_each_instruction_set([&] {
    std::vector<float> y(17 * kRows);
    kernels::dense_forward_activated(shape, Activation::gelu, layer.weight.data(),
                                     layer.bias.data(), layer.x.data(), y.data(), nullptr);
    // The same rows in reverse.
    Layer reversed = layer;
    for (Index f = 0; f < 7; ++f) {
      std::reverse(reversed.x.begin() + f * kRows, reversed.x.begin() + (f + 1) * kRows);
    }
    std::vector<float> y_reversed(17 * kRows);
    kernels::dense_forward_activated(shape, Activation::gelu, layer.weight.data(),
                                     layer.bias.data(), reversed.x.data(), y_reversed.data(),
                                     nullptr);
    for (Index f = 0; f < 17; ++f) {
      std::reverse(y_reversed.begin() + f * kRows, y_reversed.begin() + (f + 1) * kRows);
    }
    CHECK(y_reversed == y);
    // The first 32 rows alone.
    std::vector<float> y_short(17 * kRows, kCanary);
    kernels::dense_forward_activated({17, 7, 32, kRows}, Activation::gelu, layer.weight.data(),
                                     layer.bias.data(), layer.x.data(), y_short.data(), nullptr);
    for (Index f = 0; f < 17; ++f) {
      CHECK(std::equal(y_short.begin() + f * kRows, y_short.begin() + f * kRows + 32,
                       y.begin() + f * kRows));
    }
  });
}

}  // namespace
