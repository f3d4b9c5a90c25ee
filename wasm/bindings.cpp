// The core as JavaScript sees it: one class for an experiment, one for each kind of work that is
// done in slices, and plain objects for everything else.
//
// Numbers arrive as JavaScript numbers and enumerations as names, so they are read and checked
// here, field by field, with the core's own ranges; what is wrong comes back as a list of problems
// beside a null. Nothing here throws. Bulk results are copies in typed arrays of their own, free to
// be transferred to another thread.
#include "binding.h"
#include "data.h"
#include "flowmatch/experiment.h"
#include "flowmatch/instruction_set.h"
#include "flowmatch/version.h"
#include "method.h"
#include "stopping.h"

#include <emscripten/bind.h>
#include <emscripten/heap.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

std::unique_ptr<flowmatch::ThreadPool>& flowmatch::binding::shared_pool() {
  static std::unique_ptr<ThreadPool> pool;
  return pool;
}

namespace {

/// All of the data under the schedule of the training: the small module knows no other fields.
bool is_plain(const flowmatch::binding::JsFieldOptions& js) {
  return js.guidance.label == flowmatch::kNoLabel && js.schedule.schedule.empty();
}

}  // namespace

flowmatch::FieldOptions flowmatch::binding::read(const JsFieldOptions& js,
                                                 const Experiment& experiment,
                                                 ProblemList& problems) {
  FieldOptions options;
  if (FLOWMATCH_BASIC) {
    if (!is_plain(js)) problems.add("options", "", "");
    return options;
  }
  ProblemList own;
  read_whole(own, "guidance.label", js.guidance.label, kNoLabel, kMaxLabels,
             options.guidance.label);
  options.guidance.scale = js.guidance.scale;
  if (!js.schedule.schedule.empty()) {
    Schedule& schedule = options.schedule.emplace();
    read_name(own, "schedule.schedule", js.schedule.schedule, kSchedules, schedule);
    schedule.exponent = js.schedule.exponent;
    schedule.beta_min = js.schedule.beta_min;
    schedule.beta_max = js.schedule.beta_max;
  }
  Problems all = std::move(own).take();
  if (all.empty()) all = validate(options, experiment.config());
  problems.append("options", all);
  return options;
}

