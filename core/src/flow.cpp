#include "flowmatch/flow.h"

#include "flowmatch/dopri5.h"
#include "flowmatch/sde.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace flowmatch {

namespace {

// A block goes its whole way before the next one is begun: few points, so that their network
// activations and their frames stay in cache, and a step of them is soon done.
constexpr Index kBlockRows = kFlowBlockRows;

}  // namespace

/// When a piece of work is over. A look at the clock takes as long as a step of the smallest
/// fields, so it is looked at only every so many steps: as many as pass in about kInterval.
class Flow::Deadline {
 public:
  explicit Deadline(double milliseconds)
      : never_(milliseconds == std::numeric_limits<double>::infinity()),
        last_look_(never_ ? 0 : now()),
        end_(last_look_ + milliseconds) {}

  /// To be asked after every step.
  bool passed() {
    if (never_ || ++steps_ < steps_to_look_) return false;
    const double time = now();
    const double passed = time - last_look_;
    // Doubled, not computed: a step that was held up by something else must not decide.
    if (passed < kInterval) {
      steps_to_look_ *= 2;
    } else if (passed > 2 * kInterval) {
      steps_to_look_ = 1;
    }
    last_look_ = time;
    steps_ = 0;
    return time >= end_;
  }

 private:
  /// Milliseconds.
  static constexpr double kInterval = 0.1;
  static double now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double, std::milli>(since).count();
  }

  bool never_;
  double last_look_;
  double end_;
  Index steps_ = 0;
  Index steps_to_look_ = 1;
};

/// A block on its way, and the working memory to move it. Who runs a lane goes on with its block
/// where it was left, and then takes the next: no thread waits for another before the end of a
/// piece of work, and then at most for a step.
struct Flow::Lane {
  Lane(const Field& field, Solver solver)
      : evaluator(field.evaluator(kBlockRows)),
        scratch(is_adaptive(solver) ? 0 : kBlockRows, field.dimension()),
        x(scratch.stage.rows(), field.dimension()),
        previous(scratch.stage.rows(), field.dimension()),
        normal(is_stochastic(solver) ? kBlockRows : 0, field.dimension()),
        adaptive(is_adaptive(solver) ? kBlockRows : 0, field.dimension()) {}

  std::unique_ptr<FieldEvaluator> evaluator;
  // With steps of equal length.
  SolverScratch scratch;
  Points x;
  Points previous;
  Points normal;
  // With others.
  Dopri5 adaptive;
  /// The block; no rows: none.
  Index first_row = 0;
  Index rows = 0;
  Index steps_done = 0;
  Index next_frame = 1;
  /// Of this lane's blocks.
  FlowReport report;
};

Flow::Flow(std::shared_ptr<const Field> field, const SolverConfig& config,
           const ConstPointsRef& start, Index frames, ThreadPool& pool)
    : field_(std::move(field)),
      config_(config),
      particles_(start.rows()),
      dimension_(start.cols()),
      frames_(frames),
      pool_(pool),
      positions_(static_cast<std::size_t>((frames + 1) * start.size())),
      blocks_((particles_ + kBlockRows - 1) / kBlockRows) {
  assert(validate(config).empty() && frames >= 1 && start.rows() >= 1);
  assert(start.cols() == field_->dimension());
  for (Index f = 0; f <= frames_; ++f) frame_block(f, 0, particles_) = start;
  const Index lanes = std::min<Index>(pool.size(), blocks_);
  for (Index lane = 0; lane < lanes; ++lane) {
    lanes_.push_back(std::make_unique<Lane>(*field_, config.solver));
    lanes_.back()->report.stopped_at = time(frames_);
  }
}

Flow::~Flow() = default;

double Flow::time(Index f) const {
  const double share = static_cast<double>(f) / static_cast<double>(frames_);
  return config_.t_start + share * (config_.t_end - config_.t_start);
}

Eigen::Map<const Points> Flow::frame(Index f) const {
  return {positions_.data() + f * particles_ * dimension_, particles_, dimension_};
}

Eigen::Map<Points> Flow::frame_block(Index f, Index first_row, Index rows) {
  return {positions_.data() + (f * particles_ + first_row) * dimension_, rows, dimension_};
}

FlowReport Flow::report() const {
  FlowReport sum{.stopped_at = time(frames_)};
  for (const auto& lane : lanes_) {
    const FlowReport& part = lane->report;
    sum.evaluations += part.evaluations;
    sum.accepted_steps += part.accepted_steps;
    sum.rejected_steps += part.rejected_steps;
    sum.too_many_steps += part.too_many_steps;
    sum.step_too_small += part.step_too_small;
    if (std::abs(part.stopped_at - config_.t_start) < std::abs(sum.stopped_at - config_.t_start)) {
      sum.stopped_at = part.stopped_at;
    }
  }
  return sum;
}

double Flow::function_evaluations() const {
  return static_cast<double>(report().evaluations) / static_cast<double>(particles_);
}

Problems Flow::problems() const {
  const FlowReport report = this->report();
  ProblemList problems;
  const auto add = [&](std::string_view field, double value, std::int64_t points,
                       std::string_view remedy) {
    if (points == 0) return;
    problems.add(field, format_number(value),
                 std::string(remedy) + ": " + format_number(static_cast<double>(points)) + " of " +
                     format_number(static_cast<double>(particles_)) +
                     " points were given up, the first at t = " + format_number(report.stopped_at));
  };
  add("maxSteps", static_cast<double>(config_.max_steps), report.too_many_steps,
      "more, or with larger tolerances");
  add("rtol", config_.rtol, report.step_too_small, "larger, or with a field that is finite");
  return std::move(problems).take();
}

