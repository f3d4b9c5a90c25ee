// The SIMD kernels of dense.h. Compiled once for each instruction set; the exported functions at
// the end pick one when the program runs.
//
// All three products share one register tile: some features by two vectors, so a broadcast of one
// number for each feature and two loads a step of the depth. In the first two the vectors are a
// panel's; the depth of the third is the rows, so one of its operands is turned to rows of features
// first, a few vectors at a time. A layer with so few inputs or outputs that they do not fill a
// vector has its third product along the rows instead, with sums folded to scalars at the end.
#include "kernels/dense.h"

#include "kernels/platform.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
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
constexpr Index kThinOutputs = 4;
#elif HWY_TARGET == HWY_AVX2
constexpr Index kTileFeatures = 6;
constexpr Index kThinOutputs = 3;
#else
constexpr Index kTileFeatures = 5;
constexpr Index kThinOutputs = 2;
#endif
/// Up to so many inputs, a panel's stay in registers while all outputs pass by.
constexpr Index kFewInputs = 4;
/// Features between two passes of the activation, which then finds them in the first-level cache.
constexpr Index kActivationChunk = 64;
constexpr Index kActivationNumbers = kActivationChunk * kPanel;
/// Panels whose rows of two vectors (8 KB on AVX2) stay in the first-level cache while the features
/// of the other operand pass by.
constexpr Index kPackedPanels = std::max(Index{1}, 128 / kPanel);

/// Inputs whose sums with a panel's width of outputs (6 KB on AVX2) are turned back at once.
constexpr Index kGradientChunk = 16 * kTileFeatures;

/// Array bounds are unsigned, everything else counts in Index.
template <Index kCount>
inline constexpr auto kBound = static_cast<std::size_t>(kCount);

/// The accumulators of a tile.
template <Index kFeatures, Index kVectors = 2>
using Tile = Floats[kBound<kFeatures>][kBound<kVectors>];

template <Index kFeatures, Index kVectors>
HWY_INLINE void set_zero(Tile<kFeatures, kVectors>& sums) {
  for (auto& feature : sums) {
    for (Floats& sum : feature) sum = hn::Zero(kFloats);
  }
}

/// One step of the depth: sums[i] += weight of feature i times the vectors at x.
template <Index kFeatures, Index kVectors, class WeightOf>
HWY_INLINE void accumulate_step(const float* HWY_RESTRICT x, const WeightOf& weight_of,
                                Tile<kFeatures, kVectors>& sums) {
  Floats vectors[kBound<kVectors>];
  for (Index v = 0; v < kVectors; ++v) vectors[v] = hn::LoadU(kFloats, x + v * kLanes);
  for (Index i = 0; i < kFeatures; ++i) {
    const Floats w = hn::Set(kFloats, weight_of(i));
    for (Index v = 0; v < kVectors; ++v) sums[i][v] = multiply_add(w, vectors[v], sums[i][v]);
  }
}

/// sums[i] += sum over k of weight[i * inputs + k] x[k]: the features are outputs, whose weights
/// are consecutive.
template <Index kFeatures>
HWY_INLINE void accumulate_inputs(const float* HWY_RESTRICT weight, Index inputs,
                                  const float* HWY_RESTRICT x, Tile<kFeatures>& sums) {
  const float* HWY_RESTRICT rows[kBound<kFeatures>];
  for (Index i = 0; i < kFeatures; ++i) rows[i] = weight + i * inputs;
  // Not unrolled: LLVM would overlap the steps for WebAssembly until more vectors are alive than
  // processors have registers, and engines unroll loops themselves.
  for (Index k = 0; k < inputs; ++k) {
    accumulate_step<kFeatures, 2>(x, [&](Index i) { return *rows[i]; }, sums);
    for (Index i = 0; i < kFeatures; ++i) ++rows[i];
    x += kPanel;
  }
}

