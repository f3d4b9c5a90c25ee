#include "flowmatch/rescheduled_field.h"

#include "flowmatch/exact_field.h"
#include "flowmatch/flow.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/mlp.h"
#include "support/allocations.h"
#include "support/errors.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::make_mixture;
using flowmatch::testing::normal_points;

using PointsD = PointsOf<double>;

/// The exact means of X_1, X_0 and so on given x, as a model without error would predict them: by
/// the score, at t = 0 of X_1 the mean of the data.
class ExactPredictions final : public Field {
 public:
  ExactPredictions(const GaussianMixtureConfig& config, const Schedule& schedule,
                   Prediction prediction)
      : exact_(make_mixture(config), schedule), prediction_(prediction) {}
  [[nodiscard]] Index dimension() const override { return exact_.dimension(); }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index /*max_rows*/) const override {
    return std::make_unique<Evaluator>(*this);
  }

 private:
  class Evaluator final : public FieldEvaluator {
   public:
    explicit Evaluator(const ExactPredictions& predictions) : predictions_(predictions) {}
    void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
      const ExactField& exact = predictions_.exact_;
      const ScheduleValues values = evaluate(exact.schedule(), t);
      PointsD score(x.rows(), x.cols());
      exact.score(t, x.cast<double>(), score);
      switch (predictions_.prediction_) {
        case Prediction::velocity: {
          PointsD velocity(x.rows(), x.cols());
          exact.velocity(t, x.cast<double>(), velocity);
          out = velocity.cast<float>();
          return;
        }
        case Prediction::x1:
          if (values.alpha == 0) {
            Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(x.cols());
            for (const auto& component : exact.target().components()) {
              mean += component.weight * component.mean.transpose();
            }
            out = mean.cast<float>().replicate(x.rows(), 1);
            return;
          }
          out = ((x.cast<double>() + values.sigma * values.sigma * score) / values.alpha)
                    .cast<float>();
          return;
        case Prediction::noise:
          out = (-values.sigma * score).cast<float>();
          return;
        case Prediction::score:
          out = score.cast<float>();
          return;
      }
    }

   private:
    const ExactPredictions& predictions_;
  };

  ExactField exact_;
  Prediction prediction_;
};

/// Draws of X_t.
Points draw(const ExactField& field, double t, Index count) {
  Points x1(count, field.dimension());
  field.target().sample({1, Purpose::test, 2}, 0, x1);
  const ScheduleValues values = evaluate(field.schedule(), t);
  return static_cast<float>(values.alpha) * x1 +
         static_cast<float>(values.sigma) * normal_points(count, field.dimension(), 3);
}

double relative_error(const Field& field, const ExactField& exact, double t, const Points& x) {
  PointsD expected(x.rows(), x.cols());
  exact.velocity(t, x.cast<double>(), expected);
  return largest_magnitude(velocities(field, t, x).cast<double>() - expected) /
         (1 + largest_magnitude(expected));
}

std::vector<Schedule> many_schedules() {
  std::vector<Schedule> schedules(kSchedules.begin(), kSchedules.end());
  schedules.push_back({.kind = Schedule::Kind::polynomial, .exponent = 3});
  schedules.push_back({.kind = Schedule::Kind::vp, .beta_min = 1, .beta_max = 4});
  return schedules;
}

TEST_CASE("the exact field under one schedule becomes the exact field under any other") {
  const Schedule from = GENERATE(from_range(many_schedules()));
  const GaussianMixtureConfig config = correlated_mixture(2);
  const auto trained = std::make_shared<const ExactField>(make_mixture(config), from);
  for (const Schedule& to : many_schedules()) {
    const RescheduledField field(trained, from, to);
    CHECK(field.dimension() == 2);
    const ExactField exact(make_mixture(config), to);
    for (const double t : {0.0, 0.05, 0.2, 0.5, 0.9, 0.99, 0.9999, 1.0}) {
      const ScheduleValues values = evaluate(to, t);
      // Before the first time that `from` has, see the next test.
      if (noise_to_signal(values) > noise_to_signal(evaluate(from, 0))) continue;
      const bool polynomial = from.kind == Schedule::Kind::polynomial;
      if (polynomial && from != to && values.alpha < 2e-3) continue;
      // Where a diverging slope is to come of one that does not diverge, rounding is multiplied by
      // 1 / sigma, and at the end itself the velocity is not known.
      const bool singular = diverges_at_end(to) && !diverges_at_end(from);
      if (singular && t == 1) continue;
      const double tolerance = singular ? 2e-6 / values.sigma : 4e-5;
      CAPTURE(name(from), from.exponent, name(to), to.exponent, t);
      CHECK(relative_error(field, exact, t, draw(exact, t, 50)) < tolerance);
    }
  }
}

