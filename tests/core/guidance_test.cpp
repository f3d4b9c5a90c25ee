#include "flowmatch/guidance.h"

#include "flowmatch/exact_field.h"
#include "flowmatch/mlp.h"
#include "support/allocations.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::make_mixture;
using flowmatch::testing::normal_points;

struct Network {
  std::shared_ptr<const Model> model =
      std::make_shared<const Mlp>(MlpConfig{.dimension = 2, .hidden = {20, 10}, .labels = 3});
  std::vector<float> parameters =
      std::vector<float>(static_cast<std::size_t>(model->parameter_count()));
  Network() { model->initialise(3, parameters); }

  [[nodiscard]] std::shared_ptr<const Field> guided(std::int32_t label, double scale) const {
    return guided_field(model, parameters, {.label = label, .scale = scale});
  }
};

struct Answer {
  Points velocity;
  Values divergence;
};

Answer evaluate(const Field& field, double t, const Points& x) {
  Answer answer{Points(x.rows(), x.cols()), Values(x.rows())};
  const auto evaluator = field.evaluator(x.rows());
  evaluator->velocity_and_divergence(t, x, answer.velocity, answer.divergence);
  Points alone(x.rows(), x.cols());
  evaluator->velocity(t, x, alone);
  CHECK(alone == answer.velocity);
  return answer;
}

TEST_CASE("guidance of scale 0 is the class's field, of scale -1 the field without a class") {
  const Network network;
  const Points x = normal_points(40, 2, 1, 2);
  const Answer none = evaluate(LearnedField(network.model, network.parameters), 0.4, x);
  for (const std::int32_t label : {0, 1, 2}) {
    const Answer of_class =
        evaluate(LearnedField(network.model, network.parameters, {}, label), 0.4, x);
    CHECK(of_class.velocity != none.velocity);
    const Answer zero = evaluate(*network.guided(label, 0), 0.4, x);
    CHECK(zero.velocity == of_class.velocity);
    CHECK(zero.divergence == of_class.divergence);
    const Answer minus_one = evaluate(*network.guided(label, -1), 0.4, x);
    CHECK(minus_one.velocity == none.velocity);
    CHECK(minus_one.divergence == none.divergence);
  }
}

TEST_CASE("a guided field is the combination of its two fields, and so is its divergence") {
  const Network network;
  const Points x = normal_points(40, 2, 1, 2);
  const Answer none = evaluate(LearnedField(network.model, network.parameters), 0.7, x);
  const Answer of_class = evaluate(LearnedField(network.model, network.parameters, {}, 2), 0.7, x);
  for (const double w : {-3.0, 0.5, 1.0, 7.5}) {
    const auto field = network.guided(2, w);
    CHECK(field->dimension() == 2);
    CHECK(field->has_divergence());
    const Answer guided = evaluate(*field, 0.7, x);
    const PointsOf<double> expected =
        (1 + w) * of_class.velocity.cast<double>() - w * none.velocity.cast<double>();
    CAPTURE(w);
    CHECK(largest_magnitude(guided.velocity.cast<double>() - expected) < 1e-5);
    CHECK(largest_magnitude(guided.divergence -
                            ((1 + w) * of_class.divergence - w * none.divergence)) < 1e-12);
  }
}

TEST_CASE("guidance without a class, or of a field by itself, changes nothing") {
  const Network network;
  const Points x = normal_points(40, 2, 1, 2);
  const Answer none = evaluate(LearnedField(network.model, network.parameters), 0.7, x);
  const Answer guided = evaluate(*network.guided(kNoLabel, 4), 0.7, x);
  CHECK(largest_magnitude(guided.velocity - none.velocity) < 1e-5);
}

TEST_CASE("guidance of exact fields, whatever fields they are") {
  // A component against the whole mixture.
  const GaussianMixtureConfig config = correlated_mixture(2);
  const auto whole = std::make_shared<const ExactField>(make_mixture(config), Schedule::cond_ot);
  const auto part = std::make_shared<const ExactField>(
      make_mixture(
          {.weights = {1}, .means = {config.means[0]}, .covariances = {config.covariances[0]}}),
      Schedule::cond_ot);
  const Points x = normal_points(20, 2, 1, 2);
  const Answer guided = evaluate(GuidedField(part, whole, 2), 0.3, x);
  const Points expected = 3 * velocities(*part, 0.3, x) - 2 * velocities(*whole, 0.3, x);
  CHECK(largest_magnitude(guided.velocity - expected) < 1e-5);
}

TEST_CASE("an evaluation of a guided field does not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  const auto field = Network().guided(1, 2);
  const auto evaluator = field->evaluator(64);
  const Points x = normal_points(64, 2, 1);
  Points out(64, 2);
  Values divergence(64);
  const std::int64_t before = flowmatch::testing::allocation_count();
  evaluator->velocity(0.5, x, out);
  evaluator->velocity_and_divergence(0.5, x, out, divergence);
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CHECK(allocations == 0);
}

std::vector<std::string> bad_fields(std::int32_t label, double scale, Index labels) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(GuidanceConfig{label, scale}, labels)) {
    fields.push_back(problem.field);
  }
  return fields;
}

TEST_CASE("absurd guidance is refused") {
  using Fields = std::vector<std::string>;
  CHECK(bad_fields(kNoLabel, 0, 0).empty());
  CHECK(bad_fields(2, -1.5, 3).empty());
  CHECK(bad_fields(3, 1, 3) == Fields{"label"});
  CHECK(bad_fields(-2, 1, 3) == Fields{"label"});
  CHECK(bad_fields(0, 1, 0) == Fields{"label"});
  CHECK(bad_fields(0, std::nan(""), 3) == Fields{"scale"});
  CHECK(bad_fields(9, 1e9, 3) == Fields{"label", "scale"});
}

}  // namespace