namespace {

using emscripten::val;
using namespace flowmatch;
using namespace flowmatch::binding;

/// Whether this is the small module, which a page loads first (see CMakeLists.txt). What it leaves
/// out it refuses with no problem at all: the caller goes to the whole module with it.
constexpr bool kBasic = FLOWMATCH_BASIC;

// The names that the generated TypeScript declarations use for values that pass through as they
// are.
EMSCRIPTEN_DECLARE_VAL_TYPE(Float64Array)
EMSCRIPTEN_DECLARE_VAL_TYPE(NumberArray)
EMSCRIPTEN_DECLARE_VAL_TYPE(Simd)

constexpr Index kMaxFrames = 1000;
/// As many workers as the module's pool may have (see CMakeLists.txt), the caller included.
constexpr int kMaxThreads = 8;
/// Losses that one call of train returns at most.
constexpr Index kMaxStepsPerCall = 16384;

// --- What JavaScript passes in; the core's structs with numbers as doubles and enumerations as
// names.

struct JsTimeLawConfig {
  std::string law;
  double logit_mean;
  double logit_scale;
  double log_noise_mean;
  double log_noise_scale;
  double fixed_time;
};

struct JsLossWeightingConfig {
  std::string weighting;
  double gamma;
};

struct JsCouplingConfig {
  std::string coupling;
  bool label_aware;
  double regularisation;
};

struct JsTimeFeatures {
  std::string kind;
  double count;
  double scale;
  double seed;
};

struct JsExperimentConfig {
  DataValue data{val::undefined()};
  JsScheduleConfig schedule;
  std::string prediction;
  JsTimeLawConfig time_law;
  JsLossWeightingConfig loss_weighting;
  JsCouplingConfig coupling;
  double coupling_batches;
  NumberArray hidden{val::undefined()};
  std::string activation;
  JsTimeFeatures time_features;
  bool labels;
  double label_dropout;
  double batch_size;
  double learning_rate;
  std::string learning_rate_decay;
  double warmup_steps;
  double weight_decay;
  double gradient_clip;
  double ema_decay;
  double steps;
  double seed;
  StopValue stop{val::undefined()};
  SourceValue source{val::undefined()};
  MethodValue method{val::undefined()};
};

struct JsSamplerConfig {
  std::string field;
  JsFieldOptions options;
  std::string solver;
  double steps;
  double tolerance;
  double diffusion;
  double particles;
  double seed;
};

// --- What it gets back.

struct TierDescription {
  Simd simd{val::undefined()};
  int threads;
};

struct TrainReport {
  Float32Array losses{val::undefined()};
  bool diverged;
  double seconds;
};

/// The core's TrainerState.
struct JsTrainerState {
  Float32Array parameters{val::undefined()};
  Float32Array ema{val::undefined()};
  Float32Array first_moment{val::undefined()};
  Float32Array second_moment{val::undefined()};
  double steps_done;
  bool diverged;
};

struct JsEvaluationResult {
  double sliced_w2;
  double sliced_w2_floor;
  double energy_distance;
  double energy_distance_floor;
  NumberOrNull within_three{val::null()};
  NumberOrNull within_three_truth{val::null()};
  Float32Array mode_shares{val::undefined()};
};

// --- Reading

/// Whether the small module has all of this: the blog's example and the settings next to it. What
/// is not as it would be by default is for the whole module, its mistakes as well.
bool is_basic(const JsExperimentConfig& js) {
  const ExperimentConfig standard;
  const TimeLawConfig& times = standard.training.time_law;
  return is_ring(js.data) &&
         (js.schedule.schedule == "cond_ot" || js.schedule.schedule == "sqrt") &&
         js.schedule.exponent == standard.schedule.exponent &&
         js.schedule.beta_min == standard.schedule.beta_min &&
         js.schedule.beta_max == standard.schedule.beta_max && js.prediction == "velocity" &&
         js.time_law.law == "uniform" && js.time_law.logit_mean == times.logit_mean &&
         js.time_law.logit_scale == times.logit_scale &&
         js.time_law.log_noise_mean == times.log_noise_mean &&
         js.time_law.log_noise_scale == times.log_noise_scale &&
         js.time_law.fixed_time == times.fixed_time && js.loss_weighting.weighting == "constant" &&
         js.loss_weighting.gamma == standard.training.loss_weighting.gamma &&
         js.coupling.coupling == "independent" &&
         js.coupling.regularisation == standard.training.coupling.sinkhorn.regularisation &&
         js.coupling_batches == 1 && !js.labels &&
         js.label_dropout == standard.training.label_dropout && js.time_features.kind == "plain" &&
         js.time_features.count == static_cast<double>(standard.time_features.count) &&
         js.time_features.scale == standard.time_features.scale && js.time_features.seed == 0 &&
         js.stop.isNull() && js.source.isNull() && js.method.isNull();
}

bool is_basic(const JsSamplerConfig& js) {
  if (!is_plain(js.options)) return false;
  return js.solver == "euler" || js.solver == "midpoint" || js.solver == "heun" ||
         js.solver == "rk4";
}

/// What is_basic() does not let through.
void read_beyond_basic(ProblemList& problems, const JsExperimentConfig& js,
                       ExperimentConfig& config) {
  read_name(problems, "prediction", js.prediction, kPredictions, config.prediction);
  TrainerConfig& training = config.training;
  read_name(problems, "timeLaw.law", js.time_law.law, kTimeLaws, training.time_law.law);
  training.time_law.logit_mean = js.time_law.logit_mean;
  training.time_law.logit_scale = js.time_law.logit_scale;
  training.time_law.log_noise_mean = js.time_law.log_noise_mean;
  training.time_law.log_noise_scale = js.time_law.log_noise_scale;
  training.time_law.fixed_time = js.time_law.fixed_time;
  read_name(problems, "lossWeighting.weighting", js.loss_weighting.weighting, kLossWeightings,
            training.loss_weighting.weighting);
  training.loss_weighting.gamma = js.loss_weighting.gamma;
  read_name(problems, "coupling.coupling", js.coupling.coupling, kCouplings,
            training.coupling.coupling);
  training.coupling.label_aware = js.coupling.label_aware;
  training.coupling.sinkhorn.regularisation = js.coupling.regularisation;
  read_whole(problems, "couplingBatches", js.coupling_batches, 1, kMaxCouplingBatches,
             training.coupling_batches);
  read_name(problems, "timeFeatures.kind", js.time_features.kind, kTimeFeatureKinds,
            config.time_features.kind);
  read_whole(problems, "timeFeatures.count", js.time_features.count, 2, kMaxTimeFeatures,
             config.time_features.count);
  config.time_features.scale = js.time_features.scale;
  read_whole(problems, "timeFeatures.seed", js.time_features.seed, 0, kMaxSeed,
             config.time_features.seed);
  config.labels = js.labels;
  training.label_dropout = js.label_dropout;
  if (!js.source.isNull()) {
    DataConfig source;
    const Problems wrong = read_data(js.source, source);
    problems.append("source", wrong);
    // What could not be read is not checked besides.
    if (wrong.empty()) config.source = std::move(source);
  }
  if (!js.stop.isNull()) problems.append("stop", read_stop(js.stop, config.stop));
  if (!js.method.isNull()) {
    for (const Problem& problem : read_method(js.method, config)) {
      problems.add(problem.field, problem.value, problem.allowed);
    }
  }
}

Result<ExperimentConfig> read(const JsExperimentConfig& js) {
  ProblemList problems;
  ExperimentConfig config;
  if (kBasic) {
    problems.append("data", read_ring(js.data, config.data));
  } else {
    problems.append("data", read_data(js.data, config.data));
    read_beyond_basic(problems, js, config);
  }
  read_name(problems, "schedule.schedule", js.schedule.schedule, kSchedules, config.schedule);
  config.schedule.exponent = js.schedule.exponent;
  config.schedule.beta_min = js.schedule.beta_min;
  config.schedule.beta_max = js.schedule.beta_max;
  TrainerConfig& training = config.training;
  read_name(problems, "activation", js.activation, kActivations, config.activation);
  config.hidden.clear();
  const auto widths = emscripten::convertJSArrayToNumberVector<double>(js.hidden);
  for (std::size_t l = 0; l < widths.size(); ++l) {
    config.hidden.push_back(1);
    read_whole(problems, "hidden[" + std::to_string(l) + "]", widths[l], 1, kMaxWidth,
               config.hidden.back());
  }
  read_whole(problems, "batchSize", js.batch_size, 1, kMaxBatchSize, config.training.batch_size);
  read_whole(problems, "steps", js.steps, 1, kMaxSteps, config.training.steps);
  read_whole(problems, "seed", js.seed, 0, kMaxSeed, config.training.seed);
  read_name(problems, "learningRateDecay", js.learning_rate_decay, kLearningRateDecays,
            config.training.learning_rate_decay);
  read_whole(problems, "warmupSteps", js.warmup_steps, 0, kMaxSteps, training.warmup_steps);
  training.adam.weight_decay = js.weight_decay;
  training.gradient_clip = js.gradient_clip;
  config.training.learning_rate = js.learning_rate;
  config.training.ema_decay = js.ema_decay;
  Problems all = std::move(problems).take();
  for (Problem& problem : validate(config)) all.push_back(std::move(problem));
  if (!all.empty()) return all;
  return config;
}

/// Makes of a configuration that of a run on a model's own pairs, which is to go straight from one
/// to the other: it learns the velocity by flow matching, however those were learned, under the
/// schedule whose paths are straight lines, of the pairs as they are; for one step the velocity at
/// the start alone.
void on_straight_lines(ExperimentConfig& config, bool one_step) {
  config.method = Method::flow_matching;
  config.schedule = Schedule::cond_ot;
  config.prediction = Prediction::velocity;
  TrainerConfig& training = config.training;
  training.coupling = {};
  training.coupling_batches = 1;
  training.loss_weighting = {};
  TimeLawConfig& times = training.time_law;
  if (one_step) {
    times = {.law = TimeLaw::fixed};
  } else if (times.law == TimeLaw::fixed) {
    times = {};
  }
}

struct Sampler {
  FieldChoice field = FieldChoice::exact;
  FieldOptions options;
  SolverConfig solver;
  Index particles = 1;
  std::uint64_t seed = 0;
};

Result<Sampler> read(const JsSamplerConfig& js, const Experiment& experiment, double frames,
                     Index fewest_particles) {
  ProblemList problems;
  Sampler sampler;
  if (const auto field = field_choice_from_name(js.field)) {
    sampler.field = *field;
  } else {
    problems.add("field", js.field, "one of exact, learned");
  }
  sampler.options = read(js.options, experiment, problems);
  if (const auto solver = solver_from_name(js.solver)) {
    sampler.solver.solver = *solver;
  } else {
    problems.add("solver", js.solver, one_of(kAllSolvers));
  }
  if (!kBasic) {
    for (const Problem& problem : check_solver(sampler.solver.solver, experiment.config())) {
      problems.add(problem.field, problem.value, problem.allowed);
    }
  }
  problems.check_range("tolerance", js.tolerance, kMinTolerance, 1);
  sampler.solver.rtol = sampler.solver.atol = js.tolerance;
  problems.check_range("diffusion", js.diffusion, 0, 10);
  sampler.solver.sde = {.schedule =
                            sampler.options.schedule.value_or(experiment.config().schedule)};
  sampler.solver.sde.diffusion.scale = js.diffusion;
  read_whole(problems, "steps", js.steps, 1, kMaxSolverSteps, sampler.solver.steps);
  read_whole(problems, "particles", js.particles, static_cast<double>(fewest_particles),
             kMaxParticles, sampler.particles);
  read_whole(problems, "seed", js.seed, 0, kMaxSeed, sampler.seed);
  Index whole_frames = 0;
  read_whole(problems, "frames", frames, 1, kMaxFrames, whole_frames);
  if (!problems.empty()) return std::move(problems).take();
  return sampler;
}

// --- Threads: one pool for the whole module.

int available_threads() {
  return std::min(hardware_threads(), kMaxThreads);
}

TierDescription tier() {
  return {.simd = Simd(val(std::string(instruction_set()))),
          .threads = shared_pool() ? shared_pool()->size() : available_threads()};
}

// --- Work in slices

/// Moves a cloud part by part, and gathers the whole in an array of JavaScript's own: the module's
/// memory never shrinks, and would for ever keep room for the frames of the largest cloud.
class JsFlow {
 public:
  JsFlow(std::shared_ptr<const Field> field, std::shared_ptr<const Distribution> source,
         const Sampler& sampler, Index frames)
      : field_(std::move(field)),
        source_(std::move(source)),
        sampler_(sampler),
        frames_(frames),
        positions_(val::global("Float32Array")
                       .new_(static_cast<double>((frames + 1) * sampler.particles *
                                                 field_->dimension()))) {
    begin_part();
  }