bool Flow::take_block(Lane& lane) {
  const Index block = blocks_taken_.fetch_add(1, std::memory_order_relaxed);
  if (block >= blocks_) return false;
  lane.first_row = block * kBlockRows;
  lane.rows = std::min(kBlockRows, particles_ - lane.first_row);
  lane.steps_done = 0;
  lane.next_frame = 1;
  if (!is_adaptive(config_.solver)) {
    lane.x.topRows(lane.rows) = frame_block(0, lane.first_row, lane.rows);
  }
  return true;
}

bool Flow::step(Lane& lane) {
  return is_adaptive(config_.solver) ? step_adaptive(lane) : step_fixed(lane);
}

bool Flow::step_fixed(Lane& lane) {
  auto x = lane.x.topRows(lane.rows);
  auto previous = lane.previous.topRows(lane.rows);
  const double span = config_.t_end - config_.t_start;
  const double h = span / static_cast<double>(config_.steps);
  const Index s = lane.steps_done++;
  const double t =
      config_.t_start + span * static_cast<double>(s) / static_cast<double>(config_.steps);
  previous = x;
  if (is_stochastic(config_.solver)) {
    auto normal = lane.normal.topRows(lane.rows);
    fill_normal({config_.sde.seed, Purpose::sde_noise, static_cast<std::uint32_t>(s)},
                config_.sde.first_row + lane.first_row, normal);
    sde_step(config_.solver, config_.sde, *lane.evaluator, t, h, normal, x, lane.scratch);
  } else {
    const auto velocity = [&](double at, const auto& points, auto&& out) {
      // h times the number of steps may miss the end of [0, 1] by a rounding.
      lane.evaluator->velocity(std::clamp(at, 0.0, 1.0), points, out);
    };
    solver_step<float>(config_.solver, velocity, t, h, x, lane.scratch);
  }
  lane.report.evaluations += lane.rows * evaluations_per_step(config_.solver);
  lane.report.accepted_steps += lane.rows;
  // Frames f with f / frames in (s / steps, (s + 1) / steps], in whole numbers.
  for (Index& f = lane.next_frame; f <= frames_ && f * config_.steps <= (s + 1) * frames_; ++f) {
    const auto share = static_cast<float>(static_cast<double>(f * config_.steps - s * frames_) /
                                          static_cast<double>(frames_));
    auto frame = frame_block(f, lane.first_row, lane.rows);
    if (share == 1.0F) {
      frame = x;
    } else {
      frame = previous + share * (x - previous);
    }
  }
  return lane.steps_done == config_.steps;
}

bool Flow::step_adaptive(Lane& lane) {
  Dopri5& solver = lane.adaptive;
  const auto velocity = [&](double at, const auto& points, auto&& out) {
    lane.evaluator->velocity(std::clamp(at, 0.0, 1.0), points, out);
  };
  if (lane.steps_done++ == 0) {
    solver.start(config_, frame_block(0, lane.first_row, lane.rows), velocity);
  }
  // There may be no way to go: then every frame is the start, as it stands there already.
  if (solver.state() == AdaptiveState::running && solver.attempt(velocity)) {
    const double direction = config_.t_end < config_.t_start ? -1 : 1;
    for (Index& f = lane.next_frame; f < frames_; ++f) {
      if ((time(f) - solver.time()) * direction > 0) break;
      solver.interpolate(time(f), frame_block(f, lane.first_row, lane.rows));
    }
    if (solver.state() == AdaptiveState::arrived) {
      frame_block(frames_, lane.first_row, lane.rows) = solver.x();
    }
  }
  if (solver.state() == AdaptiveState::running) return false;

  FlowReport& report = lane.report;
  report.evaluations += lane.rows * solver.evaluations();
  report.accepted_steps += lane.rows * solver.accepted_steps();
  report.rejected_steps += lane.rows * solver.rejected_steps();
  if (solver.state() != AdaptiveState::arrived) {
    for (Index f = lane.next_frame; f <= frames_; ++f) {
      frame_block(f, lane.first_row, lane.rows)
          .setConstant(std::numeric_limits<float>::quiet_NaN());
    }
    (solver.state() == AdaptiveState::too_many_steps ? report.too_many_steps
                                                     : report.step_too_small) += lane.rows;
    if (std::abs(solver.time() - config_.t_start) < std::abs(report.stopped_at - config_.t_start)) {
      report.stopped_at = solver.time();
    }
  }
  return true;
}

void Flow::run(Lane& lane, Deadline deadline) {
  while (lane.rows > 0 || take_block(lane)) {
    if (step(lane)) {
      lane.rows = 0;
      blocks_done_.fetch_add(1, std::memory_order_relaxed);
    }
    if (deadline.passed()) return;
  }
}

bool Flow::advance(double milliseconds) {
  if (done()) return true;
  const Deadline deadline(milliseconds);
  pool_.parallel_for(static_cast<Index>(lanes_.size()), [&](Index lane, int /*worker*/) {
    run(*lanes_[static_cast<std::size_t>(lane)], deadline);
  });
  return done();
}

Points integrate(std::shared_ptr<const Field> field, const SolverConfig& config,
                 const ConstPointsRef& start, ThreadPool& pool) {
  Flow flow(std::move(field), config, start, 1, pool);
  flow.advance(std::numeric_limits<double>::infinity());
  return flow.frame(1);
}

Points starting_noise(Index particles, Index dimension, std::uint64_t seed, Index first) {
  Points noise(particles, dimension);
  StandardNormal(dimension).sample({seed, Purpose::sampling_source, 0}, first, noise);
  return noise;
}

}  // namespace flowmatch
