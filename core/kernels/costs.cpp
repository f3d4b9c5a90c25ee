// The SIMD kernels of costs.h; see dense.cpp for how they are compiled. Vectors run along the
// columns. Costs are floats, but what is added up along a path is in double precision: sums and
// differences of a few floats of similar size are exact there.
#include "kernels/costs.h"

#include "kernels/platform.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/costs.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// foreach_target.h first: it includes this file again for each target.
#include "hwy/highway.h"
#include "kernels/naive.h"
#include "kernels/simd_double-inl.h"
#include "kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flowmatch::kernels::HWY_NAMESPACE {

/// As many floats as there are doubles in a vector.
using HalfTag = hn::Rebind<float, DoubleTag>;
constexpr HalfTag kHalf;
constexpr FloatTag kWhole;

constexpr auto kMostDoubles = static_cast<Index>(hn::MaxLanes(kDoubles));

HWY_INLINE Doubles load_promoted(const float* from) {
  return hn::PromoteTo(kDoubles, hn::LoadU(kHalf, from));
}

template <bool kRoot>
HWY_INLINE void distance_row(Index dimension, const float* HWY_RESTRICT x, Index count,
                             Index stride, const float* HWY_RESTRICT columns,
                             float* HWY_RESTRICT out) {
  const auto step = static_cast<Index>(hn::Lanes(kWhole));
  const auto finish = [](Floats sum) {
    if constexpr (kRoot) {
      return hn::Sqrt(sum);
    } else {
      return sum;
    }
  };
  Index j = 0;
  // Four vectors at a time, whose sums stay in registers over all coordinates.
  for (; j + 4 * step <= count; j += 4 * step) {
    Floats sum0 = hn::Zero(kWhole);
    Floats sum1 = sum0;
    Floats sum2 = sum0;
    Floats sum3 = sum0;
    const float* column = columns + j;
    for (Index k = 0; k < dimension; ++k, column += stride) {
      const Floats at = hn::Set(kWhole, x[k]);
      const Floats d0 = hn::Sub(hn::LoadU(kWhole, column), at);
      const Floats d1 = hn::Sub(hn::LoadU(kWhole, column + step), at);
      const Floats d2 = hn::Sub(hn::LoadU(kWhole, column + 2 * step), at);
      const Floats d3 = hn::Sub(hn::LoadU(kWhole, column + 3 * step), at);
      sum0 = hn::Add(sum0, hn::Mul(d0, d0));
      sum1 = hn::Add(sum1, hn::Mul(d1, d1));
      sum2 = hn::Add(sum2, hn::Mul(d2, d2));
      sum3 = hn::Add(sum3, hn::Mul(d3, d3));
    }
    hn::StoreU(finish(sum0), kWhole, out + j);
    hn::StoreU(finish(sum1), kWhole, out + j + step);
    hn::StoreU(finish(sum2), kWhole, out + j + 2 * step);
    hn::StoreU(finish(sum3), kWhole, out + j + 3 * step);
  }
  for (; j + step <= count; j += step) {
    Floats sum = hn::Zero(kWhole);
    for (Index k = 0; k < dimension; ++k) {
      const Floats d = hn::Sub(hn::LoadU(kWhole, columns + k * stride + j), hn::Set(kWhole, x[k]));
      sum = hn::Add(sum, hn::Mul(d, d));
    }
    hn::StoreU(finish(sum), kWhole, out + j);
  }
  naive::distance_row<kRoot>(dimension, x, count - j, stride, columns + j, out + j);
}

void squared_distances(Index dimension, const float* x, Index count, Index stride,
                       const float* columns, float* out) {
  distance_row<false>(dimension, x, count, stride, columns, out);
}

void distances(Index dimension, const float* x, Index count, Index stride, const float* columns,
               float* out) {
  distance_row<true>(dimension, x, count, stride, columns, out);
}

