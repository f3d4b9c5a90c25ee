#include "flowmatch/likelihood.h"

#include "elementary.h"
#include "flowmatch/dopri5.h"
#include "flowmatch/flow.h"
#include "flowmatch/random.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

/// Points that go their whole way before the next block is begun, as in a Flow. A step of them with
/// its divergence takes so long that a look at the clock after each costs nothing.
constexpr Index kBlockRows = kFlowBlockRows;

double now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(since).count();
}

/// exp of a log-density.
double density_of(double log_density) {
  // Beyond what exponential() takes: 1e-304 and less, or what no picture shows.
  if (log_density < -700) return 0;
  if (log_density > 700) return std::numeric_limits<double>::infinity();
  return exponential(log_density);
}

}  // namespace

Problems validate(const LikelihoodConfig& config) {
  ProblemList problems;
  problems.append("solver", validate(config.solver));
  if (is_stochastic(config.solver.solver)) {
    problems.add("solver.solver", std::string(name(config.solver.solver)),
                 "a solver of the ODE: euler, midpoint, heun, rk4 or dopri5");
  }
  problems.check_integer("probes", static_cast<double>(config.probes), 0,
                         static_cast<double>(kMaxProbes));
  return std::move(problems).take();
}

Problems check_density(const Distribution& source) {
  ProblemList problems;
  if (!source.has_density()) {
    problems.add(
        "source", "without a log-density",
        "one whose log-density is known, for a likelihood: N(0, I), a mixture, a set other "
        "than moons_torchdyn and pinwheel, or points with a smoothing");
  }
  return std::move(problems).take();
}

void LogDensityOde::operator()(double t, const ConstPointsRef& state, const ConstPointsRef& probes,
                               PointsRef slope) {
  const Index dimension = state.cols() - 1;
  auto divergence = divergence_.head(state.rows());
  evaluator_.velocity_and_divergence(std::clamp(t, 0.0, 1.0), state.leftCols(dimension), probes,
                                     slope.leftCols(dimension), divergence);
  slope.col(dimension) = -divergence.cast<float>();
}

/// A block on its way, and the working memory to move it; see Flow.
struct Likelihood::Lane {
  Lane(const Field& field, Solver solver, Index probe_count)
      : evaluator(field.evaluator(kBlockRows)),
        ode(*evaluator, kBlockRows),
        scratch(is_adaptive(solver) ? 0 : kBlockRows, field.dimension() + 1),
        adaptive(is_adaptive(solver) ? kBlockRows : 0, field.dimension() + 1),
        state(kBlockRows, field.dimension() + 1),
        probes(probe_count * kBlockRows, field.dimension()) {}

  std::unique_ptr<FieldEvaluator> evaluator;
  LogDensityOde ode;
  SolverScratch scratch;  // With steps of equal length,
  Dopri5 adaptive;        // and with others.
  Points state;           // With an adaptive solver, where it began and where it ended.
  Points probes;
  /// The block; no rows: none.
  Index first_row = 0;
  Index rows = 0;
  Index steps_done = 0;
  /// Of this lane's blocks.
  SolverReport report;
};

Likelihood::Likelihood(std::shared_ptr<const Field> field,
                       std::shared_ptr<const Distribution> source, const LikelihoodConfig& config,
                       Points x, ThreadPool& pool)
    : field_(std::move(field)),
      source_(source != nullptr ? std::move(source)
                                : std::make_shared<const StandardNormal>(field_->dimension())),
      config_(config),
      way_(config.solver),
      x_(std::move(x)),
      pool_(pool),
      log_density_(Values::Constant(x_.rows(), std::nan(""))),
      blocks_((x_.rows() + kBlockRows - 1) / kBlockRows) {
  assert(validate(config).empty());
  assert(field_->has_divergence() && source_->has_density());
  assert(x_.cols() == field_->dimension() && source_->dimension() == field_->dimension());
  std::swap(way_.t_start, way_.t_end);
  const Index lanes = std::min<Index>(pool.size(), blocks_);
  for (Index lane = 0; lane < lanes; ++lane) {
    lanes_.push_back(std::make_unique<Lane>(*field_, way_.solver, config_.probes));
    lanes_.back()->report.stopped_at = way_.t_end;
  }
}

