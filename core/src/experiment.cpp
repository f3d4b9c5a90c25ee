#include "flowmatch/experiment.h"

#include "elementary.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace flowmatch {

namespace {

/// The coordinates of a point, 0 where the configuration is too wrong to have any.
Index dimension_of(const DataConfig& data) {
  const auto* mixture = std::get_if<GaussianMixtureConfig>(&data);
  if (mixture == nullptr) return 2;
  return mixture->means.empty() ? 0 : mixture->means.front().size();
}

std::optional<GaussianMixtureConfig> mixture_of(const DataConfig& data) {
  if (const auto* mixture = std::get_if<GaussianMixtureConfig>(&data)) return *mixture;
  return mixture_of(std::get<DataSetConfig>(data));
}

/// kSmoothedPoints points of a distribution, each a Gaussian of 0.3 times the width that Scott's
/// rule gives for the density of a normal distribution: these sets have finer features.
GaussianMixtureConfig smoothed_points(const Distribution& distribution) {
  const Index dimension = distribution.dimension();
  Points points(kSmoothedPoints, dimension);
  distribution.sample({0, Purpose::smoothed_points, 0}, 0, points);
  const Eigen::MatrixXd all = points.cast<double>();
  const double variance = (all.rowwise() - all.colwise().mean()).squaredNorm() /
                          static_cast<double>(kSmoothedPoints * dimension);
  const double scott =
      power(static_cast<double>(kSmoothedPoints), -1.0 / (static_cast<double>(dimension) + 4));
  const double width = std::max(0.3 * scott * std::sqrt(variance), std::sqrt(kMinVariance));
  GaussianMixtureConfig mixture;
  for (Index i = 0; i < kSmoothedPoints; ++i) {
    mixture.weights.push_back(1);
    mixture.means.push_back(all.row(i).transpose());
    mixture.covariances.push_back(width * width * Eigen::MatrixXd::Identity(dimension, dimension));
  }
  return mixture;
}

}  // namespace

MlpConfig network_config(const ExperimentConfig& config) {
  return {.dimension = dimension_of(config.data),
          .hidden = config.hidden,
          .activation = config.activation};
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
  const Problems data = std::visit([](const auto& each) { return validate(each); }, config.data);
  problems.append("data", data);
  Problems all = std::move(problems).take();
  for (Problem& problem : validate(config.schedule)) all.push_back(std::move(problem));
  MlpConfig network = network_config(config);
  // That the target has no dimension is reported by now; the network's widths are checked anyhow.
  network.dimension = std::clamp<Index>(network.dimension, 1, kMaxDimension);
  for (Problem& problem : validate(network)) all.push_back(std::move(problem));
  for (Problem& problem : validate(config.training)) all.push_back(std::move(problem));
  return all;
}

Result<Target> make_target(const DataConfig& config) {
  Target target;
  std::optional<GaussianMixtureConfig> mixture = mixture_of(config);
  if (!mixture) {
    auto made = make_distribution(std::get<DataSetConfig>(config));
    if (!made) return made.problems();
    target.distribution = std::move(made).value();
    mixture = smoothed_points(*target.distribution);
  }
  auto made = GaussianMixture::make(*mixture);
  if (!made) return made.problems();
  target.exact = std::make_shared<const GaussianMixture>(std::move(made).value());
  if (target.distribution == nullptr) target.distribution = target.modes = target.exact;
  return target;
}

std::optional<FieldChoice> field_choice_from_name(std::string_view name) {
  if (name == "exact") return FieldChoice::exact;
  if (name == "learned") return FieldChoice::learned;
  return std::nullopt;
}

Result<std::unique_ptr<Experiment>> Experiment::make(const ExperimentConfig& config,
                                                     ThreadPool& pool) {
  if (Problems problems = validate(config); !problems.empty()) return problems;
  auto target = make_target(config.data);
  if (!target) return target.problems();
  return std::unique_ptr<Experiment>(new Experiment(config, std::move(target).value(), pool));
}

Experiment::Experiment(const ExperimentConfig& config, Target target, ThreadPool& pool)
    : target_(std::move(target)),
      exact_(std::make_shared<const ExactField>(*target_.exact, config.schedule)),
      prediction_(config.prediction),
      model_(std::make_shared<const Mlp>(network_config(config))),
      trainer_(model_, target_.distribution, AffinePath(config.schedule, config.prediction),
               config.training, pool),
      seed_(config.training.seed) {}

std::shared_ptr<const Field> Experiment::field(FieldChoice choice) const {
  if (choice == FieldChoice::exact) return exact_;
  const auto weights = trainer_.averaged_parameters();
  const Reading reading{
      .prediction = prediction_, .trained = exact_->schedule(), .sampled = exact_->schedule()};
  return std::make_shared<const LearnedField>(
      model_, std::vector<float>(weights.begin(), weights.end()), reading);
}

std::optional<double> Experiment::irreducible_loss() {
  const TrainerConfig& training = trainer_.config();
  if (training.coupling.coupling != Coupling::independent) return std::nullopt;
  if (irreducible_loss_ < 0) {
    irreducible_loss_ = estimate_irreducible_loss(*exact_,
                                                  {.prediction = prediction_,
                                                   .time_law = training.time_law,
                                                   .weighting = training.loss_weighting},
                                                  seed_);
  }
  return irreducible_loss_;
}

FieldDifference Experiment::difference(double t, Index count) const {
  const Index dimension = target_.distribution->dimension();
  Points x0(count, dimension);
  Points x1(count, dimension);
  StandardNormal(dimension).sample({seed_, Purpose::field_difference, 0}, 0, x0);
  target_.distribution->sample({seed_, Purpose::field_difference, 1}, 0, x1);
  const ScheduleValues values = evaluate(exact_->schedule(), t);
  const Points x = static_cast<float>(values.alpha) * x1 + static_cast<float>(values.sigma) * x0;
  const Points exact = velocities(*exact_, t, x);
  const Points learned = velocities(*field(FieldChoice::learned), t, x);
  const auto rows = static_cast<double>(count);
  return {.rms = std::sqrt((learned - exact).cast<double>().squaredNorm() / rows),
          .exact_rms = std::sqrt(exact.cast<double>().squaredNorm() / rows)};
}

}  // namespace flowmatch