bool lower_minima(Index count, const float* HWY_RESTRICT costs, float* HWY_RESTRICT least) {
  const auto step = static_cast<Index>(hn::Lanes(kWhole));
  const Floats infinite = hn::Set(kWhole, std::numeric_limits<float>::infinity());
  auto finite = hn::Lt(hn::Zero(kWhole), infinite);
  Index j = 0;
  for (; j + step <= count; j += step) {
    const Floats cost = hn::LoadU(kWhole, costs + j);
    finite = hn::And(finite, hn::Lt(hn::Abs(cost), infinite));
    hn::StoreU(hn::Min(cost, hn::LoadU(kWhole, least + j)), kWhole, least + j);
  }
  const bool rest = naive::lower_minima(count - j, costs + j, least + j);
  return hn::AllTrue(kWhole, finite) && rest;
}

/// The two smallest numbers of each lane, and where the smaller is.
struct LaneMinima {
  HWY_INLINE void add(Doubles value, Doubles where) {
    const auto lower = hn::Lt(value, least);
    second = hn::Min(second, hn::Max(least, value));
    least = hn::Min(least, value);
    column = hn::IfThenElse(lower, where, column);
  }
  /// Takes those of other columns.
  HWY_INLINE void add(const LaneMinima& other) {
    const auto lower = hn::Or(hn::Lt(other.least, least),
                              hn::And(hn::Eq(other.least, least), hn::Lt(other.column, column)));
    second = hn::Min(hn::Min(second, other.second), hn::Max(least, other.least));
    least = hn::Min(least, other.least);
    column = hn::IfThenElse(lower, other.column, column);
  }
  Doubles least;
  Doubles second;
  Doubles column;
};

/// Takes one more number, which comes after those of `two` or before.
HWY_INLINE void add_number(TwoSmallest& two, double value, Index column) {
  if (value < two.least || (value == two.least && column < two.column)) {
    two.second = two.least;
    two.least = value;
    two.column = column;
  } else if (value < two.second) {
    two.second = value;
  }
}

HWY_INLINE void add_lanes(TwoSmallest& two, const LaneMinima& minima) {
  alignas(64) std::array<double, kMostDoubles> least;
  alignas(64) std::array<double, kMostDoubles> second;
  alignas(64) std::array<double, kMostDoubles> column;
  hn::StoreU(minima.least, kDoubles, least.data());
  hn::StoreU(minima.second, kDoubles, second.data());
  hn::StoreU(minima.column, kDoubles, column.data());
  for (std::size_t lane = 0; lane < hn::Lanes(kDoubles); ++lane) {
    add_number(two, least[lane], static_cast<Index>(column[lane]));
    two.second = std::min(two.second, second[lane]);
  }
}

TwoSmallest two_smallest(Index count, const float* HWY_RESTRICT costs,
                         const double* HWY_RESTRICT potentials) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto step = static_cast<Index>(hn::Lanes(kDoubles));
  const Doubles infinite = hn::Set(kDoubles, kInfinity);
  const Doubles advance = hn::Set(kDoubles, static_cast<double>(2 * step));
  Doubles where0 = hn::Iota(kDoubles, 0);
  Doubles where1 = hn::Iota(kDoubles, static_cast<double>(step));
  LaneMinima minima0{infinite, infinite, where0};
  LaneMinima minima1{infinite, infinite, where1};
  Index j = 0;
  for (; j + 2 * step <= count; j += 2 * step) {
    minima0.add(hn::Sub(load_promoted(costs + j), hn::LoadU(kDoubles, potentials + j)), where0);
    minima1.add(
        hn::Sub(load_promoted(costs + j + step), hn::LoadU(kDoubles, potentials + j + step)),
        where1);
    where0 = hn::Add(where0, advance);
    where1 = hn::Add(where1, advance);
  }
  TwoSmallest result{kInfinity, kInfinity, 0};
  if (j > 0) {
    minima0.add(minima1);
    add_lanes(result, minima0);
  }
  for (; j < count; ++j) add_number(result, static_cast<double>(costs[j]) - potentials[j], j);
  return result;
}

