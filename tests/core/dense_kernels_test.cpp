// The kernels of dense.h against their naive twins in double precision, on every instruction set,
// on shapes that end in the middle of their register tiles.
#include "kernels/dense.h"
#include "kernels/naive.h"
#include "support/errors.h"
#include "support/instruction_sets.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
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

/// A layer's sizes and its number of rows; how rows lie in panels depends on the instruction set.
struct Size {
  Index outputs;
  Index inputs;
  Index rows;
};

std::vector<Size> odd_sizes() {
  std::vector<Size> sizes;
  for (const Index outputs : {1, 2, 3, 5, 7, 16, 17, 64, 65}) {
    for (const Index inputs : {1, 2, 3, 5, 7, 16, 17, 64, 65}) {
      // Every number of rows, if not with every size.
      sizes.push_back({outputs, inputs, 32 * (1 + (outputs + inputs) % 4)});
    }
  }
  sizes.push_back({1024, 3, 128});
  sizes.push_back({16, 1024, 128});
  sizes.push_back({2, 16, 128});
  sizes.push_back({1024, 65, 32});
  sizes.push_back({65, 1024, 96});
  sizes.push_back({33, 30, 160});
  return sizes;
}

std::string describe(const Size& size) {
  return "outputs " + std::to_string(size.outputs) + ", inputs " + std::to_string(size.inputs) +
         ", rows " + std::to_string(size.rows);
}

/// Between the panels of the tests are these many numbers that nothing may touch.
constexpr Index kGap = 7;

DenseShape shape_of(const Size& size) {
  const Index rows = kernels::panel_rows();
  return {.outputs = size.outputs,
          .inputs = size.inputs,
          .panel_rows = rows,
          .panels = size.rows / rows,
          .input_stride = size.inputs * rows + kGap,
          .output_stride = size.outputs * rows + kGap};
}

Index input_numbers(const DenseShape& shape) {
  return shape.panels * shape.input_stride;
}

Index output_numbers(const DenseShape& shape) {
  return shape.panels * shape.output_stride;
}

/// Numbers of one layer and its panels.
struct Layer {
  explicit Layer(const Size& size)
      : shape(shape_of(size)),
        weight(normal_numbers(shape.outputs * shape.inputs, 1)),
        bias(normal_numbers(shape.outputs, 2)),
        x(normal_numbers(input_numbers(shape), 3)),
        dy(normal_numbers(output_numbers(shape), 4)),
        derivative(normal_numbers(input_numbers(shape), 5)) {}

  DenseShape shape;
  std::vector<float> weight;
  std::vector<float> bias;
  std::vector<float> x;
  std::vector<float> dy;
  std::vector<float> derivative;
};

std::vector<float> canaries(Index count) {
  return std::vector<float>(static_cast<std::size_t>(count), kCanary);
}

std::vector<double> zeros(Index count) {
  return std::vector<double>(static_cast<std::size_t>(count));
}

/// How far a float sum of `terms` products may be from the exact one: (terms + 2) roundings of what
/// its terms add up to in magnitude (Higham, "Accuracy and Stability of Numerical Algorithms",
/// section 3.1).
double rounding_bound(Index terms, double magnitude) {
  return static_cast<double>(terms + 2) * 0x1p-24 * magnitude;
}

/// The largest error of `values`, panels of `features` features, in units of its bound; infinite
/// when a gap is not as `before` it was.
double worst_error(const DenseShape& shape, Index features, Index stride,
                   const std::vector<float>& values, const std::vector<float>& before,
                   const std::vector<double>& expected, const std::vector<double>& magnitude,
                   Index terms) {
  double worst = 0;
  for (Index i = 0; i < shape.panels * stride; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (i % stride >= features * shape.panel_rows) {
      if (values[at] != before[at]) return std::numeric_limits<double>::infinity();
      continue;
    }
    const double error = std::abs(static_cast<double>(values[at]) - expected[at]);
    worst = worse(worst, error / rounding_bound(terms, magnitude[at]));
  }
  return worst;
}

TEST_CASE("a panel is two vectors of rows") {
  for_each_instruction_set([] {
    CHECK(kernels::panel_rows() >= 8);
    CHECK(kernels::kRowMultiple % kernels::panel_rows() == 0);
  });
}

