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

/// Vectors that a function is evaluated for at once: one alone would wait for each of its
/// operations, and processors do not look far enough ahead to begin the next meanwhile.
template <std::size_t kCount>
using Several = Floats[kCount];

/// exp(x) of several vectors in place: to 2 ulp for x in [-87, 88]; below, exp(-87) (1.6e-38),
/// above, exp(88) (1.7e38). A NaN gives some finite number: callers that must keep it multiply by x
/// or select. Reduction to [-ln 2 / 2, ln 2 / 2] in two parts of ln 2 and a polynomial;
/// coefficients of Cephes' expf (Moshier 1992).
template <std::size_t kCount>
HWY_INLINE void exponential(FloatTag d, Several<kCount>& x) {
  // Added to a number below 2^22, this leaves its nearest whole number in the lowest bits: cheaper
  // than rounding and converting, which WebAssembly defines for all numbers.
  const Floats magic = constant<0x1.8p23F>(d);
  Several<kCount> shifted;
  Several<kCount> p;
  const auto for_each = [](const auto& step) {
    for (std::size_t i = 0; i < kCount; ++i) step(i);
  };
  const auto horner = [&](const Floats& coefficient) {
    for_each([&](std::size_t i) { p[i] = multiply_add(p[i], x[i], coefficient); });
  };
  for_each([&](std::size_t i) {
    x[i] = hn::Min(hn::Max(x[i], constant<-87.0F>(d)), constant<88.0F>(d));
  });
  for_each(
      [&](std::size_t i) { shifted[i] = multiply_add(x[i], constant<1.44269504F>(d), magic); });
  for_each([&](std::size_t i) { p[i] = hn::Sub(shifted[i], magic); });
  for_each(
      [&](std::size_t i) { x[i] = negative_multiply_add(p[i], constant<0.693359375F>(d), x[i]); });
  for_each([&](std::size_t i) {
    x[i] = negative_multiply_add(p[i], constant<-2.12194440e-4F>(d), x[i]);
  });
  for_each([&](std::size_t i) { p[i] = constant<1.9875691500e-4F>(d); });
  horner(constant<1.3981999507e-3F>(d));
  horner(constant<8.3334519073e-3F>(d));
  horner(constant<4.1665795894e-2F>(d));
  horner(constant<1.6666665459e-1F>(d));
  horner(constant<5.0000001201e-1F>(d));
  for_each([&](std::size_t i) {
    p[i] = multiply_add(hn::Mul(p[i], x[i]), x[i], hn::Add(x[i], constant<1.0F>(d)));
  });
  const hn::RebindToSigned<FloatTag> di;
  for_each([&](std::size_t i) {
    const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, shifted[i]));
    x[i] = hn::BitCast(d, hn::Add(hn::BitCast(di, p[i]), exponent));
  });
}

HWY_INLINE Floats exponential(FloatTag d, Floats x) {
  Several<1> one{x};
  exponential<1>(d, one);
  return one[0];
}

/// `values` where x is a number, x where it is NaN.
HWY_INLINE Floats keep_nan(Floats x, Floats values) {
  return hn::IfThenElse(hn::IsNaN(x), x, values);
}

/// Each activation replaces several vectors by act of them; with_derivative also gives act'. Those
/// derived from OneByOne define both for one vector.
template <class Act>
struct OneByOne {
  template <std::size_t kCount>
  static HWY_INLINE void value(FloatTag d, Several<kCount>& x) {
    for (Floats& each : x) each = Act::value_of(d, each);
  }
  template <std::size_t kCount>
  static HWY_INLINE void with_derivative(FloatTag d, Several<kCount>& x,
                                         Several<kCount>& derivative) {
    for (std::size_t i = 0; i < kCount; ++i) {
      x[i] = Act::value_with_derivative(d, x[i], derivative[i]);
    }
  }
};

struct Silu {
  template <std::size_t kCount>
  static HWY_INLINE void sigmoid(FloatTag d, const Several<kCount>& x, Several<kCount>& s) {
    const Floats one = constant<1.0F>(d);
    for (std::size_t i = 0; i < kCount; ++i) s[i] = hn::Neg(x[i]);
    exponential(d, s);
    for (Floats& each : s) each = hn::Add(one, each);
    for (Floats& each : s) each = hn::Div(one, each);
  }
  template <std::size_t kCount>
  static HWY_INLINE void value(FloatTag d, Several<kCount>& x) {
    Several<kCount> s;
    sigmoid(d, x, s);
    for (std::size_t i = 0; i < kCount; ++i) x[i] = hn::Mul(x[i], s[i]);
  }
  template <std::size_t kCount>
  static HWY_INLINE void with_derivative(FloatTag d, Several<kCount>& x,
                                         Several<kCount>& derivative) {
    Several<kCount> s;
    sigmoid(d, x, s);
    for (std::size_t i = 0; i < kCount; ++i) {
      x[i] = hn::Mul(x[i], s[i]);
      // s + x s (1 - s)
      derivative[i] = multiply_add(x[i], hn::Sub(constant<1.0F>(d), s[i]), s[i]);
    }
  }
};

