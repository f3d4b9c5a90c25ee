#include "flowmatch/loss_weighting.h"

#include "flowmatch/objective.h"
#include "support/allocations.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinRel;

/// f of the prediction that is `error` off in X_1 at the same x: what conversion makes of the
/// error.
double error_of(Prediction prediction, double error, const ScheduleValues& values) {
  const double noise_error = -values.alpha / values.sigma * error;
  switch (prediction) {
    case Prediction::velocity:
      return values.d_alpha * error + values.d_sigma * noise_error;
    case Prediction::x1:
      return error;
    case Prediction::noise:
      return noise_error;
    case Prediction::score:
      return -noise_error / values.sigma;
  }
  return 0;
}

double squared(double x) {
  return x * x;
}

TEST_CASE("the weight of the velocity makes every loss that of the velocity") {
  const LossWeightingConfig config{.weighting = LossWeighting::velocity};
  for (const Schedule& schedule : kSchedules) {
    for (const double t : {0.1, 0.5, 0.9, 0.99}) {
      const ScheduleValues values = evaluate(schedule, t);
      const double wanted = squared(error_of(Prediction::velocity, 0.3, values));
      for (const Prediction prediction : kPredictions) {
        CAPTURE(name(schedule), name(prediction), t);
        CHECK_THAT(weight(config, prediction, values) * squared(error_of(prediction, 0.3, values)),
                   WithinRel(wanted, 1e-12));
      }
      CHECK(weight(config, Prediction::velocity, values) == 1);
    }
  }
}

TEST_CASE("min-SNR makes every loss that of x1 with the SNR up to gamma") {
  const LossWeightingConfig config{.weighting = LossWeighting::min_snr, .gamma = 3};
  for (const Schedule& schedule : kSchedules) {
    for (const double t : {0.1, 0.5, 0.9, 0.99}) {
      const ScheduleValues values = evaluate(schedule, t);
      const double snr = squared(values.alpha / values.sigma);
      const double wanted = std::min(snr, 3.0) * squared(0.3);
      for (const Prediction prediction : kPredictions) {
        CAPTURE(name(schedule), name(prediction), t);
        CHECK_THAT(weight(config, prediction, values) * squared(error_of(prediction, 0.3, values)),
                   WithinRel(wanted, 1e-12));
      }
      // The paper's own formulas, for noise and, on a path of cosine and sine, for v.
      CHECK_THAT(weight(config, Prediction::noise, values),
                 WithinRel(std::min(snr, 3.0) / snr, 1e-12));
      if (schedule == Schedule::cosine) {
        CHECK_THAT(
            weight(config, Prediction::velocity, values),
            WithinRel(squared(2 / std::numbers::pi) * std::min(snr, 3.0) / (snr + 1), 1e-12));
      }
    }
  }
}

TEST_CASE("weights are finite at every time, and at the ends those of the limit") {
  for (const LossWeighting weighting : kLossWeightings) {
    for (const Schedule& schedule : kSchedules) {
      for (const Prediction prediction : kPredictions) {
        for (const double t : {0.0, 1e-12, 1e-3, 0.5, 1 - 1e-12, 1.0}) {
          const double value = weight({.weighting = weighting}, prediction, evaluate(schedule, t));
          CAPTURE(name(weighting), name(schedule), name(prediction), t);
          CHECK(std::isfinite(static_cast<float>(value)));
          CHECK(value >= 0);
          if (weighting == LossWeighting::constant) CHECK(value == 1);
        }
      }
    }
  }
  const LossWeightingConfig min_snr{.weighting = LossWeighting::min_snr};
  CHECK(weight(min_snr, Prediction::x1, evaluate(Schedule::cond_ot, 1)) == 5);
  CHECK(weight(min_snr, Prediction::x1, evaluate(Schedule::cond_ot, 0)) == 0);
  CHECK(weight(min_snr, Prediction::noise, evaluate(Schedule::cond_ot, 0)) == 1);
  CHECK(weight(min_snr, Prediction::noise, evaluate(Schedule::cond_ot, 1)) == 0);
  CHECK(weight(min_snr, Prediction::score, evaluate(Schedule::cond_ot, 0)) == 1);
}

TEST_CASE("the weights of a batch are those of its times") {
  const AffinePath path(Schedule::cosine, Prediction::noise);
  const LossWeightingConfig config{.weighting = LossWeighting::min_snr};
  const std::vector<float> t{0.1F, 0.5F, 0.77F, 0.999F};
  std::vector<float> weights(4);
  const std::int64_t before = flowmatch::testing::allocation_count();
  fill_weights(config, path, t, weights);
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  if (flowmatch::testing::counts_allocations()) CHECK(allocations == 0);
  for (std::size_t i = 0; i < t.size(); ++i) {
    CHECK(weights[i] ==
          static_cast<float>(weight(config, Prediction::noise,
                                    evaluate(Schedule::cosine, static_cast<double>(t[i])))));
  }
  fill_weights(config, path, {}, {});
}

TEST_CASE("a loss weighting is found by its name, and gamma has a range") {
  for (const LossWeighting weighting : kLossWeightings) {
    CHECK(loss_weighting_from_name(name(weighting)) == weighting);
  }
  CHECK(name(LossWeighting::min_snr) == "min_snr");
  CHECK_FALSE(loss_weighting_from_name("snr").has_value());
  CHECK(validate(LossWeightingConfig{}).empty());
  for (const double gamma : {0.0, -1.0, 1001.0, std::numeric_limits<double>::quiet_NaN()}) {
    const Problems problems = validate(LossWeightingConfig{.gamma = gamma});
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == "gamma");
  }
}

TEST_CASE("an objective reports the problems of its parts") {
  CHECK(validate(Objective{}).empty());
  const Problems problems =
      validate(Objective{.time_law = {.logit_scale = 0}, .weighting = {.gamma = 0}});
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "timeLaw.logitScale");
  CHECK(problems[1].field == "lossWeighting.gamma");
}

}  // namespace
