// One experiment as the page, the command line and a link describe it: a target, a path, a network
// and how it is trained; with the exact field of the same target and path beside it.
#pragma once

#include "flowmatch/datasets.h"
#include "flowmatch/evaluation.h"
#include "flowmatch/exact_field.h"
#include "flowmatch/flow.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/mlp.h"
#include "flowmatch/trainer.h"

#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace flowmatch {

/// What is to be learned: a mixture, or a set of the literature.
using DataConfig = std::variant<GaussianMixtureConfig, DataSetConfig>;

struct ExperimentConfig {
  DataConfig data = ring_mixture(11, 10, 1);
  Schedule schedule = Schedule::cond_ot;
  Prediction prediction = Prediction::velocity;
  std::vector<Index> hidden{64, 64, 64};  ///< As in MlpConfig.
  Activation activation = Activation::silu;
  TrainerConfig training;
};

/// The blog's own settings: schedule sqrt, 3-1024-16-2, batch 1000, 5000 steps at 1e-3, no
/// averaging.
ExperimentConfig blog_config();
/// A faster and better run of the same example: cond_ot, 3-64-64-64-2, batch 256, 5000 steps.
ExperimentConfig quick_config();

Problems validate(const ExperimentConfig& config);

enum class FieldChoice { exact, learned };
std::optional<FieldChoice> field_choice_from_name(std::string_view name);

struct FieldDifference {
  double rms;        ///< Root mean square of |learned - exact| over X_t ~ p_t.
  double exact_rms;  ///< Root mean square of |exact| over the same points.
};

/// The network that an experiment trains. Precondition: validate(config) is empty.
MlpConfig network_config(const ExperimentConfig& config);

/// Points that stand for a target whose exact field is not known in closed form.
inline constexpr Index kSmoothedPoints = 512;

/// What is to be learned, as all that an experiment needs of it.
struct Target {
  std::shared_ptr<const Distribution> distribution;
  std::shared_ptr<const GaussianMixture> modes;  ///< The same as a mixture; null where it is none.
  /// The mixture whose field is the exact one: that of `modes`, or of kSmoothedPoints points.
  std::shared_ptr<const GaussianMixture> exact;
};
Result<Target> make_target(const DataConfig& config);

class Experiment {
 public:
  /// The pool must outlive the experiment.
  static Result<std::unique_ptr<Experiment>> make(const ExperimentConfig& config, ThreadPool& pool);

  [[nodiscard]] Trainer& trainer() { return trainer_; }
  [[nodiscard]] const Trainer& trainer() const { return trainer_; }
  [[nodiscard]] Schedule schedule() const { return exact_->schedule(); }
  [[nodiscard]] std::shared_ptr<const Distribution> target() const { return target_.distribution; }
  /// The target as a mixture, null where it is none.
  [[nodiscard]] std::shared_ptr<const GaussianMixture> modes() const { return target_.modes; }
  /// The exact field of independent pairs of N(0, I) and the target; where the target is not a
  /// mixture, of kSmoothedPoints of its points, each a narrow Gaussian.
  [[nodiscard]] const ExactField& exact_field() const { return *exact_; }

  /// The exact field, or the network with the averaged weights as they are now.
  [[nodiscard]] std::shared_ptr<const Field> field(FieldChoice choice) const;

  /// The loss that no model can go below: estimated on first use and kept. None where the coupling
  /// is not independent: what is random of a target is then not known in closed form.
  [[nodiscard]] std::optional<double> irreducible_loss();

  /// How far the learned field is from the exact one at time t in [0, 1], over `count` fresh points
  /// of p_t.
  [[nodiscard]] FieldDifference difference(double t, Index count) const;

 private:
  Experiment(const ExperimentConfig& config, Target target, ThreadPool& pool);

  Target target_;
  std::shared_ptr<const ExactField> exact_;
  Prediction prediction_;
  std::shared_ptr<const Model> model_;
  Trainer trainer_;
  std::uint64_t seed_;
  double irreducible_loss_ = -1;
};

}  // namespace flowmatch
