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

using Ints = hn::Vec<hn::RebindToSigned<FloatTag>>;

enum class Sign { plus, minus };

/// exp(x), or exp(-x) with Sign::minus, to 2 ulp while the result is between exp(-87) (1.6e-38) and
/// exp(88) (1.7e38); beyond, those two. A NaN gives some finite number: callers that must keep it
/// multiply by x or select.
///
/// In two steps, each for a loop of its own, with constants that are loaded once before it: the
/// whole chain of operations is longer than processors look ahead for the next vector's.
template <Sign kSign>
class Exponential {
 public:
  /// x less a multiple of ln 2, within half of it, and the power of two in its place.
  class Reduction {
   public:
    explicit HWY_INLINE Reduction(FloatTag d)
        : lowest_(constant<kPlus ? -87.0F : -88.0F>(d)),
          highest_(constant<kPlus ? 88.0F : 87.0F>(d)),
          log2_e_(constant<kOdd * 1.44269504F>(d)),
          magic_(constant<0x1.8p23F>(d)),
          ln2_(constant<-kOdd * 0.693359375F>(d)),
          ln2_rest_(constant<kOdd * 2.12194440e-4F>(d)) {}

    HWY_INLINE void operator()(Floats x, Floats& rest, Ints& exponent) const {
      const hn::RebindToSigned<FloatTag> di;
      x = hn::Min(hn::Max(x, lowest_), highest_);
      const Floats shifted = multiply_add(x, log2_e_, magic_);
      exponent = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
      const Floats n = hn::Sub(shifted, magic_);
      rest = multiply_add(n, ln2_rest_, multiply_add(n, ln2_, x));
    }

   private:
    Floats lowest_;
    Floats highest_;
    Floats log2_e_;
    // Added to a number below 2^22, this leaves its nearest whole number in the lowest bits:
    // cheaper than rounding and converting, which WebAssembly defines for all numbers.
    Floats magic_;
    // ln 2 in two parts, the first with so few bits that its products are exact.
    Floats ln2_;
    Floats ln2_rest_;
  };

  /// A polynomial of degree 6: of least relative error when all coefficients are floats and the
  /// first two are 1, 7e-9, by Remez's exchange.
  class Polynomial {
   public:
    explicit HWY_INLINE Polynomial(FloatTag d)
        : c0_(constant<1.0F>(d)),
          c1_(constant<kOdd>(d)),
          c2_(constant<4.999999e-1F>(d)),
          c3_(constant<kOdd * 1.6666542e-1F>(d)),
          c4_(constant<4.1669194e-2F>(d)),
          c5_(constant<kOdd * 8.366207e-3F>(d)),
          c6_(constant<1.3754345e-3F>(d)) {}

    HWY_INLINE Floats operator()(Floats rest, Ints exponent) const {
      Floats p = multiply_add(c6_, rest, c5_);
      p = multiply_add(p, rest, c4_);
      p = multiply_add(p, rest, c3_);
      p = multiply_add(p, rest, c2_);
      p = multiply_add(p, rest, c1_);
      p = multiply_add(p, rest, c0_);
      const hn::RebindToSigned<FloatTag> di;
      return hn::BitCast(FloatTag(), hn::Add(hn::BitCast(di, p), exponent));
    }

   private:
    Floats c0_;
    Floats c1_;
    Floats c2_;
    Floats c3_;
    Floats c4_;
    Floats c5_;
    Floats c6_;
  };

 private:
  static constexpr bool kPlus = kSign == Sign::plus;
  static constexpr float kOdd = kPlus ? 1.0F : -1.0F;
};

/// `values` where x is a number, x where it is NaN.
HWY_INLINE Floats keep_nan(Floats x, Floats values) {
  return hn::IfThenElse(hn::IsNaN(x), x, values);
}

// Each activation that needs an exponential of x says of which argument; its value and derivative
// are then a function of x and the exponential.

