// What the network has besides f(x, t) and its gradient: labels, time features, weights of rows,
// and differentiation in forward mode.
#include "conditional_golden.h"
#include "flowmatch/mlp.h"
#include "support/allocations.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinRel;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::normal_points;
using flowmatch::testing::worse;

/// A network with its weights, and a labelled batch to run it on.
template <class Scalar>
struct Case {
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

  Case(const MlpConfig& config, Index rows)
      : model(config),
        parameters(static_cast<std::size_t>(model.parameter_count())),
        t(normal_points(rows, 1, 1).cwiseAbs().cwiseMin(1).template cast<Scalar>()),
        x(normal_points(rows, config.dimension, 2, 2).template cast<Scalar>()),
        target(normal_points(rows, config.dimension, 3).template cast<Scalar>()),
        tangents(normal_points(rows, config.dimension, 5).template cast<Scalar>()) {
    // Larger than the initial weights, so that the activations are well bent.
    std::vector<float> initial(parameters.size());
    MlpOf<float>(config).initialise(4, initial);
    for (std::size_t i = 0; i < initial.size(); ++i)
      parameters[i] = static_cast<Scalar>(2 * initial[i]);
    for (Index row = 0; row < rows; ++row) {
      weights.push_back(static_cast<Scalar>(1 + 0.9 * std::sin(static_cast<double>(row))));
      if (config.labels > 0) {
        // Every class, and now and then none.
        labels.push_back(static_cast<std::int32_t>(row % (config.labels + 1)) - 1);
      }
    }
  }

  /// The numbers of a case in floats, in double precision.
  Case(const MlpConfig& config, const Case<float>& single) : Case(config, single.x.rows()) {
    std::copy(single.parameters.begin(), single.parameters.end(), parameters.begin());
    std::copy(single.weights.begin(), single.weights.end(), weights.begin());
    t = single.t.template cast<Scalar>();
    x = single.x.template cast<Scalar>();
    target = single.target.template cast<Scalar>();
    tangents = single.tangents.template cast<Scalar>();
  }

  PointsOf<Scalar> predict() const {
    PointsOf<Scalar> out(x.rows(), x.cols());
    model.workspace(WorkspaceUse::prediction)->predict(parameters, t, x, labels, out);
    return out;
  }

  double loss_gradient(Scalar scale, std::vector<Scalar>& gradient) const {
    return model.workspace(WorkspaceUse::training)
        ->loss_gradient(parameters, t, x, labels, target, weights, scale, gradient);
  }

  double weighted_error() const {
    const Eigen::VectorXd errors =
        (predict() - target).template cast<double>().rowwise().squaredNorm();
    const Eigen::Map<const Vector> row_weights(weights.data(), errors.size());
    return errors.dot(row_weights.template cast<double>());
  }

  PointsOf<Scalar> jacobian_products() const {
    PointsOf<Scalar> out(x.rows(), x.cols());
    PointsOf<Scalar> products(x.rows(), x.cols());
    model.workspace(WorkspaceUse::prediction)
        ->predict_with_jacobian(parameters, t, x, labels, tangents, out, products);
    CHECK(out == predict());
    return products;
  }

  Values divergence(const PointsOf<Scalar>& probes) const {
    PointsOf<Scalar> out(x.rows(), x.cols());
    Values result(x.rows());
    model.workspace(WorkspaceUse::prediction)
        ->predict_with_divergence(parameters, t, x, labels, probes, out, result);
    CHECK(out == predict());
    return result;
  }
  Values divergence() const { return divergence(PointsOf<Scalar>(0, x.cols())); }

  MlpOf<Scalar> model;
  std::vector<Scalar> parameters;
  Vector t;
  PointsOf<Scalar> x;
  PointsOf<Scalar> target;
  PointsOf<Scalar> tangents;
  std::vector<std::int32_t> labels;
  std::vector<Scalar> weights;
};

const TimeFeatures kSinusoidal{.kind = TimeFeatureKind::sinusoidal, .count = 6, .scale = 0.01};
const TimeFeatures kFourier{.kind = TimeFeatureKind::fourier, .count = 4, .scale = 2, .seed = 5};

