// Vector functions shared by the kernels; compiled once for each of Highway's targets, hence the
// guard. Include through a file that is itself compiled per target.
#if defined(FLOWMATCH_KERNELS_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FLOWMATCH_KERNELS_SIMD_MATH_INL_H_
#undef FLOWMATCH_KERNELS_SIMD_MATH_INL_H_
#else
#define FLOWMATCH_KERNELS_SIMD_MATH_INL_H_
#endif

#include "kernels/platform.h"
// platform.h first: it chooses the targets.
#include "flowmatch/activation.h"
#include "hwy/highway.h"

#if FLOWMATCH_RELAXED_SIMD
#include <wasm_simd128.h>
#endif

HWY_BEFORE_NAMESPACE();
namespace flowmatch::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using Floats = hn::Vec<FloatTag>;

/// a b + c, with one rounding wherever the instruction set has it.
HWY_INLINE Floats multiply_add(Floats a, Floats b, Floats c) {
#if FLOWMATCH_RELAXED_SIMD
  return Floats{wasm_f32x4_relaxed_madd(a.raw, b.raw, c.raw)};
#else
  return hn::MulAdd(a, b, c);
#endif
}

/// c - a b.
HWY_INLINE Floats negative_multiply_add(Floats a, Floats b, Floats c) {
#if FLOWMATCH_RELAXED_SIMD
  return Floats{wasm_f32x4_relaxed_nmadd(a.raw, b.raw, c.raw)};
#else
  return hn::NegMulAdd(a, b, c);
#endif
}

/// exp(x) to 2 ulp for x in [-87, 88]; below, exp(-87) (1.6e-38), above, exp(88) (1.7e38). A NaN
/// gives some finite number: callers that must keep it multiply by x or select. Reduction to [-ln 2
/// / 2, ln 2 / 2] in two parts of ln 2 and a polynomial; coefficients of Cephes' expf (Moshier
/// 1992).
HWY_INLINE Floats exponential(FloatTag d, Floats x) {
  x = hn::Min(hn::Max(x, hn::Set(d, -87.0F)), hn::Set(d, 88.0F));
  const Floats n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504F)));
  Floats r = negative_multiply_add(n, hn::Set(d, 0.693359375F), x);
  r = negative_multiply_add(n, hn::Set(d, -2.12194440e-4F), r);
  Floats p = hn::Set(d, 1.9875691500e-4F);
  p = multiply_add(p, r, hn::Set(d, 1.3981999507e-3F));
  p = multiply_add(p, r, hn::Set(d, 8.3334519073e-3F));
  p = multiply_add(p, r, hn::Set(d, 4.1665795894e-2F));
  p = multiply_add(p, r, hn::Set(d, 1.6666665459e-1F));
  p = multiply_add(p, r, hn::Set(d, 5.0000001201e-1F));
  p = multiply_add(hn::Mul(p, r), r, hn::Add(r, hn::Set(d, 1.0F)));
  const hn::RebindToSigned<FloatTag> di;
  const auto exponent = hn::ShiftLeft<23>(hn::ConvertTo(di, n));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
}

/// `values` where x is a number, x where it is NaN.
HWY_INLINE Floats keep_nan(Floats x, Floats values) {
  return hn::IfThenElse(hn::IsNaN(x), x, values);
}

/// Each activation: value(d, x) is act(x); with_derivative also gives act'(x).
struct Silu {
  static HWY_INLINE Floats sigmoid(FloatTag d, Floats x) {
    const Floats one = hn::Set(d, 1.0F);
    return hn::Div(one, hn::Add(one, exponential(d, hn::Neg(x))));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x) { return hn::Mul(x, sigmoid(d, x)); }
  static HWY_INLINE Floats with_derivative(FloatTag d, Floats x, Floats& derivative) {
    const Floats s = sigmoid(d, x);
    const Floats y = hn::Mul(x, s);
    // s + x s (1 - s)
    derivative = multiply_add(y, hn::Sub(hn::Set(d, 1.0F), s), s);
    return y;
  }
};

