#include "flowmatch/flow.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <limits>
#include <utility>

namespace flowmatch {

namespace {

/// Points that go their whole way before the next block is begun: few, so that their network
/// activations and their frames stay in cache, and a block of the blog's network is done in some
/// ten milliseconds.
constexpr Index kBlockRows = 32;

}  // namespace

struct Flow::Worker {
  Worker(const Field& field, Index dimension)
      : evaluator(field.evaluator(kBlockRows)),
        scratch(kBlockRows, dimension),
        x(kBlockRows, dimension),
        previous(kBlockRows, dimension) {}

  std::unique_ptr<FieldEvaluator> evaluator;
  SolverScratch scratch;
  Points x;
  Points previous;
};

Flow::Flow(std::shared_ptr<const Field> field, const SolverConfig& config,
           const ConstPointsRef& start, Index frames, ThreadPool& pool)
    : field_(std::move(field)),
      config_(config),
      particles_(start.rows()),
      dimension_(start.cols()),
      frames_(frames),
      pool_(pool),
      positions_(static_cast<std::size_t>((frames + 1) * start.size())) {
  assert(validate(config).empty() && frames >= 1 && start.rows() >= 1);
  assert(start.cols() == field_->dimension());
  for (Index f = 0; f <= frames_; ++f) frame_block(f, 0, particles_) = start;
  for (int worker = 0; worker < pool.size(); ++worker) {
    workers_.push_back(std::make_unique<Worker>(*field_, dimension_));
  }
}

Flow::~Flow() = default;

bool Flow::done() const {
  return next_block_ * kBlockRows >= particles_;
}

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

Index Flow::function_evaluations() const {
  return config_.steps * evaluations_per_step(config_.solver);
}

void Flow::move_block(Index block, Worker& worker) {
  const Index first = block * kBlockRows;
  const Index rows = std::min(kBlockRows, particles_ - first);
  auto x = worker.x.topRows(rows);
  auto previous = worker.previous.topRows(rows);
  x = frame_block(0, first, rows);

  const auto velocity = [&](double t, const auto& points, auto&& out) {
    // h times the number of steps may miss the end of [0, 1] by a rounding.
    worker.evaluator->velocity(std::clamp(t, 0.0, 1.0), points, out);
  };
  const double span = config_.t_end - config_.t_start;
  const double h = span / static_cast<double>(config_.steps);
  Index next_frame = 1;
  for (Index s = 0; s < config_.steps; ++s) {
    previous = x;
    const double t =
        config_.t_start + span * static_cast<double>(s) / static_cast<double>(config_.steps);
    solver_step<float>(config_.solver, velocity, t, h, x, worker.scratch);
    // Frames f with f / frames in (s / steps, (s + 1) / steps], in whole numbers.
    for (; next_frame <= frames_ && next_frame * config_.steps <= (s + 1) * frames_; ++next_frame) {
      const auto share =
          static_cast<float>(static_cast<double>(next_frame * config_.steps - s * frames_) /
                             static_cast<double>(frames_));
      auto frame = frame_block(next_frame, first, rows);
      if (share == 1.0F) {
        frame = x;
      } else {
        frame = previous + share * (x - previous);
      }
    }
  }
}

bool Flow::advance(double milliseconds) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const Index blocks = (particles_ + kBlockRows - 1) / kBlockRows;
  while (!done()) {
    // One block a thread at a time; all that are left when nobody waits for an answer in between.
    const bool unhurried = milliseconds == std::numeric_limits<double>::infinity();
    const Index round =
        unhurried ? blocks - next_block_ : std::min<Index>(pool_.size(), blocks - next_block_);
    pool_.parallel_for(round, [&](Index task, int worker) {
      move_block(next_block_ + task, *workers_[static_cast<std::size_t>(worker)]);
    });
    next_block_ += round;
    const std::chrono::duration<double, std::milli> spent = Clock::now() - begin;
    if (spent.count() >= milliseconds) break;
  }
  return done();
}

Points integrate(std::shared_ptr<const Field> field, const SolverConfig& config,
                 const ConstPointsRef& start, ThreadPool& pool) {
  Flow flow(std::move(field), config, start, 1, pool);
  flow.advance(std::numeric_limits<double>::infinity());
  return flow.frame(1);
}

Points starting_noise(Index particles, Index dimension, std::uint64_t seed) {
  Points noise(particles, dimension);
  StandardNormal(dimension).sample({seed, Purpose::sampling_source, 0}, 0, noise);
  return noise;
}

}  // namespace flowmatch
