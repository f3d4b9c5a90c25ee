#include "exact_metrics.h"

#include "flowmatch/flow.h"
#include "flowmatch/metrics.h"
#include "flowmatch/trajectory_metrics.h"

#include <array>
#include <cmath>

namespace flowmatch::cli {

namespace {

double discrepancy(const ConstPointsRef& a, const ConstPointsRef& b) {
  const std::array bandwidths{median_bandwidth(a, b)};
  return squared_mmd(a, b, bandwidths).unbiased;
}

}  // namespace

ExactMetrics exact_metrics(const ChosenField& field, const SamplerConfig& sampler,
                           const flowmatch::Source& source, const Target& target, Index count,
                           ThreadPool& pool) {
  const Points start = starting_points(*source.distribution, count, sampler.seed);
  const Points end = integrate(field.field, sampler.solver, start, pool);
  Points reference(count, start.cols());
  target.distribution->sample({sampler.seed, Purpose::reference_data, 0}, 0, reference);
  const auto compared = [&](const auto& metric) {
    return WithFloor{.value = metric(end, reference),
                     .floor = floor_of(metric, *target.distribution, count, sampler.seed)};
  };
  // A discrepancy of what is not there would be one of nothing.
  const bool whole = end.allFinite();
  ExactMetrics metrics{.count = count,
                       .w1 = compared(w1),
                       .w2 = compared(w2),
                       .mmd = compared([&](const ConstPointsRef& a, const ConstPointsRef& b) {
                         return whole ? discrepancy(a, b) : std::nan("");
                       })};
  if (is_stochastic(sampler.solver.solver) || field.field->is_followed_exactly()) return metrics;
  const TrajectoryMetrics ways = trajectory_metrics(*field.field, sampler.solver, start);
  metrics.straightness = ways.straightness;
  metrics.normalised_path_energy = normalised_path_energy(ways.path_energy, w2(start, reference));
  return metrics;
}

void add_exact_metrics(const ExactMetrics& metrics, OrderedJson& object) {
  // What is not a number is written as null.
  object["exactCount"] = metrics.count;
  object["w1"] = metrics.w1.value;
  object["w1Floor"] = metrics.w1.floor;
  object["w2"] = metrics.w2.value;
  object["w2Floor"] = metrics.w2.floor;
  object["mmd"] = metrics.mmd.value;
  object["mmdFloor"] = metrics.mmd.floor;
  object["straightness"] = metrics.straightness.value_or(std::nan(""));
  object["normalisedPathEnergy"] = metrics.normalised_path_energy.value_or(std::nan(""));
}

}  // namespace flowmatch::cli
