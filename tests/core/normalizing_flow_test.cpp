#include "flowmatch/normalizing_flow.h"

#include "generative_golden.h"
#include "support/allocations.h"
#include "support/densities.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using namespace flowmatch::testing;
using Catch::Matchers::WithinAbs;

NormalizingFlowConfig config_of(Index dimension, Index couplings, std::vector<Index> hidden,
                                Activation activation = Activation::silu,
                                double max_log_scale = 2) {
  return {.dimension = dimension,
          .couplings = couplings,
          .hidden = std::move(hidden),
          .activation = activation,
          .max_log_scale = max_log_scale};
}

NormalizingFlow make_flow(const NormalizingFlowConfig& config, double amplitude = 0.5) {
  auto model = std::make_shared<const NormalizingFlowModel>(config);
  return {model, density_weights(*model, amplitude)};
}

TEST_CASE("a normalizing flow's density and gradient are PyTorch's") {
  namespace golden = flowmatch::testing::golden_normalizing_flow;
  const auto config = config_of(3, 3, {4, 3}, Activation::silu, 1.5);
  CHECK(worst_golden_error(NormalizingFlowModelOf<double>(config), golden::kLogDensity,
                           golden::kGradient) < 1e-12);
  CHECK(worst_golden_error(NormalizingFlowModelOf<float>(config), golden::kLogDensity,
                           golden::kGradient) < 2e-5);
}

TEST_CASE("a normalizing flow's gradient and score are those of central differences") {
  for (const Activation activation : kActivations) {
    for (const Index dimension : {2, 3, 5}) {
      const auto config = config_of(dimension, 3, {4, 3}, activation, 0.9);
      const NormalizingFlowModelOf<double> model(config);
      const PointsOf<double> x = normal_points(35, dimension, 2).cast<double>();
      CAPTURE(name(activation), dimension);
      CHECK(worst_gradient_error(model, density_weights(model), x) < 5e-8);
      CHECK(worst_score_error(model, density_weights(model), x) < 5e-8);
    }
  }
  const NormalizingFlowModelOf<double> linear(config_of(2, 2, {}));
  const PointsOf<double> x = normal_points(3, 2, 2).cast<double>();
  CHECK(worst_gradient_error(linear, density_weights(linear), x) < 5e-8);
}

TEST_CASE("a normalizing flow's log-determinant is that of its Jacobian") {
  for (const Index dimension : {2, 3, 6}) {
    const NormalizingFlowModelOf<double> model(config_of(dimension, 4, {7}));
    const PointsOf<double> x = normal_points(20, dimension, 3, 2).cast<double>();
    CAPTURE(dimension);
    CHECK(worst_determinant_error(model, density_weights(model), x) < 1e-7);
  }
}

TEST_CASE("in floats a normalizing flow is what it is in doubles, to their precision") {
  for (const Index rows : {1, 31, 33, 100}) {
    const auto config = config_of(3, 5, {17, 9}, Activation::gelu);
    CAPTURE(rows);
    CHECK(float_gradient_error(NormalizingFlowModelOf<float>(config),
                               NormalizingFlowModelOf<double>(config), rows) < 1e-5);
  }
}

TEST_CASE("a normalizing flow's density of a row depends on that row alone") {
  CHECK(rows_are_independent(NormalizingFlowModel(config_of(3, 4, {9, 5}))));
}

TEST_CASE("the inverse of a normalizing flow is exact to rounding, there and back") {
  for (const Index dimension : {2, 3, 9}) {
    for (const Activation activation : kActivations) {
      const NormalizingFlow flow = make_flow(config_of(dimension, 8, {16, 11}, activation), 0.3);
      const Points x = normal_points(77, dimension, 4, 3);
      Points noise(x.rows(), dimension);
      Values log_determinant(x.rows());
      flow.to_noise(x, noise, log_determinant);
      Points back(x.rows(), dimension);
      flow.from_noise(noise, back);
      CAPTURE(dimension, name(activation));
      // The map is not the identity, so that there is something to undo.
      CHECK(largest_magnitude(noise - x) > 1);
      // Rounding of 1e-7 of coordinates up to 10, in each of 8 layers, scaled by at most 20 or so.
      CHECK(largest_magnitude(back - x) < 1e-4);
      flow.from_noise(noise, noise);
      CHECK(noise == back);
    }
  }
}