struct Tanh : OneByOne<Tanh> {
  // sign(x) (1 - q) / (1 + q) with q = exp(-2 |x|); near 0, where 1 - q cancels, x times an even
  // polynomial.
  static HWY_INLINE Floats value_of(FloatTag d, Floats x) {
    const Floats one = constant<1.0F>(d);
    const Floats magnitude = hn::Abs(x);
    const Floats q = exponential(d, hn::Mul(magnitude, constant<-2.0F>(d)));
    const Floats large = hn::CopySign(hn::Div(hn::Sub(one, q), hn::Add(one, q)), x);
    const Floats square = hn::Mul(x, x);
    // Cephes' tanhf for |x| < 0.625.
    Floats p = constant<-5.70498872745e-3F>(d);
    p = multiply_add(p, square, constant<2.06390887954e-2F>(d));
    p = multiply_add(p, square, constant<-5.37397155531e-2F>(d));
    p = multiply_add(p, square, constant<1.33314422036e-1F>(d));
    p = multiply_add(p, square, constant<-3.33332819422e-1F>(d));
    const Floats small = multiply_add(hn::Mul(p, square), x, x);
    return keep_nan(x, hn::IfThenElse(hn::Lt(magnitude, constant<0.625F>(d)), small, large));
  }
  static HWY_INLINE Floats value_with_derivative(FloatTag d, Floats x, Floats& derivative) {
    const Floats y = value_of(d, x);
    derivative = negative_multiply_add(y, y, constant<1.0F>(d));
    return y;
  }
};

struct Relu : OneByOne<Relu> {
  static HWY_INLINE Floats value_of(FloatTag d, Floats x) {
    return keep_nan(x, hn::Max(x, hn::Zero(d)));
  }
  static HWY_INLINE Floats value_with_derivative(FloatTag d, Floats x, Floats& derivative) {
    derivative = keep_nan(x, hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), constant<1.0F>(d)));
    return value_of(d, x);
  }
};

struct Elu : OneByOne<Elu> {
  static HWY_INLINE Floats value_of(FloatTag d, Floats x) {
    Floats derivative;
    return value_with_derivative(d, x, derivative);
  }
  static HWY_INLINE Floats value_with_derivative(FloatTag d, Floats x, Floats& derivative) {
    const Floats one = constant<1.0F>(d);
    const auto positive = hn::Gt(x, hn::Zero(d));
    const Floats e = exponential(d, hn::Min(x, hn::Zero(d)));
    // exp(x) - 1 cancels near 0, where its Taylor series to the sixth power is exact to rounding.
    Floats p = constant<1.0F / 720.0F>(d);
    p = multiply_add(p, x, constant<1.0F / 120.0F>(d));
    p = multiply_add(p, x, constant<1.0F / 24.0F>(d));
    p = multiply_add(p, x, constant<1.0F / 6.0F>(d));
    p = multiply_add(p, x, constant<0.5F>(d));
    const Floats near_zero = multiply_add(hn::Mul(p, x), x, x);
    const Floats negative =
        hn::IfThenElse(hn::Gt(x, constant<-0.25F>(d)), near_zero, hn::Sub(e, one));
    derivative = keep_nan(x, hn::IfThenElse(positive, one, e));
    return keep_nan(x, hn::IfThenElse(positive, x, negative));
  }
};

struct Gelu : OneByOne<Gelu> {
  // erfc(z) = p(1 / (1 + 0.3275911 z)) exp(-z^2) for z >= 0, absolute error 1.5e-7: Abramowitz and
  // Stegun 1964, formula 7.1.26.
  static HWY_INLINE Floats value_with_derivative(FloatTag d, Floats x, Floats& derivative) {
    const Floats one = constant<1.0F>(d);
    const Floats z = hn::Mul(hn::Abs(x), constant<0.70710678F>(d));
    const Floats gaussian = exponential(d, hn::Neg(hn::Mul(z, z)));
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
  static HWY_INLINE Floats value_of(FloatTag d, Floats x) {
    Floats derivative;
    return value_with_derivative(d, x, derivative);
  }
};

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
