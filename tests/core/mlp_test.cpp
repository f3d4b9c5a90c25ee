#include "flowmatch/mlp.h"

#include "flowmatch/optimizer.h"
#include "mlp_golden.h"
#include "support/errors.h"
#include "support/samples.h"
#include "support/statistics.h"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::Estimate;
using flowmatch::testing::kSigmas;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::normal_points;
using flowmatch::testing::worse;

/// A network with its weights, and a batch to run it on.
template <class Scalar>
struct Case {
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

  Case(const MlpConfig& config, Index rows)
      : model(config),
        parameters(static_cast<std::size_t>(model.parameter_count())),
        t(normal_points(rows, 1, 1).cwiseAbs().cwiseMin(1).template cast<Scalar>()),
        x(normal_points(rows, config.dimension, 2, 2).template cast<Scalar>()),
        target(normal_points(rows, config.dimension, 3).template cast<Scalar>()) {
    // Larger than the initial weights, so that the activations are well bent.
    std::vector<float> initial(parameters.size());
    MlpOf<float>(config).initialise(4, initial);
    for (std::size_t i = 0; i < initial.size(); ++i)
      parameters[i] = static_cast<Scalar>(2 * initial[i]);
  }

  PointsOf<Scalar> predict() const {
    PointsOf<Scalar> out(x.rows(), x.cols());
    model.workspace(WorkspaceUse::prediction)->predict(parameters, t, x, out);
    return out;
  }

  double loss_gradient(Scalar scale, std::vector<Scalar>& gradient) const {
    return model.workspace(WorkspaceUse::training)
        ->loss_gradient(parameters, t, x, target, scale, gradient);
  }

  double squared_error() const {
    return (predict() - target).template cast<double>().squaredNorm();
  }

  MlpOf<Scalar> model;
  std::vector<Scalar> parameters;
  Vector t;
  PointsOf<Scalar> x;
  PointsOf<Scalar> target;
};

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::elu:
      return x > 0 ? x : std::exp(x) - 1;
    case Activation::gelu:
      return x * 0.5 * std::erfc(-x / std::numbers::sqrt2);
  }
  return 0;
}

/// f(x, t) by Eigen's products of whole matrices, from the documented layout of the parameters.
template <class Scalar>
PointsOf<double> forward_oracle(const MlpConfig& config, const Case<Scalar>& c) {
  using Weight = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::MatrixXd values(config.dimension + 1, c.x.rows());
  values.topRows(config.dimension) = c.x.template cast<double>().transpose();
  values.bottomRows(1) = c.t.template cast<double>().transpose();
  std::vector<Index> widths = config.hidden;
  widths.push_back(config.dimension);
  const Scalar* next = c.parameters.data();
  for (std::size_t l = 0; l < widths.size(); ++l) {
    const Eigen::Map<const Weight> weight(next, widths[l], values.rows());
    next += weight.size();
    const Eigen::Map<const typename Case<Scalar>::Vector> bias(next, widths[l]);
    next += bias.size();
    values = (weight.template cast<double>() * values).eval();
    values.colwise() += bias.template cast<double>();
    if (l + 1 < widths.size()) {
      values = values.unaryExpr([&](double v) { return activate(config.activation, v); }).eval();
    }
  }
  return values.transpose();
}

const std::vector<std::vector<Index>> kShapes{{}, {1}, {5}, {4, 3}, {3, 7, 2}, {17, 16, 33}};

TEST_CASE("parameters are laid out as those of torch.nn.Linear, layer after layer") {
  const Mlp blog({.dimension = 2, .hidden = {1024, 16}, .activation = Activation::silu});
  CHECK(blog.dimension() == 2);
  CHECK(blog.parameter_count() == (3 * 1024 + 1024) + (1024 * 16 + 16) + (16 * 2 + 2));
  REQUIRE(blog.layers().size() == 3);
  CHECK(blog.layers()[0].inputs == 3);
  CHECK(blog.layers()[0].outputs == 1024);
  CHECK(blog.layers()[0].weight == 0);
  CHECK(blog.layers()[0].bias == Index{3} * 1024);
  CHECK(blog.layers()[0].hidden);
  CHECK(blog.layers()[1].weight == Index{4} * 1024);
  CHECK(blog.layers()[2].inputs == 16);
  CHECK(blog.layers()[2].outputs == 2);
  CHECK_FALSE(blog.layers()[2].hidden);
  CHECK(blog.layers()[2].bias + 2 == blog.parameter_count());
}

