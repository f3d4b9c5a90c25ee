// How likely fresh samples of the target are under a field, beside how likely they are under the
// target itself.
#pragma once

#include "flowmatch/experiment.h"
#include "flowmatch/likelihood.h"
#include "flowmatch/thread_pool.h"
#include "report.h"
#include "source.h"

#include <optional>

namespace flowmatch::cli {

struct FieldLikelihood {
  Index count = 0;
  MeanEstimate nll{};  ///< Nats a sample; NaN where a sample was given up.
  /// What no density can go below: the entropy of the target, or an estimate from the same samples.
  std::optional<double> entropy = std::nullopt;
  std::optional<MeanEstimate> kl =
      std::nullopt;  ///< KL(target || field), where the target's density is known.
  double function_evaluations = 0;
  Problems problems;  ///< Of samples that were given up.
};

/// How the command integrates the change of density to a time: Dormand-Prince with the tolerances
/// of the sampler, whatever solver that has, since the density is the field's and not a solver's;
/// with its probes.
LikelihoodConfig likelihood_config(const SamplerConfig& sampler, double time);

/// Of `count` samples of X_t at that time, from the seed of the sampler. Nothing: interrupted.
/// Precondition: check_density() has no problem with the source.
std::optional<FieldLikelihood> field_likelihood(const ChosenField& field, const RunConfig& config,
                                                const flowmatch::Source& source,
                                                const Target& target, double time, Index count,
                                                ThreadPool& pool);

/// Prints its lines, for a person.
void print_likelihood(const FieldLikelihood& likelihood);
/// Adds its entries; null where a number is not known.
void add_likelihood(const FieldLikelihood& likelihood, OrderedJson& object);

}  // namespace flowmatch::cli