TEST_CASE("every exact prediction under one schedule is read as the exact field of another") {
  const Prediction prediction = GENERATE(from_range(kPredictions));
  const Schedule from = GENERATE(from_range(many_schedules()));
  const GaussianMixtureConfig config = correlated_mixture(2);
  const auto trained = std::make_shared<const ExactPredictions>(config, from, prediction);
  for (const Schedule& to : many_schedules()) {
    const RescheduledField field(trained,
                                 {.prediction = prediction, .trained = from, .sampled = to});
    const ExactField exact(make_mixture(config), to);
    for (const double t : {0.05, 0.3, 0.7, 0.99}) {
      const ScheduleValues values = evaluate(to, t);
      if (noise_to_signal(values) > noise_to_signal(evaluate(from, 0))) continue;
      if (values.alpha < 2e-3) continue;
      CAPTURE(name(prediction), name(from), from.exponent, name(to), to.exponent, t);
      // Floats of size 10, divided by alpha (noise and score) or by sigma (x1).
      const double amplification = 1 / std::min(values.alpha, values.sigma);
      CHECK(relative_error(field, exact, t, draw(exact, t, 50)) < 2e-6 * amplification + 2e-5);
    }
  }
}

TEST_CASE("a reading is finite and all but continuous from t = 0 to t = 1") {
  const Prediction prediction = GENERATE(from_range(kPredictions));
  const Schedule from = GENERATE(from_range(many_schedules()));
  const GaussianMixtureConfig config = correlated_mixture(2);
  const auto trained = std::make_shared<const ExactPredictions>(config, from, prediction);
  for (const Schedule& to : many_schedules()) {
    const RescheduledField field(trained,
                                 {.prediction = prediction, .trained = from, .sampled = to});
    const ExactField exact(make_mixture(config), to);
    CAPTURE(name(prediction), name(from), from.exponent, name(to), to.exponent);
    for (const double t : {0.0, 1e-12, 1e-6, 1e-3, 0.999, 1 - 1e-6, 1 - 1e-12, 1.0}) {
      const Points x = draw(exact, t, 20);
      CAPTURE(t);
      CHECK(velocities(field, t, x).allFinite());
    }
    // At the start the field is that of alpha = 1e-3, or of the most noise that `from` has: within
    // how far the exact field moves until then, and rounding a thousandfold.
    const double first = Rescheduling({prediction, from, to}).at(0).time;
    const double later = time_at_noise_to_signal(to, noise_to_signal(evaluate(from, first)));
    const Points x = draw(exact, later, 20);
    CHECK(velocities(field, 0, x) == velocities(field, later, x));
    CHECK(relative_error(field, exact, later, x) < 3e-3);
    // At the end exact, if sigma' does not diverge or if the prediction knows how.
    const bool knows = prediction == Prediction::score ||
                       (prediction == Prediction::velocity && diverges_at_end(from));
    if (!diverges_at_end(to) || knows) {
      // The score leaves 1e-3 |sigma' score|, here of 5 pi / 2 at most.
      const double tolerance = prediction == Prediction::score ? 8e-3 : 2e-3;
      CHECK(relative_error(field, exact, 1, draw(exact, 1, 20)) < tolerance);
    }
  }
}

TEST_CASE("a velocity that is read under its own schedule is passed on as it is") {
  const GaussianMixtureConfig config = correlated_mixture(3);
  for (const Schedule& schedule : kSchedules) {
    const auto exact = std::make_shared<const ExactField>(make_mixture(config), schedule);
    const RescheduledField field(exact, schedule, schedule);
    const Points x = normal_points(10, 3, 5);
    for (const double t : {0.0, 0.4, 1.0})
      CHECK(velocities(field, t, x) == velocities(*exact, t, x));
    CHECK(Rescheduling({.trained = schedule, .sampled = schedule}).identity());
  }
  CHECK_FALSE(Rescheduling({.prediction = Prediction::x1}).identity());
  CHECK_FALSE(Rescheduling({.trained = Schedule::vp}).identity());
}

TEST_CASE("the scale and the time of a rescheduling are those of both schedules") {
  // From cond_ot to the variance-preserving cosine: s = 1 / sqrt(t'^2 + (1 - t')^2).
  const Rescheduling rescheduling({.trained = Schedule::cond_ot, .sampled = Schedule::cosine});
  for (const double t : {0.0, 0.1, 0.5, 0.8, 1.0}) {
    const auto at = rescheduling.at(t);
    const ScheduleValues to = evaluate(Schedule::cosine, t);
    CAPTURE(t);
    CHECK(std::abs(at.time - to.alpha / (to.alpha + to.sigma)) < 1e-14);
    CHECK(std::abs(at.scale * at.time - to.alpha) < 1e-14);
    CHECK(std::abs(at.scale * (1 - at.time) - to.sigma) < 1e-14);
  }
}