TEST_CASE("the double network is Eigen's product of matrices") {
  for (const Activation activation : kActivations) {
    for (const auto& hidden : kShapes) {
      for (const Index dimension : {1, 2, 5}) {
        const MlpConfig config{.dimension = dimension, .hidden = hidden, .activation = activation};
        const Case<double> c(config, 150);
        CAPTURE(name(activation), hidden, dimension);
        CHECK(largest_magnitude(c.predict() - forward_oracle(config, c)) < 1e-12);
      }
    }
  }
}

TEST_CASE("the float network is Eigen's product of matrices, to the precision of floats") {
  for (const Activation activation : kActivations) {
    for (const auto& hidden : kShapes) {
      for (const Index rows : {1, 31, 32, 33, 127, 128, 129, 300}) {
        const MlpConfig config{.dimension = 2, .hidden = hidden, .activation = activation};
        const Case<float> c(config, rows);
        const PointsOf<double> expected = forward_oracle(config, c);
        CAPTURE(name(activation), hidden, rows);
        // Outputs of size 1 to 10, through at most four layers of at most 33 terms each.
        CHECK(largest_magnitude(c.predict().cast<double>() - expected) < 1e-5);
      }
    }
  }
}

TEST_CASE("the blog's wide network is Eigen's product of matrices too") {
  const MlpConfig config{.dimension = 2, .hidden = {1024, 16}, .activation = Activation::silu};
  const Case<float> c(config, 130);
  CHECK(largest_magnitude(c.predict().cast<double>() - forward_oracle(config, c)) < 2e-5);
}

TEST_CASE("the gradient is that of central differences") {
  for (const Activation activation : kActivations) {
    for (const auto& hidden : kShapes) {
      for (const Index dimension : {1, 3}) {
        const MlpConfig config{.dimension = dimension, .hidden = hidden, .activation = activation};
        Case<double> c(config, 9);
        std::vector<double> gradient(c.parameters.size());
        const double sum = c.loss_gradient(0.7, gradient);
        CAPTURE(name(activation), hidden, dimension);
        CHECK_THAT(sum, WithinRel(c.squared_error(), 1e-12));
        // The differences are off by h^2 = 1e-10 times a third derivative, and by 1e-16 of the loss
        // over h.
        constexpr double kStep = 1e-5;
        double worst = 0;
        for (std::size_t i = 0; i < gradient.size(); ++i) {
          const double value = c.parameters[i];
          c.parameters[i] = value + kStep;
          const double after = c.squared_error();
          c.parameters[i] = value - kStep;
          const double before = c.squared_error();
          c.parameters[i] = value;
          const double slope = 0.7 * (after - before) / (2 * kStep);
          worst = worse(worst, std::abs(gradient[i] - slope) / (1 + std::abs(slope)));
        }
        CHECK(worst < 2e-7);
      }
    }
  }
}

