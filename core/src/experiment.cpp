#include "flowmatch/experiment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace flowmatch {

MlpConfig network_config(const ExperimentConfig& config) {
  return {.dimension = dimension_of(config.data),
          .hidden = config.hidden,
          .activation = config.activation,
          .labels = config.labels ? label_count(config.data) : 0,
          .time_features = config.time_features};
}

ExperimentConfig blog_config() {
  ExperimentConfig config;
  config.schedule = Schedule::sqrt;
  config.hidden = {1024, 16};
  config.training = {.batch_size = 1000,
                     .steps = 5000,
                     .learning_rate = 1e-3,
                     .learning_rate_decay = LearningRateDecay::constant,
                     .ema_decay = 0,
                     .adam = {},
                     .seed = 0};
  return config;
}

ExperimentConfig quick_config() {
  return {};
}

Problems validate(const ExperimentConfig& config) {
  ProblemList problems;
  problems.append("data", validate(config.data));
  if (problems.empty() && config.labels && label_count(config.data) == 0) {
    problems.add("labels", "true", "false where the data has no labels");
  }
  if (problems.empty() && config.labels) {
    const std::vector<double> shares = label_shares(config.data);
    const auto none = std::ranges::find(shares, 0.0);
    if (none != shares.end()) {
      problems.add("data.labels", "without class " + std::to_string(none - shares.begin()),
                   "every class up to the largest, for a model that is told them");
    }
  }
  Problems all = std::move(problems).take();
  if (config.source) {
    for (Problem& problem : validate_source(config.source, dimension_of(config.data))) {
      all.push_back(std::move(problem));
    }
    if (config.prediction == Prediction::score) {
      all.push_back({.field = "prediction",
                     .value = "score",
                     .allowed = "one of velocity, x1, noise where the source is not N(0, I)"});
    }
  }
  for (Problem& problem : validate(config.schedule)) all.push_back(std::move(problem));
  MlpConfig network = network_config(config);
  // That the target has no dimension is reported by now; the network's widths are checked anyhow.
  network.dimension = std::clamp<Index>(network.dimension, 1, kMaxDimension);
  for (Problem& problem : validate(network)) all.push_back(std::move(problem));
  for (Problem& problem : validate(config.training)) all.push_back(std::move(problem));
  ProblemList stop;
  stop.append("stop", validate(config.stop));
  for (Problem& problem : std::move(stop).take()) all.push_back(std::move(problem));
  return all;
}

std::optional<FieldChoice> field_choice_from_name(std::string_view name) {
  if (name == "exact") return FieldChoice::exact;
  if (name == "learned") return FieldChoice::learned;
  return std::nullopt;
}

Problems validate(const FieldOptions& options, Index labels) {
  ProblemList problems;
  problems.append("guidance", validate(options.guidance, labels));
  Problems all = std::move(problems).take();
  if (options.schedule) {
    for (Problem& problem : validate(*options.schedule)) all.push_back(std::move(problem));
  }
  return all;
}

std::shared_ptr<const Field> exact_field(const ExperimentConfig& config,
                                         const FieldOptions& options) {
  const Source source = make_source(config.source, dimension_of(config.data)).value();
  const auto field_of = [&](std::int32_t label) {
    return make_exact_field(source, make_target(config.data, label).value(),
                            options.schedule.value_or(config.schedule));
  };
  const GuidanceConfig& guidance = options.guidance;
  if (guidance.label == kNoLabel) return field_of(kNoLabel);
  return std::make_shared<const GuidedField>(field_of(guidance.label), field_of(kNoLabel),
                                             guidance.scale);
}

namespace {

/// Of the estimate of an irreducible loss. With a source, fewer where there are many pairs of
/// components, so that it takes no longer than for a target of kSmoothedPoints and N(0, I).
Index strata_for(const ExactField& field) {
  constexpr Index kStrata = 1024;
  if (field.source() == nullptr) return kStrata;
  const auto pairs =
      static_cast<Index>(field.source()->components().size() * field.target().components().size());
  return std::min(kStrata * kSmoothedPoints / pairs, kStrata);
}

}  // namespace

