#include "flowmatch/learned_field.h"

#include "flowmatch/mlp.h"
#include "support/allocations.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::normal_points;

struct Network {
  std::shared_ptr<const Model> model = std::make_shared<const Mlp>(
      MlpConfig{.dimension = 3, .hidden = {20, 10}, .activation = Activation::tanh});
  std::vector<float> parameters =
      std::vector<float>(static_cast<std::size_t>(model->parameter_count()));
  Network() { model->initialise(3, parameters); }
};

TEST_CASE("a learned field is its model at one time") {
  const Network network;
  const LearnedField field(network.model, network.parameters);
  CHECK(field.dimension() == 3);
  const Points x = normal_points(100, 3, 1);
  const auto evaluator = field.evaluator(100);
  for (const double t : {0.0, 0.3, 1.0}) {
    Points expected(100, 3);
    network.model->workspace(WorkspaceUse::prediction)
        ->predict(network.parameters, Eigen::VectorXf::Constant(100, static_cast<float>(t)), x,
                  expected);
    Points out(100, 3);
    evaluator->velocity(t, x, out);
    CHECK(out == expected);
    CHECK(velocities(field, t, x) == expected);
    Points few(7, 3);
    evaluator->velocity(t, x.middleRows(50, 7), few);
    CHECK(few == expected.middleRows(50, 7));
  }
}

TEST_CASE("a learned field keeps the weights it was given") {
  Network network;
  const LearnedField field(network.model, network.parameters);
  const Points x = normal_points(10, 3, 1);
  const Points before = velocities(field, 0.5, x);
  std::fill(network.parameters.begin(), network.parameters.end(), 0.0F);
  CHECK(velocities(field, 0.5, x) == before);
}

TEST_CASE("an evaluation of a field does not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  const Network network;
  const LearnedField field(network.model, network.parameters);
  const auto evaluator = field.evaluator(64);
  const Points x = normal_points(64, 3, 1);
  Points out(64, 3);
  const std::int64_t before = flowmatch::testing::allocation_count();
  evaluator->velocity(0.5, x, out);
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CHECK(allocations == 0);
}

}  // namespace