  /// From 0: while it works, so many threads are left to others; of more than there are, all but
  /// one.
  void spare_threads(int count) { spared_ = count; }

  /// Also returns when a part is done.
  bool advance(double milliseconds) {
    if (moved_ == sampler_.particles) return true;
    ThreadPool& pool = *shared_pool();
    pool.use(std::max(1, pool.size() - spared_));
    const bool done = part_->advance(milliseconds);
    pool.use(pool.size());
    if (!done) return false;
    gather_part();
    if (moved_ == sampler_.particles) return true;
    begin_part();
    return false;
  }
  /// Of the points whose parts are done; zeros for the others.
  [[nodiscard]] Float32Array positions() const { return Float32Array(positions_); }
  [[nodiscard]] Float64Array times() const {
    std::vector<double> times;
    for (Index f = 0; f <= frames_; ++f) times.push_back(part_->time(f));
    return copy_to_js<Float64Array>(times.data(), times.size());
  }
  /// Of a point's way, the mean over the points of the parts that are done.
  [[nodiscard]] double function_evaluations() const {
    return static_cast<double>(evaluations_) / static_cast<double>(std::max<Index>(moved_, 1));
  }

 private:
  /// 4 MB of positions, but enough points for every thread to have several blocks of them.
  static constexpr Index kPartNumbers = Index{1} << 20;
  static constexpr Index kLeastPartRows = 1024;

