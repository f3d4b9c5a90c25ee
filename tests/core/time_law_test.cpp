#include "flowmatch/time_law.h"

#include "flowmatch/exact_field.h"
#include "support/allocations.h"
#include "support/statistics.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::kSigmas;

constexpr RandomStream kStream{21, Purpose::test, 3};

struct Case {
  TimeLawConfig config;
  Schedule schedule;
};

/// Laws with every schedule that makes a difference to them.
std::vector<Case> cases() {
  std::vector<Case> all{
      {{}, Schedule::cond_ot},
      {{.law = TimeLaw::logit_normal}, Schedule::cond_ot},
      {{.law = TimeLaw::logit_normal, .logit_mean = -1, .logit_scale = 0.5}, Schedule::sqrt}};
  for (const Schedule& schedule : kSchedules) {
    all.push_back({{.law = TimeLaw::edm_like}, schedule});
    all.push_back(
        {{.law = TimeLaw::edm_like, .log_noise_mean = 0.4, .log_noise_scale = 0.7}, schedule});
  }
  return all;
}

std::vector<float> times(const Case& law, std::size_t count, Index first = 0) {
  std::vector<float> out(count);
  fill_times(law.config, law.schedule, kStream, first, out);
  return out;
}

/// P(t <= x) by the definition of the law: of logit t, or of -log(sigma / alpha).
double distribution(const Case& law, double x) {
  const auto normal = [](double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; };
  const TimeLawConfig& config = law.config;
  switch (config.law) {
    case TimeLaw::uniform:
      return x;
    case TimeLaw::logit_normal:
      return normal((std::log(x / (1 - x)) - config.logit_mean) / config.logit_scale);
    case TimeLaw::edm_like: {
      const double log_ratio = std::log(noise_to_signal(evaluate(law.schedule, x)));
      return normal((config.log_noise_mean - log_ratio) / config.log_noise_scale);
    }
    case TimeLaw::fixed:
      return x < config.fixed_time ? 0 : 1;
  }
  return 0;
}

TEST_CASE("uniform times are those of fill_uniform, bit for bit") {
  std::vector<float> expected(1000);
  fill_uniform(kStream, 17, expected);
  CHECK(times({{}, Schedule::sqrt}, 1000, 17) == expected);
}

TEST_CASE("times have the quantiles and the histogram of their law") {
  constexpr std::size_t kCount = 20'000;
  constexpr int kBins = 20;
  for (const Case& law : cases()) {
    CAPTURE(name(law.config.law), name(law.schedule), law.config.log_noise_mean);
    std::vector<float> drawn = times(law, kCount);
    // In the unit of probability the bins are equal, and the time in the middle is the median.
    std::array<double, kBins> bins{};
    for (const float t : drawn) {
      REQUIRE((t > 0 && t < 1));
      const double share = distribution(law, static_cast<double>(t));
      bins[static_cast<std::size_t>(std::min(share * kBins, kBins - 1.0))] += 1;
    }
    constexpr double kExpected = static_cast<double>(kCount) / kBins;
    double chi_squared = 0;
    for (const double bin : bins) chi_squared += (bin - kExpected) * (bin - kExpected) / kExpected;
    // 19 degrees of freedom: mean 19, standard deviation sqrt(38).
    CHECK(chi_squared < 19 + kSigmas * std::sqrt(38.0));
    std::sort(drawn.begin(), drawn.end());
    for (const double q : {0.01, 0.25, 0.5, 0.75, 0.99}) {
      const float t = drawn[static_cast<std::size_t>(q * kCount)];
      CHECK_THAT(distribution(law, static_cast<double>(t)),
                 WithinAbs(q, kSigmas * std::sqrt(q * (1 - q) / kCount)));
    }
  }
}

TEST_CASE("the density is the slope of the distribution, and its integral is 1") {
  for (const Case& law : cases()) {
    CAPTURE(name(law.config.law), name(law.schedule), law.config.log_noise_mean);
    constexpr double kStep = 1e-5;
    for (const double t : {0.03, 0.2, 0.5, 0.8, 0.97}) {
      const double slope = (8 * (distribution(law, t + kStep) - distribution(law, t - kStep)) -
                            (distribution(law, t + 2 * kStep) - distribution(law, t - 2 * kStep))) /
                           (12 * kStep);
      CAPTURE(t);
      CHECK_THAT(density(law.config, law.schedule, t), WithinAbs(slope, 1e-8 * (1 + slope)));
    }
    // t = 1 / (1 + exp(-4 sinh y)): equal steps in y reach both ends.
    constexpr int kPoints = 2000;
    constexpr double kBound = 2.5;
    double integral = 0;
    for (int i = 0; i < kPoints; ++i) {
      const double y = kBound * (2 * (i + 0.5) / kPoints - 1);
      const double t = 1 / (1 + std::exp(-4 * std::sinh(y)));
      integral += density(law.config, law.schedule, t) * t * (1 - t) * 4 * std::cosh(y) * 2 *
                  kBound / kPoints;
    }
    // Double rounds t beside 1, where sqrt and the others have a time for every ratio; vp has no
    // time for one in 1e7.
    CHECK_THAT(integral, WithinAbs(1, 1e-6));
  }
}

TEST_CASE("under cond_ot the law of EDM is logit-normal") {
  const TimeLawConfig edm{.law = TimeLaw::edm_like};
  const TimeLawConfig logit{.law = TimeLaw::logit_normal, .logit_mean = 1.2, .logit_scale = 1.2};
  for (const double t : {0.01, 0.3, 0.5, 0.77, 0.99}) {
    CHECK_THAT(density(edm, Schedule::cond_ot, t),
               WithinRel(density(logit, Schedule::cond_ot, t), 1e-12));
  }
  // The paper's noise level at the median: exp(-1.2).
  CHECK_THAT(time_of_normal(edm, Schedule::cond_ot, 0), WithinRel(1 / (1 + std::exp(-1.2)), 1e-14));
  CHECK_THAT(time_of_normal(logit, Schedule::cond_ot, 0.5),
             WithinRel(time_of_normal(edm, Schedule::cond_ot, -0.5), 1e-14));
}