Smallest relax(Index count, const float* HWY_RESTRICT costs, const double* HWY_RESTRICT potentials,
               double base, double row, double* HWY_RESTRICT lengths,
               double* HWY_RESTRICT previous) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto step = static_cast<Index>(hn::Lanes(kDoubles));
  const Doubles bases = hn::Set(kDoubles, base);
  const Doubles rows = hn::Set(kDoubles, row);
  const Doubles advance = hn::Set(kDoubles, static_cast<double>(2 * step));
  const auto update = [&](Index at, Doubles where, Doubles& least, Doubles& column) {
    const Doubles reduced =
        hn::Sub(load_promoted(costs + at), hn::LoadU(kDoubles, potentials + at));
    const Doubles through = hn::Add(bases, reduced);
    const Doubles before = hn::LoadU(kDoubles, lengths + at);
    const auto shorter = hn::Lt(through, before);
    const Doubles length = hn::IfThenElse(shorter, through, before);
    hn::StoreU(length, kDoubles, lengths + at);
    hn::StoreU(hn::IfThenElse(shorter, rows, hn::LoadU(kDoubles, previous + at)), kDoubles,
               previous + at);
    column = hn::IfThenElse(hn::Lt(length, least), where, column);
    least = hn::Min(least, length);
  };
  Doubles where0 = hn::Iota(kDoubles, 0);
  Doubles where1 = hn::Iota(kDoubles, static_cast<double>(step));
  Doubles least0 = hn::Set(kDoubles, kInfinity);
  Doubles least1 = least0;
  Doubles column0 = where0;
  Doubles column1 = where1;
  Index j = 0;
  for (; j + 2 * step <= count; j += 2 * step) {
    update(j, where0, least0, column0);
    update(j + step, where1, least1, column1);
    where0 = hn::Add(where0, advance);
    where1 = hn::Add(where1, advance);
  }
  Smallest result{kInfinity, 0};
  const auto add = [&result](double length, Index column) {
    if (length < result.least || (length == result.least && column < result.column)) {
      result = {length, column};
    }
  };
  if (j > 0) {
    alignas(64) std::array<double, kMostDoubles> least;
    alignas(64) std::array<double, kMostDoubles> column;
    // The second half of the columns' lanes only where it has the smaller length.
    const auto lower =
        hn::Or(hn::Lt(least1, least0), hn::And(hn::Eq(least1, least0), hn::Lt(column1, column0)));
    hn::StoreU(hn::IfThenElse(lower, least1, least0), kDoubles, least.data());
    hn::StoreU(hn::IfThenElse(lower, column1, column0), kDoubles, column.data());
    for (std::size_t lane = 0; lane < hn::Lanes(kDoubles); ++lane) {
      add(least[lane], static_cast<Index>(column[lane]));
    }
  }
  const Smallest rest =
      naive::relax(count - j, costs + j, potentials + j, base, row, lengths + j, previous + j);
  if (j < count && rest.least < result.least) result = {rest.least, j + rest.column};
  return result;
}

/// The last columns, fewer than a vector, as a whole one: those beyond weigh nothing.
struct PaddedColumns {
  HWY_INLINE PaddedColumns(Index count, const float* costs_from, const double* weights_from) {
    log_weights.fill(-1e300);
    for (Index i = 0; i < count; ++i) {
      costs[static_cast<std::size_t>(i)] = costs_from[i];
      log_weights[static_cast<std::size_t>(i)] = weights_from[i];
    }
  }
  alignas(64) std::array<float, kMostDoubles> costs{};
  alignas(64) std::array<double, kMostDoubles> log_weights;
};