TEST_CASE("even where a normalizing flow's scales are as large as they may be, it is undone") {
  // Weights this large drive every tanh to its end.
  const NormalizingFlow flow = make_flow(config_of(2, 4, {8}, Activation::tanh, 1), 20);
  const Points x = normal_points(50, 2, 4);
  Points noise(x.rows(), 2);
  Values log_determinant(x.rows());
  flow.to_noise(x, noise, log_determinant);
  CHECK(noise.allFinite());
  // Four layers of one moved coordinate each; not all of one sign.
  CHECK(log_determinant.cwiseAbs().maxCoeff() <= 4);
  CHECK(log_determinant.cwiseAbs().maxCoeff() > 1.99);
  Points back(x.rows(), 2);
  flow.from_noise(noise, back);
  CHECK(largest_magnitude(back - x) < 1e-2);
}

TEST_CASE("samples of a normalizing flow are normal numbers sent through its inverse") {
  const NormalizingFlow flow = make_flow(config_of(3, 6, {12}), 0.3);
  const RandomStream stream{9, Purpose::test, 4};
  Points x(100, 3);
  flow.sample(stream, 5, x);
  Points normals(100, 3);
  fill_normal(stream, 5, normals);
  Points noise(100, 3);
  Values log_determinant(100);
  flow.to_noise(x, noise, log_determinant);
  CHECK(largest_magnitude(noise - normals) < 1e-4);

  // However the batch is cut.
  Points pieces(100, 3);
  flow.sample(stream, 5, pieces.topRows(33));
  flow.sample(stream, 38, pieces.bottomRows(67));
  CHECK(pieces == x);
  Points none(0, 3);
  flow.sample(stream, 0, none);
}

TEST_CASE("a normalizing flow samples without allocating") {
  if (!counts_allocations()) SKIP("this build cannot count allocations");
  const NormalizingFlow flow = make_flow(config_of(5, 6, {40, 40}));
  Points x(100, 5);
  flow.sample({1, Purpose::test, 0}, 0, x);
  const std::int64_t before = allocation_count();
  flow.sample({1, Purpose::test, 1}, 0, x);
  CHECK(allocation_count() == before);
}

TEST_CASE("the density of a normalizing flow integrates to 1") {
  const NormalizingFlowModel model(config_of(2, 6, {8, 8}));
  const double sum = integral(model, density_weights(model, 0.6), 12, 200);
  CHECK_THAT(sum, WithinAbs(1, 2e-3));
}

TEST_CASE("as a distribution, a normalizing flow has the density and the score of its model") {
  const auto model = std::make_shared<const NormalizingFlowModel>(config_of(2, 4, {6}));
  const std::vector<float> parameters = density_weights(*model);
  const NormalizingFlow flow(model, parameters);
  CHECK(flow.dimension() == 2);
  CHECK(flow.has_density());
  const Points x = normal_points(40, 2, 3);
  Values density(40);
  Values expected(40);
  flow.log_density(x, density);
  model->workspace()->log_density(parameters, x, expected);
  CHECK(density == expected);
  Points score(40, 2);
  Points expected_score(40, 2);
  flow.score(x, score);
  model->workspace()->score(parameters, x, expected_score);
  CHECK(score == expected_score);
}

