#include "flowmatch/experiment.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace flowmatch {

namespace {

MlpConfig mlp_config(const ExperimentConfig& config) {
  return {.dimension = config.data.means.empty() ? 0 : config.data.means.front().size(),
          .hidden = config.hidden,
          .activation = config.activation};
}

}  // namespace

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
  const Problems data = validate(config.data);
  problems.append("data", data);
  Problems all = std::move(problems).take();
  MlpConfig network = mlp_config(config);
  // That the target has no dimension is reported by now; the network's widths are checked anyhow.
  network.dimension = std::clamp<Index>(network.dimension, 1, kMaxDimension);
  for (Problem& problem : validate(network)) all.push_back(std::move(problem));
  for (Problem& problem : validate(config.training)) all.push_back(std::move(problem));
  return all;
}

std::optional<FieldChoice> field_choice_from_name(std::string_view name) {
  if (name == "exact") return FieldChoice::exact;
  if (name == "learned") return FieldChoice::learned;
  return std::nullopt;
}

Result<std::unique_ptr<Experiment>> Experiment::make(const ExperimentConfig& config,
                                                     ThreadPool& pool) {
  if (Problems problems = validate(config); !problems.empty()) return problems;
  auto target = GaussianMixture::make(config.data);
  if (!target) return target.problems();
  return std::unique_ptr<Experiment>(new Experiment(
      config, std::make_shared<const GaussianMixture>(std::move(target).value()), pool));
}

Experiment::Experiment(const ExperimentConfig& config,
                       std::shared_ptr<const GaussianMixture> target, ThreadPool& pool)
    : target_(std::move(target)),
      exact_(std::make_shared<const ExactField>(*target_, config.schedule)),
      model_(std::make_shared<const Mlp>(mlp_config(config))),
      trainer_(model_, target_, AffinePath(config.schedule), config.training, pool),
      seed_(config.training.seed) {}

std::shared_ptr<const Field> Experiment::field(FieldChoice choice) const {
  if (choice == FieldChoice::exact) return exact_;
  const auto weights = trainer_.averaged_parameters();
  return std::make_shared<const LearnedField>(model_,
                                              std::vector<float>(weights.begin(), weights.end()));
}

double Experiment::irreducible_loss() {
  if (irreducible_loss_ < 0) irreducible_loss_ = estimate_irreducible_loss(*exact_, seed_);
  return irreducible_loss_;
}

FieldDifference Experiment::difference(double t, Index count) const {
  const Index dimension = target_->dimension();
  Points x0(count, dimension);
  Points x1(count, dimension);
  StandardNormal(dimension).sample({seed_, Purpose::field_difference, 0}, 0, x0);
  target_->sample({seed_, Purpose::field_difference, 1}, 0, x1);
  const ScheduleValues values = evaluate(exact_->schedule(), t);
  const Points x = static_cast<float>(values.alpha) * x1 + static_cast<float>(values.sigma) * x0;
  const Points exact = velocities(*exact_, t, x);
  const Points learned = velocities(*field(FieldChoice::learned), t, x);
  const auto rows = static_cast<double>(count);
  return {.rms = std::sqrt((learned - exact).cast<double>().squaredNorm() / rows),
          .exact_rms = std::sqrt(exact.cast<double>().squaredNorm() / rows)};
}

}  // namespace flowmatch
