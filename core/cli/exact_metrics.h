// What of a flow is found exactly, at a cost that grows faster than the samples: the distances
// whose optimal plan is an assignment, the discrepancy over all pairs, and how straight the ways
// are.
#pragma once

#include "flowmatch/source.h"
#include "flowmatch/target.h"
#include "flowmatch/thread_pool.h"
#include "report.h"
#include "source.h"

#include <optional>

namespace flowmatch::cli {

/// A number with its floor: the same of two sets of fresh samples.
struct WithFloor {
  double value;
  double floor;
};

struct ExactMetrics {
  Index count;
  WithFloor w1;
  WithFloor w2;
  WithFloor mmd;  ///< Squared, unbiased, by a Gaussian kernel of the median distance.
  /// Of the ODE; none where the samples are moved by an SDE, or by couplings, whose way from one to
  /// the next is only a picture of them. The floor of a straight flow at
  /// constant speed, and of optimal transport, is 0.
  std::optional<double> straightness;
  std::optional<double> normalised_path_energy;
};

/// Of `count` samples, from the seed of the sampler. NaN where one did not come to the end.
ExactMetrics exact_metrics(const ChosenField& field, const SamplerConfig& sampler,
                           const flowmatch::Source& source, const Target& target, Index count,
                           ThreadPool& pool);

/// Adds its entries; null where a number is not known.
void add_exact_metrics(const ExactMetrics& metrics, OrderedJson& object);

}  // namespace flowmatch::cli
