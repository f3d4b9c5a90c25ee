// One experiment as the page, the command line and a link describe it: a target, a path, a network
// and how it is trained; with the exact field of the same target and path beside it.
#pragma once

#include "flowmatch/evaluation.h"
#include "flowmatch/exact_field.h"
#include "flowmatch/flow.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/mlp.h"
#include "flowmatch/trainer.h"

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace flowmatch {

struct ExperimentConfig {
  GaussianMixtureConfig data = ring_mixture(11, 10, 1);
  Schedule schedule = Schedule::cond_ot;
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

class Experiment {
 public:
  /// The pool must outlive the experiment.
  static Result<std::unique_ptr<Experiment>> make(const ExperimentConfig& config, ThreadPool& pool);

  [[nodiscard]] Trainer& trainer() { return trainer_; }
  [[nodiscard]] const Trainer& trainer() const { return trainer_; }
  [[nodiscard]] const ExactField& exact_field() const { return *exact_; }
  [[nodiscard]] std::shared_ptr<const GaussianMixture> target() const { return target_; }

  /// The exact field, or the network with the averaged weights as they are now.
  [[nodiscard]] std::shared_ptr<const Field> field(FieldChoice choice) const;

  /// Estimated on first use and kept.
  [[nodiscard]] double irreducible_loss();

  /// How far the learned field is from the exact one at time t in [0, 1], over `count` fresh points
  /// of p_t.
  [[nodiscard]] FieldDifference difference(double t, Index count) const;

 private:
  Experiment(const ExperimentConfig& config, std::shared_ptr<const GaussianMixture> target,
             ThreadPool& pool);

  std::shared_ptr<const GaussianMixture> target_;
  std::shared_ptr<const ExactField> exact_;
  std::shared_ptr<const Model> model_;
  Trainer trainer_;
  std::uint64_t seed_;
  double irreducible_loss_ = -1;
};

}  // namespace flowmatch
