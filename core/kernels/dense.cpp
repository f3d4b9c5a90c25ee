// The SIMD kernels of dense.h. Compiled once for each instruction set; the exported functions at
// the end pick one when the program runs.
//
// The first two products share one register tile: kTileOutputs features by two vectors of rows, a
// broadcast of one weight for each feature and two loads a step of the depth. The third runs along
// the rows: a tile of kTileOutputs x kTileInputs sums of vectors, folded to scalars at the end of
// the block.
#include "kernels/dense.h"

#include "kernels/platform.h"

#include <cstddef>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dense.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// foreach_target.h first: it includes this file again for each target.
#include "hwy/highway.h"
#include "kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flowmatch::kernels::HWY_NAMESPACE {

constexpr FloatTag kFloats;

HWY_INLINE Index lanes() {
  return static_cast<Index>(hn::Lanes(kFloats));
}

// Accumulators that fit the register file beside two loads and a broadcast: 16 registers on SSE,
// AVX2 and WebAssembly as engines compile it for x86; 32 on AVX-512 and NEON.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON || HWY_TARGET == HWY_NEON_WITHOUT_AES
constexpr Index kTileOutputs = 8;
constexpr Index kGradientOutputs = 4;
constexpr Index kGradientInputs = 4;
#elif HWY_TARGET == HWY_AVX2
constexpr Index kTileOutputs = 6;
constexpr Index kGradientOutputs = 3;
constexpr Index kGradientInputs = 3;
#else
constexpr Index kTileOutputs = 5;
constexpr Index kGradientOutputs = 3;
constexpr Index kGradientInputs = 3;
#endif

/// Where the weights of a tile are: feature i at depth k is weight[i * feature_stride + k *
/// depth_stride].
struct WeightView {
  const float* weight;
  Index feature_stride;
  Index depth_stride;
};

/// Array bounds are unsigned, everything else counts in Index.
template <Index kCount>
inline constexpr auto kBound = static_cast<std::size_t>(kCount);

/// sums[i] (two vectors of rows each) += sum over k < depth of weight(i, k) x[k].
template <Index kFeatures>
HWY_INLINE void accumulate(const WeightView& view, Index depth, const float* HWY_RESTRICT x,
                           Index stride, Floats (&sums)[kBound<kFeatures>][2]) {
  const Index second = lanes();
  for (Index k = 0; k < depth; ++k) {
    const Floats x0 = hn::LoadU(kFloats, x + k * stride);
    const Floats x1 = hn::LoadU(kFloats, x + k * stride + second);
    const float* HWY_RESTRICT column = view.weight + k * view.depth_stride;
    for (Index i = 0; i < kFeatures; ++i) {
      const Floats w = hn::Set(kFloats, column[i * view.feature_stride]);
      sums[i][0] = multiply_add(w, x0, sums[i][0]);
      sums[i][1] = multiply_add(w, x1, sums[i][1]);
    }
  }
}

/// Runs tile(std::integral_constant<Index, n>, first) over all features, in tiles of kMost and one
/// rest.
template <Index kMost, class Tile>
HWY_INLINE void for_each_tile(Index features, const Tile& tile) {
  Index first = 0;
  for (; first + kMost <= features; first += kMost) {
    tile(std::integral_constant<Index, kMost>{}, first);
  }
  switch (features - first) {
    case 7:
      if constexpr (kMost > 7) tile(std::integral_constant<Index, 7>{}, first);
      break;
    case 6:
      if constexpr (kMost > 6) tile(std::integral_constant<Index, 6>{}, first);
      break;
    case 5:
      if constexpr (kMost > 5) tile(std::integral_constant<Index, 5>{}, first);
      break;
    case 4:
      if constexpr (kMost > 4) tile(std::integral_constant<Index, 4>{}, first);
      break;
    case 3:
      if constexpr (kMost > 3) tile(std::integral_constant<Index, 3>{}, first);
      break;
    case 2:
      if constexpr (kMost > 2) tile(std::integral_constant<Index, 2>{}, first);
      break;
    case 1:
      if constexpr (kMost > 1) tile(std::integral_constant<Index, 1>{}, first);
      break;
    default:
      break;
  }
}

