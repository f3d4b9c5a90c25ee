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

/// Where a constant is kept, so that it has an address.
template <float kValue>
inline constexpr float kStored = kValue;

/// A vector of kValue. Engines of WebAssembly build a constant vector by several instructions
/// wherever it is used; one that they believe to be in memory takes one.
template <float kValue>
HWY_INLINE Floats constant(FloatTag d) {
#if defined(__wasm__)
  const float* stored = &kStored<kValue>;
  asm("" : "+r"(stored));
  return hn::Set(d, *stored);
#else
  return hn::Set(d, kValue);
#endif
}

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

enum class Sign { plus, minus };

/// exp(x), or exp(-x) with Sign::minus, to 2 ulp while the result is between exp(-87) (1.6e-38) and
/// exp(88) (1.7e38); beyond, those two. A NaN gives some finite number: callers that must keep it
/// multiply by x or select. Reduction to [-ln 2 / 2, ln 2 / 2] in two parts of ln 2 (the first has
/// so few bits that its products are exact), and a polynomial of degree 6 there: least relative
/// error with the first two coefficients 1 and all of them floats, 7e-9, by Remez's exchange.
template <Sign kSign = Sign::plus>
HWY_INLINE Floats exponential(FloatTag d, Floats x) {
  constexpr bool kPlus = kSign == Sign::plus;
  constexpr float kOdd = kPlus ? 1.0F : -1.0F;
  constexpr float kLowest = kPlus ? -87.0F : -88.0F;
  constexpr float kHighest = kPlus ? 88.0F : 87.0F;
  // Added to a number below 2^22, this leaves its nearest whole number in the lowest bits: cheaper
  // than rounding and converting, which WebAssembly defines for all numbers.
  const Floats magic = constant<0x1.8p23F>(d);
  x = hn::Min(hn::Max(x, constant<kLowest>(d)), constant<kHighest>(d));
  const Floats shifted = multiply_add(x, constant<kOdd * 1.44269504F>(d), magic);
  const Floats n = hn::Sub(shifted, magic);
  // The rest, r, with the sign of x.
  Floats r;
  if constexpr (kPlus) {
    r = negative_multiply_add(n, constant<0.693359375F>(d), x);
    r = negative_multiply_add(n, constant<-2.12194440e-4F>(d), r);
  } else {
    r = multiply_add(n, constant<0.693359375F>(d), x);
    r = multiply_add(n, constant<-2.12194440e-4F>(d), r);
  }
  Floats p = multiply_add(constant<1.3754345e-3F>(d), r, constant<kOdd * 8.366207e-3F>(d));
  p = multiply_add(p, r, constant<4.1669194e-2F>(d));
  p = multiply_add(p, r, constant<kOdd * 1.6666542e-1F>(d));
  p = multiply_add(p, r, constant<4.999999e-1F>(d));
  p = multiply_add(p, r, constant<kOdd>(d));
  p = multiply_add(p, r, constant<1.0F>(d));
  const hn::RebindToSigned<FloatTag> di;
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
}

/// `values` where x is a number, x where it is NaN.
HWY_INLINE Floats keep_nan(Floats x, Floats values) {
  return hn::IfThenElse(hn::IsNaN(x), x, values);
}

// Each activation is evaluated in two passes: `exponential_of` x, if it has one, and from both the
// value and the derivative. One pass would wait for its own operations: processors do not look far
// enough ahead to begin the next vectors meanwhile.

struct Silu {
  static constexpr bool kHasExponential = true;
  static HWY_INLINE Floats exponential_of(FloatTag d, Floats x) {
    return exponential<Sign::minus>(d, x);
  }
  static HWY_INLINE Floats sigmoid(FloatTag d, Floats e) {
    const Floats one = constant<1.0F>(d);
    return hn::Div(one, hn::Add(one, e));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e) {
    return hn::Mul(x, sigmoid(d, e));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e, Floats& derivative) {
    const Floats s = sigmoid(d, e);
    const Floats y = hn::Mul(x, s);
    // s + x s (1 - s)
    derivative = multiply_add(y, hn::Sub(constant<1.0F>(d), s), s);
    return y;
  }
};