std::vector<MlpConfig> conditional_configs() {
  std::vector<MlpConfig> configs;
  for (const std::vector<Index>& hidden :
       {std::vector<Index>{}, std::vector<Index>{5}, std::vector<Index>{17, 8, 33}}) {
    for (const Activation activation : {Activation::silu, Activation::gelu, Activation::relu}) {
      configs.push_back({.dimension = 2, .hidden = hidden, .activation = activation, .labels = 3});
      configs.push_back({.dimension = 3,
                         .hidden = hidden,
                         .activation = activation,
                         .time_features = kSinusoidal});
      configs.push_back({.dimension = 1,
                         .hidden = hidden,
                         .activation = activation,
                         .labels = 1,
                         .time_features = kFourier});
    }
  }
  return configs;
}

TEST_CASE("the first layer takes x, the features of t, and the class") {
  const auto first_inputs = [](const MlpConfig& config) {
    const Mlp model(config);
    CHECK(model.layers()[0].outputs == 7);
    CHECK(model.labels() == config.labels);
    CHECK(model.parameter_count() == (model.layers()[0].inputs + 1) * 7 + 8 * config.dimension);
    return model.layers()[0].inputs;
  };
  CHECK(first_inputs({.dimension = 2, .hidden = {7}}) == 3);
  CHECK(first_inputs({.dimension = 2, .hidden = {7}, .labels = 10}) == 3 + 11);
  CHECK(first_inputs({.dimension = 3, .hidden = {7}, .time_features = kSinusoidal}) == 9);
  CHECK(first_inputs({.dimension = 3, .hidden = {7}, .labels = 1, .time_features = kFourier}) == 9);
}

TEST_CASE("a class is a bias of the first layer") {
  const MlpConfig plain{.dimension = 2, .hidden = {6, 5}};
  MlpConfig labelled = plain;
  labelled.labels = 4;
  const Case<double> c(labelled, 70);
  const PointsOf<double> expected = c.predict();
  const Case<double> without(plain, 70);
  for (std::int32_t label = kNoLabel; label < 4; ++label) {
    // The plain network's parameters, with the embedding of the class added to its first bias.
    std::vector<double> parameters;
    const auto* weight = c.parameters.data();
    constexpr Index kInputs = 3 + 5;
    for (Index n = 0; n < 6; ++n) {
      parameters.insert(parameters.end(), weight + n * kInputs, weight + n * kInputs + 3);
    }
    const Index column = 3 + (label == kNoLabel ? 4 : label);
    for (Index n = 0; n < 6; ++n) {
      parameters.push_back(weight[6 * kInputs + n] + weight[n * kInputs + column]);
    }
    parameters.insert(parameters.end(), weight + 6 * kInputs + 6,
                      weight + c.model.parameter_count());
    REQUIRE(parameters.size() == without.parameters.size());
    PointsOf<double> out(70, 2);
    without.model.workspace(WorkspaceUse::prediction)->predict(parameters, c.t, c.x, out);
    for (Index row = 0; row < 70; ++row) {
      if (c.labels[static_cast<std::size_t>(row)] != label) continue;
      CHECK(largest_magnitude(out.row(row) - expected.row(row)) < 1e-13);
    }
  }
}

TEST_CASE("no labels at all are the label none for every row") {
  const MlpConfig config{.dimension = 2, .hidden = {6}, .labels = 2};
  Case<float> c(config, 40);
  c.labels.assign(40, kNoLabel);
  const Points expected = c.predict();
  Points out(40, 2);
  c.model.workspace(WorkspaceUse::prediction)->predict(c.parameters, c.t, c.x, out);
  CHECK(out == expected);
  c.labels.assign(40, 0);
  CHECK(c.predict() != expected);
}

TEST_CASE("the gradient with labels, time features and weights is that of central differences") {
  for (const MlpConfig& config : conditional_configs()) {
    Case<double> c(config, 9);
    std::vector<double> gradient(c.parameters.size());
    const double sum = c.loss_gradient(0.7, gradient);
    CAPTURE(name(config.activation), config.hidden, config.dimension);
    CHECK_THAT(sum, WithinRel(c.weighted_error(), 1e-12));
    constexpr double kStep = 1e-5;
    double worst = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double value = c.parameters[i];
      c.parameters[i] = value + kStep;
      const double after = c.weighted_error();
      c.parameters[i] = value - kStep;
      const double before = c.weighted_error();
      c.parameters[i] = value;
      const double slope = 0.7 * (after - before) / (2 * kStep);
      worst = worse(worst, std::abs(gradient[i] - slope) / (1 + std::abs(slope)));
    }
    CHECK(worst < 2e-7);
  }
}

