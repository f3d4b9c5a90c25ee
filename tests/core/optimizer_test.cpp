#include "flowmatch/optimizer.h"

#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::normal_numbers;
using flowmatch::testing::worse;

/// Kingma and Ba's algorithm 1 for one parameter, in double precision, with Loshchilov and Hutter's
/// decay of the weights.
struct AdamOracle {
  double m = 0;
  double v = 0;
  double parameter = 0;
  double average = 0;

  void update(const AdamConfig& config, int step, double learning_rate, double ema_decay,
              double gradient) {
    m = config.beta1 * m + (1 - config.beta1) * gradient;
    v = config.beta2 * v + (1 - config.beta2) * gradient * gradient;
    const double m_hat = m / (1 - std::pow(config.beta1, step + 1));
    const double v_hat = v / (1 - std::pow(config.beta2, step + 1));
    parameter -= learning_rate * config.weight_decay * parameter;
    parameter -= learning_rate * m_hat / (std::sqrt(v_hat) + config.epsilon);
    average = ema_decay * average + (1 - ema_decay) * parameter;
  }
};

TEST_CASE("a hundred steps of Adam are the textbook's") {
  const AdamConfig config = GENERATE(
      AdamConfig{}, AdamConfig{.beta1 = 0.5, .beta2 = 0.9, .epsilon = 0.01},
      AdamConfig{.beta1 = 0, .beta2 = 0, .epsilon = 1e-3}, AdamConfig{.weight_decay = 0.3});
  CAPTURE(config.beta1, config.beta2, config.epsilon, config.weight_decay);
  constexpr Index kCount = 37;
  std::vector<float> parameters = normal_numbers(kCount, 1);
  std::vector<float> average = parameters;
  std::vector<AdamOracle> oracles(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    oracles[i].parameter = static_cast<double>(parameters[i]);
    oracles[i].average = oracles[i].parameter;
  }
  Adam adam(config, kCount);
  double worst_parameter = 0;
  double worst_average = 0;
  for (int step = 0; step < 100; ++step) {
    // Gradients from 1e-6 to 1e3 in size.
    std::vector<float> gradient = normal_numbers(kCount, 100 + static_cast<std::uint64_t>(step));
    for (std::size_t i = 0; i < kCount; ++i) {
      gradient[i] *= static_cast<float>(std::pow(10.0, static_cast<double>(i) / 4 - 6));
    }
    const double learning_rate = 1e-2 * learning_rate_factor(LearningRateDecay::cosine, step, 100);
    const double ema_decay = ema_decay_at(0.95, step);
    adam.update(0, kCount, {.step = step, .learning_rate = learning_rate, .ema_decay = ema_decay},
                gradient, parameters, average);
    for (std::size_t i = 0; i < kCount; ++i) {
      oracles[i].update(config, step, learning_rate, ema_decay, static_cast<double>(gradient[i]));
      worst_parameter = worse(worst_parameter,
                              std::abs(static_cast<double>(parameters[i]) - oracles[i].parameter));
      worst_average =
          worse(worst_average, std::abs(static_cast<double>(average[i]) - oracles[i].average));
    }
  }
  // Parameters of size 3 and less are rounded to 1.2e-7 a step; errors add up as a random walk.
  CHECK(worst_parameter < 5e-6);
  CHECK(worst_average < 5e-6);
  for (std::size_t i = 0; i < kCount; ++i) {
    CHECK_THAT(static_cast<double>(adam.first_moment()[i]),
               WithinAbs(oracles[i].m, 1e-5 * std::sqrt(oracles[i].v) + 1e-30));
    CHECK_THAT(static_cast<double>(adam.second_moment()[i]), WithinRel(oracles[i].v, 2e-5));
  }
}

TEST_CASE("the first step of Adam is the learning rate against the gradient's sign") {
  std::vector<float> parameters{0, 0, 0};
  Adam adam({}, 3);
  adam.update(0, 3, {.learning_rate = 0.5}, std::vector<float>{1e-3F, -50, 0}, parameters, {});
  // Epsilon is 1e-5 of the first gradient; 1 - beta2 is rounded to 1.3e-5 of itself, and under a
  // root.
  CHECK_THAT(static_cast<double>(parameters[0]), WithinRel(-0.5, 2e-5));
  CHECK_THAT(static_cast<double>(parameters[1]), WithinRel(0.5, 1e-5));
  CHECK(parameters[2] == 0);
}

