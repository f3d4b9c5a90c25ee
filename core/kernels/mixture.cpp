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
#include "kernels/simd_double-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flowmatch::kernels::HWY_NAMESPACE {

static_assert(hn::MaxLanes(kDoubles) <= kPlanarScratch);

template <bool kWithDivergence>
void planar_mixture_rows(const PlanarComponent* HWY_RESTRICT components, Index count, Index rows,
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
    [[maybe_unused]] Doubles residual_x = hn::Zero(kDoubles);
    [[maybe_unused]] Doubles residual_y = hn::Zero(kDoubles);
    [[maybe_unused]] Doubles trace = hn::Zero(kDoubles);
    for (Index k = 0; k < count; ++k) {
      const PlanarComponent& component = components[k];
      const Doubles weight = exponential(hn::Sub(hn::LoadU(kDoubles, scratch + k * step), most));
      const Doubles dx = hn::Sub(at_x, hn::Set(kDoubles, component.mean_x));
      const Doubles dy = hn::Sub(at_y, hn::Set(kDoubles, component.mean_y));
      const Doubles slope = hn::Set(kDoubles, component.slope);
      sum = hn::Add(sum, weight);
      const Doubles wx = hn::MulAdd(slope, dx, hn::Set(kDoubles, component.base_x));
      const Doubles wy = hn::MulAdd(slope, dy, hn::Set(kDoubles, component.base_y));
      u = hn::MulAdd(weight, wx, u);
      v = hn::MulAdd(weight, wy, v);
      if constexpr (kWithDivergence) {
        const Doubles scaled = hn::Mul(weight, hn::Set(kDoubles, 2 * component.half_inverse));
        residual_x = hn::MulAdd(scaled, dx, residual_x);
        residual_y = hn::MulAdd(scaled, dy, residual_y);
        trace = hn::MulAdd(weight, hn::Add(slope, slope), trace);
        trace = hn::NegMulAdd(scaled, hn::MulAdd(dx, wx, hn::Mul(dy, wy)), trace);
      }
    }
    hn::StoreU(hn::Add(most, hn::Log(kDoubles, sum)), kDoubles, result.log_density + row);
    const Doubles mean_u = hn::Div(u, sum);
    const Doubles mean_v = hn::Div(v, sum);
    hn::StoreU(mean_u, kDoubles, result.velocity_x + row);
    hn::StoreU(mean_v, kDoubles, result.velocity_y + row);
    if constexpr (kWithDivergence) {
      trace = hn::MulAdd(residual_x, mean_u, hn::MulAdd(residual_y, mean_v, trace));
      hn::StoreU(hn::Div(trace, sum), kDoubles, result.divergence + row);
    }
  }
}

void planar_mixture(const PlanarComponent* components, Index count, Index rows, const double* x,
                    const double* y, double* scratch, const PlanarResult& result) {
  if (result.divergence != nullptr) {
    planar_mixture_rows<true>(components, count, rows, x, y, scratch, result);
  } else {
    planar_mixture_rows<false>(components, count, rows, x, y, scratch, result);
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