TEST_CASE("the float gradient is the double one, to the precision of floats") {
  for (const Activation activation : kActivations) {
    for (const auto& hidden : kShapes) {
      for (const Index rows : {1, 31, 129, 300}) {
        const MlpConfig config{.dimension = 2, .hidden = hidden, .activation = activation};
        const Case<float> single(config, rows);
        Case<double> exact(config, rows);
        std::copy(single.parameters.begin(), single.parameters.end(), exact.parameters.begin());
        exact.t = single.t.cast<double>();
        exact.x = single.x.cast<double>();
        exact.target = single.target.cast<double>();
        const double scale = 1 / static_cast<double>(rows);
        std::vector<float> gradient(single.parameters.size());
        std::vector<double> expected(gradient.size());
        const double sum = single.loss_gradient(static_cast<float>(scale), gradient);
        const double expected_sum = exact.loss_gradient(scale, expected);
        CAPTURE(name(activation), hidden, rows);
        CHECK_THAT(sum, WithinRel(expected_sum, 1e-5));
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
}

TEST_CASE("the gradient takes the place of what is there, scaled") {
  const MlpConfig config{.dimension = 2, .hidden = {5, 4}, .activation = Activation::silu};
  const Case<double> c(config, 140);
  std::vector<double> once(c.parameters.size());
  c.loss_gradient(1, once);
  std::vector<double> scaled(c.parameters.size(), 100.0);
  c.loss_gradient(0.25, scaled);
  double worst = 0;
  for (std::size_t i = 0; i < scaled.size(); ++i)
    worst = worse(worst, std::abs(scaled[i] - 0.25 * once[i]));
  CHECK(worst < 1e-10);
}

TEST_CASE("a row's prediction does not depend on the rows around it") {
  const MlpConfig config{.dimension = 3,
                         .hidden = {17, 9},
                         .activation = GENERATE(Activation::silu, Activation::gelu)};
  const Case<float> c(config, 333);
  const Points whole = c.predict();
  const auto workspace = c.model.workspace(WorkspaceUse::prediction);
  for (const Index piece : {1, 31, 32, 100, 128, 200}) {
    Points pieces(333, 3);
    for (Index first = 0; first < 333; first += piece) {
      const Index rows = std::min<Index>(piece, 333 - first);
      workspace->predict(c.parameters, c.t.segment(first, rows), c.x.middleRows(first, rows),
                         pieces.middleRows(first, rows));
    }
    CAPTURE(piece);
    CHECK(pieces == whole);
  }
}

TEST_CASE("the gradient of a batch is the sum of those of its parts") {
  const MlpConfig config{.dimension = 2, .hidden = {17, 9}, .activation = Activation::elu};
  const Case<float> c(config, 333);
  std::vector<float> whole(c.parameters.size());
  const double whole_sum = c.loss_gradient(0.01F, whole);
  const double largest = largest_magnitude(
      Eigen::Map<const Eigen::VectorXf>(whole.data(), static_cast<Index>(whole.size())));
  for (const Index piece : {1, 32, 100, 128, 200}) {
    const auto workspace = c.model.workspace(WorkspaceUse::training);
    std::vector<float> parts(c.parameters.size());
    std::vector<float> part(c.parameters.size());
    double sum = 0;
    for (Index first = 0; first < 333; first += piece) {
      const Index rows = std::min<Index>(piece, 333 - first);
      sum += workspace->loss_gradient(c.parameters, c.t.segment(first, rows),
                                      c.x.middleRows(first, rows), c.target.middleRows(first, rows),
                                      0.01F, part);
      for (std::size_t i = 0; i < parts.size(); ++i) parts[i] += part[i];
    }
    double worst = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      worst = worse(worst, static_cast<double>(std::abs(parts[i] - whole[i])));
    }
    CAPTURE(piece);
    CHECK_THAT(sum, WithinRel(whole_sum, 1e-6));
    CHECK(worst < 1e-5 * largest);
  }
}

TEST_CASE("a workspace remembers nothing of the batch before, not even what was not a number") {
  const MlpConfig config{
      .dimension = 2, .hidden = {6, 5}, .activation = GENERATE(Activation::silu, Activation::relu)};
  const Case<float> small(config, 5);
  Case<float> poisoned(config, 128);
  poisoned.x.setConstant(std::numeric_limits<float>::quiet_NaN());

  const auto workspace = small.model.workspace(WorkspaceUse::training);
  std::vector<float> lost(small.parameters.size());
  workspace->loss_gradient(poisoned.parameters, poisoned.t, poisoned.x, poisoned.target, 1, lost);
  CHECK(std::isnan(lost[0]));

  std::vector<float> gradient(small.parameters.size());
  const double sum =
      workspace->loss_gradient(small.parameters, small.t, small.x, small.target, 1, gradient);
  std::vector<float> expected(small.parameters.size());
  CHECK(sum == small.loss_gradient(1, expected));
  CHECK(gradient == expected);
}

TEST_CASE("no rows give no error and no gradient") {
  const Case<float> c({.dimension = 2, .hidden = {4}, .activation = Activation::silu}, 0);
  std::vector<float> gradient(c.parameters.size(), 1.0F);
  CHECK(c.loss_gradient(1, gradient) == 0);
  CHECK(gradient == std::vector<float>(c.parameters.size(), 0.0F));
  CHECK(c.predict().rows() == 0);
}

TEST_CASE("initial weights are uniform within one over the root of the inputs") {
  const Mlp model({.dimension = 2, .hidden = {1024, 16, 100}, .activation = Activation::silu});
  std::vector<float> parameters(static_cast<std::size_t>(model.parameter_count()));
  model.initialise(7, parameters);
  for (const auto& layer : model.layers()) {
    const double bound = 1 / std::sqrt(static_cast<double>(layer.inputs));
    const Index end = layer.bias + layer.outputs;
    Estimate mean;
    Estimate square;
    double largest = 0;
    for (Index i = layer.weight; i < end; ++i) {
      const double share = static_cast<double>(parameters[static_cast<std::size_t>(i)]) / bound;
      mean.add(share);
      square.add(share * share);
      largest = std::max(largest, std::abs(share));
    }
    CAPTURE(layer.inputs, layer.outputs);
    CHECK(std::abs(mean.mean()) < kSigmas * mean.error());
    CHECK(std::abs(square.mean() - 1.0 / 3) < kSigmas * square.error());
    CHECK(largest <= 1 + 1e-7);
    // That none of n numbers is beyond 1 - 14 / n has a chance of exp(-14), one in a million.
    CHECK(largest > 1 - 14 / static_cast<double>(end - layer.weight));
  }
}

TEST_CASE("initial weights depend on the seed and on nothing else") {
  const MlpConfig config{.dimension = 2, .hidden = {30}, .activation = Activation::silu};
  const Mlp model(config);
  const auto count = static_cast<std::size_t>(model.parameter_count());
  std::vector<float> first(count);
  std::vector<float> again(count, 9.0F);
  std::vector<float> other(count);
  model.initialise(1, first);
  model.initialise(1, again);
  model.initialise(2, other);
  CHECK(first == again);
  for (std::size_t i = 0; i < count; ++i) CHECK(first[i] != other[i]);
  std::vector<double> in_double(count);
  MlpOf<double>(config).initialise(1, in_double);
  for (std::size_t i = 0; i < count; ++i) CHECK(static_cast<float>(in_double[i]) == first[i]);
}

std::vector<std::string> bad_fields(const MlpConfig& config) {
  std::vector<std::string> fields;
  for (const Problem& problem : validate(config)) {
    CHECK_FALSE(problem.value.empty());
    CHECK_FALSE(problem.allowed.empty());
    fields.push_back(problem.field);
  }
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("sensible networks have no problem") {
  CHECK(bad_fields({}).empty());
  CHECK(bad_fields({.dimension = 1, .hidden = {}, .activation = Activation::relu}).empty());
  CHECK(
      bad_fields({.dimension = 2, .hidden = {kMaxWidth}, .activation = Activation::relu}).empty());
  CHECK(
      bad_fields({.dimension = 784, .hidden = {256, 256}, .activation = Activation::relu}).empty());
  CHECK(bad_fields({.dimension = 2,
                    .hidden = std::vector<Index>(static_cast<std::size_t>(kMaxHiddenLayers), 1),
                    .activation = Activation::tanh})
            .empty());
}

TEST_CASE("absurd networks are refused") {
  const auto with_hidden = [](std::vector<Index> hidden) {
    return bad_fields(
        {.dimension = 2, .hidden = std::move(hidden), .activation = Activation::silu});
  };
  CHECK(bad_fields({.dimension = 0, .hidden = {4}, .activation = Activation::silu}) ==
        Fields{"dimension"});
  CHECK(bad_fields({.dimension = -1, .hidden = {4}, .activation = Activation::silu}) ==
        Fields{"dimension"});
  CHECK(bad_fields({.dimension = 4097, .hidden = {4}, .activation = Activation::silu}) ==
        Fields{"dimension"});
  CHECK(with_hidden({0}) == Fields{"hidden[0]"});
  CHECK(with_hidden({64, -5, 64}) == Fields{"hidden[1]"});
  CHECK(with_hidden({64, 64, kMaxWidth + 1}) == Fields{"hidden[2]"});
  CHECK(with_hidden({std::numeric_limits<Index>::max()}) == Fields{"hidden[0]"});
  CHECK(with_hidden(std::vector<Index>(9, 4)) == Fields{"hidden"});
  // Each layer is allowed, all together are not.
  CHECK(with_hidden({4096, 4096}) == Fields{"hidden"});
  CHECK(bad_fields({.dimension = 4096, .hidden = {}, .activation = Activation::silu}) ==
        Fields{"hidden"});
}

TEST_CASE("the limit on parameters counts them exactly") {
  // dimension 1: (2 + 1) a + (a + 1) b + (b + 1) for widths a, b.
  const auto parameters = [](Index a, Index b) { return 3 * a + (a + 1) * b + b + 1; };
  constexpr Index kWidth = 1999;
  const Index largest = (kMaxParameters - 1 - 3 * kWidth) / (kWidth + 2);
  REQUIRE(parameters(kWidth, largest) <= kMaxParameters);
  REQUIRE(parameters(kWidth, largest + 1) > kMaxParameters);
  CHECK(bad_fields({.dimension = 1, .hidden = {kWidth, largest}, .activation = Activation::silu})
            .empty());
  CHECK(bad_fields(
            {.dimension = 1, .hidden = {kWidth, largest + 1}, .activation = Activation::silu}) ==
        Fields{"hidden"});
}

TEST_CASE("all problems of a network are reported at once") {
  CHECK(bad_fields({.dimension = 0,
                    .hidden = {0, 4, -1, 4, 4, 4, 4, 4, 5000},
                    .activation = Activation::silu}) ==
        Fields{"dimension", "hidden", "hidden[0]", "hidden[2]", "hidden[8]"});
}

/// Number i is amplitude sin(frequency i + phase), as in mlp_golden.py.
template <class Scalar>
std::vector<Scalar> wave(std::size_t count, double amplitude, double frequency, double phase) {
  std::vector<Scalar> values;
  values.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(
        static_cast<Scalar>(amplitude * std::sin(frequency * static_cast<double>(i) + phase)));
  }
  return values;
}

/// The tiny network of mlp_golden.py with its batch of 7 rows.
template <class Scalar>
struct GoldenCase {
  static constexpr Index kRows = 7;

  explicit GoldenCase(const MlpConfig& config)
      : model(config),
        parameters(wave<Scalar>(static_cast<std::size_t>(model.parameter_count()), 0.8, 1.7, 0.3)),
        t(kRows),
        x(kRows, config.dimension),
        target(kRows, config.dimension) {
    const auto size = static_cast<std::size_t>(x.size());
    std::ranges::copy(wave<Scalar>(size, 1.5, 2.3, 0.9), x.data());
    std::ranges::copy(wave<Scalar>(size, 2.0, 1.1, 0.5), target.data());
    std::ranges::transform(wave<Scalar>(kRows, 0.5, 0.7, 0.1), t.data(),
                           [](Scalar value) { return std::abs(value); });
  }

  MlpOf<Scalar> model;
  std::vector<Scalar> parameters;
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> t;
  PointsOf<Scalar> x;
  PointsOf<Scalar> target;
};

template <class Values>
double worst_difference(const Values& got, std::span<const double> expected) {
  REQUIRE(static_cast<std::size_t>(got.size()) == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = worse(worst, std::abs(static_cast<double>(got.data()[i]) - expected[i]));
  }
  return worst;
}

struct Golden {
  MlpConfig config;
  std::span<const double> output;
  std::span<const double> gradient;
  std::span<const double> losses;
  std::span<const double> parameters;
  std::span<const double> average;
};

std::vector<Golden> golden_cases() {
  namespace silu = flowmatch::testing::golden_silu;
  namespace tanh = flowmatch::testing::golden_tanh;
  namespace relu = flowmatch::testing::golden_relu;
  namespace elu = flowmatch::testing::golden_elu;
  namespace gelu = flowmatch::testing::golden_gelu;
  return {{{2, {5, 4}, Activation::silu},
           silu::kOutput,
           silu::kGradient,
           silu::kLosses,
           silu::kParameters,
           silu::kAverage},
          {{1, {3, 2, 4}, Activation::tanh},
           tanh::kOutput,
           tanh::kGradient,
           tanh::kLosses,
           tanh::kParameters,
           tanh::kAverage},
          {{2, {7, 3}, Activation::relu},
           relu::kOutput,
           relu::kGradient,
           relu::kLosses,
           relu::kParameters,
           relu::kAverage},
          {{2, {5}, Activation::elu},
           elu::kOutput,
           elu::kGradient,
           elu::kLosses,
           elu::kParameters,
           elu::kAverage},
          {{3, {6}, Activation::gelu},
           gelu::kOutput,
           gelu::kGradient,
           gelu::kLosses,
           gelu::kParameters,
           gelu::kAverage}};
}

TEMPLATE_TEST_CASE("output and gradient are PyTorch's", "", float, double) {
  // Numbers of size 1; in double all that differs is the order of sums.
  const double tolerance = std::is_same_v<TestType, double> ? 1e-14 : 2e-6;
  for (const Golden& golden : golden_cases()) {
    CAPTURE(name(golden.config.activation));
    const GoldenCase<TestType> c(golden.config);
    const auto workspace = c.model.workspace(WorkspaceUse::training);
    PointsOf<TestType> out(c.x.rows(), c.x.cols());
    workspace->predict(c.parameters, c.t, c.x, out);
    CHECK(worst_difference(out, golden.output) < tolerance);
    std::vector<TestType> gradient(c.parameters.size());
    const auto terms = static_cast<double>(c.x.size());
    const double sum = workspace->loss_gradient(c.parameters, c.t, c.x, c.target,
                                                static_cast<TestType>(1 / terms), gradient);
    CHECK(worst_difference(gradient, golden.gradient) < tolerance);
    CHECK_THAT(sum / terms, WithinAbs(golden.losses[0], tolerance));
  }
}

TEST_CASE("ten steps of Adam with averaged weights are PyTorch's") {
  for (const Golden& golden : golden_cases()) {
    CAPTURE(name(golden.config.activation));
    GoldenCase<float> c(golden.config);
    const auto workspace = c.model.workspace(WorkspaceUse::training);
    Adam adam({}, c.model.parameter_count());
    std::vector<float> average = c.parameters;
    std::vector<double> losses;
    const auto terms = static_cast<double>(c.x.size());
    for (Index step = 0; step < 10; ++step) {
      std::vector<float> gradient(c.parameters.size());
      const double sum = workspace->loss_gradient(c.parameters, c.t, c.x, c.target,
                                                  static_cast<float>(1 / terms), gradient);
      losses.push_back(sum / terms);
      adam.update(0, c.model.parameter_count(),
                  {.step = step, .learning_rate = 1e-2, .ema_decay = 0.8}, gradient, c.parameters,
                  average);
    }
    // Adam's step does not shrink with the gradient, so that a small gradient's rounding weighs
    // fully: 1e-6 of gradients of 0.01 and more, in ten steps of 0.01 each.
    CHECK(worst_difference(losses, golden.losses) < 1e-5);
    CHECK(worst_difference(c.parameters, golden.parameters) < 1e-5);
    CHECK(worst_difference(average, golden.average) < 1e-5);
  }
}

}  // namespace