Result<std::unique_ptr<Experiment>> Experiment::make(const ExperimentConfig& config,
                                                     ThreadPool& pool) {
  if (Problems problems = validate(config); !problems.empty()) return problems;
  auto source = make_source(config.source, dimension_of(config.data));
  if (!source) return source.problems();
  auto target = make_target(config.data);
  if (!target) return target.problems();
  return std::unique_ptr<Experiment>(
      new Experiment(config, std::move(source).value(), std::move(target).value(), nullptr, pool));
}

Result<std::unique_ptr<Experiment>> Experiment::make(const ExperimentConfig& config,
                                                     std::shared_ptr<const Pairs> pairs,
                                                     ThreadPool& pool) {
  if (Problems problems = validate(config); !problems.empty()) return problems;
  ProblemList problems;
  if (config.training.coupling.coupling != Coupling::independent) {
    problems.add("coupling", std::string(name(config.training.coupling.coupling)),
                 "independent for pairs that are given: they are paired as they are to be");
  }
  if (pairs->dimension() != dimension_of(config.data)) {
    problems.add("data", std::to_string(dimension_of(config.data)) + " dimensions",
                 std::to_string(pairs->dimension()) + ", as the pairs have");
  }
  if (config.labels && pairs->labels() != label_count(config.data)) {
    problems.add("labels", "true",
                 pairs->labels() == 0
                     ? "false: the pairs that are given belong to no class"
                     : "false: the pairs that are given have " + std::to_string(pairs->labels()) +
                           " classes, the data " + std::to_string(label_count(config.data)));
  }
  if (!problems.empty()) return std::move(problems).take();
  auto source = make_source(config.source, dimension_of(config.data));
  if (!source) return source.problems();
  auto target = make_target(config.data);
  if (!target) return target.problems();
  return std::unique_ptr<Experiment>(new Experiment(
      config, std::move(source).value(), std::move(target).value(), std::move(pairs), pool));
}

Experiment::Experiment(const ExperimentConfig& config, Source source, Target target,
                       std::shared_ptr<const Pairs> pairs, ThreadPool& pool)
    : data_(config.data),
      source_(std::move(source)),
      whole_{.label = kNoLabel,
             .schedule = config.schedule,
             .target = std::move(target),
             .exact = nullptr,
             .exact_of_all = nullptr},
      prediction_(config.prediction),
      model_(std::make_shared<const Mlp>(network_config(config))),
      independent_pairs_(pairs == nullptr),
      trainer_(model_,
               pairs != nullptr ? std::move(pairs)
                                : std::make_shared<const IndependentPairs>(
                                      source_.distribution, whole_.target.distribution),
               AffinePath(config.schedule, config.prediction), config.training, pool),
      stopping_(config.stop),
      pool_(pool),
      seed_(config.training.seed) {
  whole_.exact = make_exact_field(source_, whole_.target, config.schedule);
  whole_.exact_of_all = whole_.exact;
}

std::shared_ptr<const Field> Experiment::field(FieldChoice choice,
                                               const FieldOptions& options) const {
  const GuidanceConfig& guidance = options.guidance;
  if (choice == FieldChoice::exact) {
    const View& seen = view(options);
    if (guidance.label == kNoLabel) return seen.exact;
    return std::make_shared<const GuidedField>(seen.exact, seen.exact_of_all, guidance.scale);
  }
  const auto weights = trainer_.averaged_parameters();
  const Reading reading{.prediction = prediction_,
                        .trained = schedule(),
                        .sampled = options.schedule.value_or(schedule())};
  return guided_field(model_, std::vector<float>(weights.begin(), weights.end()), guidance,
                      reading);
}

const Experiment::View& Experiment::view(const FieldOptions& options) const {
  const std::int32_t label = options.guidance.label;
  const Schedule seen = options.schedule.value_or(schedule());
  if (label == kNoLabel && seen == schedule()) return whole_;
  if (other_ && other_->label == label && other_->schedule == seen) return *other_;
  Target target = label == kNoLabel ? whole_.target : make_target(data_, label).value();
  auto exact = make_exact_field(source_, target, seen);
  auto exact_of_all = exact;
  if (label != kNoLabel) {
    exact_of_all =
        seen == schedule() ? whole_.exact : make_exact_field(source_, whole_.target, seen);
  }
  other_ = View{.label = label,
                .schedule = seen,
                .target = std::move(target),
                .exact = std::move(exact),
                .exact_of_all = std::move(exact_of_all)};
  return *other_;
}