/// sums[i] += sum over n of packed[n * kFeatures + i] dy[n]: the features are inputs.
template <Index kFeatures>
HWY_INLINE void accumulate_outputs(const float* HWY_RESTRICT packed, Index outputs,
                                   const float* HWY_RESTRICT dy, Tile<kFeatures>& sums) {
  for (Index n = 0; n < outputs; ++n) {
    accumulate_step<kFeatures, 2>(dy, [&](Index i) { return packed[i]; }, sums);
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

/// weight x + bias for `outputs` features of one panel, from so few inputs that they stay in
/// registers.
template <Index kInputs>
HWY_INLINE void forward_few_inputs(Index outputs, const float* HWY_RESTRICT weight,
                                   const float* HWY_RESTRICT bias, const float* HWY_RESTRICT x,
                                   float* HWY_RESTRICT y) {
  Tile<kInputs> inputs;
  for (Index k = 0; k < kInputs; ++k) {
    inputs[k][0] = hn::LoadU(kFloats, x + k * kPanel);
    inputs[k][1] = hn::LoadU(kFloats, x + k * kPanel + kLanes);
  }
  for (Index n = 0; n < outputs; ++n) {
    Floats sums[2];
    sums[0] = sums[1] = hn::Set(kFloats, bias[n]);
    for (Index k = 0; k < kInputs; ++k) {
      const Floats w = hn::Set(kFloats, weight[k]);
      sums[0] = multiply_add(w, inputs[k][0], sums[0]);
      sums[1] = multiply_add(w, inputs[k][1], sums[1]);
    }
    hn::StoreU(sums[0], kFloats, y);
    hn::StoreU(sums[1], kFloats, y + kLanes);
    weight += kInputs;
    y += kPanel;
  }
}

/// weight x + bias for features [first, first + count) of one panel.
void forward_features(Index first, Index count, Index inputs, const float* weight,
                      const float* bias, const float* x, float* y) {
  if (inputs <= kFewInputs) {
    call_tile<kFewInputs>(inputs, first, [&](auto few, Index feature) HWY_ATTR {
      forward_few_inputs<decltype(few)::value>(count, weight + feature * inputs, bias + feature, x,
                                               y + feature * kPanel);
    });
    return;
  }
  for_each_even_tile<kTileFeatures>(count, [&](auto size, Index offset) HWY_ATTR {
    constexpr Index kFeatures = decltype(size)::value;
    const Index feature = first + offset;
    Tile<kFeatures> sums;
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

/// The exponential that Act needs of each of the count numbers at x.
template <class Act>
HWY_INLINE void exponentials_for(Index count, const float* HWY_RESTRICT x,
                                 float* HWY_RESTRICT exponentials) {
  const hn::RebindToSigned<FloatTag> di;
  HWY_ALIGN std::int32_t exponents[kBound<kActivationNumbers>];
  const typename Act::Exp::Reduction reduce(kFloats);
  for (Index i = 0; i < count; i += kLanes) {
    Floats rest;
    Ints exponent;
    reduce(Act::argument(kFloats, hn::LoadU(kFloats, x + i)), rest, exponent);
    hn::StoreU(rest, kFloats, exponentials + i);
    hn::Store(exponent, di, exponents + i);
  }
  const typename Act::Exp::Polynomial polynomial(kFloats);
  for (Index i = 0; i < count; i += kLanes) {
    const Floats rest = hn::LoadU(kFloats, exponentials + i);
    hn::StoreU(polynomial(rest, hn::Load(di, exponents + i)), kFloats, exponentials + i);
  }
}

/// y[i] = act(y[i]) for count numbers, a multiple of kLanes and at most kActivationNumbers; the
/// derivative where it is not null, and where neither is the curvature.
template <class Act>
void activate(Index count, float* HWY_RESTRICT y, float* HWY_RESTRICT derivative,
              float* HWY_RESTRICT curvature) {
  constexpr bool kHasExponential = !std::is_void_v<typename Act::Exp>;
  HWY_ALIGN float own[kBound<kActivationNumbers>];
  [[maybe_unused]] float* HWY_RESTRICT const exponentials =
      derivative == nullptr ? own : derivative;
  if constexpr (kHasExponential) exponentials_for<Act>(count, y, exponentials);
  const auto each = [&](Index i, auto&... slope) HWY_ATTR {
    const Floats x = hn::LoadU(kFloats, y + i);
    if constexpr (kHasExponential) {
      const Floats e = hn::LoadU(kFloats, exponentials + i);
      hn::StoreU(Act::value(kFloats, x, e, slope...), kFloats, y + i);
    } else {
      hn::StoreU(Act::value(kFloats, x, slope...), kFloats, y + i);
    }
  };
  if (derivative == nullptr) {
    for (Index i = 0; i < count; i += kLanes) each(i);
  } else if (curvature == nullptr) {
    for (Index i = 0; i < count; i += kLanes) {
      Floats slope;
      each(i, slope);
      hn::StoreU(slope, kFloats, derivative + i);
    }
  } else {
    for (Index i = 0; i < count; i += kLanes) {
      Floats slope;
      Floats bend;
      each(i, slope, bend);
      hn::StoreU(slope, kFloats, derivative + i);
      hn::StoreU(bend, kFloats, curvature + i);
    }
  }
}

void activate_by_name(Activation activation, Index count, float* y, float* derivative,
                      float* curvature) {
  switch (activation) {
    case Activation::silu:
      return activate<Silu>(count, y, derivative, curvature);
    case Activation::tanh:
      return activate<Tanh>(count, y, derivative, curvature);
    case Activation::relu:
      return activate<Relu>(count, y, derivative, curvature);
    case Activation::elu:
      return activate<Elu>(count, y, derivative, curvature);
    case Activation::gelu:
      return activate<Gelu>(count, y, derivative, curvature);
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
                             const float* bias, const float* x, float* y, float* derivative,
                             float* curvature) {
  assert(shape.panel_rows == kPanel);
  for (Index panel = 0; panel < shape.panels; ++panel) {
    const Index output = panel * shape.output_stride;
    for (Index first = 0; first < shape.outputs; first += kActivationChunk) {
      const Index count = std::min(kActivationChunk, shape.outputs - first);
      forward_features(first, count, shape.inputs, weight, bias, x + panel * shape.input_stride,
                       y + output);
      const Index at = output + first * kPanel;
      activate_by_name(activation, count * kPanel, y + at,
                       derivative == nullptr ? nullptr : derivative + at,
                       curvature == nullptr ? nullptr : curvature + at);
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
      Tile<kFeatures> sums;
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
constexpr hn::FixedTag<float, 4> kFour;
constexpr Index kBlocks = kLanes / 4;
constexpr int kLastBlock = kBlocks - 1;

/// In each block of four lanes, the transpose of the 4 x 4 numbers that four vectors hold there.
HWY_INLINE void transpose_blocks(Floats (&v)[4]) {
  const hn::RepartitionToWide<FloatTag> pairs;
  const auto low = [&](Floats a, Floats b)
                       HWY_ATTR { return hn::BitCast(pairs, hn::InterleaveLower(kFloats, a, b)); };
  const auto high = [&](Floats a, Floats b)
                        HWY_ATTR { return hn::BitCast(pairs, hn::InterleaveUpper(kFloats, a, b)); };
  const auto ab_low = low(v[0], v[1]);
  const auto ab_high = high(v[0], v[1]);
  const auto cd_low = low(v[2], v[3]);
  const auto cd_high = high(v[2], v[3]);
  v[0] = hn::BitCast(kFloats, hn::InterleaveLower(pairs, ab_low, cd_low));
  v[1] = hn::BitCast(kFloats, hn::InterleaveUpper(pairs, ab_low, cd_low));
  v[2] = hn::BitCast(kFloats, hn::InterleaveLower(pairs, ab_high, cd_high));
  v[3] = hn::BitCast(kFloats, hn::InterleaveUpper(pairs, ab_high, cd_high));
}

/// Calls use(block, index) for each block of four lanes.
template <class Use>
HWY_INLINE void for_each_block(Floats v, const Use& use) {
  use(hn::ExtractBlock<0>(v), Index{0});
  if constexpr (kBlocks > 1) use(hn::ExtractBlock<std::min(1, kLastBlock)>(v), Index{1});
  if constexpr (kBlocks > 2) use(hn::ExtractBlock<std::min(2, kLastBlock)>(v), Index{2});
  if constexpr (kBlocks > 3) use(hn::ExtractBlock<std::min(3, kLastBlock)>(v), Index{3});
}

/// to[i] += sums[i], or = sums[i], one by one. Not inlined, as all that only the last few numbers
/// of a row come to: there are many such places.
HWY_NOINLINE void write_few(const float* HWY_RESTRICT sums, Index count, Sum sum,
                            float* HWY_RESTRICT to) {
  for (Index i = 0; i < count; ++i) to[i] = sum == Sum::add ? to[i] + sums[i] : sums[i];
}

template <class D>
HWY_NOINLINE void write_part(D d, hn::Vec<D> sums, Index count, Sum sum, float* HWY_RESTRICT to) {
  HWY_ALIGN float values[kBound<hn::MaxLanes(D())>];
  hn::Store(sums, d, values);
  write_few(values, count, sum, to);
}

/// to[i] += sums[i], or = sums[i], for i < count, of a vector or a part of one.
template <class D>
HWY_INLINE void write(D d, hn::Vec<D> sums, Index count, Sum sum, float* HWY_RESTRICT to) {
  if (count >= static_cast<Index>(hn::MaxLanes(d))) {
    hn::StoreU(sum == Sum::add ? hn::Add(hn::LoadU(d, to), sums) : sums, d, to);
  } else {
    write_part(d, sums, count, sum, to);
  }
}

/// The first `count` features at `from` of every row, row after row of kVectors vectors, zeros
/// after the last feature.
template <Index kVectors>
HWY_NOINLINE void turn_to_rows(Index panels, Index stride, Index count, const float* from,
                               float* HWY_RESTRICT rows) {
  constexpr Index kWidth = kVectors * kLanes;
  for (Index panel = 0; panel < panels; ++panel) {
    for (Index half = 0; half < kPanel; half += kLanes) {
      for (Index quad = 0; quad < kWidth; quad += 4) {
        Floats v[4];
        const float* HWY_RESTRICT at = from + quad * kPanel + half;
        for (Index i = 0; i < 4; ++i) {
          v[i] = quad + i < count ? hn::LoadU(kFloats, at + i * kPanel) : hn::Zero(kFloats);
        }
        transpose_blocks(v);
        for (Index i = 0; i < 4; ++i) {
          for_each_block(v[i], [&](FourFloats four, Index block) HWY_ATTR {
            hn::StoreU(four, kFour, rows + (half + 4 * block + i) * kWidth + quad);
          });
        }
      }
    }
    from += stride;
    rows += kPanel * kWidth;
  }
}

/// For each of `count` features a row of kVectors vectors in `sums`: the sum over all rows of the
/// feature times the row's vectors in `rows`. One function for both ways to a weight gradient, and
/// not inlined, for its tiles are a good part of the kernels' code.
template <Index kVectors>
HWY_NOINLINE void sum_over_rows(Index panels, Index stride, const float* features, Index count,
                                const float* rows, float* sums) {
  for_each_even_tile<kTileFeatures>(count, [&](auto size, Index first) HWY_ATTR {
    constexpr Index kFeatures = decltype(size)::value;
    Tile<kFeatures, kVectors> tile;
    set_zero<kFeatures, kVectors>(tile);
    const float* HWY_RESTRICT panel_features = features + first * kPanel;
    const float* HWY_RESTRICT row_vectors = rows;
    for (Index panel = 0; panel < panels; ++panel) {
      const float* HWY_RESTRICT at = panel_features;
      for (Index row = 0; row < kPanel; ++row) {
        accumulate_step<kFeatures, kVectors>(
            row_vectors, [&](Index i) { return at[i * kPanel]; }, tile);
        row_vectors += kVectors * kLanes;
        ++at;
      }
      panel_features += stride;
    }
    float* HWY_RESTRICT to = sums + first * kVectors * kLanes;
    for (Index i = 0; i < kFeatures; ++i) {
      for (Index v = 0; v < kVectors; ++v) {
        hn::Store(tile[i][v], kFloats, to + (i * kVectors + v) * kLanes);
      }
    }
  });
}

/// Covers `count` features by pairs of vectors, and a last vector when one is enough for the rest:
/// part(number of vectors, first feature, features).
template <class Part>
HWY_INLINE void for_each_vectors(Index count, const Part& part) {
  Index first = 0;
  for (; count - first > kLanes; first += kPanel) {
    part(std::integral_constant<Index, 2>{}, first, std::min(kPanel, count - first));
  }
  if (first < count) part(std::integral_constant<Index, 1>{}, first, count - first);
}

/// d_weight of `inputs` inputs, at most kGradientChunk, and `outputs` outputs from `sums`, which
/// has a row of kVectors vectors for each input.
template <Index kVectors>
HWY_INLINE void write_turned(Index inputs, Index outputs, const float* HWY_RESTRICT sums, Sum sum,
                             Index stride, float* HWY_RESTRICT d_weight) {
  HWY_ALIGN float turned[kBound<kLanes * kGradientChunk>];
  for (Index vector = 0; vector < kVectors && vector * kLanes < outputs; ++vector) {
    for (Index input = 0; input < inputs; input += 4) {
      Floats v[4];
      const float* HWY_RESTRICT from = sums + input * kVectors * kLanes + vector * kLanes;
      for (Index i = 0; i < 4; ++i) {
        // Of the last few there may be fewer than four.
        const Index row = std::min(i, inputs - 1 - input);
        v[i] = hn::Load(kFloats, from + row * kVectors * kLanes);
      }
      transpose_blocks(v);
      for (Index i = 0; i < 4; ++i) {
        for_each_block(v[i], [&](FourFloats four, Index block) HWY_ATTR {
          hn::Store(four, kFour, turned + (4 * block + i) * kGradientChunk + input);
        });
      }
    }
    const Index rows = std::min(kLanes, outputs - vector * kLanes);
    for (Index row = 0; row < rows; ++row) {
      const float* HWY_RESTRICT from = turned + row * kGradientChunk;
      float* HWY_RESTRICT to = d_weight + (vector * kLanes + row) * stride;
      for (Index input = 0; input < inputs; input += kLanes) {
        write(kFloats, hn::Load(kFloats, from + input), inputs - input, sum, to + input);
      }
    }
  }
}

/// The features of one of the two operands of a weight gradient, its panels one after the other.
struct Operand {
  const float* panels;
  Index stride;
  Index features;
};

/// The products of two operands, summed over all rows, in chunks: write(number of vectors, first
/// turned feature, turned features, first other feature, other features, sums), where sums has a
/// row of so many vectors of turned features for each other feature.
template <class Write>
HWY_INLINE void for_each_chunk_of_sums(Index panels, const Operand& turned, const Operand& other,
                                       const Write& write) {
  HWY_ALIGN float rows[kBound<kPackedPanels * kPanel * kPanel>];
  HWY_ALIGN float sums[kBound<kGradientChunk * kPanel>];
  for_each_vectors(turned.features, [&](auto vectors, Index first, Index count) HWY_ATTR {
    constexpr Index kVectors = decltype(vectors)::value;
    turn_to_rows<kVectors>(panels, turned.stride, count, turned.panels + first * kPanel, rows);
    for (Index chunk = 0; chunk < other.features; chunk += kGradientChunk) {
      const Index in_chunk = std::min(kGradientChunk, other.features - chunk);
      sum_over_rows<kVectors>(panels, other.stride, other.panels + chunk * kPanel, in_chunk, rows,
                              sums);
      write(vectors, first, count, chunk, in_chunk, sums);
    }
  });
}

/// d_weight, with the inputs along the vectors.
void weight_gradient_along_inputs(Index panels, const Operand& dy, const Operand& x, Sum sum,
                                  float* d_weight) {
  for_each_chunk_of_sums(panels, x, dy,
                         [&](auto vectors, Index input, Index inputs, Index output, Index outputs,
                             const float* HWY_RESTRICT sums) HWY_ATTR {
                           constexpr Index kVectors = decltype(vectors)::value;
                           float* HWY_RESTRICT to = d_weight + output * x.features + input;
                           for (Index i = 0; i < outputs; ++i) {
                             for (Index v = 0; v < kVectors; ++v) {
                               write(kFloats, hn::Load(kFloats, sums + v * kLanes),
                                     inputs - v * kLanes, sum, to + v * kLanes);
                             }
                             sums += kVectors * kLanes;
                             to += x.features;
                           }
                         });
}

/// d_weight, with the outputs along the vectors: for layers with many more inputs than outputs,
/// whose slopes are less work to turn.
void weight_gradient_along_outputs(Index panels, const Operand& dy, const Operand& x, Sum sum,
                                   float* d_weight) {
  for_each_chunk_of_sums(
      panels, dy, x,
      [&](auto vectors, Index output, Index outputs, Index input, Index inputs, const float* sums)
          HWY_ATTR {
            write_turned<decltype(vectors)::value>(inputs, outputs, sums, sum, x.features,
                                                   d_weight + output * x.features + input);
          });
}

/// The sums of the lanes of four vectors.
HWY_INLINE FourFloats fold(const Floats (&v)[4]) {
  Floats turned[4] = {v[0], v[1], v[2], v[3]};
  transpose_blocks(turned);
  const Floats blocks = hn::Add(hn::Add(turned[0], turned[1]), hn::Add(turned[2], turned[3]));
  FourFloats sum = hn::ExtractBlock<0>(blocks);
  if constexpr (kBlocks > 1) {
    sum = hn::Zero(kFour);
    for_each_block(blocks,
                   [&](FourFloats four, Index /*block*/) HWY_ATTR { sum = hn::Add(sum, four); });
  }
  return sum;
}

/// d_weight of a tile of kOutputs outputs and `inputs` inputs, at most kInputs, along the rows; dy
/// and x point to the tile's first features. With kInputs = 3, d_bias too, where it is not null:
/// the fourth of four sums.
template <Index kOutputs, Index kInputs>
HWY_INLINE void thin_gradient_tile(const DenseShape& shape, const float* HWY_RESTRICT dy,
                                   const float* HWY_RESTRICT x, Index inputs, Sum sum,
                                   float* HWY_RESTRICT d_weight, float* HWY_RESTRICT d_bias) {
  static_assert(kInputs == 3 || kInputs == 4);
  constexpr bool kWithBias = kInputs == 3;
  // A sum of an input that is not there is one of another, and is not written.
  Index offsets[kBound<kInputs>];
  for (Index j = 0; j < kInputs; ++j) offsets[j] = std::min(j, inputs - 1) * kPanel;
  Tile<kOutputs, 4> sums;
  set_zero<kOutputs, 4>(sums);
  for (Index panel = 0; panel < shape.panels; ++panel) {
    for (Index half = 0; half < kPanel; half += kLanes) {
      Floats slopes[kBound<kOutputs>];
      for (Index i = 0; i < kOutputs; ++i) {
        slopes[i] = hn::LoadU(kFloats, dy + i * kPanel + half);
      }
      for (Index j = 0; j < kInputs; ++j) {
        const Floats input = hn::LoadU(kFloats, x + offsets[j] + half);
        for (Index i = 0; i < kOutputs; ++i) {
          sums[i][j] = multiply_add(slopes[i], input, sums[i][j]);
        }
      }
      if constexpr (kWithBias) {
        for (Index i = 0; i < kOutputs; ++i) sums[i][3] = hn::Add(sums[i][3], slopes[i]);
      }
    }
    dy += shape.output_stride;
    x += shape.input_stride;
  }
  for (Index i = 0; i < kOutputs; ++i) {
    float* HWY_RESTRICT to = d_weight + i * shape.inputs;
    if constexpr (kWithBias) {
      HWY_ALIGN float folded[4];
      hn::Store(fold(sums[i]), kFour, folded);
      write_few(folded, std::min(inputs, kInputs), sum, to);
      if (d_bias != nullptr) d_bias[i] = sum == Sum::add ? d_bias[i] + folded[3] : folded[3];
    } else {
      write(kFour, fold(sums[i]), 4, sum, to);
    }
  }
}

void thin_weight_gradient(const DenseShape& shape, const float* dy, const float* x, Sum sum,
                          float* d_weight, float* d_bias) {
  for_each_even_tile<kThinOutputs>(shape.outputs, [&](auto size, Index output) HWY_ATTR {
    constexpr Index kOutputs = decltype(size)::value;
    float* const to = d_weight + output * shape.inputs;
    Index input = 0;
    for (; input + 4 <= shape.inputs; input += 4) {
      thin_gradient_tile<kOutputs, 4>(shape, dy + output * kPanel, x + input * kPanel, 4, sum,
                                      to + input, nullptr);
    }
    if (input < shape.inputs) {
      thin_gradient_tile<kOutputs, 3>(shape, dy + output * kPanel, x + input * kPanel,
                                      shape.inputs - input, sum, to + input,
                                      d_bias == nullptr ? nullptr : d_bias + output);
    }
  });
}

/// d_bias of kCount outputs: their slopes over all rows.
template <Index kCount>
HWY_INLINE void bias_tile(const DenseShape& shape, const float* HWY_RESTRICT dy, Sum sum,
                          float* HWY_RESTRICT d_bias) {
  Floats sums[4];
  for (Floats& each : sums) each = hn::Zero(kFloats);
  for (Index panel = 0; panel < shape.panels; ++panel) {
    for (Index i = 0; i < kCount; ++i) {
      const float* HWY_RESTRICT at = dy + i * kPanel;
      sums[i] = hn::Add(sums[i], hn::Add(hn::LoadU(kFloats, at), hn::LoadU(kFloats, at + kLanes)));
    }
    dy += shape.output_stride;
  }
  write(kFour, fold(sums), kCount, sum, d_bias);
}

/// dense_backward_weight for at most kPackedPanels panels.
void weight_gradient(const DenseShape& shape, const float* dy, const float* x, Sum sum,
                     float* d_weight, float* d_bias) {
  const Index rows = shape.panels * kPanel;
  const Operand slopes{dy, shape.output_stride, shape.outputs};
  const Operand inputs{x, shape.input_stride, shape.inputs};
  // Fewer than four inputs are one tile, which has the bias's sums beside it.
  const bool thin = std::min(shape.inputs, shape.outputs) < kLanes;
  const bool bias_done = thin && shape.inputs < 4;
  if (thin) {
    thin_weight_gradient(shape, dy, x, sum, d_weight, bias_done ? d_bias : nullptr);
  } else if (shape.inputs * rows <= shape.outputs * (rows + shape.inputs)) {  // numbers to turn
    weight_gradient_along_inputs(shape.panels, slopes, inputs, sum, d_weight);
  } else {
    weight_gradient_along_outputs(shape.panels, slopes, inputs, sum, d_weight);
  }
  if (bias_done) return;
  for_each_full_tile<4>(shape.outputs, [&](auto size, Index output) HWY_ATTR {
    bias_tile<decltype(size)::value>(shape, dy + output * kPanel, sum, d_bias + output);
  });
}

void dense_backward_weight(const DenseShape& shape, const float* dy, const float* x, Sum sum,
                           float* d_weight, float* d_bias) {
  assert(shape.panel_rows == kPanel);
  for (Index first = 0; first < shape.panels; first += kPackedPanels) {
    DenseShape part = shape;
    part.panels = std::min(kPackedPanels, shape.panels - first);
    weight_gradient(part, dy + first * shape.output_stride, x + first * shape.input_stride,
                    first == 0 ? sum : Sum::add, d_weight, d_bias);
  }
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
                             const float* bias, const float* x, float* y, float* derivative,
                             float* curvature) {
  HWY_DYNAMIC_DISPATCH(dense_forward_activated)
  (shape, activation, weight, bias, x, y, derivative, curvature);
}

void pack_for_backward(Index outputs, Index inputs, const float* weight, float* packed) {
  HWY_DYNAMIC_DISPATCH(pack_for_backward)(outputs, inputs, weight, packed);
}

void dense_backward_input(const DenseShape& shape, const float* packed_weight, const float* dy,
                          float* slope) {
  HWY_DYNAMIC_DISPATCH(dense_backward_input)(shape, packed_weight, dy, slope);
}

void dense_backward_weight(const DenseShape& shape, const float* dy, const float* x, Sum sum,
                           float* d_weight, float* d_bias) {
  HWY_DYNAMIC_DISPATCH(dense_backward_weight)(shape, dy, x, sum, d_weight, d_bias);
}

}  // namespace flowmatch::kernels
#endif
