#include "commands.h"
#include "exact_metrics.h"
#include "field_likelihood.h"
#include "flowmatch/evaluation.h"
#include "interrupt.h"
#include "report.h"
#include "source.h"

#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace flowmatch::cli {

namespace {

constexpr double kSlice = 50;

void print_row(const char* what, double value, double floor) {
  std::array<char, 100> line{};
  std::snprintf(line.data(), line.size(), "%-18s %10s   %10s", what, rounded(value).c_str(),
                rounded(floor).c_str());
  print_line(line.data());
}

void print_exact(const ExactMetrics& metrics) {
  print_row("W1, exact", metrics.w1.value, metrics.w1.floor);
  print_row("W2, exact", metrics.w2.value, metrics.w2.floor);
  print_row("MMD, squared", metrics.mmd.value, metrics.mmd.floor);
  if (!metrics.straightness) return;
  print_row("straightness", *metrics.straightness, 0);
  print_row("path energy, norm.", *metrics.normalised_path_energy, 0);
}

OrderedJson number_or_null(const std::optional<double>& number) {
  return number ? OrderedJson(*number) : OrderedJson(nullptr);
}

/// Says what was lost on the way, and how the program ends.
int end(const EvaluationResult& result, const std::optional<FieldLikelihood>& likelihood) {
  if (result.lost > 0) {
    print_error(std::to_string(result.lost) +
                " samples did not come to the end, and are in no distance and no share: more "
                "sampler.maxSteps or a larger sampler.rtol may help");
  }
  if (likelihood) print_problems(likelihood->problems);
  return result.lost == 0 && (!likelihood || likelihood->problems.empty()) ? success : failure;
}

}  // namespace

int evaluate(const EvaluateOptions& options, const CommonOptions& common) {
  SourceOptions source_options = options.source;
  apply_guidance(options.guidance, source_options);
  const auto source = read_source(source_options);
  if (!source) return bad_usage;
  const ChosenField chosen = choose_field(*source, options.field);
  if (!chosen.field) return bad_usage;
  const SamplerConfig& sampler = source->config.sampler;
  const auto start =
      make_source(source->config.experiment.source, chosen.field->dimension()).value();
  if (options.likelihood_count > 0) {
    if (const Problems problems = check_density(*start.distribution); !problems.empty()) {
      print_problems(problems);
      print_error("--likelihood is " + std::to_string(options.likelihood_count) +
                  ", must be 0 for such a source");
      return bad_usage;
    }
  }
  catch_interruption();
  ThreadPool pool(thread_count(common));
  const auto target = make_target(source->config.experiment.data, sampler.guidance.label).value();
  Evaluation evaluation(chosen.field, sampler.solver, target.distribution, target.modes,
                        options.count, sampler.seed, pool, start.distribution.get());
  while (!evaluation.advance(kSlice)) {
    if (interrupted()) return interruption;
  }
  const EvaluationResult& result = evaluation.result();
  std::optional<FieldLikelihood> likelihood;
  if (options.likelihood_count > 0) {
    likelihood =
        field_likelihood(chosen, source->config, start, target, 1, options.likelihood_count, pool);
    if (!likelihood) return interruption;
  }
  std::optional<ExactMetrics> exact;
  if (options.exact_count > 0) {
    exact = exact_metrics(chosen, sampler, start, target, options.exact_count, pool);
  }
  if (common.json) {
    OrderedJson said{
        {"field", name(chosen.choice)},
        {"label", sampler.guidance.label},
        {"guidance", sampler.guidance.scale},
        {"solver", name(sampler.solver.solver)},
        {"steps", sampler.solver.steps},
        {"count", options.count},
        {"lost", result.lost},
        {"slicedW2", result.sliced_w2},
        {"slicedW2Floor", result.sliced_w2_floor},
        {"energyDistance", result.energy_distance},
        {"energyDistanceFloor", result.energy_distance_floor},
        {"withinThree", number_or_null(result.within_three)},
        {"withinThreeTruth", number_or_null(result.within_three_truth)},
        {"modeShares", std::vector<double>(result.mode_shares.begin(), result.mode_shares.end())}};
    if (likelihood) add_likelihood(*likelihood, said);
    if (exact) add_exact_metrics(*exact, said);
    print_json(said);
    return end(result, likelihood);
  }
  print_line("                        field        floor");
  print_row("sliced W2", result.sliced_w2, result.sliced_w2_floor);
  print_row("energy distance", result.energy_distance, result.energy_distance_floor);
  if (target.modes != nullptr) {
    print_row("within 3", *result.within_three, *result.within_three_truth);
    const double truth = 1 / static_cast<double>(result.mode_shares.size());
    print_row("least mode share", result.mode_shares.minCoeff(), truth);
    print_row("most mode share", result.mode_shares.maxCoeff(), truth);
  }
  if (exact) print_exact(*exact);
  if (likelihood) print_likelihood(*likelihood);
  return end(result, likelihood);
}

}  // namespace flowmatch::cli
