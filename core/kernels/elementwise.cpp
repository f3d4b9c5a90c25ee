// The SIMD kernels of elementwise.h; see dense.cpp for how they are compiled.
#include "kernels/elementwise.h"

#include "kernels/platform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// foreach_target.h first: it includes this file again for each target.
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "kernels/naive.h"
#include "kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flowmatch::kernels::HWY_NAMESPACE {

constexpr FloatTag kFlat;

HWY_INLINE Index flat_lanes() {
  return static_cast<Index>(hn::Lanes(kFlat));
}

void adam_update(const AdamScalars& s, Index count, const float* HWY_RESTRICT gradient,
                 float* HWY_RESTRICT first_moment, float* HWY_RESTRICT second_moment,
                 float* HWY_RESTRICT parameters, float* HWY_RESTRICT ema) {
  const Floats beta1 = hn::Set(kFlat, s.beta1);
  const Floats beta2 = hn::Set(kFlat, s.beta2);
  const Floats rest1 = hn::Set(kFlat, 1 - s.beta1);
  const Floats rest2 = hn::Set(kFlat, 1 - s.beta2);
  const Floats decay = hn::Set(kFlat, s.ema_decay);
  const Floats rest = hn::Set(kFlat, 1 - s.ema_decay);
  const Floats step_size = hn::Set(kFlat, s.step_size);
  const Floats scale = hn::Set(kFlat, s.inverse_root_bias2);
  const Floats epsilon = hn::Set(kFlat, s.epsilon);
  const Floats gradient_scale = hn::Set(kFlat, s.gradient_scale);
  const Floats kept = hn::Set(kFlat, s.kept);
  const Index step = flat_lanes();
  Index i = 0;
  for (; i + step <= count; i += step) {
    const Floats g = hn::Mul(gradient_scale, hn::LoadU(kFlat, gradient + i));
    const Floats m = multiply_add(beta1, hn::LoadU(kFlat, first_moment + i), hn::Mul(rest1, g));
    const Floats v =
        multiply_add(beta2, hn::LoadU(kFlat, second_moment + i), hn::Mul(rest2, hn::Mul(g, g)));
    const Floats root = multiply_add(hn::Sqrt(v), scale, epsilon);
    const Floats p = hn::Sub(hn::Mul(kept, hn::LoadU(kFlat, parameters + i)),
                             hn::Div(hn::Mul(step_size, m), root));
    hn::StoreU(m, kFlat, first_moment + i);
    hn::StoreU(v, kFlat, second_moment + i);
    hn::StoreU(p, kFlat, parameters + i);
    if (ema != nullptr) {
      hn::StoreU(multiply_add(decay, hn::LoadU(kFlat, ema + i), hn::Mul(rest, p)), kFlat, ema + i);
    }
  }
  naive::adam_update(s, count - i, gradient + i, first_moment + i, second_moment + i,
                     parameters + i, ema == nullptr ? nullptr : ema + i);
}

bool sum_parts(Index count, std::span<const float* const> parts, float* total) {
  const Index step = flat_lanes();
  const Floats limit = hn::Set(kFlat, 1e18F);
  auto good = hn::Lt(hn::Zero(kFlat), limit);
  Index i = 0;
  // Two vectors at once, for each part's address is loaded again for them.
  for (; i + 2 * step <= count; i += 2 * step) {
    Floats sum0 = hn::LoadU(kFlat, parts[0] + i);
    Floats sum1 = hn::LoadU(kFlat, parts[0] + i + step);
    for (const float* part : parts.subspan(1)) {
      sum0 = hn::Add(sum0, hn::LoadU(kFlat, part + i));
      sum1 = hn::Add(sum1, hn::LoadU(kFlat, part + i + step));
    }
    good = hn::And(good, hn::Lt(hn::Abs(sum0), limit));
    good = hn::And(good, hn::Lt(hn::Abs(sum1), limit));
    hn::StoreU(sum0, kFlat, total + i);
    hn::StoreU(sum1, kFlat, total + i + step);
  }
  bool all = hn::AllTrue(kFlat, good);
  for (; i < count; ++i) {
    float sum = parts[0][i];
    for (const float* part : parts.subspan(1)) sum += part[i];
    all = all && std::abs(sum) < 1e18F;
    total[i] = sum;
  }
  return all;
}