  void begin_part() {
    const Index numbers_per_row = (frames_ + 1) * field_->dimension();
    // Whole blocks: where the parts are cut does not show in the result.
    const Index rows =
        std::max(kLeastPartRows, kPartNumbers / numbers_per_row / kFlowBlockRows * kFlowBlockRows);
    const Points start = starting_points(*source_, std::min(rows, sampler_.particles - moved_),
                                         sampler_.seed, moved_);
    part_.reset();  // Before the next one is made, so that there is never room for two.
    SolverConfig solver = sampler_.solver;
    solver.sde.seed = sampler_.seed;
    solver.sde.first_row = moved_;
    part_ = std::make_unique<Flow>(field_, solver, start, frames_, *shared_pool());
  }

  void gather_part() {
    for (Index f = 0; f <= frames_; ++f) {
      const auto frame = part_->frame(f);
      const val view(
          emscripten::typed_memory_view(static_cast<std::size_t>(frame.size()), frame.data()));
      const Index at = (f * sampler_.particles + moved_) * frame.cols();
      positions_.call<void>("set", view, static_cast<double>(at));
    }
    moved_ += part_->particles();
    evaluations_ += part_->report().evaluations;
  }

  std::shared_ptr<const Field> field_;
  std::shared_ptr<const Distribution> source_;
  Sampler sampler_;
  Index frames_;
  val positions_;
  std::unique_ptr<Flow> part_;
  /// Points of the parts that are done, and evaluations of the field for them.
  Index moved_ = 0;
  std::int64_t evaluations_ = 0;
  int spared_ = 0;
};

class JsEvaluation {
 public:
  JsEvaluation(std::shared_ptr<const Field> field, const Sampler& sampler,
               const Experiment& experiment)
      : evaluation_(std::move(field), sampler.solver,
                    experiment.target_of(sampler.options).distribution,
                    experiment.target_of(sampler.options).modes, sampler.particles, sampler.seed,
                    *shared_pool(), experiment.source().get()) {}

  bool advance(double milliseconds) { return evaluation_.advance(milliseconds); }
  [[nodiscard]] JsEvaluationResult result() const {
    const EvaluationResult& result = evaluation_.result();
    const Eigen::VectorXf shares = result.mode_shares.cast<float>();
    return {.sliced_w2 = result.sliced_w2,
            .sliced_w2_floor = result.sliced_w2_floor,
            .energy_distance = result.energy_distance,
            .energy_distance_floor = result.energy_distance_floor,
            .within_three = number_or_null(result.within_three),
            .within_three_truth = number_or_null(result.within_three_truth),
            .mode_shares =
                copy_to_js<Float32Array>(shares.data(), static_cast<std::size_t>(shares.size()))};
  }

