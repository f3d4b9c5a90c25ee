// The likelihoods of an experiment as JavaScript sees them: the log-density that a field gives to
// points or to a rectangle of the plane, and how likely it makes fresh data. Apart from the other
// bindings, so that a module for the first motion does without.
//
// As in bindings.cpp nothing throws, work is done in slices, and results are copies.
#include "flowmatch/likelihood.h"

#include "binding.h"

#include <optional>

namespace {

using namespace flowmatch;
using namespace flowmatch::binding;

// --- What JavaScript passes in; the core's structs with numbers as doubles and enumerations as
// names.

struct JsLikelihoodConfig {
  std::string field;
  JsFieldOptions options;
  std::string solver;
  double steps = 0;
  double tolerance = 0;
  double probes = 0;
  double seed = 0;
};

struct JsDensityGridConfig {
  double x_low = 0;
  double x_high = 0;
  double y_low = 0;
  double y_high = 0;
  double columns = 0;
  double rows = 0;
};

// --- What it gets back.

struct JsLikelihoodResult {
  Float32Array log_density{val::undefined()};
  double function_evaluations = 0;
};

struct JsDensityResult {
  Float32Array log_density{val::undefined()};
  double integral = 0;
  double function_evaluations = 0;
};

struct JsDataLikelihoodResult {
  double negative_log_likelihood = 0;
  double standard_error = 0;
  NumberOrNull entropy{val::null()};
  NumberOrNull divergence{val::null()};
  NumberOrNull divergence_error{val::null()};
  double function_evaluations = 0;
  double count = 0;
};

Float32Array floats_to_js(const Values& values) {
  const Eigen::VectorXf floats = values.cast<float>();
  return copy_to_js<Float32Array>(floats.data(), static_cast<std::size_t>(floats.size()));
}

// --- Reading

struct FieldLikelihood {
  FieldChoice field = FieldChoice::exact;
  FieldOptions options;
  LikelihoodConfig config;
};

FieldLikelihood read(ProblemList& all, const JsLikelihoodConfig& js, const Experiment& experiment) {
  FieldLikelihood likelihood;
  ProblemList problems;
  if (const auto field = field_choice_from_name(js.field)) {
    likelihood.field = *field;
  } else {
    problems.add("field", js.field, "one of exact, learned");
  }
  likelihood.options = read(js.options, experiment, problems);
  SolverConfig& solver = likelihood.config.solver;
  read_name(problems, "solver", js.solver, kSolvers, solver.solver);
  read_whole(problems, "steps", js.steps, 1, kMaxSolverSteps, solver.steps);
  problems.check_range("tolerance", js.tolerance, kMinTolerance, 1);
  solver.rtol = solver.atol = js.tolerance;
  read_whole(problems, "probes", js.probes, 0, static_cast<double>(kMaxProbes),
             likelihood.config.probes);
  read_whole(problems, "seed", js.seed, 0, kMaxSeed, likelihood.config.seed);
  all.append("likelihood", std::move(problems).take());
  for (const Problem& problem : check_density(*experiment.source())) {
    all.add(problem.field, problem.value, problem.allowed);
  }
  return likelihood;
}

DensityGridConfig read(ProblemList& problems, const JsDensityGridConfig& js) {
  DensityGridConfig grid{
      .x_low = js.x_low, .x_high = js.x_high, .y_low = js.y_low, .y_high = js.y_high};
  ProblemList own;
  constexpr auto kMost = static_cast<double>(kMaxGridCells);
  read_whole(own, "columns", js.columns, 1, kMost, grid.columns);
  read_whole(own, "rows", js.rows, 1, kMost, grid.rows);
  if (own.empty()) {
    problems.append("grid", validate(grid));
  } else {
    problems.append("grid", std::move(own).take());
  }
  return grid;
}

// --- Work in slices

class JsLikelihood {
 public:
  JsLikelihood(const Experiment& experiment, const FieldLikelihood& likelihood, Points points)
      : likelihood_(experiment.field(likelihood.field, likelihood.options), experiment.source(),
                    likelihood.config, std::move(points), *shared_pool()) {}

  bool advance(double milliseconds) { return likelihood_.advance(milliseconds); }
  [[nodiscard]] double progress() const { return likelihood_.progress(); }
  [[nodiscard]] JsLikelihoodResult result() const {
    return {
        .log_density = floats_to_js(likelihood_.log_density()),
        .function_evaluations = likelihood_.function_evaluations(),
    };
  }