Likelihood::~Likelihood() = default;

double Likelihood::progress() const {
  if (done()) return 1;
  auto blocks = static_cast<double>(blocks_done_);
  for (const auto& lane : lanes_) {
    if (lane->rows == 0) continue;
    if (!is_adaptive(way_.solver)) {
      blocks += static_cast<double>(lane->steps_done) / static_cast<double>(way_.steps);
    } else if (lane->steps_done > 0 && way_.t_end != way_.t_start) {
      blocks += (lane->adaptive.time() - way_.t_start) / (way_.t_end - way_.t_start);
    }
  }
  return blocks / static_cast<double>(blocks_);
}

SolverReport Likelihood::report() const {
  SolverReport sum{.stopped_at = way_.t_end};
  for (const auto& lane : lanes_) add(sum, lane->report, way_.t_start);
  return sum;
}

double Likelihood::function_evaluations() const {
  if (x_.rows() == 0) return 0;
  return static_cast<double>(report().evaluations) / static_cast<double>(x_.rows());
}

Problems Likelihood::problems() const {
  return problems_of(report(), way_, x_.rows());
}

bool Likelihood::take_block(Lane& lane) {
  const Index block = blocks_taken_.fetch_add(1, std::memory_order_relaxed);
  if (block >= blocks_) return false;
  lane.first_row = block * kBlockRows;
  lane.rows = std::min(kBlockRows, x_.rows() - lane.first_row);
  lane.steps_done = 0;
  auto state = lane.state.topRows(lane.rows);
  state.leftCols(x_.cols()) = x_.middleRows(lane.first_row, lane.rows);
  state.col(x_.cols()).setZero();
  for (Index probe = 0; probe < config_.probes; ++probe) {
    fill_rademacher({config_.seed, Purpose::hutchinson, static_cast<std::uint32_t>(probe)},
                    lane.first_row, lane.probes.middleRows(probe * lane.rows, lane.rows));
  }
  return true;
}

/// Returns whether the block has come to its end.
bool Likelihood::step(Lane& lane) {
  if (is_adaptive(way_.solver)) return step_adaptive(lane);
  const auto probes = lane.probes.topRows(config_.probes * lane.rows);
  const auto slope_of = [&](double t, const auto& state, auto&& slope) {
    lane.ode(t, state, probes, slope);
  };
  const double span = way_.t_end - way_.t_start;
  const auto steps = static_cast<double>(way_.steps);
  const double t = way_.t_start + span * static_cast<double>(lane.steps_done++) / steps;
  solver_step<float>(way_.solver, slope_of, t, span / steps, lane.state.topRows(lane.rows),
                     lane.scratch);
  lane.report.evaluations += lane.rows * evaluations_per_step(way_.solver);
  lane.report.accepted_steps += lane.rows;
  return lane.steps_done == way_.steps;
}

bool Likelihood::step_adaptive(Lane& lane) {
  Dopri5& solver = lane.adaptive;
  const auto probes = lane.probes.topRows(config_.probes * lane.rows);
  const auto slope_of = [&](double t, const auto& state, auto&& slope) {
    lane.ode(t, state, probes, slope);
  };
  if (lane.steps_done++ == 0) solver.start(way_, lane.state.topRows(lane.rows), slope_of);
  // There may be no way to go: then the points are where they come from.
  if (solver.state() == AdaptiveState::running) solver.attempt(slope_of);
  if (solver.state() == AdaptiveState::running) return false;

  lane.state.topRows(lane.rows) = solver.x();
  add(lane.report, report_of(solver, lane.rows), way_.t_start);
  return true;
}

void Likelihood::finish_block(Lane& lane) {
  const Index dimension = x_.cols();
  auto result = log_density_.segment(lane.first_row, lane.rows);
  const bool arrived = !is_adaptive(way_.solver) || lane.adaptive.state() == AdaptiveState::arrived;
  if (arrived) {
    const auto state = lane.state.topRows(lane.rows);
    source_->log_density(state.leftCols(dimension), result);
    result -= state.col(dimension).cast<double>();
  }
  lane.rows = 0;
  blocks_done_.fetch_add(1, std::memory_order_relaxed);
}

