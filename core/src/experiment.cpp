#include "flowmatch/experiment.h"

#include "flowmatch/guidance.h"
#include "flowmatch/maximum_likelihood.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace flowmatch {

std::optional<FieldChoice> field_choice_from_name(std::string_view name) {
  if (name == "exact") return FieldChoice::exact;
  if (name == "learned") return FieldChoice::learned;
  return std::nullopt;
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
  if (config.method != Method::flow_matching) {
    problems.add("method", std::string(name(config.method)),
                 "flow_matching for pairs that are given: maximum likelihood has no use for them");
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
    : config_(config),
      source_(std::move(source)),
      whole_{.label = kNoLabel,
             .schedule = config.schedule,
             .target = std::move(target),
             .exact = nullptr,
             .exact_of_all = nullptr},
      model_(make_generative_model(config)),
      independent_pairs_(pairs == nullptr),
      trainer_(
          model_->loss(pairs != nullptr ? std::move(pairs)
                                        : std::make_shared<const IndependentPairs>(
                                              source_.distribution, whole_.target.distribution),
                       whole_.target.distribution, config.training, pool),
          pool),
      stopping_(config.stop),
      pool_(pool) {
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
  return model_->field(std::vector<float>(weights.begin(), weights.end()), options);
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
                        whole_.target.distribution, nullptr, stopping_.config().count,
                        config_.training.seed, pool_, source_.distribution.get());
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
  const TrainerConfig& training = config_.training;
  if (!independent_pairs_ || training.coupling.coupling != Coupling::independent) {
    return std::nullopt;
  }
  if (config_.method != Method::flow_matching) {
    return least_maximum_likelihood_loss(*whole_.target.distribution);
  }
  if (!irreducible_loss_) irreducible_loss_ = estimate_irreducible_loss_of_path();
  return irreducible_loss_;
}

double Experiment::estimate_irreducible_loss_of_path() const {
  const TrainerConfig& training = config_.training;
  const Objective objective{.prediction = config_.prediction,
                            .time_law = training.time_law,
                            .weighting = training.loss_weighting};
  const double unseen = labels() > 0 ? training.label_dropout : 1;
  double loss = 0;
  if (unseen > 0) {
    loss += unseen * estimate_irreducible_loss(exact_field(), objective, training.seed,
                                               strata_for(exact_field()));
  }
  if (unseen == 1) return loss;
  // Of each class fewer points than of all data, so that many classes take no longer than one.
  const std::vector<double> shares = label_shares(config_.data);
  const Index most = std::max<Index>(1024 / labels(), 64);
  for (std::size_t k = 0; k < shares.size(); ++k) {
    const FieldOptions of_class{.guidance = {.label = static_cast<std::int32_t>(k)}};
    const ExactField& exact = exact_field_of(of_class);
    loss += (1 - unseen) * shares[k] *
            estimate_irreducible_loss(exact, objective, training.seed,
                                      std::min(strata_for(exact), most));
  }
  return loss;
}

FieldDifference Experiment::difference(double t, Index count, const FieldOptions& options) const {
  const Index dimension = whole_.target.distribution->dimension();
  Points x0(count, dimension);
  Points x1(count, dimension);
  source_.distribution->sample({config_.training.seed, Purpose::field_difference, 0}, 0, x0);
  target_of(options).distribution->sample({config_.training.seed, Purpose::field_difference, 1}, 0,
                                          x1);
  const ScheduleValues values = evaluate(options.schedule.value_or(config_.schedule), t);
  const Points x = static_cast<float>(values.alpha) * x1 + static_cast<float>(values.sigma) * x0;
  const Points exact = velocities(*field(FieldChoice::exact, options), t, x);
  const Points learned = velocities(*field(FieldChoice::learned, options), t, x);
  const auto rows = static_cast<double>(count);
  return {.rms = std::sqrt((learned - exact).cast<double>().squaredNorm() / rows),
          .exact_rms = std::sqrt(exact.cast<double>().squaredNorm() / rows)};
}

}  // namespace flowmatch
