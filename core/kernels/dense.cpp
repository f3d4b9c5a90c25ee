// The SIMD kernels of dense.h. Compiled once for each instruction set; the exported functions at
// the end pick one when the program runs.
//
// The first two products share one register tile: some features by the two vectors of a panel, so a
// broadcast of one weight for each feature and two loads a step of the depth. The third runs along
// the rows: a tile of outputs x inputs sums of vectors, folded to scalars at the end.
#include "kernels/dense.h"

#include "kernels/platform.h"

#include <algorithm>
#include <cassert>
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
constexpr auto kLanes = static_cast<Index>(hn::MaxLanes(kFloats));
constexpr Index kPanel = 2 * kLanes;
static_assert(kRowMultiple % kPanel == 0);

// Accumulators that fit the register file beside their operands: 16 registers on SSE, AVX2 and
// WebAssembly as engines compile it for x86; 32 on AVX-512 and NEON.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON || HWY_TARGET == HWY_NEON_WITHOUT_AES
constexpr Index kTileFeatures = 8;
constexpr Index kGradientOutputs = 4;
#elif HWY_TARGET == HWY_AVX2
constexpr Index kTileFeatures = 6;
constexpr Index kGradientOutputs = 3;
#else
constexpr Index kTileFeatures = 5;
constexpr Index kGradientOutputs = 2;
#endif
/// Sums are folded four at a time.
constexpr Index kGradientInputs = 4;
/// Features between two passes of the activation, which then finds them in the first-level cache.
constexpr Index kActivationChunk = 64;
/// Inputs whose rows of a block (16 KB for 128 of them) stay in the first-level cache while all
/// outputs pass by.
constexpr Index kGradientChunk = 32;

/// Array bounds are unsigned, everything else counts in Index.
template <Index kCount>
inline constexpr auto kBound = static_cast<std::size_t>(kCount);

/// One step of the depth: sums[i] += weight of feature i times the two vectors at x.
template <Index kFeatures, class WeightOf>
HWY_INLINE void accumulate_step(const float* HWY_RESTRICT x, const WeightOf& weight_of,
                                Floats (&sums)[kBound<kFeatures>][2]) {
  const Floats x0 = hn::LoadU(kFloats, x);
  const Floats x1 = hn::LoadU(kFloats, x + kLanes);
  for (Index i = 0; i < kFeatures; ++i) {
    const Floats w = hn::Set(kFloats, weight_of(i));
    sums[i][0] = multiply_add(w, x0, sums[i][0]);
    sums[i][1] = multiply_add(w, x1, sums[i][1]);
  }
}

/// sums[i] += sum over k of weight[i * inputs + k] x[k]: the features are outputs, whose weights
/// are consecutive.
template <Index kFeatures>
HWY_INLINE void accumulate_inputs(const float* HWY_RESTRICT weight, Index inputs,
                                  const float* HWY_RESTRICT x,
                                  Floats (&sums)[kBound<kFeatures>][2]) {
  const float* HWY_RESTRICT rows[kBound<kFeatures>];
  for (Index i = 0; i < kFeatures; ++i) rows[i] = weight + i * inputs;
  // Not unrolled: LLVM would overlap the steps for WebAssembly until more vectors are alive than
  // processors have registers, and engines unroll loops themselves.
  for (Index k = 0; k < inputs; ++k) {
    accumulate_step<kFeatures>(x, [&](Index i) { return *rows[i]; }, sums);
    for (Index i = 0; i < kFeatures; ++i) ++rows[i];
    x += kPanel;
  }
}

/// sums[i] += sum over n of packed[n * kFeatures + i] dy[n]: the features are inputs.
template <Index kFeatures>
HWY_INLINE void accumulate_outputs(const float* HWY_RESTRICT packed, Index outputs,
                                   const float* HWY_RESTRICT dy,
                                   Floats (&sums)[kBound<kFeatures>][2]) {
  for (Index n = 0; n < outputs; ++n) {
    accumulate_step<kFeatures>(dy, [&](Index i) { return packed[i]; }, sums);
    packed += kFeatures;
    dy += kPanel;
  }
}