TEST_CASE("the float network with labels and time features is the double one") {
  for (const MlpConfig& config : conditional_configs()) {
    for (const Index rows : {1, 33, 129}) {
      const Case<float> single(config, rows);
      const Case<double> exact(config, single);
      CAPTURE(name(config.activation), config.hidden, config.dimension, rows);
      CHECK(largest_magnitude(single.predict().cast<double>() - exact.predict()) < 1e-5);
      CHECK(largest_magnitude(single.jacobian_products().cast<double>() -
                              exact.jacobian_products()) < 1e-5);
      CHECK(largest_magnitude(single.divergence() - exact.divergence()) < 1e-5);
      std::vector<float> gradient(single.parameters.size());
      std::vector<double> expected(gradient.size());
      CHECK_THAT(single.loss_gradient(0.5F, gradient),
                 WithinRel(exact.loss_gradient(0.5, expected), 1e-5));
      double worst = 0;
      double largest = 0;
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        worst = worse(worst, std::abs(static_cast<double>(gradient[i]) - expected[i]));
        largest = std::max(largest, std::abs(expected[i]));
      }
      CHECK(worst < 2e-5 * largest);
    }
  }
}

TEST_CASE("weights of one change no bit, others count a row so many times") {
  const MlpConfig config{.dimension = 2, .hidden = {17, 9}};
  Case<float> c(config, 77);
  const auto workspace = c.model.workspace(WorkspaceUse::training);
  std::vector<float> plain(c.parameters.size());
  const double plain_sum = workspace->loss_gradient(c.parameters, c.t, c.x, c.target, 0.3F, plain);
  std::vector<float> weighted(c.parameters.size());
  c.weights.assign(77, 1);
  CHECK(c.loss_gradient(0.3F, weighted) == plain_sum);
  CHECK(weighted == plain);

  // Row i counts i % 3 times.
  Case<double> d(config, 77);
  std::vector<Index> repeated;
  for (Index row = 0; row < 77; ++row) {
    d.weights[static_cast<std::size_t>(row)] = static_cast<double>(row % 3);
    for (Index copy = 0; copy < row % 3; ++copy) repeated.push_back(row);
  }
  std::vector<double> gradient(d.parameters.size());
  const double sum = d.loss_gradient(1, gradient);
  std::vector<double> expected(d.parameters.size());
  const Eigen::VectorXd t = d.t(repeated);
  const PointsOf<double> x = d.x(repeated, Eigen::all);
  const PointsOf<double> target = d.target(repeated, Eigen::all);
  CHECK_THAT(sum, WithinRel(d.model.workspace(WorkspaceUse::training)
                                ->loss_gradient(d.parameters, t, x, target, 1, expected),
                            1e-12));
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = worse(worst, std::abs(gradient[i] - expected[i]));
  }
  CHECK(worst < 1e-11);
}

TEST_CASE("products with the Jacobian are central differences along the tangents") {
  for (MlpConfig config : conditional_configs()) {
    for (const Activation activation : kActivations) {
      config.activation = activation;
      Case<double> c(config, 35);
      const PointsOf<double> products = c.jacobian_products();
      constexpr double kStep = 1e-5;
      const PointsOf<double> x = c.x;
      c.x = x + kStep * c.tangents;
      const PointsOf<double> after = c.predict();
      c.x = x - kStep * c.tangents;
      const PointsOf<double> before = c.predict();
      CAPTURE(name(activation), config.hidden, config.dimension);
      CHECK(largest_magnitude(products - (after - before) / (2 * kStep)) < 1e-7);
    }
  }
}

TEST_CASE("the exact divergence is the trace of the Jacobian") {
  for (const Index dimension : {1, 2, 5, 40}) {
    for (const std::vector<Index>& hidden :
         {std::vector<Index>{}, std::vector<Index>{9}, std::vector<Index>{30, 7}}) {
      Case<double> c({.dimension = dimension, .hidden = hidden, .labels = 2}, 70);
      Values trace = Values::Zero(70);
      for (Index d = 0; d < dimension; ++d) {
        c.tangents.setZero();
        c.tangents.col(d).setOnes();
        trace += c.jacobian_products().col(d);
      }
      CAPTURE(dimension, hidden);
      CHECK(largest_magnitude(c.divergence() - trace) < 1e-12);
    }
  }
}

