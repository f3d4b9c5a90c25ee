#include "flowmatch/trajectory_metrics.h"

#include "flowmatch/exact_field.h"
#include "flowmatch/metrics.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <memory>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using flowmatch::testing::make_mixture;
using flowmatch::testing::normal_points;

/// A field given by a function of time and point, in two dimensions; counts its evaluations.
template <class Velocity>
class TestField final : public Field {
 public:
  explicit TestField(Velocity velocity) : velocity_(velocity) {}
  [[nodiscard]] Index dimension() const override { return 2; }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index /*max_rows*/) const override {
    class Evaluator final : public FieldEvaluator {
     public:
      explicit Evaluator(const TestField& field) : field_(field) {}
      void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
        field_.rows_evaluated += x.rows();
        for (Index i = 0; i < x.rows(); ++i) {
          const Eigen::RowVector2f point = x.row(i);
          out.row(i) = field_.velocity_(t, point);
        }
      }

     private:
      const TestField& field_;
    };
    return std::make_unique<Evaluator>(*this);
  }
  mutable Index rows_evaluated = 0;

 private:
  Velocity velocity_;
};

TEST_CASE("a constant field is straight, and its path energy is its speed squared") {
  const TestField field(
      [](double /*t*/, const Eigen::RowVector2f& /*x*/) { return Eigen::RowVector2f(3, -4); });
  const Solver solver = GENERATE(Solver::euler, Solver::midpoint, Solver::heun, Solver::rk4);
  // More than a block, and not a multiple of one.
  const Points start = normal_points(300, 2, 1);
  const auto metrics = trajectory_metrics(field, {.solver = solver, .steps = 7}, start);
  CHECK_THAT(metrics.path_energy, WithinRel(25.0, 1e-12));
  CHECK_THAT(metrics.straightness, WithinAbs(0, 1e-4));
  CHECK(field.rows_evaluated == 300 * metrics.function_evaluations);
  CHECK(straightness(field, {.solver = solver}, start) < 1e-4);
  CHECK_THAT(path_energy(field, {.solver = solver}, start), WithinRel(25.0, 1e-12));
}

TEST_CASE("a turning field has the straightness of its arc") {
  // Once around a circle at constant speed: v^2 = (2 pi r)^2, and no displacement at all.
  const TestField field([](double /*t*/, const Eigen::RowVector2f& x) {
    return Eigen::RowVector2f(static_cast<float>(-2 * 3.14159265358979) * x[1],
                              static_cast<float>(2 * 3.14159265358979) * x[0]);
  });
  Points start(2, 2);
  start << 1, 0, 0, 2;
  const double expected = std::pow(2 * 3.14159265358979, 2) * (1 + 4) / 2;
  const auto metrics = trajectory_metrics(field, {.solver = Solver::rk4, .steps = 100}, start);
  CHECK_THAT(metrics.path_energy, WithinRel(expected, 1e-5));
  CHECK_THAT(metrics.straightness, WithinRel(expected, 1e-5));
}

TEST_CASE("a field that only changes speed has the variance of its speed") {
  // v = 2 t: x goes by 1 in all, the mean square is 4 / 3.
  const TestField field([](double t, const Eigen::RowVector2f& /*x*/) {
    return Eigen::RowVector2f(static_cast<float>(2 * t), 0);
  });
  const Points start = normal_points(5, 2, 1);
  const SolverConfig config{.solver = Solver::midpoint, .steps = 200};
  const auto metrics = trajectory_metrics(field, config, start);
  CHECK_THAT(metrics.path_energy, WithinRel(4.0 / 3, 1e-4));
  CHECK_THAT(metrics.straightness, WithinRel(1.0 / 3, 1e-4));
  // Backwards it is the same; half the way takes v = 2 t / 2 in its own clock.
  SolverConfig backwards = config;
  backwards.t_start = 1;
  backwards.t_end = 0;
  CHECK_THAT(trajectory_metrics(field, backwards, start).straightness, WithinRel(1.0 / 3, 1e-4));
  SolverConfig half = config;
  half.t_end = 0.5;
  CHECK_THAT(trajectory_metrics(field, half, start).path_energy, WithinRel(1.0 / 12, 1e-4));
}

TEST_CASE("one Gaussian to another: the straight field has the least path energy") {
  // N(0, I) to N(m, 4 I): the optimal map is x -> 2 x + m, W2^2 = |m|^2 + 2 (2 - 1)^2. The exact
  // field of the independent coupling moves each point to the same place, but not straight.
  GaussianMixtureConfig target;
  target.weights = {1};
  target.means = {Eigen::Vector2d(3, 1)};
  target.covariances = {4 * Eigen::Matrix2d::Identity()};
  const ExactField independent(make_mixture(target), Schedule::cond_ot);
  const TestField optimal([](double t, const Eigen::RowVector2f& x) {
    // X_t = (1 + t) x0 + t m.
    const auto time = static_cast<float>(t);
    const Eigen::RowVector2f mean(3, 1);
    const Eigen::RowVector2f start = (x - time * mean) / (1 + time);
    return Eigen::RowVector2f(start + mean);
  });
  // In pairs x and -x, so that the mean is exact.
  Points start = normal_points(4000, 2, 1);
  start.bottomRows(2000) = -start.topRows(2000);
  const SolverConfig config{.solver = Solver::rk4, .steps = 50};
  const double w2 = std::sqrt(10 + 2.0);
  const auto of_optimal = trajectory_metrics(optimal, config, start);
  CHECK_THAT(of_optimal.path_energy, WithinRel(w2 * w2, 0.01));
  CHECK(of_optimal.straightness < 1e-4);
  CHECK(normalised_path_energy(of_optimal.path_energy, w2) < 0.01);
  const auto of_independent = trajectory_metrics(independent, config, start);
  // |X_t - t m| = |x0| s(t) with s^2 = (1 - t)^2 + 4 t^2, E |x0|^2 = 2: the energy is
  // |m|^2 + 2 integral s'^2 dt, s' = (5 t - 1) / s.
  double integral = 0;
  constexpr int kNodes = 10'000;
  for (int n = 0; n < kNodes; ++n) {
    const double t = (n + 0.5) / kNodes;
    integral += std::pow(5 * t - 1, 2) / (std::pow(1 - t, 2) + 4 * t * t) / kNodes;
  }
  CHECK_THAT(of_independent.path_energy, WithinRel(10 + 2 * integral, 0.01));
  CHECK_THAT(of_independent.straightness, WithinRel(2 * (integral - 1), 0.05));
  CHECK(of_independent.straightness > 100 * of_optimal.straightness);
  CHECK_THAT(normalised_path_energy(15, std::sqrt(12.0)), WithinRel(0.25, 1e-12));
}

TEST_CASE("no points have no trajectory metrics") {
  const TestField field([](double /*t*/, const Eigen::RowVector2f& x) { return x; });
  const auto metrics = trajectory_metrics(field, {}, Points(0, 2));
  CHECK(std::isnan(metrics.path_energy));
  CHECK(std::isnan(metrics.straightness));
}

}  // namespace