 private:
  Evaluation evaluation_;
};

// Each is `{ name: T | null, problems: Problem[] }`: one of the two says something, unless this is
// the small module and has no such thing.
EMSCRIPTEN_DECLARE_VAL_TYPE(CreateResult)
EMSCRIPTEN_DECLARE_VAL_TYPE(FlowResult)
EMSCRIPTEN_DECLARE_VAL_TYPE(EvaluationStart)

class JsExperiment : public ExperimentHandle {
 public:
  static CreateResult create(const JsExperimentConfig& js, double threads) {
    return make(js, threads, nullptr, false);
  }
  /// Trained on these pairs instead of the data: see on_straight_lines().
  static CreateResult create_on_pairs(const JsExperimentConfig& js, double threads,
                                      const PairsHandle& handle, bool one_step) {
    if (handle.pairs == nullptr) {
      ProblemList problems;
      problems.add("pairs", "0", "some: a model that takes noise to ends that are finite");
      return refused<CreateResult>("experiment", std::move(problems).take());
    }
    return make(js, threads, handle.pairs, one_step);
  }

  explicit JsExperiment(std::unique_ptr<Experiment> experiment)
      : ExperimentHandle(std::move(experiment)) {
    ++alive_;
  }
  JsExperiment(const JsExperiment&) = delete;
  JsExperiment& operator=(const JsExperiment&) = delete;
  ~JsExperiment() { --alive_; }

  [[nodiscard]] double parameters() const {
    return static_cast<double>(experiment_->trainer().parameters().size());
  }
  [[nodiscard]] double memory_bytes() const {
    return static_cast<double>(emscripten_get_heap_size());
  }
  NumberOrNull irreducible_loss() { return number_or_null(experiment_->irreducible_loss()); }
  /// The classes that a cloud can be of; 0: the model is told no labels.
  [[nodiscard]] double labels() const { return static_cast<double>(experiment_->labels()); }
  [[nodiscard]] double steps_done() const {
    return static_cast<double>(experiment_->trainer().steps_done());
  }
  [[nodiscard]] bool diverged() const { return experiment_->trainer().diverged(); }

  TrainReport train(double steps, double milliseconds) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    double spent = 0;
    Index wanted = 0;
    ProblemList ignored;
    read_whole(ignored, "steps", std::min(steps, static_cast<double>(kMaxStepsPerCall)), 0,
               kMaxStepsPerCall, wanted);
    losses_.resize(static_cast<std::size_t>(wanted));
    std::size_t done = 0;
    while (done < losses_.size()) {
      if (run_step(losses_[done]) == 0) break;
      ++done;
      spent = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
      if (spent >= milliseconds) break;
    }
    return {.losses = copy_to_js<Float32Array>(losses_.data(), done),
            .diverged = experiment_->trainer().diverged(),
            .seconds = spent / 1000};
  }

  FlowResult start_flow(const JsSamplerConfig& js, double frames) {
    if (kBasic && !is_basic(js)) return refused<FlowResult>("flow", {});
    auto sampler = read(js, *experiment_, frames, 1);
    if (!sampler) return refused<FlowResult>("flow", sampler.problems());
    return started<FlowResult>(
        "flow", std::make_unique<JsFlow>(field_of(sampler.value()), experiment_->source(),
                                         sampler.value(), static_cast<Index>(frames)));
  }

  EvaluationStart start_evaluation(const JsSamplerConfig& js, double count) {
    if (kBasic && !is_basic(js)) return refused<EvaluationStart>("evaluation", {});
    JsSamplerConfig counted = js;
    counted.particles = count;
    auto sampler = read(counted, *experiment_, 1, 2);
    if (!sampler) return refused<EvaluationStart>("evaluation", sampler.problems());
    return started<EvaluationStart>(
        "evaluation",
        std::make_unique<JsEvaluation>(field_of(sampler.value()), sampler.value(), *experiment_));
  }

  /// points is N x 2; what is unknown of them gives its caller an empty array.
  Float32Array velocity(const std::string& field, const JsFieldOptions& js, double t,
                        const Float32Array& points) {
    const auto choice = field_choice_from_name(field);
    ProblemList problems;
    const FieldOptions options = read(js, *experiment_, problems);
    const bool known = choice && problems.empty() && t >= 0 && t <= 1;
    const std::vector<float> x = emscripten::convertJSArrayToNumberVector<float>(points);
    const Index rows = known ? static_cast<Index>(x.size() / 2) : 0;
    const Eigen::Map<const Points> map(x.data(), rows, 2);
    const Points out =
        rows > 0 ? velocities(*experiment_->field(*choice, options), t, map) : Points(0, 2);
    return copy_to_js<Float32Array>(out.data(), static_cast<std::size_t>(out.size()));
  }