struct Identity {
  static HWY_INLINE Floats value(FloatTag, Floats x) { return x; }
};

template <class Act, bool kWithDerivative>
void forward(const DenseShape& shape, const float* HWY_RESTRICT weight,
             const float* HWY_RESTRICT bias, const float* HWY_RESTRICT x, float* HWY_RESTRICT y,
             float* HWY_RESTRICT derivative) {
  const Index second = lanes();
  for (Index row = 0; row < shape.rows; row += 2 * second) {
    for_each_tile<kTileOutputs>(shape.outputs, [&](auto count, Index first) HWY_ATTR {
      constexpr Index kFeatures = decltype(count)::value;
      Floats sums[kBound<kFeatures>][2];
      for (Index i = 0; i < kFeatures; ++i) {
        sums[i][0] = sums[i][1] = hn::Set(kFloats, bias[first + i]);
      }
      accumulate<kFeatures>({weight + first * shape.inputs, shape.inputs, 1}, shape.inputs, x + row,
                            shape.stride, sums);
      for (Index i = 0; i < kFeatures; ++i) {
        const Index at = (first + i) * shape.stride + row;
        if constexpr (kWithDerivative) {
          Floats slope;
          hn::StoreU(Act::with_derivative(kFloats, sums[i][0], slope), kFloats, y + at);
          hn::StoreU(slope, kFloats, derivative + at);
          hn::StoreU(Act::with_derivative(kFloats, sums[i][1], slope), kFloats, y + at + second);
          hn::StoreU(slope, kFloats, derivative + at + second);
        } else {
          hn::StoreU(Act::value(kFloats, sums[i][0]), kFloats, y + at);
          hn::StoreU(Act::value(kFloats, sums[i][1]), kFloats, y + at + second);
        }
      }
    });
  }
}

template <class Act>
void forward_activated(const DenseShape& shape, const float* weight, const float* bias,
                       const float* x, float* y, float* derivative) {
  if (derivative == nullptr) {
    forward<Act, false>(shape, weight, bias, x, y, nullptr);
  } else {
    forward<Act, true>(shape, weight, bias, x, y, derivative);
  }
}

void dense_forward(const DenseShape& shape, const float* weight, const float* bias, const float* x,
                   float* y) {
  forward<Identity, false>(shape, weight, bias, x, y, nullptr);
}

void dense_forward_activated(const DenseShape& shape, Activation activation, const float* weight,
                             const float* bias, const float* x, float* y, float* derivative) {
  switch (activation) {
    case Activation::silu:
      return forward_activated<Silu>(shape, weight, bias, x, y, derivative);
    case Activation::tanh:
      return forward_activated<Tanh>(shape, weight, bias, x, y, derivative);
    case Activation::relu:
      return forward_activated<Relu>(shape, weight, bias, x, y, derivative);
    case Activation::elu:
      return forward_activated<Elu>(shape, weight, bias, x, y, derivative);
    case Activation::gelu:
      return forward_activated<Gelu>(shape, weight, bias, x, y, derivative);
  }
}

void dense_backward_input(const DenseShape& shape, const float* HWY_RESTRICT weight,
                          const float* HWY_RESTRICT dy, const float* HWY_RESTRICT derivative,
                          float* HWY_RESTRICT dx) {
  const Index second = lanes();
  for (Index row = 0; row < shape.rows; row += 2 * second) {
    for_each_tile<kTileOutputs>(shape.inputs, [&](auto count, Index first) HWY_ATTR {
      constexpr Index kFeatures = decltype(count)::value;
      Floats sums[kBound<kFeatures>][2];
      for (Index i = 0; i < kFeatures; ++i) sums[i][0] = sums[i][1] = hn::Zero(kFloats);
      accumulate<kFeatures>({weight + first, 1, shape.inputs}, shape.outputs, dy + row,
                            shape.stride, sums);
      for (Index i = 0; i < kFeatures; ++i) {
        const Index at = (first + i) * shape.stride + row;
        hn::StoreU(hn::Mul(sums[i][0], hn::LoadU(kFloats, derivative + at)), kFloats, dx + at);
        hn::StoreU(hn::Mul(sums[i][1], hn::LoadU(kFloats, derivative + at + second)), kFloats,
                   dx + at + second);
      }
    });
  }
}

