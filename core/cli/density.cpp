#include "commands.h"
#include "field_likelihood.h"
#include "flowmatch/exact_field.h"
#include "flowmatch/io/npy.h"
#include "flowmatch/io/plot.h"
#include "flowmatch/likelihood.h"
#include "interrupt.h"
#include "report.h"
#include "source.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace flowmatch::cli {

namespace {

/// Milliseconds between two looks at Ctrl-C.
constexpr double kSlice = 50;

std::string grid_to_csv(const Points& points, const Values& log_density) {
  std::string text = "x0,x1,logDensity\n";
  for (Index i = 0; i < points.rows(); ++i) {
    text += format_number(static_cast<double>(points(i, 0)));
    text += ',';
    text += format_number(static_cast<double>(points(i, 1)));
    text += ',';
    text += format_number(log_density[i]);
    text += '\n';
  }
  return text;
}

/// log p of the cells of a grid, and what it took.
struct GridDensity {
  Values log_density;
  double function_evaluations = 0;  ///< A cell's; 0 where the density is known in closed form.
  Problems problems;
};

/// That of the exact field at a time.
GridDensity exact_density(const ExactField& field, double time, const DensityGridConfig& grid,
                          ThreadPool& pool) {
  const Points points = grid_points(grid);
  GridDensity density{.log_density = Values(points.rows()), .problems = {}};
  // A row of the grid for each task; each point is computed alone.
  pool.parallel_for(grid.rows, [&](Index row, int /*worker*/) {
    field.log_density(time, points.middleRows(row * grid.columns, grid.columns),
                      density.log_density.segment(row * grid.columns, grid.columns));
  });
  return density;
}

/// That of any field, by the change of variables. Nothing: interrupted.
std::optional<GridDensity> density_by_likelihood(const std::shared_ptr<const Field>& field,
                                                 const std::shared_ptr<const Distribution>& start,
                                                 const LikelihoodConfig& config,
                                                 const DensityGridConfig& grid, ThreadPool& pool) {
  DensityGrid density(field, start, config, grid, pool);
  while (!density.advance(kSlice)) {
    if (interrupted()) return std::nullopt;
  }
  return GridDensity{.log_density = density.log_density(),
                     .function_evaluations = density.function_evaluations(),
                     .problems = density.problems()};
}

std::string file_of(const std::string& path, const GridDensity& density,
                    const DensityGridConfig& grid, const Window& window) {
  const Values& log_density = density.log_density;
  const std::string extension = extension_of(path);
  if (extension == ".npy") {
    return to_npy(
        std::span<const double>(log_density.data(), static_cast<std::size_t>(log_density.size())),
        {grid.rows, grid.columns});
  }
  if (extension == ".csv") return grid_to_csv(grid_points(grid), log_density);
  const Values values = log_density.array().exp();
  return to_png(plot_density(
      Eigen::Map<const PointsOf<double>>(values.data(), grid.rows, grid.columns), window));
}

}  // namespace

int density(const DensityOptions& options, const CommonOptions& common) {
  if (!check_extensions(options.files, ".npy .csv .png")) return bad_usage;
  const auto source = read_source(options.source);
  if (!source) return bad_usage;
  const ChosenField field = choose_field(*source, options.field);
  if (!field.field) return bad_usage;
  const auto target = make_target(source->config.experiment.data).value();
  if (target.exact->dimension() != 2) {
    print_error("a grid needs data of 2 dimensions, not " +
                std::to_string(target.exact->dimension()));
    return bad_usage;
  }
  const auto start = make_source(source->config.experiment.source, 2).value();
  const bool exact = field.choice == FieldChoice::exact;
  if (!exact || options.count > 0) {
    if (const Problems problems = check_density(*start.distribution); !problems.empty()) {
      print_problems(problems);
      if (exact) {
        print_error("--count is " + std::to_string(options.count) +
                    ", must be 0 for such a source");
      }
      return bad_usage;
    }
  }
  const Window window = Window::square(
      options.window > 0 ? options.window : window_of(*target.exact, start.exact.get()));
  const DensityGridConfig grid{.x_low = window.x_min,
                               .x_high = window.x_max,
                               .y_low = window.y_min,
                               .y_high = window.y_max,
                               .columns = options.resolution,
                               .rows = options.resolution};
  if (const Problems problems = validate(grid); !problems.empty()) {
    print_problems(problems);
    return bad_usage;
  }
  catch_interruption();
  ThreadPool pool(thread_count(common));
  const std::optional<GridDensity> density =
      exact ? exact_density(*make_exact_field(start, target, source->config.experiment.schedule),
                            options.time, grid, pool)
            : density_by_likelihood(field.field, start.distribution,
                                    likelihood_config(source->config.sampler, options.time), grid,
                                    pool);
  if (!density) return interruption;
  std::optional<FieldLikelihood> likelihood;
  if (options.count > 0) {
    likelihood =
        field_likelihood(field, source->config, start, target, options.time, options.count, pool);
    if (!likelihood) return interruption;
  }

  for (const std::string& file : options.files) {
    if (!write_output(file, file_of(file, *density, grid, window), common)) return failure;
  }
  const double cell = (window.x_max - window.x_min) * (window.y_max - window.y_min) /
                      static_cast<double>(grid.rows * grid.columns);
  const double integral = density->log_density.array().exp().sum() * cell;
  const double highest = density->log_density.maxCoeff<Eigen::PropagateNumbers>();
  if (common.json) {
    OrderedJson said{{"field", name(field.choice)},
                     {"t", options.time},
                     {"window", {window.x_min, window.x_max, window.y_min, window.y_max}},
                     {"resolution", options.resolution},
                     {"integral", integral},
                     {"highestLogDensity", highest},
                     {"functionEvaluations", density->function_evaluations}};
    if (likelihood) add_likelihood(*likelihood, said);
    said["files"] = options.files;
    print_json(said);
  } else if (!common.quiet) {
    print_line("integral over the window  " + rounded(integral, 6));
    print_line("highest log-density       " + rounded(highest, 6));
    if (likelihood) print_likelihood(*likelihood);
  }
  print_problems(density->problems);
  if (likelihood) print_problems(likelihood->problems);
  return density->problems.empty() && (!likelihood || likelihood->problems.empty()) ? success
                                                                                    : failure;
}

}  // namespace flowmatch::cli
