#include "commands.h"
#include "flowmatch/evaluation.h"
#include "interrupt.h"
#include "report.h"
#include "source.h"

#include <array>
#include <cstdio>
#include <optional>
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

OrderedJson number_or_null(const std::optional<double>& number) {
  return number ? OrderedJson(*number) : OrderedJson(nullptr);
}

}  // namespace

int evaluate(const EvaluateOptions& options, const CommonOptions& common) {
  const auto source = read_source(options.source);
  if (!source) return bad_usage;
  const auto [field, choice] = choose_field(*source, options.field);
  if (!field) return bad_usage;
  const SamplerConfig& sampler = source->config.sampler;
  catch_interruption();
  ThreadPool pool(thread_count(common));
  const auto target = make_target(source->config.experiment.data).value();
  Evaluation evaluation(field, sampler.solver, target.distribution, target.modes, options.count,
                        sampler.seed, pool);
  while (!evaluation.advance(kSlice)) {
    if (interrupted()) return interruption;
  }
  const EvaluationResult& result = evaluation.result();
  if (common.json) {
    print_json({{"field", name(choice)},
                {"solver", name(sampler.solver.solver)},
                {"steps", sampler.solver.steps},
                {"count", options.count},
                {"slicedW2", result.sliced_w2},
                {"slicedW2Floor", result.sliced_w2_floor},
                {"energyDistance", result.energy_distance},
                {"energyDistanceFloor", result.energy_distance_floor},
                {"withinThree", number_or_null(result.within_three)},
                {"withinThreeTruth", number_or_null(result.within_three_truth)},
                {"modeShares",
                 std::vector<double>(result.mode_shares.begin(), result.mode_shares.end())}});
    return success;
  }
  print_line("                        field        floor");
  print_row("sliced W2", result.sliced_w2, result.sliced_w2_floor);
  print_row("energy distance", result.energy_distance, result.energy_distance_floor);
  if (target.modes == nullptr) return success;
  print_row("within 3", *result.within_three, *result.within_three_truth);
  const double truth = 1 / static_cast<double>(result.mode_shares.size());
  print_row("least mode share", result.mode_shares.minCoeff(), truth);
  print_row("most mode share", result.mode_shares.maxCoeff(), truth);
  return success;
}

}  // namespace flowmatch::cli