void box_muller(Index half, const std::uint32_t* HWY_RESTRICT words, float* HWY_RESTRICT out) {
  const hn::RebindToUnsigned<FloatTag> du;
  const hn::RebindToSigned<FloatTag> di;
  const Index step = flat_lanes();
  const Floats two_pi = hn::Set(kFlat, 6.28318531F);
  Index i = 0;
  for (; i + step <= half; i += step) {
    const auto lattice = hn::BitCast(di, hn::ShiftRight<9>(hn::LoadU(du, words + i)));
    const Floats u = hn::Mul(hn::Add(hn::ConvertTo(kFlat, lattice), hn::Set(kFlat, 0.5F)),
                             hn::Set(kFlat, 0x1p-23F));
    // The angle's top 24 bits as a signed number: [-pi, pi) is where floats are finest.
    const auto turn = hn::ShiftRight<8>(hn::BitCast(di, hn::LoadU(du, words + half + i)));
    const Floats angle =
        hn::Mul(hn::Mul(hn::ConvertTo(kFlat, turn), hn::Set(kFlat, 0x1p-24F)), two_pi);
    const Floats radius = hn::Sqrt(hn::Mul(hn::Set(kFlat, -2.0F), hn::Log(kFlat, u)));
    hn::StoreU(hn::Mul(radius, hn::Cos(kFlat, angle)), kFlat, out + i);
    hn::StoreU(hn::Mul(radius, hn::Sin(kFlat, angle)), kFlat, out + half + i);
  }
  if (i < half) {
    // The rest, through a full vector of its own.
    alignas(64) std::uint32_t padded_words[2 * hn::MaxLanes(FloatTag())] = {};
    alignas(64) float padded[2 * hn::MaxLanes(FloatTag())];
    for (Index j = i; j < half; ++j) {
      padded_words[j - i] = words[j];
      padded_words[step + j - i] = words[half + j];
    }
    box_muller(step, padded_words, padded);
    for (Index j = i; j < half; ++j) {
      out[j] = padded[j - i];
      out[half + j] = padded[step + j - i];
    }
  }
}

double sum_of_distances_2d(float x, float y, Index count, const float* HWY_RESTRICT xs,
                           const float* HWY_RESTRICT ys) {
  const Index step = flat_lanes();
  const Floats x0 = hn::Set(kFlat, x);
  const Floats y0 = hn::Set(kFlat, y);
  // Sums of at most 64 float terms a lane, then double: the rounding stays at that of one term.
  const Index chunk = 64 * step;
  double total = 0;
  Index j = 0;
  while (j + step <= count) {
    const Index end = std::min(count - step, j + chunk - step);
    Floats sum = hn::Zero(kFlat);
    for (; j <= end; j += step) {
      const Floats dx = hn::Sub(hn::LoadU(kFlat, xs + j), x0);
      const Floats dy = hn::Sub(hn::LoadU(kFlat, ys + j), y0);
      sum = hn::Add(sum, hn::Sqrt(multiply_add(dx, dx, hn::Mul(dy, dy))));
    }
    total += static_cast<double>(hn::ReduceSum(kFlat, sum));
  }
  return total + naive::sum_of_distances_2d(x, y, count - j, xs + j, ys + j);
}

}  // namespace flowmatch::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowmatch::kernels {

HWY_EXPORT(adam_update);
HWY_EXPORT(sum_parts);
HWY_EXPORT(box_muller);
HWY_EXPORT(sum_of_distances_2d);

void adam_update(const AdamScalars& scalars, Index count, const float* gradient,
                 float* first_moment, float* second_moment, float* parameters, float* ema) {
  HWY_DYNAMIC_DISPATCH(adam_update)
  (scalars, count, gradient, first_moment, second_moment, parameters, ema);
}

bool sum_parts(Index count, std::span<const float* const> parts, float* total) {
  return HWY_DYNAMIC_DISPATCH(sum_parts)(count, parts, total);
}

void box_muller(Index half, const std::uint32_t* words, float* out) {
  HWY_DYNAMIC_DISPATCH(box_muller)(half, words, out);
}

double sum_of_distances_2d(float x, float y, Index count, const float* xs, const float* ys) {
  return HWY_DYNAMIC_DISPATCH(sum_of_distances_2d)(x, y, count, xs, ys);
}

}  // namespace flowmatch::kernels
#endif