void Likelihood::run(Lane& lane, double end) {
  while (lane.rows > 0 || take_block(lane)) {
    if (step(lane)) finish_block(lane);
    if (now() >= end) return;
  }
}

bool Likelihood::advance(double milliseconds) {
  if (done()) return true;
  const double end = now() + milliseconds;
  pool_.parallel_for(static_cast<Index>(lanes_.size()), [&](Index lane, int /*worker*/) {
    run(*lanes_[static_cast<std::size_t>(lane)], end);
  });
  return done();
}

Values log_likelihood(std::shared_ptr<const Field> field, const LikelihoodConfig& config,
                      const ConstPointsRef& x, ThreadPool& pool,
                      std::shared_ptr<const Distribution> source) {
  Likelihood likelihood(std::move(field), std::move(source), config, x, pool);
  likelihood.advance(std::numeric_limits<double>::infinity());
  return likelihood.log_density();
}

MeanEstimate mean_estimate(const Values& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = values.sum() / count;
  const double squares = (values.array() - mean).square().sum();
  return {.mean = mean, .standard_error = std::sqrt(squares / ((count - 1) * count))};
}

MeanEstimate negative_log_likelihood(const Values& log_density) {
  return mean_estimate(-log_density);
}

MeanEstimate kl_divergence(const Values& log_p, const Values& log_q) {
  assert(log_p.size() == log_q.size());
  return mean_estimate(log_p - log_q);
}

Problems validate(const DensityGridConfig& config) {
  ProblemList problems;
  // Coordinates that a float can tell apart and square.
  constexpr double kFar = 1e12;
  problems.check_range("xLow", config.x_low, -kFar, kFar);
  problems.check_above("xHigh", config.x_high, config.x_low, kFar);
  problems.check_range("yLow", config.y_low, -kFar, kFar);
  problems.check_above("yHigh", config.y_high, config.y_low, kFar);
  const auto most = static_cast<double>(kMaxGridCells);
  problems.check_integer("columns", static_cast<double>(config.columns), 1, most);
  // Of absurd columns the rows are not to blame.
  const double columns = std::clamp(static_cast<double>(config.columns), 1.0, most);
  problems.check_integer("rows", static_cast<double>(config.rows), 1, std::floor(most / columns));
  return std::move(problems).take();
}

Points grid_points(const DensityGridConfig& config) {
  Points points(config.columns * config.rows, 2);
  const double width = (config.x_high - config.x_low) / static_cast<double>(config.columns);
  const double height = (config.y_high - config.y_low) / static_cast<double>(config.rows);
  Index cell = 0;
  for (Index row = 0; row < config.rows; ++row) {
    for (Index column = 0; column < config.columns; ++column, ++cell) {
      points(cell, 0) =
          static_cast<float>(config.x_low + width * (static_cast<double>(column) + 0.5));
      points(cell, 1) =
          static_cast<float>(config.y_low + height * (static_cast<double>(row) + 0.5));
    }
  }
  return points;
}

DensityGrid::DensityGrid(std::shared_ptr<const Field> field,
                         std::shared_ptr<const Distribution> source, const LikelihoodConfig& config,
                         const DensityGridConfig& grid, ThreadPool& pool)
    : grid_(grid),
      likelihood_(std::move(field), std::move(source), config, grid_points(grid), pool) {
  assert(validate(grid).empty());
}

double DensityGrid::cell_area() const {
  return (grid_.x_high - grid_.x_low) * (grid_.y_high - grid_.y_low) /
         static_cast<double>(grid_.columns * grid_.rows);
}

void DensityGrid::density(std::span<float> out) const {
  const Values& log_density = likelihood_.log_density();
  assert(static_cast<Index>(out.size()) == log_density.size());
  for (Index i = 0; i < log_density.size(); ++i) {
    out[static_cast<std::size_t>(i)] = static_cast<float>(density_of(log_density[i]));
  }
}

double DensityGrid::integral() const {
  double sum = 0;
  for (const double log_density : likelihood_.log_density()) sum += density_of(log_density);
  return sum * cell_area();
}

}  // namespace flowmatch