/// Calls tile(std::integral_constant<Index, size>, first), for a size of at most kMost.
template <Index kMost, class Tile>
HWY_INLINE void call_tile(Index size, Index first, const Tile& tile) {
  switch (size) {
    case 8:
      if constexpr (kMost >= 8) tile(std::integral_constant<Index, 8>{}, first);
      break;
    case 7:
      if constexpr (kMost >= 7) tile(std::integral_constant<Index, 7>{}, first);
      break;
    case 6:
      if constexpr (kMost >= 6) tile(std::integral_constant<Index, 6>{}, first);
      break;
    case 5:
      if constexpr (kMost >= 5) tile(std::integral_constant<Index, 5>{}, first);
      break;
    case 4:
      if constexpr (kMost >= 4) tile(std::integral_constant<Index, 4>{}, first);
      break;
    case 3:
      if constexpr (kMost >= 3) tile(std::integral_constant<Index, 3>{}, first);
      break;
    case 2:
      if constexpr (kMost >= 2) tile(std::integral_constant<Index, 2>{}, first);
      break;
    case 1:
      tile(std::integral_constant<Index, 1>{}, first);
      break;
    default:
      break;
  }
}

/// Covers `count` features by as few tiles as kMost allows, all nearly of one size: a tile of one
/// would take as long as one of four.
template <Index kMost, class Tile>
HWY_INLINE void for_each_even_tile(Index count, const Tile& tile) {
  const Index tiles = (count + kMost - 1) / kMost;
  const Index size = count / tiles;
  const Index larger = count % tiles;
  Index first = 0;
  for (Index number = 0; number < tiles; ++number) {
    const Index here = size + (number < larger ? 1 : 0);
    call_tile<kMost>(here, first, tile);
    first += here;
  }
}

/// Covers `count` features by tiles of kMost and a smaller last one.
template <Index kMost, class Tile>
HWY_INLINE void for_each_full_tile(Index count, const Tile& tile) {
  for (Index first = 0; first < count; first += kMost) {
    call_tile<kMost>(std::min(kMost, count - first), first, tile);
  }
}

/// weight x + bias for features [first, first + count) of one panel.
void forward_features(Index first, Index count, Index inputs, const float* weight,
                      const float* bias, const float* x, float* y) {
  for_each_even_tile<kTileFeatures>(count, [&](auto size, Index offset) HWY_ATTR {
    constexpr Index kFeatures = decltype(size)::value;
    const Index feature = first + offset;
    Floats sums[kBound<kFeatures>][2];
    for (Index i = 0; i < kFeatures; ++i) {
      sums[i][0] = sums[i][1] = hn::Set(kFloats, bias[feature + i]);
    }
    accumulate_inputs<kFeatures>(weight + feature * inputs, inputs, x, sums);
    float* HWY_RESTRICT out = y + feature * kPanel;
    for (Index i = 0; i < kFeatures; ++i) {
      hn::StoreU(sums[i][0], kFloats, out + i * kPanel);
      hn::StoreU(sums[i][1], kFloats, out + i * kPanel + kLanes);
    }
  });
}

/// act of kCount vectors from y, in place.
template <class Act, std::size_t kCount>
HWY_INLINE void activate(float* HWY_RESTRICT y) {
  Several<kCount> x;
  for (std::size_t i = 0; i < kCount; ++i) {
    x[i] = hn::LoadU(kFloats, y + static_cast<Index>(i) * kLanes);
  }
  Act::value(kFloats, x);
  for (std::size_t i = 0; i < kCount; ++i) {
    hn::StoreU(x[i], kFloats, y + static_cast<Index>(i) * kLanes);
  }
}

