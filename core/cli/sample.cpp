#include "commands.h"
#include "flowmatch/flow.h"
#include "flowmatch/io/csv.h"
#include "flowmatch/io/npy.h"
#include "flowmatch/io/plot.h"
#include "interrupt.h"
#include "report.h"
#include "source.h"

#include <iostream>
#include <utility>

namespace flowmatch::cli {

namespace {

/// Milliseconds between two looks at Ctrl-C.
constexpr double kSlice = 50;
/// More samples than these are drawn as their density.
constexpr Index kMostDots = 20000;

/// `start`: as of a Source.
std::string file_of(const std::string& path, const Flow& flow, const SampleOptions& options,
                    const RunConfig& config, const GaussianMixture* start) {
  const auto end = flow.frame(flow.frames());
  const bool trajectories = options.frames > 0;
  const std::string extension = extension_of(path);
  if (extension == ".png") {
    const double half = options.window > 0
                            ? options.window
                            : window_of(*make_target(config.experiment.data).value().exact, start);
    const Window window = Window::square(half);
    return to_png(end.rows() > kMostDots ? plot_histogram(end, window) : plot_samples(end, window));
  }
  const Index dimension = end.cols();
  if (extension == ".npy") {
    if (trajectories) {
      return to_npy(flow.positions(), {flow.frames() + 1, flow.particles(), dimension});
    }
    return to_npy(std::span(end.data(), static_cast<std::size_t>(end.size())),
                  {flow.particles(), dimension});
  }
  if (!trajectories) return samples_to_csv(end);
  std::vector<double> times;
  for (Index f = 0; f <= flow.frames(); ++f) times.push_back(flow.time(f));
  return trajectories_to_csv(times, flow.positions(), flow.particles(), dimension);
}

}  // namespace

int sample(const SampleOptions& options, const CommonOptions& common) {
  if (!check_extensions(options.files, ".npy .csv .png")) return bad_usage;
  SourceOptions source_options = options.source;
  if (options.count) {
    source_options.changes.push_back("sampler.particles=" + std::to_string(*options.count));
  }
  apply_guidance(options.guidance, source_options);
  const auto source = read_source(source_options);
  if (!source) return bad_usage;
  const auto [field, choice] = choose_field(*source, options.field);
  if (!field) return bad_usage;
  for (const std::string& file : options.files) {
    if (extension_of(file) == ".png" && field->dimension() != 2) {
      print_error(file + ": a picture needs data of 2 dimensions, not " +
                  std::to_string(field->dimension()));
      return bad_usage;
    }
  }
  const SamplerConfig& sampler = source->config.sampler;
  catch_interruption();
  ThreadPool pool(thread_count(common));
  const auto start = make_source(source->config.experiment.source, field->dimension()).value();
  Flow flow(field, sampler.solver,
            starting_points(*start.distribution, sampler.particles, sampler.seed),
            std::max<Index>(options.frames, 1), pool);
  while (!flow.advance(kSlice)) {
    if (interrupted()) return interruption;
  }
  for (const std::string& file : options.files) {
    const std::string bytes = file_of(file, flow, options, source->config, start.exact.get());
    if (!write_output(file, bytes, common)) return failure;
  }
  const SolverReport report = flow.report();
  const auto a_particle = [&](std::int64_t count) {
    return static_cast<double>(count) / static_cast<double>(flow.particles());
  };
  if (common.json) {
    print_json({{"field", name(choice)},
                {"label", sampler.guidance.label},
                {"guidance", sampler.guidance.scale},
                {"solver", name(sampler.solver.solver)},
                {"steps", sampler.solver.steps},
                {"functionEvaluations", flow.function_evaluations()},
                {"acceptedSteps", a_particle(report.accepted_steps)},
                {"rejectedSteps", a_particle(report.rejected_steps)},
                {"givenUp", report.given_up()},
                {"particles", flow.particles()},
                {"files", options.files}});
  } else if (!common.quiet) {
    std::cerr << "a particle took " << rounded(flow.function_evaluations()) << " evaluations, "
              << rounded(a_particle(report.accepted_steps)) << " steps accepted and "
              << rounded(a_particle(report.rejected_steps)) << " rejected\n";
  }
  // What was given up is NaN in the files.
  print_problems(flow.problems());
  return report.given_up() == 0 ? success : failure;
}

}  // namespace flowmatch::cli