TEST_CASE("one model moves noise to the same points under every schedule") {
  // The flow's map from noise to data belongs to the marginals of sigma / alpha, not to the
  // schedule.
  const GaussianMixtureConfig config = correlated_mixture(2);
  const auto trained = std::make_shared<const ExactField>(make_mixture(config), Schedule::cond_ot);
  ThreadPool pool(1);
  const Points noise = starting_noise(50, 2, 1);
  const SolverConfig solver{.solver = Solver::rk4, .steps = 100};
  const Points expected = integrate(trained, solver, noise, pool);
  for (const Schedule& to :
       {Schedule::polynomial, Schedule::cosine, Schedule::sqrt, Schedule::linear_vp}) {
    const auto field = std::make_shared<const RescheduledField>(trained, Schedule::cond_ot, to);
    const Points moved = integrate(field, solver, noise, pool);
    CAPTURE(name(to));
    CHECK(moved.allFinite());
    // Where sigma' diverges the last step is of the square root of its size.
    CHECK(largest_magnitude(moved - expected) < (diverges_at_end(to) ? 0.05 : 1e-3));
  }
}

TEST_CASE("predictions of every kind bring noise to the data") {
  // A single Gaussian N(m, s^2): solvers start at t = 0 and end at t = 1 with every reading.
  const GaussianMixtureConfig config{.weights = {1},
                                     .means = {Eigen::VectorXd::Constant(1, 2.0)},
                                     .covariances = {Eigen::MatrixXd::Constant(1, 1, 0.25)}};
  ThreadPool pool(1);
  const Points noise = starting_noise(30, 1, 2);
  const PointsD expected = (2 + 0.5 * noise.cast<double>().array()).matrix();
  for (const Prediction prediction : kPredictions) {
    for (const Schedule& schedule : {Schedule::cond_ot, Schedule::cosine, Schedule::polynomial}) {
      for (const Solver solver : {Solver::heun, Solver::rk4}) {
        const auto field = std::make_shared<const RescheduledField>(
            std::make_shared<const ExactPredictions>(config, schedule, prediction),
            Reading{prediction, schedule, schedule});
        const Points moved = integrate(field, {.solver = solver, .steps = 200}, noise, pool);
        CAPTURE(name(prediction), name(schedule), name(solver));
        CHECK(largest_magnitude(moved.cast<double>() - expected) < 2e-3);
      }
    }
  }
}

TEST_CASE("a learned field reads its model by prediction and schedules, without allocating") {
  const auto model = std::make_shared<const Mlp>(
      MlpConfig{.dimension = 2, .hidden = {20, 10}, .activation = Activation::tanh});
  std::vector<float> parameters(static_cast<std::size_t>(model->parameter_count()));
  model->initialise(3, parameters);
  const auto raw = std::make_shared<const LearnedField>(model, parameters);
  const Reading reading{Prediction::x1, Schedule::vp, Schedule::cond_ot};
  const LearnedField learned(model, parameters, reading);
  const RescheduledField wrapped(raw, reading);
  const Points x = normal_points(64, 2, 1);
  const auto evaluator = learned.evaluator(64);
  Points out(64, 2);
  for (const double t : {0.0, 0.3, 0.9, 1.0}) {
    evaluator->velocity(t, x, out);
    CHECK(out == velocities(wrapped, t, x));
    Points few(7, 2);
    evaluator->velocity(t, x.middleRows(20, 7), few);
    CHECK(few == out.middleRows(20, 7));
  }
  // By hand: u = (x1 - x) / (1 - t) of the model at the time of vp that has the same ratio.
  const double t = 0.6;
  const double time = time_at_noise_to_signal(Schedule::vp, 0.4 / 0.6);
  const auto scale = static_cast<float>(0.6 / evaluate(Schedule::vp, time).alpha);
  const Points x1 = velocities(*raw, time, x / scale);
  CHECK(largest_magnitude(velocities(learned, t, x) - (x1 - x) / 0.4F) < 1e-4);
  if (!flowmatch::testing::counts_allocations()) SKIP("this build cannot count allocations");
  const std::int64_t before = flowmatch::testing::allocation_count();
  evaluator->velocity(0.5, x, out);
  evaluator->velocity(0.7, x.topRows(9), out.topRows(9));
  const std::int64_t allocations = flowmatch::testing::allocation_count() - before;
  CHECK(allocations == 0);
}

}  // namespace