struct Silu {
  using Exp = Exponential<Sign::minus>;
  static HWY_INLINE Floats argument(FloatTag /*d*/, Floats x) { return x; }
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
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e, Floats& derivative,
                                 Floats& curvature) {
    const Floats y = value(d, x, e, derivative);
    const Floats s = sigmoid(d, e);
    // s (1 - s) (2 + x (1 - 2 s))
    const Floats bend = hn::Add(constant<2.0F>(d), hn::Sub(x, hn::Add(y, y)));
    curvature = hn::Mul(negative_multiply_add(s, s, s), bend);
    return y;
  }
};

struct Tanh {
  // sign(x) (1 - e) / (1 + e) with e = exp(-2 |x|); near 0, where 1 - e cancels, x times an even
  // polynomial.
  using Exp = Exponential<Sign::minus>;
  static HWY_INLINE Floats argument(FloatTag /*d*/, Floats x) { return hn::Abs(hn::Add(x, x)); }
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
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e, Floats& derivative,
                                 Floats& curvature) {
    const Floats y = value(d, x, e, derivative);
    curvature = hn::Mul(constant<-2.0F>(d), hn::Mul(y, derivative));
    return y;
  }
};

struct Relu {
  using Exp = void;
  static HWY_INLINE Floats value(FloatTag d, Floats x) {
    return keep_nan(x, hn::Max(x, hn::Zero(d)));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats& derivative) {
    derivative = keep_nan(x, hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), constant<1.0F>(d)));
    return value(d, x);
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats& derivative, Floats& curvature) {
    curvature = keep_nan(x, hn::Zero(d));
    return value(d, x, derivative);
  }
};

struct Elu {
  using Exp = Exponential<Sign::plus>;
  static HWY_INLINE Floats argument(FloatTag d, Floats x) { return hn::Min(x, hn::Zero(d)); }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e) {
    // exp(x) - 1 cancels near 0, where its Taylor series to the sixth power is exact to rounding.
    Floats p = constant<1.0F / 720.0F>(d);
    p = multiply_add(p, x, constant<1.0F / 120.0F>(d));
    p = multiply_add(p, x, constant<1.0F / 24.0F>(d));
    p = multiply_add(p, x, constant<1.0F / 6.0F>(d));
    p = multiply_add(p, x, constant<0.5F>(d));
    const Floats near_zero = multiply_add(hn::Mul(p, x), x, x);
    const Floats negative =
        hn::IfThenElse(hn::Gt(x, constant<-0.25F>(d)), near_zero, hn::Sub(e, constant<1.0F>(d)));
    return keep_nan(x, hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, negative));
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e, Floats& derivative) {
    const auto positive = hn::Gt(x, hn::Zero(d));
    derivative = keep_nan(x, hn::IfThenElse(positive, constant<1.0F>(d), e));
    return value(d, x, e);
  }
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats e, Floats& derivative,
                                 Floats& curvature) {
    curvature = keep_nan(x, hn::IfThenZeroElse(hn::Gt(x, hn::Zero(d)), e));
    return value(d, x, e, derivative);
  }
};

struct Gelu {
  // erfc(z) = p(1 / (1 + 0.3275911 z)) exp(-z^2) for z >= 0, absolute error 1.5e-7: Abramowitz and
  // Stegun 1964, formula 7.1.26.
  using Exp = Exponential<Sign::minus>;
  static HWY_INLINE Floats argument(FloatTag d, Floats x) {
    return hn::Mul(hn::Mul(x, x), constant<0.5F>(d));
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
  static HWY_INLINE Floats value(FloatTag d, Floats x, Floats gaussian, Floats& derivative,
                                 Floats& curvature) {
    // Twice the density less x^2 times it; 0 in float beyond 14.
    const Floats density = hn::Mul(gaussian, constant<0.39894228F>(d));
    const Floats bend = hn::Mul(density, negative_multiply_add(x, x, constant<2.0F>(d)));
    const auto far = hn::Gt(hn::Abs(x), constant<14.0F>(d));
    curvature = keep_nan(x, hn::IfThenZeroElse(far, bend));
    return value(d, x, gaussian, derivative);
  }
};

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