template <class Act, std::size_t kCount>
HWY_INLINE void activate_with_derivative(float* HWY_RESTRICT y, float* HWY_RESTRICT derivative) {
  Several<kCount> x;
  Several<kCount> slope;
  for (std::size_t i = 0; i < kCount; ++i) {
    x[i] = hn::LoadU(kFloats, y + static_cast<Index>(i) * kLanes);
  }
  Act::with_derivative(kFloats, x, slope);
  for (std::size_t i = 0; i < kCount; ++i) {
    hn::StoreU(x[i], kFloats, y + static_cast<Index>(i) * kLanes);
    hn::StoreU(slope[i], kFloats, derivative + static_cast<Index>(i) * kLanes);
  }
}

/// y[i] = act(y[i]) for count numbers, a multiple of kPanel; the derivative where it is not null.
template <class Act>
void activate_either(Index count, float* y, float* derivative) {
  Index i = 0;
  if (derivative == nullptr) {
    for (; i + 2 * kPanel <= count; i += 2 * kPanel) activate<Act, 4>(y + i);
    if (i < count) activate<Act, 2>(y + i);
  } else {
    for (; i + 2 * kPanel <= count; i += 2 * kPanel) {
      activate_with_derivative<Act, 4>(y + i, derivative + i);
    }
    if (i < count) activate_with_derivative<Act, 2>(y + i, derivative + i);
  }
}

void activate_by_name(Activation activation, Index count, float* y, float* derivative) {
  switch (activation) {
    case Activation::silu:
      return activate_either<Silu>(count, y, derivative);
    case Activation::tanh:
      return activate_either<Tanh>(count, y, derivative);
    case Activation::relu:
      return activate_either<Relu>(count, y, derivative);
    case Activation::elu:
      return activate_either<Elu>(count, y, derivative);
    case Activation::gelu:
      return activate_either<Gelu>(count, y, derivative);
  }
}

Index panel_rows() {
  return kPanel;
}

void dense_forward(const DenseShape& shape, const float* weight, const float* bias, const float* x,
                   float* y) {
  assert(shape.panel_rows == kPanel);
  for (Index panel = 0; panel < shape.panels; ++panel) {
    forward_features(0, shape.outputs, shape.inputs, weight, bias, x + panel * shape.input_stride,
                     y + panel * shape.output_stride);
  }
}

void dense_forward_activated(const DenseShape& shape, Activation activation, const float* weight,
                             const float* bias, const float* x, float* y, float* derivative) {
  assert(shape.panel_rows == kPanel);
  for (Index panel = 0; panel < shape.panels; ++panel) {
    const Index output = panel * shape.output_stride;
    for (Index first = 0; first < shape.outputs; first += kActivationChunk) {
      const Index count = std::min(kActivationChunk, shape.outputs - first);
      forward_features(first, count, shape.inputs, weight, bias, x + panel * shape.input_stride,
                       y + output);
      const Index at = output + first * kPanel;
      activate_by_name(activation, count * kPanel, y + at,
                       derivative == nullptr ? nullptr : derivative + at);
    }
  }
}

void pack_for_backward(Index outputs, Index inputs, const float* HWY_RESTRICT weight,
                       float* HWY_RESTRICT packed) {
  for_each_even_tile<kTileFeatures>(inputs, [&](auto size, Index first) HWY_ATTR {
    constexpr Index kFeatures = decltype(size)::value;
    const float* HWY_RESTRICT from = weight + first;
    for (Index n = 0; n < outputs; ++n) {
      for (Index i = 0; i < kFeatures; ++i) packed[i] = from[i];
      packed += kFeatures;
      from += inputs;
    }
  });
}

