// Vector functions in double precision, shared by the kernels; compiled once for each of Highway's
// targets, hence the guard. Include through a file that is itself compiled per target.
#if defined(FLOWMATCH_KERNELS_SIMD_DOUBLE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FLOWMATCH_KERNELS_SIMD_DOUBLE_INL_H_
#undef FLOWMATCH_KERNELS_SIMD_DOUBLE_INL_H_
#else
#define FLOWMATCH_KERNELS_SIMD_DOUBLE_INL_H_
#endif

#include "kernels/platform.h"
// platform.h first: it chooses the targets.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace flowmatch::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DoubleTag = hn::ScalableTag<double>;
using Doubles = hn::Vec<DoubleTag>;
constexpr DoubleTag kDoubles;

/// exp(x) to 2 ulp for x in [-700, 700]; below, exp(-700). Coefficients of Cephes' exp (Moshier
/// 1992).
HWY_INLINE Doubles exponential(Doubles x) {
  x = hn::Max(x, hn::Set(kDoubles, -700.0));
  // The nearest whole number, left in the lowest bits.
  const Doubles magic = hn::Set(kDoubles, 0x1.8p52);
  const Doubles shifted = hn::MulAdd(x, hn::Set(kDoubles, 1.4426950408889634074), magic);
  const Doubles n = hn::Sub(shifted, magic);
  x = hn::NegMulAdd(n, hn::Set(kDoubles, 6.93145751953125e-1), x);
  x = hn::NegMulAdd(n, hn::Set(kDoubles, 1.42860682030941723212e-6), x);
  const Doubles square = hn::Mul(x, x);
  Doubles p = hn::Set(kDoubles, 1.26177193074810590878e-4);
  p = hn::MulAdd(p, square, hn::Set(kDoubles, 3.02994407707441961300e-2));
  p = hn::MulAdd(p, square, hn::Set(kDoubles, 9.99999999999999999910e-1));
  p = hn::Mul(p, x);
  Doubles q = hn::Set(kDoubles, 3.00198505138664455042e-6);
  q = hn::MulAdd(q, square, hn::Set(kDoubles, 2.52448340349684104192e-3));
  q = hn::MulAdd(q, square, hn::Set(kDoubles, 2.27265548208155028766e-1));
  q = hn::MulAdd(q, square, hn::Set(kDoubles, 2.0));
  const Doubles ratio = hn::Div(p, hn::Sub(q, p));
  const Doubles result = hn::MulAdd(hn::Set(kDoubles, 2.0), ratio, hn::Set(kDoubles, 1.0));
  const hn::RebindToSigned<DoubleTag> whole;
  const auto exponent = hn::ShiftLeft<52>(hn::BitCast(whole, shifted));
  return hn::BitCast(kDoubles, hn::Add(hn::BitCast(whole, result), exponent));
}

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
