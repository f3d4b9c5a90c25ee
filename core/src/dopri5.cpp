#include "flowmatch/dopri5.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <utility>

namespace flowmatch {

namespace {

using Weights = std::array<double, 6>;

/// Stage `s` is at t + kTimes[s] h, its point x + h times the weights of the slopes before it. The
/// seventh stage is the solution of order 5.
constexpr std::array<double, 7> kTimes{0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};
constexpr std::array<Weights, 7> kStageWeights{
    Weights{},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};

// Of the slopes in the order in which they are kept: the seventh in the second's place, which has
// no part in what follows.

/// The solution of order 5 less that of order 4.
constexpr Weights kErrorWeights{71.0 / 57600, -1.0 / 40,           -71.0 / 16695,
                                71.0 / 1920,  -17253.0 / 339200.0, 22.0 / 525};
/// What the continuous solution has beyond the cubic through both ends and their slopes.
constexpr Weights kDenseWeights{-12715105075.0 / 11282082432.0,  69997945.0 / 29380423.0,
                                87487479700.0 / 32700410799.0,   -10690763975.0 / 1880347072.0,
                                701980252875.0 / 199316789632.0, -1453857185.0 / 822651844.0};

}  // namespace

template <class Scalar>
Dopri5Of<Scalar>::Dopri5Of(Index rows, Index dimension)
    : memory_(static_cast<std::size_t>(kSections * rows * dimension)),
      size_(rows * dimension),
      dimension_(dimension) {}

template <class Scalar>
int Dopri5Of<Scalar>::slope_section(int stage) const {
  if (stage == 0) return first_;
  return stage == 1 || stage == 6 ? 1 - first_ : stage;
}

template <class Scalar>
bool Dopri5Of<Scalar>::begin(const SolverConfig& config, const ConstPointsRefOf<Scalar>& x) {
  assert(x.cols() == dimension_ && x.size() <= size_);
  rows_ = x.rows();
  atol_ = config.atol;
  rtol_ = config.rtol;
  max_steps_ = config.max_steps;
  controller_ = {};
  accepted_ = 0;
  rejected_ = 0;
  evaluations_ = 0;
  accepted_last_ = false;
  points(x_) = x;
  const double span = config.t_end - config.t_start;
  time_ = config.t_start;
  end_ = time_ + span;
  direction_ = span < 0 ? -1 : 1;
  state_ = span == 0 || rows_ == 0 ? AdaptiveState::arrived : AdaptiveState::running;
  return state_ == AdaptiveState::running;
}

template <class Scalar>
double Dopri5Of<Scalar>::norm(int section) const {
  const Scalar* values = data(section);
  const Scalar* before = data(x_);
  const Scalar* after = data(previous_);
  double worst = 0;
  for (Index i = 0; i < rows_; ++i) {
    double sum = 0;
    for (Index d = 0; d < dimension_; ++d, ++values, ++before, ++after) {
      const auto size = static_cast<double>(std::max(std::abs(*before), std::abs(*after)));
      const double error = static_cast<double>(*values) / (atol_ + rtol_ * size);
      sum += error * error;
    }
    // What is not a number is the worst of all, and remains it.
    if (sum > worst || std::isnan(sum)) worst = sum;
  }
  return std::sqrt(worst / static_cast<double>(dimension_));
}

/// out = h times the weighted sum of the slopes, in the order in which they are kept.
template <class Scalar>
void Dopri5Of<Scalar>::combine(const double* weights, int count, double h, int out) {
  Flat sum = flat(out);
  sum.setZero();
  for (int j = 0; j < count; ++j) {
    // A slope without weight may be anything, even not a number.
    if (weights[j] == 0) continue;
    sum += static_cast<Scalar>(h * weights[j]) * flat(slope_section(j));
  }
}

template <class Scalar>
double Dopri5Of<Scalar>::prepare_probe() {
  flat(previous_) = flat(x_);
  flat(kStage) = flat(x_);
  const double size = norm(kStage);
  step_ = std::min(first_step_guess(size, norm(slope_section(0))), std::abs(end_ - time_));
  flat(kStage) += static_cast<Scalar>(direction_ * step_) * flat(slope_section(0));
  return time_ + direction_ * step_;
}

template <class Scalar>
void Dopri5Of<Scalar>::choose_first_step() {
  evaluations_ = kStartEvaluations;
  const double slope = norm(slope_section(0));
  flat(kStage) = flat(slope_section(1)) - flat(slope_section(0));
  step_ = first_step(step_, slope, norm(kStage) / step_);
}

template <class Scalar>
void Dopri5Of<Scalar>::begin_attempt() {
  assert(state_ == AdaptiveState::running);
  if (accepted_last_) first_ = 1 - first_;
  accepted_last_ = false;
  // A last step that is a little longer saves one that would be very short.
  const double rest = std::abs(end_ - time_);
  last_step_ = 1.01 * step_ >= rest;
  if (last_step_) step_ = rest;
}

template <class Scalar>
double Dopri5Of<Scalar>::prepare(int stage) {
  const auto s = static_cast<std::size_t>(stage);
  const int out = stage == kStepEvaluations ? previous_ : kStage;
  combine(kStageWeights[s].data(), stage, direction_ * step_, out);
  flat(out) += flat(x_);
  return last_step_ && kTimes[s] == 1 ? end_ : time_ + direction_ * step_ * kTimes[s];
}

template <class Scalar>
bool Dopri5Of<Scalar>::finish_attempt() {
  evaluations_ += kStepEvaluations;
  combine(kErrorWeights.data(), kSlopes, step_, kStage);
  const auto verdict = controller_.judge(norm(kStage));
  if (verdict.accepted) {
    ++accepted_;
    step_start_ = time_;
    time_ = last_step_ ? end_ : time_ + direction_ * step_;
    std::swap(x_, previous_);
    accepted_last_ = true;
    if (last_step_) state_ = AdaptiveState::arrived;
  } else {
    ++rejected_;
  }
  step_ *= verdict.factor;
  if (state_ == AdaptiveState::running) {
    if (!verdict.accepted && step_ < kSmallestStep) {
      state_ = AdaptiveState::step_too_small;
    } else if (accepted_ + rejected_ >= max_steps_) {
      state_ = AdaptiveState::too_many_steps;
    }
  }
  return verdict.accepted;
}

template <class Scalar>
void Dopri5Of<Scalar>::interpolate(double t, PointsRefOf<Scalar> out) {
  assert(accepted_last_);
  const double h = time_ - step_start_;
  const double share = (t - step_start_) / h;
  const double rest = 1 - share;
  // The cubic is (1 - w) x_0 + w x_1 + share rest^2 h k_1 - share^2 rest h k_7, with the w below.
  const double beyond = share * share * rest * rest;
  Weights weights = kDenseWeights;
  for (double& weight : weights) weight *= beyond;
  weights[0] += share * rest * rest;
  weights[1] -= share * share * rest;
  combine(weights.data(), kSlopes, h, kStage);
  const auto w = static_cast<Scalar>(share * share * (3 - 2 * share));
  flat(kStage) += flat(previous_) + w * (flat(x_) - flat(previous_));
  out = points(kStage);
}

SolverReport report_of(const Dopri5& solver, Index rows) {
  const AdaptiveState state = solver.state();
  return {.evaluations = rows * solver.evaluations(),
          .accepted_steps = rows * solver.accepted_steps(),
          .rejected_steps = rows * solver.rejected_steps(),
          .too_many_steps = state == AdaptiveState::too_many_steps ? rows : 0,
          .step_too_small = state == AdaptiveState::step_too_small ? rows : 0,
          .stopped_at = solver.time()};
}

template class Dopri5Of<float>;
template class Dopri5Of<double>;

}  // namespace flowmatch