void dense_backward_input(const DenseShape& shape, const float* packed_weight, const float* dy,
                          float* slope) {
  assert(shape.panel_rows == kPanel);
  for (Index panel = 0; panel < shape.panels; ++panel) {
    const float* const dy_panel = dy + panel * shape.output_stride;
    float* const slope_panel = slope + panel * shape.input_stride;
    for_each_even_tile<kTileFeatures>(shape.inputs, [&](auto size, Index first) HWY_ATTR {
      constexpr Index kFeatures = decltype(size)::value;
      Floats sums[kBound<kFeatures>][2];
      for (Index i = 0; i < kFeatures; ++i) sums[i][0] = sums[i][1] = hn::Zero(kFloats);
      accumulate_outputs<kFeatures>(packed_weight + first * shape.outputs, shape.outputs, dy_panel,
                                    sums);
      float* HWY_RESTRICT out = slope_panel + first * kPanel;
      for (Index i = 0; i < kFeatures; ++i) {
        float* at = out + i * kPanel;
        hn::StoreU(hn::Mul(sums[i][0], hn::LoadU(kFloats, at)), kFloats, at);
        hn::StoreU(hn::Mul(sums[i][1], hn::LoadU(kFloats, at + kLanes)), kFloats, at + kLanes);
      }
    });
  }
}

using FourFloats = hn::Vec<hn::FixedTag<float, 4>>;

/// The sums of the lanes of four vectors.
HWY_INLINE FourFloats fold(Floats a, Floats b, Floats c, Floats d) {
  const hn::RepartitionToWide<FloatTag> pairs;
  // In each block of four lanes: (a0 + a2, b0 + b2, a1 + a3, b1 + b3), and the same of c and d.
  const auto ab = hn::BitCast(
      pairs, hn::Add(hn::InterleaveLower(kFloats, a, b), hn::InterleaveUpper(kFloats, a, b)));
  const auto cd = hn::BitCast(
      pairs, hn::Add(hn::InterleaveLower(kFloats, c, d), hn::InterleaveUpper(kFloats, c, d)));
  const Floats blocks = hn::Add(hn::BitCast(kFloats, hn::InterleaveLower(pairs, ab, cd)),
                                hn::BitCast(kFloats, hn::InterleaveUpper(pairs, ab, cd)));
#if HWY_MAX_BYTES >= 64
  const hn::Half<FloatTag> half;
  const hn::Half<decltype(half)> quarter;
  const auto two = hn::Add(hn::LowerHalf(half, blocks), hn::UpperHalf(half, blocks));
  return hn::Add(hn::LowerHalf(quarter, two), hn::UpperHalf(quarter, two));
#elif HWY_MAX_BYTES >= 32
  const hn::Half<FloatTag> half;
  return hn::Add(hn::LowerHalf(half, blocks), hn::UpperHalf(half, blocks));
#else
  return blocks;
#endif
}

/// to[i] += sums[i] for i < kCount.
template <Index kCount>
HWY_INLINE void add_four(FourFloats sums, float* HWY_RESTRICT to) {
  const hn::FixedTag<float, 4> four;
  if constexpr (kCount == 4) {
    hn::StoreU(hn::Add(hn::LoadU(four, to), sums), four, to);
  } else {
    HWY_ALIGN float values[4];
    hn::Store(sums, four, values);
    for (Index i = 0; i < kCount; ++i) to[i] += values[i];
  }
}

/// d_weight of a tile += dy x^T over all panels; dy and x point to the tile's first features.
template <Index kOutputs, Index kInputs>
HWY_INLINE void gradient_tile(const DenseShape& shape, const float* HWY_RESTRICT dy,
                              const float* HWY_RESTRICT x, float* HWY_RESTRICT d_weight) {
  Floats sums[kBound<kOutputs>][4];
  for (Index i = 0; i < kOutputs; ++i) {
    for (Index j = 0; j < 4; ++j) sums[i][j] = hn::Zero(kFloats);
  }
  for (Index panel = 0; panel < shape.panels; ++panel) {
    for (Index half = 0; half < kPanel; half += kLanes) {
      Floats slopes[kBound<kOutputs>];
      for (Index i = 0; i < kOutputs; ++i) {
        slopes[i] = hn::LoadU(kFloats, dy + i * kPanel + half);
      }
      for (Index j = 0; j < kInputs; ++j) {
        const Floats input = hn::LoadU(kFloats, x + j * kPanel + half);
        for (Index i = 0; i < kOutputs; ++i) {
          sums[i][j] = multiply_add(slopes[i], input, sums[i][j]);
        }
      }
    }
    dy += shape.output_stride;
    x += shape.input_stride;
  }
  for (Index i = 0; i < kOutputs; ++i) {
    add_four<kInputs>(fold(sums[i][0], sums[i][1], sums[i][2], sums[i][3]),
                      d_weight + i * shape.inputs);
  }
}