LogSum log_sum_exp(Index count, const float* HWY_RESTRICT costs,
                   const double* HWY_RESTRICT log_weights, double scale) {
  const auto step = static_cast<Index>(hn::Lanes(kDoubles));
  const Doubles scales = hn::Set(kDoubles, scale);
  const auto exponent = [&](const float* cost, const double* log_weight) {
    return hn::NegMulAdd(scales, load_promoted(cost), hn::LoadU(kDoubles, log_weight));
  };
  const Index whole = count - count % step;
  const PaddedColumns rest(count - whole, costs + whole, log_weights + whole);
  Doubles most = exponent(rest.costs.data(), rest.log_weights.data());
  for (Index j = 0; j < whole; j += step) {
    most = hn::Max(most, exponent(costs + j, log_weights + j));
  }
  const double largest = hn::ReduceMax(kDoubles, most);
  most = hn::Set(kDoubles, largest);
  Doubles sum = exponential(hn::Sub(exponent(rest.costs.data(), rest.log_weights.data()), most));
  for (Index j = 0; j < whole; j += step) {
    sum = hn::Add(sum, exponential(hn::Sub(exponent(costs + j, log_weights + j), most)));
  }
  return {largest, hn::ReduceSum(kDoubles, sum)};
}

void gibbs_weights(Index count, const float* HWY_RESTRICT costs,
                   const double* HWY_RESTRICT log_weights, double scale, double shift,
                   double* HWY_RESTRICT out) {
  const auto step = static_cast<Index>(hn::Lanes(kDoubles));
  const Doubles scales = hn::Set(kDoubles, scale);
  const Doubles shifts = hn::Set(kDoubles, shift);
  const auto weight = [&](const float* cost, const double* log_weight) {
    return exponential(hn::Add(
        shifts, hn::NegMulAdd(scales, load_promoted(cost), hn::LoadU(kDoubles, log_weight))));
  };
  Index j = 0;
  for (; j + step <= count; j += step) {
    hn::StoreU(weight(costs + j, log_weights + j), kDoubles, out + j);
  }
  if (j == count) return;
  const PaddedColumns rest(count - j, costs + j, log_weights + j);
  alignas(64) std::array<double, kMostDoubles> weights;
  hn::StoreU(weight(rest.costs.data(), rest.log_weights.data()), kDoubles, weights.data());
  std::copy_n(weights.begin(), count - j, out + j);
}

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowmatch::kernels {

HWY_EXPORT(squared_distances);
HWY_EXPORT(distances);
HWY_EXPORT(lower_minima);
HWY_EXPORT(two_smallest);
HWY_EXPORT(relax);
HWY_EXPORT(log_sum_exp);
HWY_EXPORT(gibbs_weights);

void squared_distances(Index dimension, const float* x, Index count, Index stride,
                       const float* columns, float* out) {
  HWY_DYNAMIC_DISPATCH(squared_distances)(dimension, x, count, stride, columns, out);
}

void distances(Index dimension, const float* x, Index count, Index stride, const float* columns,
               float* out) {
  HWY_DYNAMIC_DISPATCH(distances)(dimension, x, count, stride, columns, out);
}

bool lower_minima(Index count, const float* costs, float* least) {
  return HWY_DYNAMIC_DISPATCH(lower_minima)(count, costs, least);
}

TwoSmallest two_smallest(Index count, const float* costs, const double* potentials) {
  return HWY_DYNAMIC_DISPATCH(two_smallest)(count, costs, potentials);
}

Smallest relax(Index count, const float* costs, const double* potentials, double base, double row,
               double* lengths, double* previous) {
  return HWY_DYNAMIC_DISPATCH(relax)(count, costs, potentials, base, row, lengths, previous);
}

LogSum log_sum_exp(Index count, const float* costs, const double* log_weights, double scale) {
  return HWY_DYNAMIC_DISPATCH(log_sum_exp)(count, costs, log_weights, scale);
}

void gibbs_weights(Index count, const float* costs, const double* log_weights, double scale,
                   double shift, double* out) {
  HWY_DYNAMIC_DISPATCH(gibbs_weights)(count, costs, log_weights, scale, shift, out);
}

}  // namespace flowmatch::kernels
#endif