TEST_CASE("updating by ranges is updating the whole, to the bit") {
  // The trainer's ranges of 8192, the last of them shorter.
  constexpr Index kCount = 20530;
  constexpr Index kRange = 8192;
  const std::vector<float> start = normal_numbers(kCount, 1);
  std::vector<float> whole = start;
  std::vector<float> whole_average = start;
  std::vector<float> ranges = start;
  std::vector<float> ranges_average = start;
  Adam adam_whole({}, kCount);
  Adam adam_ranges({}, kCount);
  for (Index step = 0; step < 5; ++step) {
    const std::vector<float> gradient =
        normal_numbers(kCount, 10 + static_cast<std::uint64_t>(step));
    const AdamStep scalars{.step = step, .learning_rate = 1e-2, .ema_decay = 0.9};
    adam_whole.update(0, kCount, scalars, gradient, whole, whole_average);
    // In any order.
    for (Index first = kCount / kRange * kRange; first >= 0; first -= kRange) {
      adam_ranges.update(first, std::min(first + kRange, kCount), scalars, gradient, ranges,
                         ranges_average);
    }
  }
  CHECK(ranges == whole);
  CHECK(ranges_average == whole_average);
  CHECK(std::ranges::equal(adam_ranges.second_moment(), adam_whole.second_moment()));
}

TEST_CASE("the learning rate is constant, or falls along a cosine to nothing") {
  for (const Index step : {0, 1, 500, 999}) {
    CHECK(learning_rate_factor(LearningRateDecay::constant, step, 1000) == 1);
  }
  const auto cosine = [](Index step) {
    return learning_rate_factor(LearningRateDecay::cosine, step, 1000);
  };
  CHECK(cosine(0) == 1);
  CHECK_THAT(cosine(250), WithinRel((1 + std::sqrt(0.5)) / 2, 1e-12));
  CHECK_THAT(cosine(500), WithinAbs(0.5, 1e-12));
  CHECK(cosine(999) > 0);
  CHECK(cosine(999) < 3e-6);
  CHECK_THAT(cosine(1000), WithinAbs(0, 1e-15));
  // Never beyond the end.
  CHECK_THAT(cosine(2000), WithinAbs(0, 1e-15));
  CHECK(learning_rate_factor(LearningRateDecay::cosine, 0, 1) == 1);
}

TEST_CASE("the learning rate warms up in equal parts, and the decay spans the rest") {
  for (const LearningRateDecay decay : kLearningRateDecays) {
    const auto factor = [&](Index step) { return learning_rate_factor(decay, step, 1100, 100); };
    CHECK_THAT(factor(0), WithinRel(0.01, 1e-12));
    CHECK_THAT(factor(49), WithinRel(0.5, 1e-12));
    CHECK(factor(99) == 1);
    for (const Index step : {100, 350, 600, 1099}) {
      CHECK(factor(step) == learning_rate_factor(decay, step - 100, 1000));
    }
    // Longer than the run: it never decays.
    CHECK_THAT(learning_rate_factor(decay, 9, 10, 20), WithinRel(0.5, 1e-12));
    CHECK(learning_rate_factor(decay, 10, 10, 10) == 1);
  }
}

TEST_CASE("a gradient is clipped to the largest norm, and only when it is longer") {
  CHECK(clipping_factor(5, 0) == 1);
  CHECK(clipping_factor(5, 5) == 1);
  CHECK(clipping_factor(0, 1) == 1);
  CHECK(clipping_factor(4.999, 5) == 1);
  CHECK(clipping_factor(20, 5) == 0.25);
}

TEST_CASE("a scaled gradient is a gradient that was scaled before") {
  constexpr Index kCount = 37;
  const std::vector<float> gradient = normal_numbers(kCount, 2);
  std::vector<float> quarter = gradient;
  for (float& each : quarter) each *= 0.25F;
  std::vector<float> scaled_inside = normal_numbers(kCount, 1);
  std::vector<float> scaled_before = scaled_inside;
  Adam inside({}, kCount);
  Adam before({}, kCount);
  inside.update(0, kCount, {.learning_rate = 0.1, .gradient_scale = 0.25}, gradient, scaled_inside,
                {});
  before.update(0, kCount, {.learning_rate = 0.1}, quarter, scaled_before, {});
  CHECK(scaled_inside == scaled_before);
  CHECK(std::ranges::equal(inside.second_moment(), before.second_moment()));
}