Points Experiment::starts(Index count, std::uint64_t seed, Index first_row) const {
  return starting_points(*source_.distribution, count, seed, first_row);
}

const Target& Experiment::target_of(const FieldOptions& options) const {
  return view(options).target;
}

const ExactField& Experiment::exact_field_of(const FieldOptions& options) const {
  return *view(options).exact;
}

Index Experiment::train(std::span<float> losses) {
  const auto count = static_cast<Index>(losses.size());
  Index done = 0;
  while (done < count && !stopping_.stopped()) {
    const Index wanted =
        std::min(count - done, stopping_.steps_to_measurement(trainer_.steps_done()));
    const auto part =
        losses.subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(wanted));
    const Index run = trainer_.step(part);
    stopping_.add_losses(part.first(static_cast<std::size_t>(run)));
    done += run;
    if (run < wanted) break;
    if (stopping_.due(trainer_.steps_done())) {
      stopping_.observe(measure(stopping_.config().metric));
    }
  }
  return done;
}

double Experiment::measure(StopMetric metric) const {
  if (metric == StopMetric::loss) return stopping_.mean_loss();
  Evaluation evaluation(field(FieldChoice::learned),
                        {.solver = Solver::midpoint, .steps = kStopSolverSteps},
                        whole_.target.distribution, nullptr, stopping_.config().count, seed_, pool_,
                        source_.distribution.get());
  evaluation.advance(std::numeric_limits<double>::infinity());
  const EvaluationResult& result = evaluation.result();
  // Of a cloud that is not whole a distance says nothing.
  if (result.lost > 0) return std::nan("");
  return metric == StopMetric::sliced_w2 ? result.sliced_w2 : result.energy_distance;
}

Problems Experiment::restore(const TrainerState& state, const StopState& stop) {
  Problems problems = trainer_.restore(state);
  if (problems.empty()) stopping_.restore(stop);
  return problems;
}

std::optional<double> Experiment::irreducible_loss() {
  const TrainerConfig& training = trainer_.config();
  if (!independent_pairs_ || training.coupling.coupling != Coupling::independent) {
    return std::nullopt;
  }
  if (irreducible_loss_ >= 0) return irreducible_loss_;
  const Objective objective{.prediction = prediction_,
                            .time_law = training.time_law,
                            .weighting = training.loss_weighting};
  const double unseen = labels() > 0 ? training.label_dropout : 1;
  irreducible_loss_ = 0;
  if (unseen > 0)
    irreducible_loss_ += unseen * estimate_irreducible_loss(exact_field(), objective, seed_,
                                                            strata_for(exact_field()));
  if (unseen == 1) return irreducible_loss_;
  // Of each class fewer points than of all data, so that many classes take no longer than one.
  const std::vector<double> shares = label_shares(data_);
  const Index most = std::max<Index>(1024 / labels(), 64);
  for (std::size_t k = 0; k < shares.size(); ++k) {
    const FieldOptions of_class{.guidance = {.label = static_cast<std::int32_t>(k)}};
    const ExactField& exact = exact_field_of(of_class);
    irreducible_loss_ +=
        (1 - unseen) * shares[k] *
        estimate_irreducible_loss(exact, objective, seed_, std::min(strata_for(exact), most));
  }
  return irreducible_loss_;
}

FieldDifference Experiment::difference(double t, Index count, const FieldOptions& options) const {
  const Index dimension = whole_.target.distribution->dimension();
  Points x0(count, dimension);
  Points x1(count, dimension);
  source_.distribution->sample({seed_, Purpose::field_difference, 0}, 0, x0);
  target_of(options).distribution->sample({seed_, Purpose::field_difference, 1}, 0, x1);
  const ScheduleValues values = evaluate(options.schedule.value_or(schedule()), t);
  const Points x = static_cast<float>(values.alpha) * x1 + static_cast<float>(values.sigma) * x0;
  const Points exact = velocities(*field(FieldChoice::exact, options), t, x);
  const Points learned = velocities(*field(FieldChoice::learned, options), t, x);
  const auto rows = static_cast<double>(count);
  return {.rms = std::sqrt((learned - exact).cast<double>().squaredNorm() / rows),
          .exact_rms = std::sqrt(exact.cast<double>().squaredNorm() / rows)};
}

}  // namespace flowmatch
