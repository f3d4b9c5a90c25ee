#include "peak.h"

#include "kernels/platform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "peak.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// foreach_target.h first: it includes this file again for each target.
#include "hwy/highway.h"
#include "kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flowmatch::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using kernels::HWY_NAMESPACE::Floats;
using kernels::HWY_NAMESPACE::FloatTag;
using kernels::HWY_NAMESPACE::multiply_add;

constexpr FloatTag kFloats;
constexpr std::int64_t kRepeats = 8;
constexpr std::int64_t kAccumulators = 10;

float multiply_adds(std::int64_t rounds) {
  // As many chains as the latency needs, in names of their own: nothing may go through memory.
  const Floats factor = hn::Set(kFloats, 0.999F);
  const Floats term = hn::Set(kFloats, 1e-3F);
  Floats a = hn::Set(kFloats, 1.0F);
  Floats b = hn::Set(kFloats, 1.1F);
  Floats c = hn::Set(kFloats, 1.2F);
  Floats d = hn::Set(kFloats, 1.3F);
  Floats e = hn::Set(kFloats, 1.4F);
  Floats f = hn::Set(kFloats, 1.5F);
  Floats g = hn::Set(kFloats, 1.6F);
  Floats h = hn::Set(kFloats, 1.7F);
  Floats i = hn::Set(kFloats, 1.8F);
  Floats j = hn::Set(kFloats, 1.9F);
  for (std::int64_t round = 0; round < rounds; ++round) {
    HWY_UNROLL(8)
    for (std::int64_t repeat = 0; repeat < kRepeats; ++repeat) {
      a = multiply_add(a, factor, term);
      b = multiply_add(b, factor, term);
      c = multiply_add(c, factor, term);
      d = multiply_add(d, factor, term);
      e = multiply_add(e, factor, term);
      f = multiply_add(f, factor, term);
      g = multiply_add(g, factor, term);
      h = multiply_add(h, factor, term);
      i = multiply_add(i, factor, term);
      j = multiply_add(j, factor, term);
    }
  }
  const Floats first = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, d)), e);
  const Floats second = hn::Add(hn::Add(hn::Add(f, g), hn::Add(h, i)), j);
  return hn::ReduceSum(kFloats, hn::Add(first, second));
}

std::int64_t operations_per_round() {
  return 2 * kAccumulators * kRepeats * static_cast<std::int64_t>(hn::Lanes(kFloats));
}

}  // namespace flowmatch::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flowmatch::bench {

HWY_EXPORT(multiply_adds);
HWY_EXPORT(operations_per_round);

float multiply_adds(std::int64_t rounds) {
  return HWY_DYNAMIC_DISPATCH(multiply_adds)(rounds);
}

std::int64_t operations_per_round() {
  return HWY_DYNAMIC_DISPATCH(operations_per_round)();
}

}  // namespace flowmatch::bench
#endif