TEST_CASE("a normalizing flow begins as the identity, with weights of its seed alone") {
  const auto config = config_of(4, 5, {20, 10});
  const NormalizingFlowModel model(config);
  CHECK(model.evaluations() == 1);
  const auto count = static_cast<std::size_t>(model.parameter_count());
  // Both halves are 2 of 4.
  CHECK(count == 5 * ((2 + 1) * 20 + (20 + 1) * 10 + (10 + 1) * 4));
  std::vector<float> parameters(count);
  std::vector<float> again(count, 9.0F);
  std::vector<float> other(count);
  model.initialise(3, parameters);
  model.initialise(3, again);
  model.initialise(4, other);
  CHECK(parameters == again);
  CHECK(parameters != other);
  CHECK(std::ranges::count(parameters, 0.0F) == 5 * (10 + 1) * 4);
  CHECK(std::ranges::all_of(parameters, [](float w) { return std::abs(w) < 0.71F; }));
  std::vector<double> in_double(count);
  NormalizingFlowModelOf<double>(config).initialise(3, in_double);
  CHECK(std::ranges::equal(in_double, parameters, {},
                           [](double w) { return static_cast<float>(w); }));

  const NormalizingFlow flow(std::make_shared<const NormalizingFlowModel>(config), parameters);
  const Points x = normal_points(40, 4, 3);
  Points noise(40, 4);
  Values log_determinant(40);
  flow.to_noise(x, noise, log_determinant);
  CHECK(noise == x);
  CHECK(log_determinant.isZero(0));
}

TEST_CASE("what is not a number stays one in a normalizing flow") {
  const NormalizingFlow flow = make_flow(config_of(2, 4, {6}));
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Points x = normal_points(3, 2, 3);
    x(1, 0) = bad;
    Values density(3);
    flow.log_density(x, density);
    CHECK(std::isfinite(density[0]));
    CHECK_FALSE(std::isfinite(density[1]));
    CHECK(std::isfinite(density[2]));
  }
  Values none(0);
  flow.log_density(Points(0, 2), none);
}

std::vector<std::string> bad_fields(const NormalizingFlowConfig& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) {
    CHECK_FALSE(problem.value.empty());
    CHECK_FALSE(problem.allowed.empty());
    fields.push_back(problem.field);
  }
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("a normalizing flow's settings at the ends of their ranges are good") {
  CHECK(bad_fields({}).empty());
  CHECK(bad_fields(config_of(2, 2, {}, Activation::relu, 1e-3)).empty());
  CHECK(bad_fields(config_of(kMaxFlowDimension, 2, {1}, Activation::relu, kMaxLogScale)).empty());
  CHECK(bad_fields(config_of(2, kMaxCouplings, {kMaxConditionerWidth})).empty());
}

TEST_CASE("each bad setting of a normalizing flow is reported by its name") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(bad_fields(config_of(1, 4, {4})) == Fields{"dimension"});
  CHECK(bad_fields(config_of(kMaxFlowDimension + 1, 4, {4})) == Fields{"dimension"});
  CHECK(bad_fields(config_of(2, 1, {4})) == Fields{"couplings"});
  CHECK(bad_fields(config_of(2, kMaxCouplings + 1, {4})) == Fields{"couplings"});
  CHECK(bad_fields(config_of(2, 4, {4, 0})) == Fields{"hidden[1]"});
  CHECK(bad_fields(config_of(2, 4, {kMaxConditionerWidth + 1})) == Fields{"hidden[0]"});
  CHECK(bad_fields(config_of(2, 4, std::vector<Index>(9, 4))) == Fields{"hidden"});
  CHECK(bad_fields(config_of(2, 4, {4}, Activation::silu, 0)) == Fields{"maxLogScale"});
  CHECK(bad_fields(config_of(2, 4, {4}, Activation::silu, nan)) == Fields{"maxLogScale"});
  CHECK(bad_fields(config_of(2, 4, {4}, Activation::silu, 10.5)) == Fields{"maxLogScale"});
  // Each is allowed, all together are not: 64 conditioners of 256 x 256.
  CHECK(bad_fields(config_of(2, 64, {256, 256})) == Fields{"couplings"});
  CHECK(bad_fields(config_of(0, 0, {0}, Activation::silu, -1)) ==
        Fields{"dimension", "couplings", "hidden[0]", "maxLogScale"});
}

}  // namespace
