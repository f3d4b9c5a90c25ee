// The Runge-Kutta pair of Dormand and Prince, 5(4): a solution of order 5, whose difference from
// one of order 4 chooses the length of each step; and a continuous solution of order 4 inside a
// step. Dormand, Prince 1980, "A family of embedded Runge-Kutta formulae"; Hairer, Norsett, Wanner,
// "Solving Ordinary Differential Equations I", table II.5.2; section II.6 on the continuous
// solution, which is that of Shampine 1986.
//
// The points of a batch share their steps. The error of a step, in tolerances, is the largest of
// its points', and a point's is the root mean square of its coordinates'
//   error_d / (atol + rtol max(|x_d before|, |x_d after|))
// so that the tolerance holds for every point, whatever the others beside it do.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/solver.h"
#include "flowmatch/solver_report.h"
#include "flowmatch/step_controller.h"

#include <cstdint>
#include <vector>

namespace flowmatch {

enum class AdaptiveState {
  running,
  arrived,         ///< At t_end.
  too_many_steps,  ///< max_steps were tried before t_end.
  /// No step was short enough for the tolerance: the field is not finite there, or jumps.
  step_too_small,
};

/// Shorter steps are not tried; times are in [0, 1].
inline constexpr double kSmallestStep = 1e-12;

/// A batch of points on its way. Scalar is float; double serves tests.
template <class Scalar>
class Dopri5Of {
 public:
  /// Evaluations of the field that choose the first step, and those of every step that is tried:
  /// the last slope of an accepted step is the first one of the next.
  static constexpr int kStartEvaluations = 2;
  static constexpr int kStepEvaluations = 6;

  /// Allocates all memory, for up to `rows` points of `dimension` coordinates.
  Dopri5Of(Index rows, Index dimension);

  /// Puts x (N x D) at config.t_start, to be moved to config.t_end with its tolerances, and chooses
  /// the first step. velocity(t, x, out) evaluates the field. Does not allocate.
  template <class Velocity>
  void start(const SolverConfig& config, const ConstPointsRefOf<Scalar>& x, Velocity&& velocity) {
    if (!begin(config, x)) return;
    velocity(time_, points(x_), slope(0));
    const double probe_time = prepare_probe();
    velocity(probe_time, points(kStage), slope(1));
    choose_first_step();
  }

  /// Tries one step; returns whether it was accepted. Precondition: state() is running. Does not
  /// allocate.
  template <class Velocity>
  bool attempt(Velocity&& velocity) {
    begin_attempt();
    for (int stage = 1; stage <= kStepEvaluations; ++stage) {
      const double t = prepare(stage);
      velocity(t, points(stage == kStepEvaluations ? previous_ : kStage), slope(stage));
    }
    return finish_attempt();
  }

  [[nodiscard]] AdaptiveState state() const { return state_; }
  /// The points, N x D, and their time.
  [[nodiscard]] Eigen::Map<const PointsOf<Scalar>> x() const {
    return {data(x_), rows_, dimension_};
  }
  [[nodiscard]] double time() const { return time_; }
  /// out = the solution at time t, between the beginning and the end of the step that was just
  /// accepted: of order 4, continuous with its derivative. Precondition: the last attempt() was
  /// accepted. Does not allocate.
  void interpolate(double t, PointsRefOf<Scalar> out);

  [[nodiscard]] Index accepted_steps() const { return accepted_; }
  [[nodiscard]] Index rejected_steps() const { return rejected_; }
  /// Evaluations of the field since start(): 2 and 6 a step, accepted or not; none if there was no
  /// way to go.
  [[nodiscard]] Index evaluations() const { return evaluations_; }

 private:
  using Flat = Eigen::Map<Eigen::Array<Scalar, Eigen::Dynamic, 1>>;

  // Sections of the memory. The second slope is not used once the sixth is known, and lends its
  // place to the seventh.
  static constexpr int kSlopes = 6;
  static constexpr int kStage = kSlopes;
  static constexpr int kSections = kSlopes + 3;

  bool begin(const SolverConfig& config, const ConstPointsRefOf<Scalar>& x);
  double prepare_probe();
  void choose_first_step();
  void begin_attempt();
  double prepare(int stage);
  bool finish_attempt();
  void combine(const double* weights, int count, double h, int out);
  [[nodiscard]] double norm(int section) const;

  [[nodiscard]] int slope_section(int stage) const;
  [[nodiscard]] const Scalar* data(int section) const { return memory_.data() + section * size_; }
  [[nodiscard]] Scalar* data(int section) { return memory_.data() + section * size_; }
  Flat flat(int section) { return {data(section), rows_ * dimension_}; }
  Eigen::Map<PointsOf<Scalar>> points(int section) { return {data(section), rows_, dimension_}; }
  Eigen::Map<PointsOf<Scalar>> slope(int stage) { return points(slope_section(stage)); }

  std::vector<Scalar> memory_;
  Index size_;
  Index dimension_;
  Index rows_ = 0;

  double atol_ = 0;
  double rtol_ = 0;
  Index max_steps_ = 0;
  double end_ = 0;
  double direction_ = 1;

  AdaptiveState state_ = AdaptiveState::arrived;
  StepController controller_;
  double time_ = 0;
  double step_start_ = 0;
  double step_ = 0;
  bool last_step_ = false;
  Index accepted_ = 0;
  Index rejected_ = 0;
  Index evaluations_ = 0;
  int x_ = kStage + 1;
  /// Where the points were before the step; during an attempt, where they may come.
  int previous_ = kStage + 2;
  /// Sections of the first and of the last slope: 0 and 1 or 1 and 0.
  int first_ = 0;
  bool accepted_last_ = false;
};

using Dopri5 = Dopri5Of<float>;

/// What the way of a batch of so many points has cost, which has ended: arrived or given up.
SolverReport report_of(const Dopri5& solver, Index rows);

}  // namespace flowmatch
