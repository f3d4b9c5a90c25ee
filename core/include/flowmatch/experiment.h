// One experiment as a configuration describes it: a source and a target, a model that is trained
// between them, and the exact field of the same path beside it.
#pragma once

#include "flowmatch/evaluation.h"
#include "flowmatch/exact_field.h"
#include "flowmatch/experiment_config.h"
#include "flowmatch/flow.h"
#include "flowmatch/generative_model.h"
#include "flowmatch/pairs.h"
#include "flowmatch/source.h"
#include "flowmatch/stopping.h"
#include "flowmatch/target.h"
#include "flowmatch/trainer.h"

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace flowmatch {

/// Of the midpoint rule, for the samples of a stopping rule's distance.
inline constexpr Index kStopSolverSteps = 20;

enum class FieldChoice { exact, learned };
std::optional<FieldChoice> field_choice_from_name(std::string_view name);

struct FieldDifference {
  double rms;        ///< Root mean square of |learned - exact| over X_t ~ p_t.
  double exact_rms;  ///< Root mean square of |exact| over the same points.
};

/// The exact field of the source, data and schedule of an experiment. Preconditions:
/// validate(config) is empty; so is validate(options, label_count(config.data)).
std::shared_ptr<const Field> exact_field(const ExperimentConfig& config,
                                         const FieldOptions& options = {});

class Experiment {
 public:
  /// The pool must outlive the experiment.
  static Result<std::unique_ptr<Experiment>> make(const ExperimentConfig& config, ThreadPool& pool);
  /// The same trained on other pairs than independent ones of the source and the target, such as
  /// those of a Reflow; the source is still what samples start from, and the target what they are
  /// held against. Problems beside those of
  /// validate(): pairs of another dimension or, for a conditional model, of other classes, or a
  /// coupling that would pair them anew.
  static Result<std::unique_ptr<Experiment>> make(const ExperimentConfig& config,
                                                  std::shared_ptr<const Pairs> pairs,
                                                  ThreadPool& pool);

  /// Runs up to losses.size() steps and writes the loss of each, as Trainer::step() does, with the
  /// measurements that the stopping rule wants between them; returns how many were run: fewer when
  /// the run is complete, has stopped or diverged. The weights are those of Trainer::step(), and
  /// where it stops does not depend on how the run is cut into calls nor on the number of threads.
  /// Not to be mixed with Trainer::step(), by which the rule would miss steps.
  ///
  /// A distance is that of an Evaluation of the averaged weights with the seed of the training, by
  /// kStopSolverSteps midpoint steps.
  Index train(std::span<float> losses);
  [[nodiscard]] const StoppingRule& stopping() const { return stopping_; }
  /// Whether the run goes no further: it is complete, stopped by its rule, or has diverged.
  [[nodiscard]] bool ended() const {
    return trainer_.finished() || trainer_.diverged() || stopping_.stopped();
  }
  /// Goes on where another run of this configuration was: see Trainer::restore().
  Problems restore(const TrainerState& state, const StopState& stop);

  [[nodiscard]] Trainer& trainer() { return trainer_; }
  [[nodiscard]] const Trainer& trainer() const { return trainer_; }
  [[nodiscard]] const ExperimentConfig& config() const { return config_; }
  [[nodiscard]] std::shared_ptr<const Distribution> target() const {
    return whole_.target.distribution;
  }
  /// What X_0 is drawn from.
  [[nodiscard]] std::shared_ptr<const Distribution> source() const { return source_.distribution; }
  /// starting_points() of the source.
  [[nodiscard]] Points starts(Index count, std::uint64_t seed, Index first_row = 0) const;
  /// The target as a mixture, null where it is none.
  [[nodiscard]] std::shared_ptr<const GaussianMixture> modes() const { return whole_.target.modes; }
  /// The exact field of independent pairs of the source and the target; where one of them is not a
  /// mixture, of kSmoothedPoints of its points, each a narrow Gaussian, or of fewer: see
  /// make_exact_field().
  [[nodiscard]] const ExactField& exact_field() const { return *whole_.exact; }

  /// The classes that a cloud can be of: those of the data, none where the model is not told them.
  [[nodiscard]] Index labels() const { return config_.labels ? label_count(config_.data) : 0; }

  /// The exact field, or the model with the averaged weights as they are now; of a class, the
  /// exact field is that of this class alone, and guidance pushes both fields alike away from that
  /// of all data. Precondition: validate(options, labels()) is empty.
  [[nodiscard]] std::shared_ptr<const Field> field(FieldChoice choice,
                                                   const FieldOptions& options = {}) const;

  /// The target of the class, or all of it. Precondition: as of field().
  [[nodiscard]] const Target& target_of(const FieldOptions& options) const;
  /// Its exact field, without guidance.
  [[nodiscard]] const ExactField& exact_field_of(const FieldOptions& options) const;

  /// The loss that no model can go below: estimated on first use and kept. Of a conditional model
  /// it is that of the fields of the classes, and of all data for the rows whose label it does not
  /// see. None where the coupling is not independent, or the pairs are others: what is random of a
  /// target is then not known in closed form. Of maximum likelihood it is the entropy of the data,
  /// none where that is not known.
  [[nodiscard]] std::optional<double> irreducible_loss();

  /// How far the learned field is from the exact one at time t in [0, 1], over `count` fresh points
  /// of p_t of the class or of all. Precondition: as of field().
  [[nodiscard]] FieldDifference difference(double t, Index count,
                                           const FieldOptions& options = {}) const;

 private:
  /// Null pairs are independent ones.
  Experiment(const ExperimentConfig& config, Source source, Target target,
             std::shared_ptr<const Pairs> pairs, ThreadPool& pool);

  [[nodiscard]] double measure(StopMetric metric) const;
  [[nodiscard]] double estimate_irreducible_loss_of_path() const;

  /// One class or all of the data under one schedule, made when it is first asked for.
  struct View {
    std::int32_t label;
    Schedule schedule;
    Target target;
    std::shared_ptr<const ExactField> exact;
    std::shared_ptr<const ExactField> exact_of_all;
  };
  [[nodiscard]] const View& view(const FieldOptions& options) const;

  ExperimentConfig config_;
  Source source_;
  View whole_;  ///< All of the data under the schedule of the training.
  std::shared_ptr<const GenerativeModel> model_;
  bool independent_pairs_;
  Trainer trainer_;
  StoppingRule stopping_;
  ThreadPool& pool_;
  std::optional<double> irreducible_loss_;  ///< None: not estimated yet.
  /// What was asked for last beside it: one view is looked at for a while. Not for several threads
  /// at once, as the trainer beside it.
  mutable std::optional<View> other_;
};

}  // namespace flowmatch
