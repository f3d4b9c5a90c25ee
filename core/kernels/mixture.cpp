// The SIMD kernel of mixture.h; see dense.cpp for how it is compiled. Vectors run along the points,
// in double precision: the figures are drawn from it, but so are the floors that a training is held
// against.
#include "kernels/mixture.h"

#include "kernels/platform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/mixture.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// foreach_target.h first: it includes this file again for each target.
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace flowmatch::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DoubleTag = hn::ScalableTag<double>;
using Doubles = hn::Vec<DoubleTag>;
constexpr DoubleTag kDoubles;
static_assert(hn::MaxLanes(kDoubles) <= kPlanarScratch);

/// exp(x) to 2 ulp for x in [-700, 0]; below, exp(-700). Coefficients of Cephes' exp (Moshier
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

void planar_mixture(const PlanarComponent* HWY_RESTRICT components, Index count, Index rows,
                    const double* HWY_RESTRICT x, const double* HWY_RESTRICT y,
                    double* HWY_RESTRICT scratch, const PlanarResult& result) {
  const auto step = static_cast<Index>(hn::Lanes(kDoubles));
  for (Index row = 0; row < rows; row += step) {
    const Doubles at_x = hn::LoadU(kDoubles, x + row);
    const Doubles at_y = hn::LoadU(kDoubles, y + row);
    Doubles most = hn::Set(kDoubles, -1e300);
    for (Index k = 0; k < count; ++k) {
      const PlanarComponent& component = components[k];
      const Doubles dx = hn::Sub(at_x, hn::Set(kDoubles, component.mean_x));
      const Doubles dy = hn::Sub(at_y, hn::Set(kDoubles, component.mean_y));
      const Doubles distance = hn::MulAdd(dx, dx, hn::Mul(dy, dy));
      const Doubles weight = hn::NegMulAdd(distance, hn::Set(kDoubles, component.half_inverse),
                                           hn::Set(kDoubles, component.log_scale));
      hn::StoreU(weight, kDoubles, scratch + k * step);
      most = hn::Max(most, weight);
    }
    Doubles sum = hn::Zero(kDoubles);
    Doubles u = hn::Zero(kDoubles);
    Doubles v = hn::Zero(kDoubles);
    for (Index k = 0; k < count; ++k) {
      const PlanarComponent& component = components[k];
      const Doubles weight = exponential(hn::Sub(hn::LoadU(kDoubles, scratch + k * step), most));
      const Doubles dx = hn::Sub(at_x, hn::Set(kDoubles, component.mean_x));
      const Doubles dy = hn::Sub(at_y, hn::Set(kDoubles, component.mean_y));
      const Doubles slope = hn::Set(kDoubles, component.slope);
      sum = hn::Add(sum, weight);
      u = hn::MulAdd(weight, hn::MulAdd(slope, dx, hn::Set(kDoubles, component.base_x)), u);
      v = hn::MulAdd(weight, hn::MulAdd(slope, dy, hn::Set(kDoubles, component.base_y)), v);
    }
    hn::StoreU(hn::Add(most, hn::Log(kDoubles, sum)), kDoubles, result.log_density + row);
    hn::StoreU(hn::Div(u, sum), kDoubles, result.velocity_x + row);
    hn::StoreU(hn::Div(v, sum), kDoubles, result.velocity_y + row);
  }
}

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowmatch::kernels {

HWY_EXPORT(planar_mixture);

void planar_mixture(const PlanarComponent* components, Index count, Index rows, const double* x,
                    const double* y, double* scratch, const PlanarResult& result) {
  HWY_DYNAMIC_DISPATCH(planar_mixture)(components, count, rows, x, y, scratch, result);
}

}  // namespace flowmatch::kernels
#endif
