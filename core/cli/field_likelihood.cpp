#include "field_likelihood.h"

#include "flowmatch/flow.h"
#include "interrupt.h"

#include <cmath>
#include <string>
#include <utility>

namespace flowmatch::cli {

namespace {

/// Milliseconds between two looks at Ctrl-C.
constexpr double kSlice = 50;

/// Fresh points of X_t = alpha X_1 + sigma X_0.
Points samples_at(const RunConfig& config, const flowmatch::Source& source, const Target& target,
                  double time, Index count) {
  Points x(count, target.distribution->dimension());
  target.distribution->sample({config.sampler.seed, Purpose::reference_data, 0}, 0, x);
  if (time == 1) return x;
  const ScheduleValues values = evaluate(config.experiment.schedule, time);
  const Points x0 = starting_points(*source.distribution, count, config.sampler.seed);
  return static_cast<float>(values.alpha) * x + static_cast<float>(values.sigma) * x0;
}

/// log p_t of points by the source and target themselves, where it is known.
std::optional<Values> known_density(const RunConfig& config, const flowmatch::Source& source,
                                    const Target& target, double time, const Points& x) {
  Values out(x.rows());
  if (target.modes != nullptr && source.is_standard_normal()) {
    ExactField(*target.modes, config.experiment.schedule).log_density(time, x, out);
    return out;
  }
  if (time != 1 || !target.distribution->has_density()) return std::nullopt;
  target.distribution->log_density(x, out);
  return out;
}

}  // namespace

LikelihoodConfig likelihood_config(const SamplerConfig& sampler, double time) {
  return {.solver = {.solver = Solver::dopri5,
                     .t_end = time,
                     .rtol = sampler.solver.rtol,
                     .atol = sampler.solver.atol,
                     .max_steps = sampler.solver.max_steps},
          .probes = sampler.probes,
          .seed = sampler.seed};
}

std::optional<FieldLikelihood> field_likelihood(const ChosenField& field, const RunConfig& config,
                                                const flowmatch::Source& source,
                                                const Target& target, double time, Index count,
                                                ThreadPool& pool) {
  const Points x = samples_at(config, source, target, time, count);
  Likelihood likelihood(field.field, source.distribution, likelihood_config(config.sampler, time),
                        x, pool);
  while (!likelihood.advance(kSlice)) {
    if (interrupted()) return std::nullopt;
  }
  FieldLikelihood result{.count = count,
                         .nll = negative_log_likelihood(likelihood.log_density()),
                         .function_evaluations = likelihood.function_evaluations(),
                         .problems = likelihood.problems()};
  if (time == 1) result.entropy = target.distribution->entropy();
  if (const auto known = known_density(config, source, target, time, x)) {
    result.kl = kl_divergence(*known, likelihood.log_density());
    if (!result.entropy) result.entropy = negative_log_likelihood(*known).mean;
  }
  return result;
}

void print_likelihood(const FieldLikelihood& likelihood) {
  const auto with_error = [](const MeanEstimate& estimate) {
    return rounded(estimate.mean) + " +- " + rounded(estimate.standard_error, 2);
  };
  std::string line = "NLL                " + with_error(likelihood.nll) + " nats";
  if (likelihood.entropy) line += ", at best " + rounded(*likelihood.entropy);
  print_line(line);
  if (likelihood.kl) print_line("KL                 " + with_error(*likelihood.kl) + " nats");
}

void add_likelihood(const FieldLikelihood& likelihood, OrderedJson& object) {
  // What is not a number is written as null.
  object["nll"] = likelihood.nll.mean;
  object["nllStandardError"] = likelihood.nll.standard_error;
  object["entropy"] = likelihood.entropy.value_or(std::nan(""));
  object["kl"] = likelihood.kl ? likelihood.kl->mean : std::nan("");
  object["klStandardError"] = likelihood.kl ? likelihood.kl->standard_error : std::nan("");
  object["likelihoodCount"] = likelihood.count;
  object["likelihoodEvaluations"] = likelihood.function_evaluations;
}

}  // namespace flowmatch::cli