struct Tanh {
  // sign(x) (1 - q) / (1 + q) with q = exp(-2 |x|); near 0, where 1 - q cancels, x times an even
  // polynomial.
  static HWY_INLINE Floats value(FloatTag d, Floats x) {
    const Floats one = hn::Set(d, 1.0F);
    const Floats magnitude = hn::Abs(x);
    const Floats q = exponential(d, hn::Mul(magnitude, hn::Set(d, -2.0F)));
    const Floats large = hn::CopySign(hn::Div(hn::Sub(one, q), hn::Add(one, q)), x);
    const Floats square = hn::Mul(x, x);
    // Cephes' tanhf for |x| < 0.625.
    Floats p = hn::Set(d, -5.70498872745e-3F);
    p = multiply_add(p, square, hn::Set(d, 2.06390887954e-2F));
    p = multiply_add(p, square, hn::Set(d, -5.37397155531e-2F));
    p = multiply_add(p, square, hn::Set(d, 1.33314422036e-1F));
    p = multiply_add(p, square, hn::Set(d, -3.33332819422e-1F));
    const Floats small = multiply_add(hn::Mul(p, square), x, x);
    return keep_nan(x, hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 0.625F)), small, large));
  }
  static HWY_INLINE Floats with_derivative(FloatTag d, Floats x, Floats& derivative) {
    const Floats y = value(d, x);
    derivative = negative_multiply_add(y, y, hn::Set(d, 1.0F));
    return y;
  }
};

struct Relu {
  static HWY_INLINE Floats value(FloatTag d, Floats x) {
    return keep_nan(x, hn::Max(x, hn::Zero(d)));
  }
  static HWY_INLINE Floats with_derivative(FloatTag d, Floats x, Floats& derivative) {
    derivative = keep_nan(x, hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0F)));
    return value(d, x);
  }
};

struct Elu {
  static HWY_INLINE Floats value(FloatTag d, Floats x) {
    Floats derivative;
    return with_derivative(d, x, derivative);
  }
  static HWY_INLINE Floats with_derivative(FloatTag d, Floats x, Floats& derivative) {
    const Floats one = hn::Set(d, 1.0F);
    const auto positive = hn::Gt(x, hn::Zero(d));
    const Floats e = exponential(d, hn::Min(x, hn::Zero(d)));
    // exp(x) - 1 cancels near 0, where its Taylor series to the sixth power is exact to rounding.
    Floats p = hn::Set(d, 1.0F / 720.0F);
    p = multiply_add(p, x, hn::Set(d, 1.0F / 120.0F));
    p = multiply_add(p, x, hn::Set(d, 1.0F / 24.0F));
    p = multiply_add(p, x, hn::Set(d, 1.0F / 6.0F));
    p = multiply_add(p, x, hn::Set(d, 0.5F));
    const Floats near_zero = multiply_add(hn::Mul(p, x), x, x);
    const Floats negative =
        hn::IfThenElse(hn::Gt(x, hn::Set(d, -0.25F)), near_zero, hn::Sub(e, one));
    derivative = keep_nan(x, hn::IfThenElse(positive, one, e));
    return keep_nan(x, hn::IfThenElse(positive, x, negative));
  }
};

struct Gelu {
  // erfc(z) = p(1 / (1 + 0.3275911 z)) exp(-z^2) for z >= 0, absolute error 1.5e-7: Abramowitz and
  // Stegun 1964, formula 7.1.26.
  static HWY_INLINE Floats with_derivative(FloatTag d, Floats x, Floats& derivative) {
    const Floats one = hn::Set(d, 1.0F);
    const Floats z = hn::Mul(hn::Abs(x), hn::Set(d, 0.70710678F));
    const Floats gaussian = exponential(d, hn::Neg(hn::Mul(z, z)));
    const Floats s = hn::Div(one, multiply_add(z, hn::Set(d, 0.3275911F), one));
    Floats p = hn::Set(d, 1.061405429F);
    p = multiply_add(p, s, hn::Set(d, -1.453152027F));
    p = multiply_add(p, s, hn::Set(d, 1.421413741F));
    p = multiply_add(p, s, hn::Set(d, -0.284496736F));
    p = multiply_add(p, s, hn::Set(d, 0.254829592F));
    const Floats upper = hn::Mul(hn::Mul(hn::Mul(p, s), gaussian), hn::Set(d, 0.5F));
    const Floats phi = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), upper, hn::Sub(one, upper));
    const Floats density = hn::Mul(gaussian, hn::Set(d, 0.39894228F));
    // Beyond 13 the density is 0 in float; without this an infinite x would give inf * 0.
    const auto far = hn::Gt(hn::Abs(x), hn::Set(d, 13.0F));
    const Floats tail = hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), one);
    derivative = keep_nan(x, hn::IfThenElse(far, tail, multiply_add(x, density, phi)));
    const Floats limit = hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), x);
    return keep_nan(x, hn::IfThenElse(far, limit, hn::Mul(x, phi)));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x) {
    Floats derivative;
    return with_derivative(d, x, derivative);
  }
};

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