  /// log p_t of the exact field; unknown options give their caller an empty array.
  Float32Array log_density(const JsFieldOptions& js, double t, const Float32Array& points) {
    ProblemList problems;
    const FieldOptions options = read(js, *experiment_, problems);
    const std::vector<float> x = emscripten::convertJSArrayToNumberVector<float>(points);
    const bool known = problems.empty() && t >= 0 && t <= 1;
    const Index rows = known ? static_cast<Index>(x.size() / 2) : 0;
    Values values(rows);
    if (rows > 0) {
      experiment_->exact_field_of(options).log_density(
          t, Eigen::Map<const Points>(x.data(), rows, 2), values);
    }
    const Eigen::VectorXf out = values.cast<float>();
    return copy_to_js<Float32Array>(out.data(), static_cast<std::size_t>(out.size()));
  }

  [[nodiscard]] FieldDifference difference_rms(const JsFieldOptions& js, double t,
                                               double count) const {
    Index rows = 0;
    ProblemList problems;
    const FieldOptions options = read(js, *experiment_, problems);
    read_whole(problems, "count", count, 1, kMaxParticles, rows);
    if (!problems.empty() || !(t >= 0 && t <= 1)) return {.rms = 0, .exact_rms = 0};
    return experiment_->difference(t, rows, options);
  }

  /// All that the training has come to: an experiment of the same configuration, of any module or
  /// build, goes on from it as this one would.
  [[nodiscard]] JsTrainerState state() const {
    const TrainerState state = experiment_->trainer().state();
    const auto copy = [](const std::vector<float>& values) {
      return copy_to_js<Float32Array>(values.data(), values.size());
    };
    return {.parameters = copy(state.parameters),
            .ema = copy(state.ema),
            .first_moment = copy(state.first_moment),
            .second_moment = copy(state.second_moment),
            .steps_done = static_cast<double>(state.steps_done),
            .diverged = state.diverged};
  }

  /// Goes on from there. What is wrong with it is returned, and nothing is changed then.
  ProblemArray restore(const JsTrainerState& js) {
    ProblemList problems;
    TrainerState state{
        .parameters = emscripten::convertJSArrayToNumberVector<float>(js.parameters),
        .ema = emscripten::convertJSArrayToNumberVector<float>(js.ema),
        .first_moment = emscripten::convertJSArrayToNumberVector<float>(js.first_moment),
        .second_moment = emscripten::convertJSArrayToNumberVector<float>(js.second_moment),
        .diverged = js.diverged};
    read_whole(problems, "stepsDone", js.steps_done, 0, kMaxSteps, state.steps_done);
    if (!problems.empty()) return to_js(std::move(problems).take());
    return to_js(experiment_->trainer().restore(state));
  }

  /// The hash of the complete training state, in hexadecimal.
  [[nodiscard]] std::string state_hash() const {
    constexpr const char* kDigits = "0123456789abcdef";
    std::uint64_t hash = experiment_->trainer().state_hash();
    std::string text(16, '0');
    for (std::size_t i = text.size(); i-- > 0; hash >>= 4) text[i] = kDigits[hash & 15];
    return text;
  }

 private:
  inline static int alive_ = 0;

  /// Null pairs are independent ones.
  static CreateResult make(const JsExperimentConfig& js, double threads,
                           const std::shared_ptr<const Pairs>& pairs, bool one_step);

  [[nodiscard]] std::shared_ptr<const Field> field_of(const Sampler& sampler) const {
    return experiment_->field(sampler.field, sampler.options);
  }

  /// Also measures where a stopping rule wants it; the small module has no rule but the last step.
  Index run_step(float& loss) {
    if constexpr (kBasic) return experiment_->trainer().step({&loss, 1});
    return experiment_->train({&loss, 1});
  }

  std::vector<float> losses_;
};

CreateResult JsExperiment::make(const JsExperimentConfig& js, double threads,
                                const std::shared_ptr<const Pairs>& pairs, bool one_step) {
  ProblemList problems;
  int wanted = 0;
  read_whole(problems, "threads", threads, 0, available_threads(), wanted);
  if (!problems.empty()) return refused<CreateResult>("experiment", std::move(problems).take());
  if (wanted == 0) wanted = available_threads();
  if (kBasic && !is_basic(js)) return refused<CreateResult>("experiment", {});

  auto config = read(js);
  if (!config) return refused<CreateResult>("experiment", config.problems());

  auto& pool = shared_pool();
  if (pool && pool->size() != wanted) {
    if (alive_ > 0) {
      problems.add("threads", std::to_string(wanted),
                   std::to_string(pool->size()) + ", which the other experiments use");
      return refused<CreateResult>("experiment", std::move(problems).take());
    }
    pool.reset();
  }
  if (!pool) pool = std::make_unique<ThreadPool>(wanted);

  const bool on_pairs = !kBasic && pairs != nullptr;
  if (on_pairs) on_straight_lines(config.value(), one_step);
  auto experiment = on_pairs ? Experiment::make(config.value(), pairs, *pool)
                             : Experiment::make(config.value(), *pool);
  if (!experiment) return refused<CreateResult>("experiment", experiment.problems());
  return started<CreateResult>("experiment",
                               std::make_unique<JsExperiment>(std::move(experiment).value()));
}

}  // namespace