TEST_CASE("Adam goes on from restored moments, to the bit") {
  constexpr Index kCount = 37;
  std::vector<float> whole = normal_numbers(kCount, 1);
  std::vector<float> resumed = whole;
  Adam uninterrupted({}, kCount);
  const auto gradient = [](Index step) {
    return normal_numbers(kCount, 10 + static_cast<std::uint64_t>(step));
  };
  for (Index step = 0; step < 6; ++step) {
    uninterrupted.update(0, kCount, {.step = step, .learning_rate = 1e-2}, gradient(step), whole,
                         {});
  }
  Adam first({}, kCount);
  for (Index step = 0; step < 3; ++step) {
    first.update(0, kCount, {.step = step, .learning_rate = 1e-2}, gradient(step), resumed, {});
  }
  Adam second({}, kCount);
  second.restore(first.first_moment(), first.second_moment());
  for (Index step = 3; step < 6; ++step) {
    second.update(0, kCount, {.step = step, .learning_rate = 1e-2}, gradient(step), resumed, {});
  }
  CHECK(resumed == whole);
}

TEST_CASE("the average forgets the initial weights at first") {
  CHECK_THAT(ema_decay_at(0.999, 0), WithinRel(0.1, 1e-12));
  CHECK_THAT(ema_decay_at(0.999, 8), WithinRel(0.5, 1e-12));
  CHECK(ema_decay_at(0.999, 1'000'000) == 0.999);
  CHECK(ema_decay_at(0, 5) == 0);
  double previous = 0;
  for (Index step = 0; step < 20'000; ++step) {
    const double decay = ema_decay_at(0.999, step);
    REQUIRE(decay >= previous);
    REQUIRE(decay <= 0.999);
    previous = decay;
  }
}

std::vector<std::string> bad_fields(const AdamConfig& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) fields.push_back(problem.field);
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("Adam's settings are checked, all at once") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  CHECK(bad_fields({}).empty());
  CHECK(bad_fields({.beta1 = 0, .beta2 = 0, .epsilon = 1}).empty());
  CHECK(bad_fields({.beta1 = 1, .beta2 = 0.999, .epsilon = 1e-8}) == Fields{"beta1"});
  CHECK(bad_fields({.beta1 = -0.1, .beta2 = 0.999, .epsilon = 1e-8}) == Fields{"beta1"});
  CHECK(bad_fields({.beta1 = 0.9, .beta2 = 1, .epsilon = 1e-8}) == Fields{"beta2"});
  CHECK(bad_fields({.beta1 = 0.9, .beta2 = 0.999, .epsilon = 0}) == Fields{"epsilon"});
  CHECK(bad_fields({.epsilon = 1e-38}) == Fields{"epsilon"});
  CHECK(bad_fields({.epsilon = 1e-37}).empty());
  CHECK(bad_fields({.weight_decay = 1}).empty());
  CHECK(bad_fields({.weight_decay = 1.01}) == Fields{"weightDecay"});
  CHECK(bad_fields({.weight_decay = -1e-9}) == Fields{"weightDecay"});
  CHECK(bad_fields({.beta1 = kNan, .beta2 = kNan, .epsilon = kNan}) ==
        Fields{"beta1", "beta2", "epsilon"});
}

TEST_CASE("a decay of the learning rate is found by its name and by nothing else") {
  CHECK(name(LearningRateDecay::constant) == "constant");
  CHECK(name(LearningRateDecay::cosine) == "cosine");
  for (const LearningRateDecay decay : kLearningRateDecays) {
    CHECK(learning_rate_decay_from_name(name(decay)) == decay);
  }
  CHECK_FALSE(learning_rate_decay_from_name("linear").has_value());
  CHECK_FALSE(learning_rate_decay_from_name("").has_value());
}

}  // namespace