TEST_CASE("probes estimate the divergence, and all signs together give it exactly") {
  const MlpConfig config{.dimension = 4, .hidden = {9, 6}, .time_features = kFourier};
  Case<double> c(config, 45);
  // One probe a row: e^T J e.
  const Values once = c.divergence(c.tangents);
  const Values expected = c.jacobian_products().cwiseProduct(c.tangents).rowwise().sum();
  CHECK(largest_magnitude(once - expected) < 1e-12);
  // The mean over all 16 sign vectors is what a random one gives on average.
  PointsOf<double> signs(16 * 45, 4);
  for (Index probe = 0; probe < 16; ++probe) {
    for (Index d = 0; d < 4; ++d) {
      signs.col(d).segment(probe * 45, 45).setConstant((probe >> d & 1) != 0 ? 1.0 : -1.0);
    }
  }
  CHECK(largest_magnitude(once - c.divergence()) > 0.1);
  CHECK(largest_magnitude(c.divergence(signs) - c.divergence()) < 1e-12);
}

TEST_CASE("a row's conditional prediction and divergence do not depend on the rows around it") {
  const MlpConfig config{
      .dimension = 3, .hidden = {17, 9}, .labels = 4, .time_features = kSinusoidal};
  const Case<float> c(config, 150);
  const Points whole = c.predict();
  const Values divergence = c.divergence();
  const auto workspace = c.model.workspace(WorkspaceUse::prediction);
  for (const Index piece : {1, 31, 100}) {
    for (Index first = 0; first < 150; first += piece) {
      const Index rows = std::min<Index>(piece, 150 - first);
      Points out(rows, 3);
      Values parts(rows);
      workspace->predict_with_divergence(
          c.parameters, c.t.segment(first, rows), c.x.middleRows(first, rows),
          LabelsRef(c.labels).subspan(static_cast<std::size_t>(first),
                                      static_cast<std::size_t>(rows)),
          Points(0, 3), out, parts);
      CHECK(out == whole.middleRows(first, rows));
      CHECK(parts == divergence.segment(first, rows));
    }
  }
}

TEST_CASE("no rows have no conditional prediction and no divergence") {
  const Case<float> c({.dimension = 2, .hidden = {4}, .labels = 2}, 0);
  CHECK(c.predict().rows() == 0);
  CHECK(c.jacobian_products().rows() == 0);
  CHECK(c.divergence().size() == 0);
}

TEST_CASE("passes of a conditional network do not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  const Case<float> c(
      {.dimension = 2, .hidden = {17, 9}, .labels = 4, .time_features = kSinusoidal}, 100);
  const auto workspace = c.model.workspace(WorkspaceUse::training);
  const LabelsRef labels(c.labels);
  const std::span<const float> weights(c.weights);
  const Points probes(0, 2);
  Points out(100, 2);
  Points products(100, 2);
  Values divergence(100);
  std::vector<float> gradient(c.parameters.size());
  const std::int64_t before = flowmatch::testing::allocation_count();
  workspace->predict(c.parameters, c.t, c.x, labels, out);
  workspace->predict_with_jacobian(c.parameters, c.t, c.x, labels, c.tangents, out, products);
  workspace->predict_with_divergence(c.parameters, c.t, c.x, labels, probes, out, divergence);
  workspace->predict_with_divergence(c.parameters, c.t, c.x, labels, c.tangents, out, divergence);
  workspace->loss_gradient(c.parameters, c.t, c.x, labels, c.target, weights, 1, gradient);
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CHECK(allocations == 0);
}

std::vector<std::string> bad_fields(const MlpConfig& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) fields.push_back(problem.field);
  return fields;
}

TEST_CASE("absurd labels and time features of a network are refused") {
  using Fields = std::vector<std::string>;
  const TimeFeatures odd{.kind = TimeFeatureKind::fourier, .count = 3};
  CHECK(bad_fields({.labels = kMaxLabels}).empty());
  CHECK(bad_fields({.labels = -1}) == Fields{"labels"});
  CHECK(bad_fields({.labels = kMaxLabels + 1}) == Fields{"labels"});
  CHECK(bad_fields({.time_features = kSinusoidal}).empty());
  CHECK(bad_fields({.labels = -1, .time_features = odd}) == Fields{"labels", "timeFeatures.count"});
  // Inputs count for the limit on parameters: 4096 (inputs + 1) + 4097.
  const TimeFeatures most{.kind = TimeFeatureKind::sinusoidal, .count = kMaxTimeFeatures};
  CHECK(bad_fields({.dimension = 1, .hidden = {kMaxWidth}, .time_features = most}) ==
        Fields{"hidden"});
}

