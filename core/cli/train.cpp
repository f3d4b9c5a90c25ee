#include "commands.h"
#include "flowmatch/instruction_set.h"
#include "flowmatch/io/npy.h"
#include "flowmatch/io/plot.h"
#include "flowmatch/reflow.h"
#include "interrupt.h"
#include "report.h"
#include "source.h"

#include <algorithm>
#include <iostream>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

namespace flowmatch::cli {

namespace {

/// The loss of one batch scatters: what is shown is the mean of this many.
constexpr std::size_t kShownLosses = 100;
/// Steps between two looks at the clock and at Ctrl-C.
constexpr Index kStepsAtOnce = 5;
/// Milliseconds between two looks at Ctrl-C where pairs are made.
constexpr double kSlice = 50;

double recent_mean(std::span<const float> losses) {
  const auto recent = losses.last(std::min(kShownLosses, losses.size()));
  if (recent.empty()) return 0;
  return std::accumulate(recent.begin(), recent.end(), 0.0) / static_cast<double>(recent.size());
}

std::string network_text(const ExperimentConfig& config) {
  const Index dimension = dimension_of(config.data);
  Index inputs = dimension / 2;
  Index outputs = 2 * (dimension - inputs);
  std::string text;
  if (config.method == Method::normalizing_flow) {
    text = std::to_string(config.coupling_layers) + " couplings by networks ";
  } else {
    text = "network ";
    inputs = Mlp(network_config(config)).layers().front().inputs;
    outputs = dimension;
  }
  text += std::to_string(inputs);
  for (const Index width : config.hidden) text += "-" + std::to_string(width);
  return text + "-" + std::to_string(outputs);
}

/// What the training does, in a word or two.
std::string method_text(const ExperimentConfig& config) {
  switch (config.method) {
    case Method::flow_matching:
      return std::string(name(config.schedule));
    case Method::cnf:
      return "maximum likelihood by " + std::to_string(config.cnf_steps) + " steps of " +
             std::string(name(config.cnf_solver));
    case Method::normalizing_flow:
      return "maximum likelihood";
  }
  return "";
}

std::string losses_to_csv(std::span<const float> losses, Index first_step) {
  std::string text = "step,loss\n";
  for (const float loss : losses) {
    text += std::to_string(++first_step);
    text += ',';
    text += rounded(static_cast<double>(loss), 9);
    text += '\n';
  }
  return text;
}

/// The pairs that a run is trained on instead of the data, and where they come from.
struct GivenTraining {
  std::shared_ptr<const Pairs> pairs;
  ReflowOrigin origin;
};

/// Of a conditional model class by class, without guidance.
Reflow reflow_of(const Checkpoint& teacher, const Distribution& source, Index pairs,
                 std::uint64_t seed, ThreadPool& pool) {
  constexpr SolverConfig kSolver{.solver = Solver::dopri5};
  const ExperimentConfig& config = teacher.config.experiment;
  if (!config.labels) return {learned_field(teacher), kSolver, source, pairs, seed, pool};
  std::vector<ReflowClass> classes;
  for (const double share : label_shares(config.data)) {
    SamplerConfig sampler = teacher.config.sampler;
    sampler.guidance = {.label = static_cast<std::int32_t>(classes.size())};
    classes.push_back({.field = learned_field(teacher, sampler), .share = share});
  }
  return {std::move(classes), kSolver, source, pairs, seed, pool};
}

/// The pairs of the model of options.reflow, which are the same whenever they are made. Nothing:
/// they could not be made, which has been said, or the making was interrupted.
std::optional<GivenTraining> make_pairs(const TrainOptions& options, const Source& source,
                                        ThreadPool& pool) {
  const auto teacher = load_checkpoint(options.reflow);
  if (!teacher) {
    print_problems(teacher.problems(), options.reflow);
    return std::nullopt;
  }
  ReflowOrigin origin{.pairs = options.pairs, .teacher = hash_of(teacher.value())};
  if (source.checkpoint) {
    origin.pairs = source.checkpoint->reflow->pairs;
    if (origin != *source.checkpoint->reflow) {
      print_error("--reflow is " + options.reflow +
                  ", must be the checkpoint whose pairs the run has been trained on so far");
      return std::nullopt;
    }
  }
  const ExperimentConfig& config = source.config.experiment;
  const std::optional<DataConfig>& start = teacher.value().config.experiment.source;
  if (to_json(start) != to_json(config.source)) {
    print_error("source is another than that of " + options.reflow +
                ", must be the same: the pairs start there");
    return std::nullopt;
  }
  const auto starts = make_source(start, dimension_of(teacher.value().config.experiment.data));
  Reflow reflow = reflow_of(teacher.value(), *starts.value().distribution, origin.pairs,
                            config.training.seed, pool);
  while (!reflow.advance(kSlice)) {
    if (interrupted()) return std::nullopt;
  }
  auto pairs = reflow.pairs();
  if (pairs == nullptr) {
    print_error(options.reflow + ": its model takes no point to an end that is finite");
    return std::nullopt;
  }
  return GivenTraining{.pairs = std::move(pairs), .origin = origin};
}

/// Whether the options name the pairs of a run that is resumed, if it has any.
bool check_reflow(const TrainOptions& options, const Source& source) {
  if (!source.checkpoint) return true;
  if (source.checkpoint->reflow && options.reflow.empty()) {
    print_error(
        "--reflow is missing, must be the checkpoint whose pairs the run has been trained "
        "on so far");
    return false;
  }
  if (!source.checkpoint->reflow && !options.reflow.empty()) {
    print_error("--reflow is " + options.reflow +
                ", must be absent: the run has been trained on the data itself so far");
    return false;
  }
  return true;
}

/// One training run from its options to its end.
class Run {
 public:
  Run(const TrainOptions& options, const CommonOptions& common, RunConfig config,
      std::optional<ReflowOrigin> reflow, std::unique_ptr<Experiment> experiment)
      : options_(options),
        common_(common),
        config_(std::move(config)),
        reflow_(reflow),
        experiment_(std::move(experiment)) {
    losses_.reserve(static_cast<std::size_t>(config_.experiment.training.steps));
  }

