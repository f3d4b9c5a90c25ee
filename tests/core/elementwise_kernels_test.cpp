// The kernels of elementwise.h against their naive twins, on every instruction set and on sizes
// that end in the middle of a vector.
#include "flowmatch/random.h"
#include "kernels/elementwise.h"
#include "kernels/naive.h"
#include "support/errors.h"
#include "support/instruction_sets.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::for_each_instruction_set;
using flowmatch::testing::normal_numbers;
using flowmatch::testing::worse;
namespace naive = flowmatch::kernels::naive;

constexpr std::array<Index, 18> kSizes{0,  1,  2,  3,  4,  5,  7,   8,   15,
                                       16, 17, 31, 32, 33, 64, 127, 129, 1000};

struct AdamState {
  std::vector<float> gradient;
  std::vector<float> first_moment;
  std::vector<float> second_moment;
  std::vector<float> parameters;
  std::vector<float> ema;
};

AdamState adam_state(Index count) {
  AdamState state{.gradient = normal_numbers(count, 1, 3),
                  .first_moment = normal_numbers(count, 2),
                  .second_moment = normal_numbers(count, 3),
                  .parameters = normal_numbers(count, 4),
                  .ema = normal_numbers(count, 5)};
  for (float& value : state.second_moment) value = value * value;
  return state;
}

double worst_relative_error(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double scale = 1 + std::abs(static_cast<double>(b[i]));
    worst = worse(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])) / scale);
  }
  return worst;
}

TEST_CASE("adam_update is its naive twin") {
  const kernels::AdamScalars scalars{.beta1 = 0.9F,
                                     .beta2 = 0.99F,
                                     .epsilon = 1e-3F,
                                     .step_size = 0.1F,
                                     .inverse_root_bias2 = 1.7F,
                                     .ema_decay = 0.7F,
                                     .gradient_scale = 0.6F,
                                     .kept = 0.95F};
  for (const Index count : kSizes) {
    for (const bool averaged : {true, false}) {
      for_each_instruction_set([&] {
        AdamState fast = adam_state(count);
        AdamState slow = fast;
        const AdamState before = fast;
        kernels::adam_update(scalars, count, fast.gradient.data(), fast.first_moment.data(),
                             fast.second_moment.data(), fast.parameters.data(),
                             averaged ? fast.ema.data() : nullptr);
        naive::adam_update(scalars, count, slow.gradient.data(), slow.first_moment.data(),
                           slow.second_moment.data(), slow.parameters.data(),
                           averaged ? slow.ema.data() : nullptr);
        CAPTURE(count, averaged);
        // A handful of roundings of numbers of size 1; an update is about 0.1.
        CHECK(worst_relative_error(fast.first_moment, slow.first_moment) < 3e-7);
        CHECK(worst_relative_error(fast.second_moment, slow.second_moment) < 3e-7);
        CHECK(worst_relative_error(fast.parameters, slow.parameters) < 3e-7);
        CHECK(worst_relative_error(fast.ema, slow.ema) < 3e-7);
        CHECK(fast.gradient == before.gradient);
        if (!averaged) CHECK(fast.ema == before.ema);
      });
    }
  }
}