TEST_CASE("the density of Stable Diffusion 3's law is that of its paper") {
  // exp(-logit(t)^2 / 2) / (sqrt(2 pi) t (1 - t)); at 1/2 that is 4 / sqrt(2 pi).
  const TimeLawConfig config{.law = TimeLaw::logit_normal};
  CHECK_THAT(density(config, Schedule::cond_ot, 0.5),
             WithinRel(4 / std::sqrt(2 * std::numbers::pi), 1e-14));
  const double logit = std::log(0.2 / 0.8);
  CHECK_THAT(
      density(config, Schedule::cond_ot, 0.2),
      WithinRel(std::exp(-logit * logit / 2) / std::sqrt(2 * std::numbers::pi) / 0.16, 1e-13));
}

TEST_CASE("a row's time does not depend on the rows beside it, and takes no memory") {
  for (const Case& law : cases()) {
    CAPTURE(name(law.config.law), name(law.schedule));
    const std::vector<float> all = times(law, 301, 5);
    std::vector<float> parts(301);
    const std::int64_t before = flowmatch::testing::allocation_count();
    std::size_t done = 0;
    for (const std::size_t rows : {1U, 7U, 0U, 128U, 165U}) {
      fill_times(law.config, law.schedule, kStream, 5 + static_cast<Index>(done),
                 std::span(parts).subspan(done, rows));
      done += rows;
    }
    const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
    CHECK(parts == all);
    if (flowmatch::testing::counts_allocations()) CHECK(allocations == 0);
    fill_times(law.config, law.schedule, {22, Purpose::test, 3}, 5, parts);
    CHECK(parts != all);
  }
}

TEST_CASE("times stay inside the open interval whatever the parameters") {
  for (const Schedule& schedule : kSchedules) {
    for (const double mean : {-10.0, 10.0}) {
      for (const double scale : {1e-9, 10.0}) {
        const Case logit{{.law = TimeLaw::logit_normal, .logit_mean = mean, .logit_scale = scale},
                         schedule};
        const Case edm{{.law = TimeLaw::edm_like, .log_noise_mean = mean, .log_noise_scale = scale},
                       schedule};
        for (const float t : times(logit, 200)) CHECK((t >= 0x1p-24F && t <= 1 - 0x1p-24F));
        for (const float t : times(edm, 200)) CHECK((t >= 0x1p-24F && t <= 1 - 0x1p-24F));
        for (const double t : {1e-9, 0.5, 1 - 1e-9}) {
          CHECK(std::isfinite(density(logit.config, schedule, t)));
          CHECK(std::isfinite(density(edm.config, schedule, t)));
        }
      }
    }
  }
}

TEST_CASE("a fixed time is that time, but for the very ends") {
  const auto all_are = [](double time, float expected) {
    const Case law{{.law = TimeLaw::fixed, .fixed_time = time}, Schedule::sqrt};
    CHECK(times(law, 20, 3) == std::vector<float>(20, expected));
    for (const double normal : {-3.0, 0.0, 2.0}) {
      CHECK(time_of_normal(law.config, law.schedule, normal) == time);
    }
  };
  all_are(0, 0x1p-24F);
  all_are(0.3, 0.3F);
  all_are(1, 1 - 0x1p-24F);
  const TimeLawConfig config{.law = TimeLaw::fixed, .fixed_time = 0.25};
  CHECK(density(config, Schedule::cond_ot, 0.25) == std::numeric_limits<double>::infinity());
  CHECK(density(config, Schedule::cond_ot, 0.26) == 0);
}

TEST_CASE("the loss that remains at a fixed time is that of the time") {
  // One Gaussian N(m, s^2) under cond_ot: the conditional variance of X_1 - X_0 given X_t is
  // s^2 / (t^2 s^2 + (1 - t)^2) in each coordinate, whatever x.
  constexpr double kVariance = 0.3 * 0.3;
  auto mixture = GaussianMixture::make(ring_mixture(1, 2, 0.3));
  REQUIRE(mixture.ok());
  const ExactField field(std::move(mixture).value(), Schedule::cond_ot);
  for (const double t : {0.0, 0.25, 0.8}) {
    Objective objective;
    objective.time_law = {.law = TimeLaw::fixed, .fixed_time = t};
    const double expected = kVariance / (t * t * kVariance + (1 - t) * (1 - t));
    CHECK_THAT(estimate_irreducible_loss(field, objective, 1, 8, 4), WithinRel(expected, 1e-5));
  }
}

TEST_CASE("a time law is found by its name, and its parameters have ranges") {
  for (const TimeLaw law : kTimeLaws) CHECK(time_law_from_name(name(law)) == law);
  CHECK(name(TimeLaw::edm_like) == "edm_like");
  CHECK_FALSE(time_law_from_name("edm").has_value());
  CHECK(validate(TimeLawConfig{}).empty());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Problems problems = validate(TimeLawConfig{.logit_mean = 11,
                                                   .logit_scale = 0,
                                                   .log_noise_mean = nan,
                                                   .log_noise_scale = -1,
                                                   .fixed_time = 1.5});
  std::string fields;
  for (const Problem& problem : problems) fields += problem.field + " ";
  CHECK(fields == "logitMean logitScale logNoiseMean logNoiseScale fixedTime ");
}

}  // namespace