/// Number i is amplitude sin(frequency i + phase), as in conditional_golden.py.
double wave(Index i, double amplitude, double frequency, double phase) {
  return amplitude * std::sin(frequency * static_cast<double>(i) + phase);
}

struct Golden {
  MlpConfig config;
  std::span<const double> output;
  std::span<const double> gradient;
  std::span<const double> jacobian;
};

std::vector<Golden> golden_cases() {
  namespace labels = flowmatch::testing::golden_labels;
  namespace sinusoidal = flowmatch::testing::golden_sinusoidal;
  namespace fourier = flowmatch::testing::golden_fourier;
  TimeFeatures fast = kSinusoidal;
  fast.scale = 0.5;
  return {{{.dimension = 2, .hidden = {5, 4}, .activation = Activation::silu, .labels = 3},
           labels::kOutput,
           labels::kGradient,
           labels::kJacobian},
          {{.dimension = 3, .hidden = {4}, .activation = Activation::gelu, .time_features = fast},
           sinusoidal::kOutput,
           sinusoidal::kGradient,
           sinusoidal::kJacobian},
          {{.dimension = 2,
            .hidden = {3, 5},
            .activation = Activation::tanh,
            .labels = 3,
            .time_features = kFourier},
           fourier::kOutput,
           fourier::kGradient,
           fourier::kJacobian}};
}

template <class Numbers>
double worst_difference(const Numbers& got, std::span<const double> expected) {
  REQUIRE(static_cast<std::size_t>(got.size()) == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = worse(worst, std::abs(got.data()[i] - expected[i]));
  }
  return worst;
}

TEST_CASE("conditional output, gradient and Jacobian are PyTorch's") {
  for (const Golden& golden : golden_cases()) {
    Case<double> c(golden.config, 7);
    const Index dimension = golden.config.dimension;
    for (std::size_t i = 0; i < c.parameters.size(); ++i) {
      c.parameters[i] = wave(static_cast<Index>(i), 0.8, 1.7, 0.3);
    }
    for (Index i = 0; i < c.x.size(); ++i) {
      c.x.data()[i] = wave(i, 1.5, 2.3, 0.9);
      c.target.data()[i] = wave(i, 2.0, 1.1, 0.5);
    }
    for (Index row = 0; row < 7; ++row) {
      c.t[row] = std::abs(wave(row, 0.5, 0.7, 0.1));
      c.weights[static_cast<std::size_t>(row)] = 1 + wave(row, 0.9, 1.3, 0.2);
    }
    if (golden.config.labels > 0) c.labels = {0, 1, 2, kNoLabel, 0, 1, 2};
    CAPTURE(name(golden.config.activation));
    CHECK(worst_difference(c.predict(), golden.output) < 1e-12);
    std::vector<double> gradient(c.parameters.size());
    c.loss_gradient(1, gradient);
    CHECK(worst_difference(gradient, golden.gradient) < 1e-12);
    // Row by row D x D: the derivative of output i by coordinate d.
    std::vector<double> jacobian(golden.jacobian.size());
    Values trace = Values::Zero(7);
    for (Index d = 0; d < dimension; ++d) {
      c.tangents.setZero();
      c.tangents.col(d).setOnes();
      const PointsOf<double> column = c.jacobian_products();
      for (Index row = 0; row < 7; ++row) {
        for (Index i = 0; i < dimension; ++i) {
          jacobian[static_cast<std::size_t>((row * dimension + i) * dimension + d)] =
              column(row, i);
        }
      }
      for (Index row = 0; row < 7; ++row) {
        trace[row] +=
            golden.jacobian[static_cast<std::size_t>((row * dimension + d) * dimension + d)];
      }
    }
    CHECK(worst_difference(jacobian, golden.jacobian) < 1e-12);
    CHECK(largest_magnitude(c.divergence() - trace) < 1e-12);
  }
}

}  // namespace