flowmatch::Problems flowmatch::binding::read_ring(const val& js, DataConfig& out) {
  ProblemList problems;
  Index components = 1;
  const double radius = number_at(js, "radius");
  const double deviation = number_at(js, "standardDeviation");
  read_whole(problems, "components", number_at(js, "components"), 1, 64, components);
  problems.check_range("radius", radius, 0, 100);
  problems.check_range("standardDeviation", deviation, 0.01, 10);
  // The core could not even make a mixture of others.
  if (problems.empty()) out = ring_mixture(components, radius, deviation);
  return std::move(problems).take();
}

EMSCRIPTEN_BINDINGS(flowmatch) {
  using namespace emscripten;

  register_type<Float32Array>("Float32Array");
  register_type<Float64Array>("Float64Array");
  register_type<NumberArray>("number[]");
  register_type<ProblemArray>("Problem[]");
  register_type<NumberOrNull>("number | null");
  register_type<Simd>("'simd128' | 'relaxed'");
  register_type<DataValue>(
      "{ components: number; radius: number; standardDeviation: number } | "
      "{ dataSet: string; [parameter: string]: string | number } | "
      "{ weights: number[]; means: number[][]; covariances: number[][][] } | "
      "{ points: Float32Array; labels?: Int32Array; smoothing: number }");
  register_type<MethodValue>(
      "{ cnfSolver: string; cnfSteps: number } | { couplingLayers: number; maxLogScale: number } | "
      "null");
  register_type<SourceValue>("ExperimentConfig['data'] | null");
  register_type<StopValue>(
      "{ metric: string; below: number; every: number; patience: number; count: number } | null");
  register_type<CreateResult>("{ experiment: Experiment | null; problems: Problem[] }");
  register_type<FlowResult>("{ flow: Flow | null; problems: Problem[] }");
  register_type<EvaluationStart>("{ evaluation: Evaluation | null; problems: Problem[] }");

  value_object<Problem>("Problem")
      .field("field", &Problem::field)
      .field("value", &Problem::value)
      .field("allowed", &Problem::allowed);
  value_object<JsScheduleConfig>("ScheduleConfig")
      .field("schedule", &JsScheduleConfig::schedule)
      .field("exponent", &JsScheduleConfig::exponent)
      .field("betaMin", &JsScheduleConfig::beta_min)
      .field("betaMax", &JsScheduleConfig::beta_max);
  value_object<JsTimeLawConfig>("TimeLawConfig")
      .field("law", &JsTimeLawConfig::law)
      .field("logitMean", &JsTimeLawConfig::logit_mean)
      .field("logitScale", &JsTimeLawConfig::logit_scale)
      .field("logNoiseMean", &JsTimeLawConfig::log_noise_mean)
      .field("logNoiseScale", &JsTimeLawConfig::log_noise_scale)
      .field("fixedTime", &JsTimeLawConfig::fixed_time);
  value_object<JsLossWeightingConfig>("LossWeightingConfig")
      .field("weighting", &JsLossWeightingConfig::weighting)
      .field("gamma", &JsLossWeightingConfig::gamma);
  value_object<JsCouplingConfig>("CouplingConfig")
      .field("coupling", &JsCouplingConfig::coupling)
      .field("labelAware", &JsCouplingConfig::label_aware)
      .field("regularisation", &JsCouplingConfig::regularisation);
  value_object<JsTimeFeatures>("TimeFeatures")
      .field("kind", &JsTimeFeatures::kind)
      .field("count", &JsTimeFeatures::count)
      .field("scale", &JsTimeFeatures::scale)
      .field("seed", &JsTimeFeatures::seed);
  value_object<JsGuidanceConfig>("GuidanceConfig")
      .field("label", &JsGuidanceConfig::label)
      .field("scale", &JsGuidanceConfig::scale);
  value_object<JsFieldOptions>("FieldOptions")
      .field("guidance", &JsFieldOptions::guidance)
      .field("schedule", &JsFieldOptions::schedule);
  value_object<JsExperimentConfig>("ExperimentConfig")
      .field("data", &JsExperimentConfig::data)
      .field("schedule", &JsExperimentConfig::schedule)
      .field("prediction", &JsExperimentConfig::prediction)
      .field("timeLaw", &JsExperimentConfig::time_law)
      .field("lossWeighting", &JsExperimentConfig::loss_weighting)
      .field("coupling", &JsExperimentConfig::coupling)
      .field("couplingBatches", &JsExperimentConfig::coupling_batches)
      .field("hidden", &JsExperimentConfig::hidden)
      .field("activation", &JsExperimentConfig::activation)
      .field("timeFeatures", &JsExperimentConfig::time_features)
      .field("labels", &JsExperimentConfig::labels)
      .field("labelDropout", &JsExperimentConfig::label_dropout)
      .field("batchSize", &JsExperimentConfig::batch_size)
      .field("learningRate", &JsExperimentConfig::learning_rate)
      .field("learningRateDecay", &JsExperimentConfig::learning_rate_decay)
      .field("warmupSteps", &JsExperimentConfig::warmup_steps)
      .field("weightDecay", &JsExperimentConfig::weight_decay)
      .field("gradientClip", &JsExperimentConfig::gradient_clip)
      .field("emaDecay", &JsExperimentConfig::ema_decay)
      .field("steps", &JsExperimentConfig::steps)
      .field("seed", &JsExperimentConfig::seed)
      .field("stop", &JsExperimentConfig::stop)
      .field("source", &JsExperimentConfig::source)
      .field("method", &JsExperimentConfig::method);
  value_object<JsSamplerConfig>("SamplerConfig")
      .field("field", &JsSamplerConfig::field)
      .field("options", &JsSamplerConfig::options)
      .field("solver", &JsSamplerConfig::solver)
      .field("steps", &JsSamplerConfig::steps)
      .field("tolerance", &JsSamplerConfig::tolerance)
      .field("diffusion", &JsSamplerConfig::diffusion)
      .field("particles", &JsSamplerConfig::particles)
      .field("seed", &JsSamplerConfig::seed);
  value_object<TierDescription>("Tier")
      .field("simd", &TierDescription::simd)
      .field("threads", &TierDescription::threads);
  value_object<TrainReport>("TrainReport")
      .field("losses", &TrainReport::losses)
      .field("diverged", &TrainReport::diverged)
      .field("seconds", &TrainReport::seconds);
  value_object<JsTrainerState>("TrainerState")
      .field("parameters", &JsTrainerState::parameters)
      .field("ema", &JsTrainerState::ema)
      .field("firstMoment", &JsTrainerState::first_moment)
      .field("secondMoment", &JsTrainerState::second_moment)
      .field("stepsDone", &JsTrainerState::steps_done)
      .field("diverged", &JsTrainerState::diverged);
  value_object<FieldDifference>("FieldDifference")
      .field("rms", &FieldDifference::rms)
      .field("exactRms", &FieldDifference::exact_rms);
  value_object<JsEvaluationResult>("EvaluationResult")
      .field("slicedW2", &JsEvaluationResult::sliced_w2)
      .field("slicedW2Floor", &JsEvaluationResult::sliced_w2_floor)
      .field("energyDistance", &JsEvaluationResult::energy_distance)
      .field("energyDistanceFloor", &JsEvaluationResult::energy_distance_floor)
      .field("withinThree", &JsEvaluationResult::within_three)
      .field("withinThreeTruth", &JsEvaluationResult::within_three_truth)
      .field("modeShares", &JsEvaluationResult::mode_shares);

  class_<JsFlow>("Flow")
      .function("spareThreads(count)", &JsFlow::spare_threads)
      .function("advance(milliseconds)", &JsFlow::advance)
      .function("positions", &JsFlow::positions)
      .function("times", &JsFlow::times)
      .function("functionEvaluations", &JsFlow::function_evaluations);
  class_<JsEvaluation>("Evaluation")
      .function("advance(milliseconds)", &JsEvaluation::advance)
      .function("result", &JsEvaluation::result);
  class_<ExperimentHandle>("ExperimentHandle");
  class_<JsExperiment, base<ExperimentHandle>> experiment("Experiment");
  experiment.class_function("create(config, threads)", &JsExperiment::create)
      .function("parameters", &JsExperiment::parameters)
      .function("memoryBytes", &JsExperiment::memory_bytes)
      .function("irreducibleLoss", &JsExperiment::irreducible_loss)
      .function("labels", &JsExperiment::labels)
      .function("stepsDone", &JsExperiment::steps_done)
      .function("diverged", &JsExperiment::diverged)
      .function("state", &JsExperiment::state)
      .function("restore(state)", &JsExperiment::restore)
      .function("stateHash", &JsExperiment::state_hash)
      .function("train(steps, milliseconds)", &JsExperiment::train)
      .function("startFlow(sampler, frames)", &JsExperiment::start_flow)
      .function("startEvaluation(sampler, count)", &JsExperiment::start_evaluation)
      .function("velocity(field, options, t, points)", &JsExperiment::velocity)
      .function("logDensity(options, t, points)", &JsExperiment::log_density)
      .function("differenceRms(options, t, count)", &JsExperiment::difference_rms);
  if constexpr (!kBasic) {
    class_<PairsHandle>("Pairs")
        .function("count", &PairsHandle::count)
        .function("starts", &PairsHandle::starts)
        .function("ends", &PairsHandle::ends);
    experiment.class_function("createOnPairs(config, threads, pairs, oneStep)",
                              &JsExperiment::create_on_pairs);
  }

  function("tier", &tier);
  function("version", +[] { return std::string(flowmatch::version()); });
}
