// What each kernel computes, said as plainly as possible: the oracle of the kernel tests, and the
// code that runs in double precision. Shapes and layouts are those of costs.h, dense.h,
// elementwise.h and mixture.h.
#pragma once

#include "flowmatch/activation.h"
#include "kernels/costs.h"
#include "kernels/dense.h"
#include "kernels/elementwise.h"
#include "kernels/mixture.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace flowmatch::kernels::naive {

template <class Scalar>
struct ActivationValues {
  Scalar value;
  Scalar derivative;
  Scalar curvature;
};

template <class Scalar>
ActivationValues<Scalar> activate(Activation activation, Scalar x) {
  switch (activation) {
    case Activation::silu: {
      const Scalar sigmoid = 1 / (1 + std::exp(-x));
      return {x * sigmoid, sigmoid * (1 + x * (1 - sigmoid)),
              sigmoid * (1 - sigmoid) * (2 + x * (1 - 2 * sigmoid))};
    }
    case Activation::tanh: {
      const Scalar y = std::tanh(x);
      return {y, 1 - y * y, -2 * y * (1 - y * y)};
    }
    case Activation::relu:
      // Written so that a NaN stays one.
      return {x < 0 ? Scalar{0} : x, x <= 0 ? Scalar{0} : (x > 0 ? Scalar{1} : x),
              std::isnan(x) ? x : Scalar{0}};
    case Activation::elu:
      return x > 0 ? ActivationValues<Scalar>{x, 1, 0}
                   : ActivationValues<Scalar>{std::expm1(x), std::exp(x), std::exp(x)};
    case Activation::gelu: {
      const Scalar phi = Scalar{0.5} * std::erfc(-x / std::numbers::sqrt2_v<Scalar>);
      const Scalar density =
          std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<Scalar> / std::numbers::sqrt2_v<Scalar>;
      return {x * phi, phi + x * density, density * (2 - x * x)};
    }
  }
  return {x, 1, 0};
}

/// Calls body(input, output) with where a row's first input and output are: those of the other
/// features follow at multiples of panel_rows.
template <class Body>
void for_each_row(const DenseShape& shape, const Body& body) {
  for (Index panel = 0; panel < shape.panels; ++panel) {
    for (Index row = 0; row < shape.panel_rows; ++row) {
      body(panel * shape.input_stride + row, panel * shape.output_stride + row);
    }
  }
}

template <class Scalar>
void dense_forward(const DenseShape& shape, const Scalar* weight, const Scalar* bias,
                   const Scalar* x, Scalar* y) {
  for_each_row(shape, [&](Index input, Index output) {
    for (Index n = 0; n < shape.outputs; ++n) {
      Scalar sum = bias[n];
      for (Index k = 0; k < shape.inputs; ++k) {
        sum += weight[n * shape.inputs + k] * x[input + k * shape.panel_rows];
      }
      y[output + n * shape.panel_rows] = sum;
    }
  });
}

template <class Scalar>
void dense_forward_activated(const DenseShape& shape, Activation activation, const Scalar* weight,
                             const Scalar* bias, const Scalar* x, Scalar* y, Scalar* derivative,
                             Scalar* curvature = nullptr) {
  dense_forward(shape, weight, bias, x, y);
  for_each_row(shape, [&](Index /*input*/, Index output) {
    for (Index n = 0; n < shape.outputs; ++n) {
      const Index at = output + n * shape.panel_rows;
      const auto values = activate(activation, y[at]);
      y[at] = values.value;
      if (derivative != nullptr) derivative[at] = values.derivative;
      if (curvature != nullptr) curvature[at] = values.curvature;
    }
  });
}

/// Here as it is.
template <class Scalar>
void pack_for_backward(Index outputs, Index inputs, const Scalar* weight, Scalar* packed) {
  std::copy(weight, weight + outputs * inputs, packed);
}

template <class Scalar>
void dense_backward_input(const DenseShape& shape, const Scalar* weight, const Scalar* dy,
                          Scalar* slope) {
  for_each_row(shape, [&](Index input, Index output) {
    for (Index k = 0; k < shape.inputs; ++k) {
      Scalar sum = 0;
      for (Index n = 0; n < shape.outputs; ++n) {
        sum += weight[n * shape.inputs + k] * dy[output + n * shape.panel_rows];
      }
      slope[input + k * shape.panel_rows] *= sum;
    }
  });
}

template <class Scalar>
void dense_backward_weight(const DenseShape& shape, const Scalar* dy, const Scalar* x, Sum sum,
                           Scalar* d_weight, Scalar* d_bias) {
  if (sum == Sum::replace) {
    std::fill(d_weight, d_weight + shape.outputs * shape.inputs, Scalar{0});
    std::fill(d_bias, d_bias + shape.outputs, Scalar{0});
  }
  for_each_row(shape, [&](Index input, Index output) {
    for (Index n = 0; n < shape.outputs; ++n) {
      const Scalar slope = dy[output + n * shape.panel_rows];
      d_bias[n] += slope;
      for (Index k = 0; k < shape.inputs; ++k) {
        d_weight[n * shape.inputs + k] += slope * x[input + k * shape.panel_rows];
      }
    }
  });
}

inline void adam_update(const AdamScalars& s, Index count, const float* gradient,
                        float* first_moment, float* second_moment, float* parameters, float* ema) {
  for (Index i = 0; i < count; ++i) {
    const float g = s.gradient_scale * gradient[i];
    first_moment[i] = s.beta1 * first_moment[i] + (1 - s.beta1) * g;
    second_moment[i] = s.beta2 * second_moment[i] + (1 - s.beta2) * g * g;
    const float root = std::sqrt(second_moment[i]) * s.inverse_root_bias2 + s.epsilon;
    parameters[i] = s.kept * parameters[i] - s.step_size * first_moment[i] / root;
    if (ema != nullptr) ema[i] = s.ema_decay * ema[i] + (1 - s.ema_decay) * parameters[i];
  }
}