TEST_CASE("dense_forward is weight x + bias") {
  for_each_instruction_set([] {
    for (const Size& size : odd_sizes()) {
      INFO(describe(size));
      const Layer layer(size);
      const DenseShape& shape = layer.shape;
      std::vector<double> expected = zeros(output_numbers(shape));
      std::vector<double> magnitude = zeros(output_numbers(shape));
      naive::dense_forward(shape, to_double(layer.weight).data(), to_double(layer.bias).data(),
                           to_double(layer.x).data(), expected.data());
      naive::dense_forward(shape, magnitudes(layer.weight).data(), magnitudes(layer.bias).data(),
                           magnitudes(layer.x).data(), magnitude.data());
      std::vector<float> y = canaries(output_numbers(shape));
      const std::vector<float> before = y;
      kernels::dense_forward(shape, layer.weight.data(), layer.bias.data(), layer.x.data(),
                             y.data());
      CHECK(worst_error(shape, shape.outputs, shape.output_stride, y, before, expected, magnitude,
                        shape.inputs) < 1);
    }
  });
}

TEST_CASE("dense_forward_activated is the activation of weight x + bias with its derivative") {
  for_each_instruction_set([] {
    for (const Activation activation : kActivations) {
      for (const Size& size :
           {Size{5, 3, 32}, Size{7, 17, 96}, Size{64, 65, 128}, Size{131, 3, 32}, Size{1, 1, 64}}) {
        INFO(name(activation) << ", " << describe(size));
        const Layer layer(size);
        const DenseShape& shape = layer.shape;
        std::vector<double> values = zeros(output_numbers(shape));
        std::vector<double> derivatives = values;
        std::vector<double> magnitude = values;
        naive::dense_forward_activated(shape, activation, to_double(layer.weight).data(),
                                       to_double(layer.bias).data(), to_double(layer.x).data(),
                                       values.data(), derivatives.data());
        naive::dense_forward(shape, magnitudes(layer.weight).data(), magnitudes(layer.bias).data(),
                             magnitudes(layer.x).data(), magnitude.data());
        // No activation is steeper than 1.13, nor any derivative here but relu's jump; 5e-7 of
        // their own.
        const auto tolerance = [&](std::size_t at) {
          return 1.2 * rounding_bound(shape.inputs, magnitude[at]) +
                 5e-7 * (1 + std::abs(values[at]));
        };
        std::vector<float> y = canaries(output_numbers(shape));
        std::vector<float> derivative = y;
        std::vector<float> y_alone = y;
        kernels::dense_forward_activated(shape, activation, layer.weight.data(), layer.bias.data(),
                                         layer.x.data(), y.data(), derivative.data());
        kernels::dense_forward_activated(shape, activation, layer.weight.data(), layer.bias.data(),
                                         layer.x.data(), y_alone.data(), nullptr);
        // Training and sampling evaluate the same function, to the bit.
        CHECK(y_alone == y);
        Index wrong = 0;
        for (std::size_t at = 0; at < y.size(); ++at) {
          const Index in_panel = static_cast<Index>(at) % shape.output_stride;
          if (in_panel >= shape.outputs * shape.panel_rows) {
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
        CHECK(wrong == 0);
      }
    }
  });
}

TEST_CASE("dense_forward_activated gives the activation's second derivative too") {
  for_each_instruction_set([] {
    for (const Activation activation : kActivations) {
      // From the middle of every activation to its tails, and what is not a number.
      constexpr Index kRows = 32 * 40;
      const DenseShape shape = shape_of({1, 1, kRows});
      std::vector<float> x(static_cast<std::size_t>(input_numbers(shape)));
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = 20.0F * (2 * static_cast<float>(i) / static_cast<float>(x.size()) - 1);
      }
      x[5] = std::numeric_limits<float>::quiet_NaN();
      const float one = 1;
      const float zero = 0;
      std::vector<float> y = canaries(output_numbers(shape));
      std::vector<float> derivative = y;
      std::vector<float> curvature = y;
      std::vector<float> y_alone = y;
      std::vector<float> derivative_alone = y;
      kernels::dense_forward_activated(shape, activation, &one, &zero, x.data(), y.data(),
                                       derivative.data(), curvature.data());
      kernels::dense_forward_activated(shape, activation, &one, &zero, x.data(), y_alone.data(),
                                       derivative_alone.data());
      INFO(name(activation));
      double worst = 0;
      Index wrong = 0;
      for (std::size_t at = 0; at < y.size(); ++at) {
        if (static_cast<Index>(at) % shape.output_stride >= shape.panel_rows) {
          wrong += curvature[at] == kCanary ? 0 : 1;
        } else if (at == 5) {
          wrong += std::isnan(curvature[at]) && std::isnan(y[at]) ? 0 : 1;
        } else {
          wrong += y[at] == y_alone[at] && derivative[at] == derivative_alone[at] ? 0 : 1;
          const auto exact = naive::activate(activation, static_cast<double>(x[at]));
          worst = worse(worst, std::abs(static_cast<double>(curvature[at]) - exact.curvature));
          // The twin itself: the difference of two derivatives, away from the kinks.
          constexpr double kStep = 1e-4;
          const auto slope = [&](double step) {
            return naive::activate(activation, static_cast<double>(x[at]) + step).derivative;
          };
          const double numerical = (slope(kStep) - slope(-kStep)) / (2 * kStep);
          if (std::abs(x[at]) > 1e-3F) {
            wrong += std::abs(numerical - exact.curvature) < 1e-7 ? 0 : 1;
          }
        }
      }
      CHECK(wrong == 0);
      // Curvatures are at most 1; where x is large, rounding of x times that of 1 - sigmoid.
      CHECK(worst < 2e-6);
    }
  });
}

TEST_CASE("dense_backward_input is the transposed weight times the slope, times the derivative") {
  for_each_instruction_set([] {
    for (const Size& size : odd_sizes()) {
      INFO(describe(size));
      const Layer layer(size);
      const DenseShape& shape = layer.shape;
      std::vector<double> expected = to_double(layer.derivative);
      std::vector<double> magnitude = magnitudes(layer.derivative);
      naive::dense_backward_input(shape, to_double(layer.weight).data(), to_double(layer.dy).data(),
                                  expected.data());
      naive::dense_backward_input(shape, magnitudes(layer.weight).data(),
                                  magnitudes(layer.dy).data(), magnitude.data());
      std::vector<float> packed(layer.weight.size(), kCanary);
      kernels::pack_for_backward(shape.outputs, shape.inputs, layer.weight.data(), packed.data());
      std::vector<float> slope = layer.derivative;
      kernels::dense_backward_input(shape, packed.data(), layer.dy.data(), slope.data());
      CHECK(worst_error(shape, shape.inputs, shape.input_stride, slope, layer.derivative, expected,
                        magnitude, shape.outputs) < 1);
    }
  });
}

TEST_CASE("dense_backward_weight sums the slope times the transposed input") {
  const kernels::Sum sum = GENERATE(kernels::Sum::add, kernels::Sum::replace);
  for_each_instruction_set([&] {
    for (const Size& size : odd_sizes()) {
      INFO(describe(size));
      const Layer layer(size);
      const DenseShape& shape = layer.shape;
      const std::vector<float> weight_before = normal_numbers(shape.outputs * shape.inputs, 6);
      const std::vector<float> bias_before = normal_numbers(shape.outputs, 7);
      std::vector<double> expected = to_double(weight_before);
      std::vector<double> expected_bias = to_double(bias_before);
      std::vector<double> magnitude = magnitudes(weight_before);
      std::vector<double> magnitude_bias = magnitudes(bias_before);
      naive::dense_backward_weight(shape, to_double(layer.dy).data(), to_double(layer.x).data(),
                                   sum, expected.data(), expected_bias.data());
      naive::dense_backward_weight(shape, magnitudes(layer.dy).data(), magnitudes(layer.x).data(),
                                   sum, magnitude.data(), magnitude_bias.data());
      std::vector<float> d_weight = weight_before;
      std::vector<float> d_bias = bias_before;
      kernels::dense_backward_weight(shape, layer.dy.data(), layer.x.data(), sum, d_weight.data(),
                                     d_bias.data());
      double worst = 0;
      for (std::size_t i = 0; i < d_weight.size(); ++i) {
        worst = worse(worst, std::abs(static_cast<double>(d_weight[i]) - expected[i]) /
                                 rounding_bound(size.rows + 1, magnitude[i]));
      }
      for (std::size_t i = 0; i < d_bias.size(); ++i) {
        worst = worse(worst, std::abs(static_cast<double>(d_bias[i]) - expected_bias[i]) /
                                 rounding_bound(size.rows + 1, magnitude_bias[i]));
      }
      CHECK(worst < 1);
    }
  });
}

TEST_CASE("the kernels write nowhere but into their results") {
  // The results stand in the middle of larger arrays, at no alignment.
  constexpr std::size_t kMargin = 61;
  const auto margins_are_whole = [](const std::vector<float>& values) {
    const auto is_canary = [](float value) { return value == kCanary; };
    return std::all_of(values.begin(), values.begin() + kMargin, is_canary) &&
           std::all_of(values.end() - kMargin, values.end(), is_canary);
  };
  const auto with_margins = [](std::size_t count) {
    return std::vector<float>(count + 2 * kMargin, kCanary);
  };
  for_each_instruction_set([&] {
    for (const Size& size : {Size{7, 5, 32}, Size{17, 3, 64}}) {
      INFO(describe(size));
      const Layer layer(size);
      const DenseShape& shape = layer.shape;
      std::vector<float> y = with_margins(layer.dy.size());
      std::vector<float> derivative = y;
      kernels::dense_forward_activated(shape, Activation::silu, layer.weight.data(),
                                       layer.bias.data(), layer.x.data(), y.data() + kMargin,
                                       derivative.data() + kMargin);
      std::vector<float> packed = with_margins(layer.weight.size());
      kernels::pack_for_backward(shape.outputs, shape.inputs, layer.weight.data(),
                                 packed.data() + kMargin);
      std::vector<float> slope = with_margins(layer.x.size());
      kernels::dense_backward_input(shape, packed.data() + kMargin, layer.dy.data(),
                                    slope.data() + kMargin);
      std::vector<float> d_weight = with_margins(layer.weight.size());
      std::vector<float> d_bias = with_margins(layer.bias.size());
      kernels::dense_backward_weight(shape, layer.dy.data(), layer.x.data(), kernels::Sum::add,
                                     d_weight.data() + kMargin, d_bias.data() + kMargin);
      CHECK(margins_are_whole(y));
      CHECK(margins_are_whole(derivative));
      CHECK(margins_are_whole(packed));
      CHECK(margins_are_whole(slope));
      CHECK(margins_are_whole(d_weight));
      CHECK(margins_are_whole(d_bias));
    }
  });
}

TEST_CASE("a row's result does not depend on its place among the rows") {
  // To the bit: it is what makes a batch's result independent of how the batch is cut.
  constexpr Index kRows = 128;
  constexpr Index kInputs = 7;
  constexpr Index kOutputs = 17;
  for_each_instruction_set([&] {
    const Layer layer({kOutputs, kInputs, kRows});
    const DenseShape& shape = layer.shape;
    const auto at = [&](Index stride, Index feature, Index row) {
      return static_cast<std::size_t>(row / shape.panel_rows * stride + feature * shape.panel_rows +
                                      row % shape.panel_rows);
    };
    const auto forward = [&](const DenseShape& part, const std::vector<float>& x) {
      std::vector<float> y = canaries(output_numbers(shape));
      kernels::dense_forward_activated(part, Activation::gelu, layer.weight.data(),
                                       layer.bias.data(), x.data(), y.data(), nullptr);
      return y;
    };
    const std::vector<float> y = forward(shape, layer.x);
    // The same rows in reverse.
    std::vector<float> reversed = layer.x;
    for (Index f = 0; f < kInputs; ++f) {
      for (Index r = 0; r < kRows; ++r) {
        reversed[at(shape.input_stride, f, r)] = layer.x[at(shape.input_stride, f, kRows - 1 - r)];
      }
    }
    const std::vector<float> y_reversed = forward(shape, reversed);
    // The first panel alone.
    DenseShape first = shape;
    first.panels = 1;
    const std::vector<float> y_first = forward(first, layer.x);
    Index different = 0;
    for (Index f = 0; f < kOutputs; ++f) {
      for (Index r = 0; r < kRows; ++r) {
        const float expected = y[at(shape.output_stride, f, r)];
        if (y_reversed[at(shape.output_stride, f, kRows - 1 - r)] != expected) ++different;
        if (r < shape.panel_rows && y_first[at(shape.output_stride, f, r)] != expected) ++different;
      }
    }
    CHECK(different == 0);
  });
}

}  // namespace