  int work(int threads) {
    Trainer& trainer = experiment_->trainer();
    first_step_ = trainer.steps_done();
    // Not a number where it is not known: no line, no entry.
    const double floor =
        experiment_->irreducible_loss().value_or(std::numeric_limits<double>::quiet_NaN());
    announce(threads, floor);
    const Index last = std::min(config_.experiment.training.steps,
                                options_.until.value_or(config_.experiment.training.steps));
    Progress progress(progress_style(common_.json, common_.quiet), first_step_, last, floor);
    // A run of no steps at all still says where it stands.
    while (trainer.steps_done() < last && !experiment_->ended() && !interrupted()) {
      if (!advance(last)) return failure;
      progress.update(trainer.steps_done(), recent_mean(losses_));
    }
    progress.finish(trainer.steps_done(), recent_mean(losses_));
    return end(floor);
  }

 private:
  /// Some steps, up to the next checkpoint; false if that could not be written.
  bool advance(Index last) {
    Trainer& trainer = experiment_->trainer();
    const Index before = trainer.steps_done();
    Index until = std::min(before + kStepsAtOnce, last);
    if (options_.save_every > 0) {
      until = std::min(until, (before / options_.save_every + 1) * options_.save_every);
    }
    const std::size_t known = losses_.size();
    losses_.resize(known + static_cast<std::size_t>(until - before));
    const Index done = experiment_->train(std::span(losses_).subspan(known));
    losses_.resize(known + static_cast<std::size_t>(done));
    const bool due = options_.save_every > 0 && trainer.steps_done() % options_.save_every == 0 &&
                     trainer.steps_done() < last && done > 0;
    return !due || save();
  }

  bool save() {
    const Problems problems =
        save_checkpoint(options_.out, {.config = config_,
                                       .state = experiment_->trainer().state(),
                                       .stop = experiment_->stopping().state(),
                                       .reflow = reflow_});
    print_problems(problems);
    return problems.empty();
  }

  void announce(int threads, double floor) const {
    const ExperimentConfig& config = config_.experiment;
    const std::size_t parameters = experiment_->trainer().parameters().size();
    if (common_.json) {
      print_json({{"event", "start"},
                  {"config", OrderedJson::parse(to_json(config_))},
                  {"parameters", parameters},
                  {"stepsDone", first_step_},
                  {"irreducibleLoss", floor},
                  {"threads", threads},
                  {"instructionSet", instruction_set()}});
    } else if (!common_.quiet) {
      std::cerr << network_text(config) << ", " << parameters << " parameters; batch "
                << config.training.batch_size << "; " << method_text(config) << "; " << threads
                << (threads == 1 ? " thread" : " threads") << " of " << instruction_set();
      if (first_step_ > 0) std::cerr << "; goes on after step " << first_step_;
      std::cerr << '\n';
    }
  }

