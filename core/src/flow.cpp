#include "flowmatch/flow.h"

#include "flow_lane.h"
#include "flowmatch/sde.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

namespace flowmatch {

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

Flow::Flow(std::shared_ptr<const Field> field, const SolverConfig& config,
           const ConstPointsRef& start, Index frames, ThreadPool& pool)
    : field_(std::move(field)),
      config_(config),
      particles_(start.rows()),
      dimension_(start.cols()),
      frames_(frames),
      pool_(pool),
      positions_(static_cast<std::size_t>((frames + 1) * start.size())),
      blocks_((particles_ + kFlowBlockRows - 1) / kFlowBlockRows) {
  assert(validate(config).empty() && frames >= 1 && start.rows() >= 1);
  assert(start.cols() == field_->dimension());
  if (const auto schedule = field_->path_schedule()) config_.sde.schedule = *schedule;
  for (Index f = 0; f <= frames_; ++f) frame_block(f, 0, particles_) = start;
  const Index lanes = std::min<Index>(pool.size(), blocks_);
  for (Index lane = 0; lane < lanes; ++lane) {
    lanes_.push_back(std::make_unique<Lane>(*field_, config.solver));
    lanes_.back()->report.stopped_at = time(frames_);
    if (is_adaptive(config.solver) && !field_->is_followed_exactly()) {
      prepare_adaptive(*lanes_.back());
    }
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

SolverReport Flow::report() const {
  SolverReport sum{.stopped_at = time(frames_)};
  for (const auto& lane : lanes_) add(sum, lane->report, config_.t_start);
  return sum;
}

double Flow::function_evaluations() const {
  return static_cast<double>(report().evaluations) / static_cast<double>(particles_);
}

Problems Flow::problems() const {
  return problems_of(report(), config_, particles_);
}

bool Flow::take_block(Lane& lane) {
  const Index block = blocks_taken_.fetch_add(1, std::memory_order_relaxed);
  if (block >= blocks_) return false;
  lane.first_row = block * kFlowBlockRows;
  lane.rows = std::min(kFlowBlockRows, particles_ - lane.first_row);
  lane.steps_done = 0;
  lane.next_frame = 1;
  if (!is_adaptive(config_.solver)) {
    lane.x.topRows(lane.rows) = frame_block(0, lane.first_row, lane.rows);
  }
  return true;
}

bool Flow::step(Lane& lane) {
  if (field_->is_followed_exactly()) return step_exact(lane);
  return is_adaptive(config_.solver) ? step_adaptive(lane) : step_fixed(lane);
}

bool Flow::step_exact(Lane& lane) {
  const Index f = lane.next_frame++;
  auto x = frame_block(f, lane.first_row, lane.rows);
  x = frame_block(f - 1, lane.first_row, lane.rows);
  lane.report.evaluations += lane.rows * lane.evaluator->follow(time(f - 1), time(f), x);
  lane.report.accepted_steps += lane.rows;
  return f == frames_;
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
  return starting_points(StandardNormal(dimension), particles, seed, first);
}

Points starting_points(const Distribution& source, Index particles, std::uint64_t seed,
                       Index first) {
  Points points(particles, source.dimension());
  source.sample({seed, Purpose::sampling_source, 0}, first, points);
  return points;
}

}  // namespace flowmatch