 private:
  Likelihood likelihood_;
};

class JsDensity {
 public:
  JsDensity(const Experiment& experiment, const FieldLikelihood& likelihood,
            const DensityGridConfig& grid)
      : grid_(experiment.field(likelihood.field, likelihood.options), experiment.source(),
              likelihood.config, grid, *shared_pool()) {}

  bool advance(double milliseconds) { return grid_.advance(milliseconds); }
  [[nodiscard]] double progress() const { return grid_.progress(); }
  [[nodiscard]] JsDensityResult result() const {
    return {.log_density = floats_to_js(grid_.log_density()),
            .integral = grid_.integral(),
            .function_evaluations = grid_.function_evaluations()};
  }

 private:
  DensityGrid grid_;
};

/// How likely a field makes fresh samples of the target, or of the class that is looked at: the
/// negative log-likelihood, whose least is their entropy, and how far it is from that (the
/// divergence of Kullback and Leibler).
class JsDataLikelihood {
 public:
  JsDataLikelihood(const Experiment& experiment, const FieldLikelihood& likelihood, Index count,
                   std::uint64_t seed)
      : target_(experiment.target_of(likelihood.options).distribution),
        samples_(draw(*target_, count, seed)),
        likelihood_(experiment.field(likelihood.field, likelihood.options), experiment.source(),
                    likelihood.config, samples_, *shared_pool()) {}

  /// The density of the target is found a part at a time, too: for a curve it is a quadrature.
  bool advance(double milliseconds) {
    if (!likelihood_.advance(milliseconds)) return false;
    if (!target_->has_density() || known_rows_ == samples_.rows()) return true;
    if (known_rows_ == 0) known_.resize(samples_.rows());
    const Index rows = std::min(kPartRows, samples_.rows() - known_rows_);
    target_->log_density(samples_.middleRows(known_rows_, rows), known_.segment(known_rows_, rows));
    known_rows_ += rows;
    return known_rows_ == samples_.rows();
  }
  [[nodiscard]] JsDataLikelihoodResult result() const {
    const Values& learned = likelihood_.log_density();
    const MeanEstimate nll = negative_log_likelihood(learned);
    std::optional<double> divergence;
    std::optional<double> divergence_error;
    if (target_->has_density()) {
      const MeanEstimate estimate = kl_divergence(known_, learned);
      divergence = estimate.mean;
      divergence_error = estimate.standard_error;
    }
    return {
        .negative_log_likelihood = nll.mean,
        .standard_error = nll.standard_error,
        .entropy = number_or_null(target_->entropy()),
        .divergence = number_or_null(divergence),
        .divergence_error = number_or_null(divergence_error),
        .function_evaluations = likelihood_.function_evaluations(),
        .count = static_cast<double>(samples_.rows()),
    };
  }

 private:
  static constexpr Index kPartRows = 64;

  static Points draw(const Distribution& target, Index count, std::uint64_t seed) {
    Points samples(count, target.dimension());
    target.sample({seed, Purpose::reference_data, 0}, 0, samples);
    return samples;
  }

  std::shared_ptr<const Distribution> target_;
  Points samples_;
  Likelihood likelihood_;
  /// log p of the samples, of the first of them.
  Values known_;
  Index known_rows_ = 0;
};

// Each is `{ run: T | null, problems: Problem[] }`: one of the two says something.
EMSCRIPTEN_DECLARE_VAL_TYPE(LikelihoodStart)
EMSCRIPTEN_DECLARE_VAL_TYPE(DensityStart)
EMSCRIPTEN_DECLARE_VAL_TYPE(DataLikelihoodStart)

/// points is N x 2.
LikelihoodStart start_likelihood(ExperimentHandle& handle, const JsLikelihoodConfig& js,
                                 const Float32Array& points) {
  ProblemList problems;
  const FieldLikelihood likelihood = read(problems, js, handle.experiment());
  const std::vector<float> x = emscripten::convertJSArrayToNumberVector<float>(points);
  problems.check_integer("points", static_cast<double>(x.size()) / 2, 1,
                         static_cast<double>(kMaxGridCells));
  if (!problems.empty()) {
    return refused<LikelihoodStart>("run", std::move(problems).take());
  }
  const auto rows = static_cast<Index>(x.size() / 2);
  return started<LikelihoodStart>(
      "run", std::make_unique<JsLikelihood>(handle.experiment(), likelihood,
                                            Eigen::Map<const Points>(x.data(), rows, 2)));
}

DensityStart start_density(ExperimentHandle& handle, const JsLikelihoodConfig& js,
                           const JsDensityGridConfig& js_grid) {
  ProblemList problems;
  const FieldLikelihood likelihood = read(problems, js, handle.experiment());
  const DensityGridConfig grid = read(problems, js_grid);
  if (!problems.empty()) return refused<DensityStart>("run", std::move(problems).take());
  return started<DensityStart>("run",
                               std::make_unique<JsDensity>(handle.experiment(), likelihood, grid));
}

DataLikelihoodStart start_data_likelihood(ExperimentHandle& handle, const JsLikelihoodConfig& js,
                                          double count, double seed) {
  ProblemList problems;
  const FieldLikelihood likelihood = read(problems, js, handle.experiment());
  Index samples = 2;
  std::uint64_t whole_seed = 0;
  read_whole(problems, "count", count, 2, kMaxParticles, samples);
  read_whole(problems, "seed", seed, 0, kMaxSeed, whole_seed);
  if (!problems.empty()) {
    return refused<DataLikelihoodStart>("run", std::move(problems).take());
  }
  return started<DataLikelihoodStart>(
      "run",
      std::make_unique<JsDataLikelihood>(handle.experiment(), likelihood, samples, whole_seed));
}

}  // namespace