TEST_CASE("adam_update touches its range only") {
  for_each_instruction_set([] {
    AdamState state = adam_state(50);
    const AdamState before = state;
    kernels::adam_update({0.9F, 0.99F, 1e-3F, 0.1F, 1.7F, 0.7F}, 23, state.gradient.data() + 10,
                         state.first_moment.data() + 10, state.second_moment.data() + 10,
                         state.parameters.data() + 10, state.ema.data() + 10);
    Index wrong = 0;
    for (std::size_t i = 0; i < 50; ++i) {
      const bool inside = i >= 10 && i < 33;
      if ((state.first_moment[i] != before.first_moment[i]) != inside) ++wrong;
      if ((state.second_moment[i] != before.second_moment[i]) != inside) ++wrong;
      if ((state.parameters[i] != before.parameters[i]) != inside) ++wrong;
      if ((state.ema[i] != before.ema[i]) != inside) ++wrong;
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("sum_parts adds the parts in their order") {
  for (const Index count : kSizes) {
    for (const std::size_t parts : {1U, 2U, 8U}) {
      for_each_instruction_set([&] {
        std::vector<std::vector<float>> numbers;
        std::vector<const float*> starts;
        for (std::size_t part = 0; part < parts; ++part) {
          numbers.push_back(normal_numbers(count, static_cast<std::uint32_t>(part)));
        }
        for (const auto& part : numbers) starts.push_back(part.data());
        std::vector<float> expected = numbers[0];
        for (std::size_t part = 1; part < parts; ++part) {
          for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += numbers[part][i];
        }
        std::vector<float> total(static_cast<std::size_t>(count) + 1, 77.0F);
        CAPTURE(count, parts);
        CHECK(kernels::sum_parts(count, starts, total.data()));
        CHECK(total.back() == 77.0F);
        total.pop_back();
        CHECK(total == expected);
        // Onto the first part.
        CHECK(kernels::sum_parts(count, starts, numbers[0].data()));
        CHECK(numbers[0] == expected);
      });
    }
  }
}

TEST_CASE("sum_parts finds one sum that cannot be squared wherever it stands") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (Index count = 1; count < 70; ++count) {
    for_each_instruction_set([&] {
      std::vector<float> values(static_cast<std::size_t>(count), 0.9e18F);
      values[0] = -0.9e18F;
      const std::vector<float> zeros(values.size());
      const std::array<const float*, 2> parts{zeros.data(), values.data()};
      std::vector<float> total(values.size());
      CHECK(kernels::sum_parts(count, parts, total.data()));
      Index missed = 0;
      for (float& value : values) {
        for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity,
                                1.1e18F, -1.1e18F, std::numeric_limits<float>::max()}) {
          const float good = value;
          value = bad;
          if (kernels::sum_parts(count, parts, total.data())) ++missed;
          value = good;
        }
      }
      CAPTURE(count);
      CHECK(missed == 0);
    });
  }
}

TEST_CASE("box_muller is its naive twin to 1e-6") {
  for (const Index half : kSizes) {
    for_each_instruction_set([&] {
      std::vector<std::uint32_t> words(static_cast<std::size_t>(2 * half));
      const RandomStream stream{6, Purpose::test, 0};
      for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = stream.words(static_cast<std::uint32_t>(i))[0];
      }
      std::vector<float> fast(words.size() + 1, 77.0F);
      std::vector<float> slow(words.size() + 1, 77.0F);
      kernels::box_muller(half, words.data(), fast.data());
      naive::box_muller(half, words.data(), slow.data());
      CAPTURE(half);
      CHECK(fast.back() == 77.0F);
      double worst = 0;
      for (std::size_t i = 0; i < words.size(); ++i) {
        worst = worse(worst, std::abs(static_cast<double>(fast[i]) - static_cast<double>(slow[i])));
      }
      CHECK(worst < 1e-6);
    });
  }
}

TEST_CASE("box_muller is finite and right at the ends of the words' range") {
  // The radius at its largest and its smallest, with angles around the four axes.
  std::vector<std::uint32_t> radii;
  std::vector<std::uint32_t> angles;
  for (const std::uint32_t radius :
       {0U, 511U, 512U, 0x7fffffffU, 0x80000000U, 0xfffffe00U, 0xffffffffU}) {
    for (const std::uint32_t angle :
         {0U, 255U, 256U, 0x3fffffffU, 0x40000000U, 0x7fffffffU, 0x80000000U, 0xbfffffffU,
          0xc0000000U, 0xffffff00U, 0xffffffffU}) {
      radii.push_back(radius);
      angles.push_back(angle);
    }
  }
  std::vector<std::uint32_t> words = radii;
  words.insert(words.end(), angles.begin(), angles.end());
  const auto half = static_cast<Index>(radii.size());
  std::vector<float> slow(words.size());
  naive::box_muller(half, words.data(), slow.data());
  for_each_instruction_set([&] {
    std::vector<float> fast(words.size());
    kernels::box_muller(half, words.data(), fast.data());
    double worst = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
      worst = worse(worst, std::abs(static_cast<double>(fast[i]) - static_cast<double>(slow[i])));
    }
    // At the largest radius, 5.77, the angle's own rounding is 2e-7 of it.
    CHECK(worst < 2e-6);
  });
}

TEST_CASE("sum_of_distances_2d is its naive twin") {
  std::vector<Index> sizes(kSizes.begin(), kSizes.end());
  // Around the ends of its chunks of 64 vectors of 4, 8 or 16 lanes.
  sizes.insert(sizes.end(), {255, 256, 257, 511, 513, 1023, 1024, 1025, 2049, 20'000});
  for (const Index count : sizes) {
    const std::vector<float> xs = normal_numbers(count, 1, 10);
    const std::vector<float> ys = normal_numbers(count, 2, 10);
    const double expected = naive::sum_of_distances_2d(0.5F, -3, count, xs.data(), ys.data());
    for_each_instruction_set([&] {
      const double sum = kernels::sum_of_distances_2d(0.5F, -3, count, xs.data(), ys.data());
      CAPTURE(count);
      // Each term is rounded to 1e-7 of itself, and float sums of 64 of them no worse on average.
      CHECK(std::abs(sum - expected) <= 3e-7 * expected);
    });
  }
}

TEST_CASE("the distance of a point to itself is zero") {
  const float x = 3;
  const float y = -4;
  for_each_instruction_set([&] { CHECK(kernels::sum_of_distances_2d(x, y, 1, &x, &y) == 0); });
  const std::vector<float> xs(100, x);
  const std::vector<float> ys(100, y);
  for_each_instruction_set(
      [&] { CHECK(kernels::sum_of_distances_2d(0, 0, 100, xs.data(), ys.data()) == 500); });
}

}  // namespace