  int end(double floor) {
    const Trainer& trainer = experiment_->trainer();
    const StopState& stop = experiment_->stopping().state();
    const bool saved = save();
    const bool files_written = write_losses(floor);
    if (common_.json) {
      print_json({{"event", "end"},
                  {"steps", trainer.steps_done()},
                  {"finished", trainer.finished()},
                  {"stopped", name(stop.reason)},
                  {"stopMetric", stop.last},
                  {"diverged", trainer.diverged()},
                  {"interrupted", interrupted()},
                  {"loss", recent_mean(losses_)},
                  {"irreducibleLoss", floor},
                  {"checkpoint", saved ? OrderedJson(options_.out) : OrderedJson()}});
    } else if (saved && !common_.quiet) {
      if (experiment_->stopping().stopped()) std::cerr << stop_text() << '\n';
      std::cerr << "wrote " << options_.out << " after step " << trainer.steps_done() << '\n';
    }
    if (!saved || !files_written) return failure;
    if (trainer.diverged()) {
      print_error("training diverged after step " + std::to_string(trainer.steps_done()) +
                  ": the loss is not finite. The checkpoint has the weights before it; a smaller "
                  "learning rate may help");
      return failure;
    }
    return interrupted() ? interruption : success;
  }

  /// Why the run has stopped before its last step.
  [[nodiscard]] std::string stop_text() const {
    const StoppingRule& rule = experiment_->stopping();
    const StopState& stop = rule.state();
    std::string text = "stopped after step " + std::to_string(experiment_->trainer().steps_done()) +
                       ": " + std::string(name(rule.config().metric)) + " is " + rounded(stop.last);
    if (stop.reason == StopReason::below) return text + ", below " + rounded(rule.config().below);
    return text + ", and for " + std::to_string(stop.since_best) +
           " measurements not less than the best, " + rounded(stop.best);
  }

  bool write_losses(double floor) {
    bool all = true;
    for (const std::string& file : options_.loss_files) {
      const std::string extension = extension_of(file);
      std::string bytes;
      if (extension == ".csv") {
        bytes = losses_to_csv(losses_, first_step_);
      } else if (extension == ".npy") {
        bytes = to_npy(losses_, {static_cast<Index>(losses_.size())});
      } else {
        bytes = to_png(plot_loss(losses_, first_step_, floor));
      }
      all = write_output(file, bytes, common_) && all;
    }
    return all;
  }

  const TrainOptions& options_;
  const CommonOptions& common_;
  RunConfig config_;
  std::optional<ReflowOrigin> reflow_;
  std::unique_ptr<Experiment> experiment_;
  std::vector<float> losses_;
  Index first_step_ = 0;
};

/// What can be wrong before anything is computed.
bool check(const TrainOptions& options) {
  if (!check_extensions({options.out}, ".safetensors")) return false;
  return check_extensions(options.loss_files, ".csv .npy .png");
}

}  // namespace

int train(const TrainOptions& options, const CommonOptions& common) {
  if (!check(options)) return bad_usage;
  SourceOptions source_options = options.source;
  const bool resumed = !source_options.checkpoint.empty();
  const bool named = resumed || !source_options.config.empty() || !source_options.preset.empty();
  if (!named) source_options.checkpoint = options.reflow;
  if (options.steps) source_options.changes.push_back("steps=" + std::to_string(*options.steps));
  auto source = read_source(source_options);
  if (!source) return bad_usage;
  if (!resumed) source->checkpoint.reset();
  if (!check_reflow(options, *source)) return bad_usage;
  const Index begun = source->checkpoint ? source->checkpoint->state.steps_done : 0;
  if (options.until && *options.until < begun) {
    print_error("--until is " + std::to_string(*options.until) + ", must be at least " +
                std::to_string(begun) + ": so many steps are done");
    return bad_usage;
  }
  if (source->checkpoint && source->checkpoint->state.diverged) {
    print_error(options.source.checkpoint + ": this run has diverged and cannot go on");
    return failure;
  }
  catch_interruption();
  ThreadPool pool(thread_count(common));
  std::optional<GivenTraining> given;
  if (!options.reflow.empty()) {
    given = make_pairs(options, *source, pool);
    if (!given) return interrupted() ? interruption : bad_usage;
  }
  auto experiment = given ? Experiment::make(source->config.experiment, given->pairs, pool)
                          : Experiment::make(source->config.experiment, pool);
  if (!experiment) {
    print_problems(experiment.problems());
    return bad_usage;
  }
  if (source->checkpoint) {
    experiment.value()->restore(source->checkpoint->state, source->checkpoint->stop);
  }
  return Run(options, common, source->config, given ? std::optional(given->origin) : std::nullopt,
             std::move(experiment).value())
      .work(pool.size());
}

}  // namespace flowmatch::cli
