#include "flowmatch/trajectory_metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <memory>

namespace flowmatch {

namespace {

/// Points that go their way together: as many as fill the kernels of a network.
constexpr Index kBlockRows = 256;

}  // namespace

TrajectoryMetrics trajectory_metrics(const Field& field, const SolverConfig& config,
                                     const ConstPointsRef& start) {
  assert(validate(config).empty() && config.t_start != config.t_end);
  const Index count = start.rows();
  const Index dimension = start.cols();
  // A step, and one more evaluation at the end of the last.
  const Index evaluations = config.steps * (evaluations_per_step(config.solver) + 1) + 1;
  if (count == 0) {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    return {.path_energy = kNaN, .straightness = kNaN, .function_evaluations = evaluations};
  }
  const Index block_rows = std::min(kBlockRows, count);
  const auto evaluator = field.evaluator(block_rows);
  SolverScratch scratch(block_rows, dimension);
  Points x_of_block(block_rows, dimension);
  Points v_of_block(block_rows, dimension);
  // Integrals of v, for each row.
  PointsOf<double> v_integral(block_rows, dimension);
  const double span = config.t_end - config.t_start;
  const auto steps = static_cast<double>(config.steps);
  const auto time = [&](Index step) {
    return config.t_start + span * static_cast<double>(step) / steps;
  };
  const auto velocity = [&](double t, const auto& points, auto&& out) {
    // Roundings must not lead out of [0, 1].
    evaluator->velocity(std::clamp(t, 0.0, 1.0), points, out);
  };
  TrajectoryMetrics result{.function_evaluations = evaluations};
  for (Index first = 0; first < count; first += block_rows) {
    const Index rows = std::min(block_rows, count - first);
    auto x = x_of_block.topRows(rows);
    auto v = v_of_block.topRows(rows);
    auto integral = v_integral.topRows(rows);
    x = start.middleRows(first, rows);
    integral.setZero();
    double energy = 0;
    for (Index step = 0; step <= config.steps; ++step) {
      velocity(time(step), x, v);
      const bool inner = step > 0 && step < config.steps;
      const double weight = (inner ? 1.0 : 0.5) / steps;
      // In the clock in which all takes one unit of time.
      energy += weight * span * span * v.cast<double>().squaredNorm();
      integral += weight * span * v.cast<double>();
      if (step < config.steps) {
        solver_step<float>(config.solver, velocity, time(step), span / steps, x, scratch);
      }
    }
    // Of |v - d|^2 = |v|^2 - 2 v d + |d|^2, with what is known only now.
    const PointsOf<double> displacement =
        x.cast<double>() - start.middleRows(first, rows).cast<double>();
    result.path_energy += energy;
    result.straightness += energy - (2 * integral - displacement).cwiseProduct(displacement).sum();
  }
  result.path_energy /= static_cast<double>(count);
  result.straightness /= static_cast<double>(count);
  return result;
}

double straightness(const Field& field, const SolverConfig& config, const ConstPointsRef& start) {
  return trajectory_metrics(field, config, start).straightness;
}

double path_energy(const Field& field, const SolverConfig& config, const ConstPointsRef& start) {
  return trajectory_metrics(field, config, start).path_energy;
}

double normalised_path_energy(double path_energy, double w2) {
  const double least = w2 * w2;
  return std::abs(path_energy - least) / least;
}

}  // namespace flowmatch