EMSCRIPTEN_BINDINGS(flowmatch_likelihood) {
  using namespace emscripten;

  register_type<LikelihoodStart>("{ run: Likelihood | null; problems: Problem[] }");
  register_type<DensityStart>("{ run: Density | null; problems: Problem[] }");
  register_type<DataLikelihoodStart>("{ run: DataLikelihood | null; problems: Problem[] }");

  value_object<JsLikelihoodConfig>("LikelihoodConfig")
      .field("field", &JsLikelihoodConfig::field)
      .field("options", &JsLikelihoodConfig::options)
      .field("solver", &JsLikelihoodConfig::solver)
      .field("steps", &JsLikelihoodConfig::steps)
      .field("tolerance", &JsLikelihoodConfig::tolerance)
      .field("probes", &JsLikelihoodConfig::probes)
      .field("seed", &JsLikelihoodConfig::seed);
  value_object<JsDensityGridConfig>("DensityGridConfig")
      .field("xLow", &JsDensityGridConfig::x_low)
      .field("xHigh", &JsDensityGridConfig::x_high)
      .field("yLow", &JsDensityGridConfig::y_low)
      .field("yHigh", &JsDensityGridConfig::y_high)
      .field("columns", &JsDensityGridConfig::columns)
      .field("rows", &JsDensityGridConfig::rows);
  value_object<JsLikelihoodResult>("LikelihoodResult")
      .field("logDensity", &JsLikelihoodResult::log_density)
      .field("functionEvaluations", &JsLikelihoodResult::function_evaluations);
  value_object<JsDensityResult>("DensityResult")
      .field("logDensity", &JsDensityResult::log_density)
      .field("integral", &JsDensityResult::integral)
      .field("functionEvaluations", &JsDensityResult::function_evaluations);
  value_object<JsDataLikelihoodResult>("DataLikelihoodResult")
      .field("negativeLogLikelihood", &JsDataLikelihoodResult::negative_log_likelihood)
      .field("standardError", &JsDataLikelihoodResult::standard_error)
      .field("entropy", &JsDataLikelihoodResult::entropy)
      .field("divergence", &JsDataLikelihoodResult::divergence)
      .field("divergenceError", &JsDataLikelihoodResult::divergence_error)
      .field("functionEvaluations", &JsDataLikelihoodResult::function_evaluations)
      .field("count", &JsDataLikelihoodResult::count);

  class_<JsLikelihood>("Likelihood")
      .function("advance(milliseconds)", &JsLikelihood::advance)
      .function("progress", &JsLikelihood::progress)
      .function("result", &JsLikelihood::result);
  class_<JsDensity>("Density")
      .function("advance(milliseconds)", &JsDensity::advance)
      .function("progress", &JsDensity::progress)
      .function("result", &JsDensity::result);
  class_<JsDataLikelihood>("DataLikelihood")
      .function("advance(milliseconds)", &JsDataLikelihood::advance)
      .function("result", &JsDataLikelihood::result);

  function("startLikelihood(experiment, config, points)", &start_likelihood);
  function("startDensity(experiment, config, grid)", &start_density);
  function("startDataLikelihood(experiment, config, count, seed)", &start_data_likelihood);
}
