#include "commands.h"
#include "flowmatch/exact_field.h"
#include "flowmatch/io/npy.h"
#include "flowmatch/io/plot.h"
#include "report.h"
#include "source.h"

#include <utility>

namespace flowmatch::cli {

namespace {

/// The centres of the cells of a grid over the window, row by row from the smallest y.
Points grid_points(const Window& window, Index resolution) {
  Points points(resolution * resolution, 2);
  const auto cells = static_cast<double>(resolution);
  for (Index row = 0; row < resolution; ++row) {
    for (Index column = 0; column < resolution; ++column) {
      points(row * resolution + column, 0) =
          static_cast<float>(window.x_min + (window.x_max - window.x_min) *
                                                (static_cast<double>(column) + 0.5) / cells);
      points(row * resolution + column, 1) = static_cast<float>(
          window.y_min + (window.y_max - window.y_min) * (static_cast<double>(row) + 0.5) / cells);
    }
  }
  return points;
}

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

}  // namespace

int density(const DensityOptions& options, const CommonOptions& common) {
  if (!check_extensions(options.files, ".npy .csv .png")) return bad_usage;
  const auto source = read_source(options.source);
  if (!source) return bad_usage;
  const auto target = make_target(source->config.experiment.data).value();
  if (target.exact->dimension() != 2) {
    print_error("a grid needs data of 2 dimensions, not " +
                std::to_string(target.exact->dimension()));
    return bad_usage;
  }
  const ExactField field(*target.exact, source->config.experiment.schedule);
  const Window window =
      Window::square(options.window > 0 ? options.window : window_of(*target.exact));
  const Index resolution = options.resolution;
  const Points points = grid_points(window, resolution);
  Values log_density(points.rows());
  // A row of the grid for each task; each point is computed alone.
  ThreadPool pool(thread_count(common));
  pool.parallel_for(resolution, [&](Index row, int /*worker*/) {
    field.log_density(options.time, points.middleRows(row * resolution, resolution),
                      log_density.segment(row * resolution, resolution));
  });
  const double cell = (window.x_max - window.x_min) * (window.y_max - window.y_min) /
                      static_cast<double>(points.rows());
  const Eigen::VectorXd density = log_density.array().exp();

  for (const std::string& file : options.files) {
    const std::string extension = extension_of(file);
    std::string bytes;
    if (extension == ".npy") {
      bytes = to_npy(
          std::span<const double>(log_density.data(), static_cast<std::size_t>(log_density.size())),
          {resolution, resolution});
    } else if (extension == ".csv") {
      bytes = grid_to_csv(points, log_density);
    } else {
      bytes = to_png(plot_density(
          Eigen::Map<const PointsOf<double>>(density.data(), resolution, resolution), window));
    }
    if (!write_output(file, bytes, common)) return failure;
  }
  const double integral = density.sum() * cell;
  if (common.json) {
    print_json({{"t", options.time},
                {"window", {window.x_min, window.x_max, window.y_min, window.y_max}},
                {"resolution", resolution},
                {"integral", integral},
                {"highestLogDensity", log_density.maxCoeff()},
                {"files", options.files}});
  } else if (!common.quiet) {
    print_line("integral over the window  " + rounded(integral, 6));
    print_line("highest log-density       " + rounded(log_density.maxCoeff(), 6));
  }
  return success;
}

}  // namespace flowmatch::cli