struct Tanh {
  // sign(x) (1 - e) / (1 + e) with e = exp(-2 |x|); near 0, where 1 - e cancels, x times an even
  // polynomial.
  static constexpr bool kHasExponential = true;
  static HWY_INLINE Floats exponential_of(FloatTag d, Floats x) {
    return exponential<Sign::minus>(d, hn::Mul(hn::Abs(x), constant<2.0F>(d)));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e) {
    const Floats one = constant<1.0F>(d);
    const Floats large = hn::CopySign(hn::Div(hn::Sub(one, e), hn::Add(one, e)), x);
    const Floats square = hn::Mul(x, x);
    // Cephes' tanhf for |x| < 0.625.
    Floats p = constant<-5.70498872745e-3F>(d);
    p = multiply_add(p, square, constant<2.06390887954e-2F>(d));
    p = multiply_add(p, square, constant<-5.37397155531e-2F>(d));
    p = multiply_add(p, square, constant<1.33314422036e-1F>(d));
    p = multiply_add(p, square, constant<-3.33332819422e-1F>(d));
    const Floats small = multiply_add(hn::Mul(p, square), x, x);
    return keep_nan(x, hn::IfThenElse(hn::Lt(hn::Abs(x), constant<0.625F>(d)), small, large));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e, Floats& derivative) {
    const Floats y = value(d, x, e);
    derivative = negative_multiply_add(y, y, constant<1.0F>(d));
    return y;
  }
};

struct Relu {
  static constexpr bool kHasExponential = false;
  static HWY_INLINE Floats value(FloatTag d, Floats x) {
    return keep_nan(x, hn::Max(x, hn::Zero(d)));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats& derivative) {
    derivative = keep_nan(x, hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), constant<1.0F>(d)));
    return value(d, x);
  }
};

struct Elu {
  static constexpr bool kHasExponential = true;
  static HWY_INLINE Floats exponential_of(FloatTag d, Floats x) {
    return exponential(d, hn::Min(x, hn::Zero(d)));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e) {
    // exp(x) - 1 cancels near 0, where its Taylor series to the sixth power is exact to rounding.
    Floats p = constant<1.0F / 720.0F>(d);
    p = multiply_add(p, x, constant<1.0F / 120.0F>(d));
    p = multiply_add(p, x, constant<1.0F / 24.0F>(d));
    p = multiply_add(p, x, constant<1.0F / 6.0F>(d));
    p = multiply_add(p, x, constant<0.5F>(d));
    const Floats near_zero = multiply_add(hn::Mul(p, x), x, x);
    const Floats negative = hn::IfThenElse(hn::Gt(x, constant<-0.25F>(d)), near_zero,
                                           hn::Sub(e, constant<1.0F>(d)));
    return keep_nan(x, hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, negative));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e, Floats& derivative) {
    const auto positive = hn::Gt(x, hn::Zero(d));
    derivative = keep_nan(x, hn::IfThenElse(positive, constant<1.0F>(d), e));
    return value(d, x, e);
  }
};

struct Gelu {
  // erfc(z) = p(1 / (1 + 0.3275911 z)) exp(-z^2) for z >= 0, absolute error 1.5e-7: Abramowitz and
  // Stegun 1964, formula 7.1.26.
  static constexpr bool kHasExponential = true;
  static HWY_INLINE Floats exponential_of(FloatTag d, Floats x) {
    return exponential<Sign::minus>(d, hn::Mul(hn::Mul(x, x), constant<0.5F>(d)));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats gaussian, Floats& derivative) {
    const Floats one = constant<1.0F>(d);
    const Floats z = hn::Mul(hn::Abs(x), constant<0.70710678F>(d));
    const Floats s = hn::Div(one, multiply_add(z, constant<0.3275911F>(d), one));
    Floats p = constant<1.061405429F>(d);
    p = multiply_add(p, s, constant<-1.453152027F>(d));
    p = multiply_add(p, s, constant<1.421413741F>(d));
    p = multiply_add(p, s, constant<-0.284496736F>(d));
    p = multiply_add(p, s, constant<0.254829592F>(d));
    const Floats upper = hn::Mul(hn::Mul(hn::Mul(p, s), gaussian), constant<0.5F>(d));
    const Floats phi = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), upper, hn::Sub(one, upper));
    const Floats density = hn::Mul(gaussian, constant<0.39894228F>(d));
    // Beyond 13 the density is 0 in float; without this an infinite x would give inf * 0.
    const auto far = hn::Gt(hn::Abs(x), constant<13.0F>(d));
    const Floats tail = hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), one);
    derivative = keep_nan(x, hn::IfThenElse(far, tail, multiply_add(x, density, phi)));
    const Floats limit = hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), x);
    return keep_nan(x, hn::IfThenElse(far, limit, hn::Mul(x, phi)));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats gaussian) {
    Floats derivative;
    return value(d, x, gaussian, derivative);
  }
};

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