/// d_bias of kCount outputs += their slopes over all rows.
template <Index kCount>
HWY_INLINE void bias_tile(const DenseShape& shape, const float* HWY_RESTRICT dy,
                          float* HWY_RESTRICT d_bias) {
  Floats sums[4];
  for (Index i = 0; i < 4; ++i) sums[i] = hn::Zero(kFloats);
  for (Index panel = 0; panel < shape.panels; ++panel) {
    for (Index i = 0; i < kCount; ++i) {
      const float* HWY_RESTRICT at = dy + i * kPanel;
      sums[i] = hn::Add(sums[i], hn::Add(hn::LoadU(kFloats, at), hn::LoadU(kFloats, at + kLanes)));
    }
    dy += shape.output_stride;
  }
  add_four<kCount>(fold(sums[0], sums[1], sums[2], sums[3]), d_bias);
}

void dense_backward_weight(const DenseShape& shape, const float* dy, const float* x,
                           float* d_weight, float* d_bias) {
  assert(shape.panel_rows == kPanel);
  for (Index chunk = 0; chunk < shape.inputs; chunk += kGradientChunk) {
    const Index inputs = std::min(kGradientChunk, shape.inputs - chunk);
    for_each_even_tile<kGradientOutputs>(
        shape.outputs, [&](auto output_size, Index output) HWY_ATTR {
          constexpr Index kOutputs = decltype(output_size)::value;
          const float* const dy_tile = dy + output * kPanel;
          for_each_full_tile<kGradientInputs>(inputs, [&](auto input_size, Index offset) HWY_ATTR {
            constexpr Index kInputs = decltype(input_size)::value;
            const Index input = chunk + offset;
            gradient_tile<kOutputs, kInputs>(shape, dy_tile, x + input * kPanel,
                                             d_weight + output * shape.inputs + input);
          });
        });
  }
  for_each_full_tile<4>(shape.outputs, [&](auto size, Index output) HWY_ATTR {
    bias_tile<decltype(size)::value>(shape, dy + output * kPanel, d_bias + output);
  });
}

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowmatch::kernels {

HWY_EXPORT(panel_rows);
HWY_EXPORT(dense_forward);
HWY_EXPORT(dense_forward_activated);
HWY_EXPORT(pack_for_backward);
HWY_EXPORT(dense_backward_input);
HWY_EXPORT(dense_backward_weight);

Index panel_rows() {
  return HWY_DYNAMIC_DISPATCH(panel_rows)();
}

void dense_forward(const DenseShape& shape, const float* weight, const float* bias, const float* x,
                   float* y) {
  HWY_DYNAMIC_DISPATCH(dense_forward)(shape, weight, bias, x, y);
}

void dense_forward_activated(const DenseShape& shape, Activation activation, const float* weight,
                             const float* bias, const float* x, float* y, float* derivative) {
  HWY_DYNAMIC_DISPATCH(dense_forward_activated)(shape, activation, weight, bias, x, y, derivative);
}

void pack_for_backward(Index outputs, Index inputs, const float* weight, float* packed) {
  HWY_DYNAMIC_DISPATCH(pack_for_backward)(outputs, inputs, weight, packed);
}

void dense_backward_input(const DenseShape& shape, const float* packed_weight, const float* dy,
                          float* slope) {
  HWY_DYNAMIC_DISPATCH(dense_backward_input)(shape, packed_weight, dy, slope);
}

void dense_backward_weight(const DenseShape& shape, const float* dy, const float* x,
                           float* d_weight, float* d_bias) {
  HWY_DYNAMIC_DISPATCH(dense_backward_weight)(shape, dy, x, d_weight, d_bias);
}

}  // namespace flowmatch::kernels
#endif