void dense_backward_weight(const DenseShape& shape, const float* HWY_RESTRICT dy,
                           const float* HWY_RESTRICT x, float* HWY_RESTRICT d_weight,
                           float* HWY_RESTRICT d_bias) {
  const Index step = lanes();
  for_each_tile<kGradientOutputs>(shape.outputs, [&](auto output_count,
                                                     Index first_output) HWY_ATTR {
    constexpr Index kOutputs = decltype(output_count)::value;
    const float* HWY_RESTRICT dy_tile = dy + first_output * shape.stride;
    for_each_tile<kGradientInputs>(shape.inputs, [&](auto input_count, Index first_input) HWY_ATTR {
      constexpr Index kInputs = decltype(input_count)::value;
      const float* HWY_RESTRICT x_tile = x + first_input * shape.stride;
      Floats sums[kBound<kOutputs>][kBound<kInputs>];
      for (Index i = 0; i < kOutputs; ++i) {
        for (Index j = 0; j < kInputs; ++j) sums[i][j] = hn::Zero(kFloats);
      }
      for (Index row = 0; row < shape.rows; row += step) {
        Floats inputs[kBound<kInputs>];
        for (Index j = 0; j < kInputs; ++j) {
          inputs[j] = hn::LoadU(kFloats, x_tile + j * shape.stride + row);
        }
        for (Index i = 0; i < kOutputs; ++i) {
          const Floats slope = hn::LoadU(kFloats, dy_tile + i * shape.stride + row);
          for (Index j = 0; j < kInputs; ++j) {
            sums[i][j] = multiply_add(slope, inputs[j], sums[i][j]);
          }
        }
      }
      for (Index i = 0; i < kOutputs; ++i) {
        for (Index j = 0; j < kInputs; ++j) {
          d_weight[(first_output + i) * shape.inputs + first_input + j] +=
              hn::ReduceSum(kFloats, sums[i][j]);
        }
      }
    });
    for (Index i = 0; i < kOutputs; ++i) {
      Floats sum = hn::Zero(kFloats);
      for (Index row = 0; row < shape.rows; row += step) {
        sum = hn::Add(sum, hn::LoadU(kFloats, dy_tile + i * shape.stride + row));
      }
      d_bias[first_output + i] += hn::ReduceSum(kFloats, sum);
    }
  });
}

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowmatch::kernels {

HWY_EXPORT(dense_forward);
HWY_EXPORT(dense_forward_activated);
HWY_EXPORT(dense_backward_input);
HWY_EXPORT(dense_backward_weight);

void dense_forward(const DenseShape& shape, const float* weight, const float* bias, const float* x,
                   float* y) {
  HWY_DYNAMIC_DISPATCH(dense_forward)(shape, weight, bias, x, y);
}

void dense_forward_activated(const DenseShape& shape, Activation activation, const float* weight,
                             const float* bias, const float* x, float* y, float* derivative) {
  HWY_DYNAMIC_DISPATCH(dense_forward_activated)(shape, activation, weight, bias, x, y, derivative);
}

void dense_backward_input(const DenseShape& shape, const float* weight, const float* dy,
                          const float* derivative, float* dx) {
  HWY_DYNAMIC_DISPATCH(dense_backward_input)(shape, weight, dy, derivative, dx);
}

void dense_backward_weight(const DenseShape& shape, const float* dy, const float* x,
                           float* d_weight, float* d_bias) {
  HWY_DYNAMIC_DISPATCH(dense_backward_weight)(shape, dy, x, d_weight, d_bias);
}

}  // namespace flowmatch::kernels
#endif