inline void box_muller(Index half, const std::uint32_t* words, float* out) {
  for (Index i = 0; i < half; ++i) {
    // (0, 1) on a lattice of 2^-23 that floats hold exactly: the logarithm is finite, and the tail
    // ends at 5.8, beyond which a normal number falls once in 10^8.
    const double u = (static_cast<double>(words[i] >> 9) + 0.5) * 0x1p-23;
    const double angle = static_cast<double>(words[half + i] >> 8) * 0x1p-24 * 2 * std::numbers::pi;
    const double radius = std::sqrt(-2 * std::log(u));
    out[i] = static_cast<float>(radius * std::cos(angle));
    out[half + i] = static_cast<float>(radius * std::sin(angle));
  }
}

inline double sum_of_distances_2d(float x, float y, Index count, const float* xs, const float* ys) {
  double sum = 0;
  for (Index j = 0; j < count; ++j) {
    sum += std::hypot(static_cast<double>(x) - static_cast<double>(xs[j]),
                      static_cast<double>(y) - static_cast<double>(ys[j]));
  }
  return sum;
}

inline void planar_mixture(const PlanarComponent* components, Index count, Index rows,
                           const double* x, const double* y, double* scratch,
                           const PlanarResult& result) {
  for (Index row = 0; row < rows; ++row) {
    double most = -std::numeric_limits<double>::infinity();
    for (Index k = 0; k < count; ++k) {
      const double dx = x[row] - components[k].mean_x;
      const double dy = y[row] - components[k].mean_y;
      scratch[k] = components[k].log_scale - components[k].half_inverse * (dx * dx + dy * dy);
      most = std::max(most, scratch[k]);
    }
    double sum = 0;
    double u = 0;
    double v = 0;
    double residual_x = 0;
    double residual_y = 0;
    double trace = 0;
    for (Index k = 0; k < count; ++k) {
      const PlanarComponent& component = components[k];
      const double weight = std::exp(scratch[k] - most);
      const double dx = x[row] - component.mean_x;
      const double dy = y[row] - component.mean_y;
      const double wx = component.base_x + component.slope * dx;
      const double wy = component.base_y + component.slope * dy;
      const double inverse = 2 * component.half_inverse;
      sum += weight;
      u += weight * wx;
      v += weight * wy;
      residual_x += weight * inverse * dx;
      residual_y += weight * inverse * dy;
      trace += weight * (2 * component.slope - inverse * (dx * wx + dy * wy));
    }
    result.log_density[row] = most + std::log(sum);
    result.velocity_x[row] = u / sum;
    result.velocity_y[row] = v / sum;
    if (result.divergence != nullptr) {
      result.divergence[row] = trace / sum + (residual_x * u + residual_y * v) / (sum * sum);
    }
  }
}

template <bool kRoot>
void distance_row(Index dimension, const float* x, Index count, Index stride, const float* columns,
                  float* out) {
  for (Index j = 0; j < count; ++j) {
    float sum = 0;
    for (Index k = 0; k < dimension; ++k) {
      const float difference = columns[k * stride + j] - x[k];
      sum += difference * difference;
    }
    out[j] = kRoot ? std::sqrt(sum) : sum;
  }
}

inline bool lower_minima(Index count, const float* costs, float* least) {
  bool finite = true;
  for (Index j = 0; j < count; ++j) {
    finite = finite && std::abs(costs[j]) < std::numeric_limits<float>::infinity();
    least[j] = std::min(least[j], costs[j]);
  }
  return finite;
}

inline TwoSmallest two_smallest(Index count, const float* costs, const double* potentials) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  TwoSmallest result{kInfinity, kInfinity, 0};
  for (Index j = 0; j < count; ++j) {
    const double value = static_cast<double>(costs[j]) - potentials[j];
    if (value < result.least) {
      result = {value, result.least, j};
    } else if (value < result.second) {
      result.second = value;
    }
  }
  return result;
}

inline Smallest relax(Index count, const float* costs, const double* potentials, double base,
                      double row, double* lengths, double* previous) {
  Smallest result{std::numeric_limits<double>::infinity(), 0};
  for (Index j = 0; j < count; ++j) {
    const double through = base + (static_cast<double>(costs[j]) - potentials[j]);
    if (through < lengths[j]) {
      lengths[j] = through;
      previous[j] = row;
    }
    if (lengths[j] < result.least) result = {lengths[j], j};
  }
  return result;
}

inline LogSum log_sum_exp(Index count, const float* costs, const double* log_weights,
                          double scale) {
  const auto exponent = [&](Index j) {
    return log_weights[j] - scale * static_cast<double>(costs[j]);
  };
  LogSum result{exponent(0), 0};
  for (Index j = 1; j < count; ++j) result.largest = std::max(result.largest, exponent(j));
  for (Index j = 0; j < count; ++j) result.sum += std::exp(exponent(j) - result.largest);
  return result;
}

inline void gibbs_weights(Index count, const float* costs, const double* log_weights, double scale,
                          double shift, double* out) {
  for (Index j = 0; j < count; ++j) {
    const double exponent = shift + (log_weights[j] - scale * static_cast<double>(costs[j]));
    out[j] = std::exp(std::max(exponent, -700.0));
  }
}

}  // namespace flowmatch::kernels::naive
