#include "flowmatch/target.h"

#include "flowmatch/class_distribution.h"
#include "smoothed_points.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

std::optional<GaussianMixtureConfig> mixture_of(const DataConfig& data) {
  if (const auto* mixture = std::get_if<GaussianMixtureConfig>(&data)) return *mixture;
  if (const auto* set = std::get_if<DataSetConfig>(&data)) return mixture_of(*set);
  return std::nullopt;
}

Index label_count_of(const DataSetConfig& config) {
  // A count that is no whole number is for validate() to report.
  const Index count =
      config.count >= 0 && config.count <= 1e6 ? static_cast<Index>(config.count) : 0;
  switch (config.set) {
    case DataSet::moons:
    case DataSet::moons_torchdyn:
      return 2;
    case DataSet::s_curve:
    case DataSet::swiss_roll:
      return 0;
    case DataSet::checkerboard:
      return (count * count + 1) / 2;
    case DataSet::eight_gaussians:
    case DataSet::pinwheel:
    case DataSet::rings:
    case DataSet::spiral:
      return count;
  }
  return 0;
}

/// Those of given points that have a label, or all of them.
EmpiricalConfig points_with(const EmpiricalConfig& config, std::int32_t label) {
  if (label == kNoLabel) return config;
  const auto count = static_cast<Index>(std::ranges::count(config.labels, label));
  EmpiricalConfig chosen{.points = Points(count, config.points.cols()),
                         .smoothing = config.smoothing};
  Index next = 0;
  for (Index i = 0; i < config.points.rows(); ++i) {
    if (config.labels[static_cast<std::size_t>(i)] != label) continue;
    chosen.points.row(next++) = config.points.row(i);
  }
  return chosen;
}

}  // namespace

Problems validate(const DataConfig& config) {
  return std::visit([](const auto& each) { return validate(each); }, config);
}

Index dimension_of(const DataConfig& config) {
  if (const auto* given = std::get_if<EmpiricalConfig>(&config)) return given->points.cols();
  const auto* mixture = std::get_if<GaussianMixtureConfig>(&config);
  if (mixture == nullptr) return 2;
  return mixture->means.empty() ? 0 : mixture->means.front().size();
}

Index label_count(const DataConfig& config) {
  if (const auto* mixture = std::get_if<GaussianMixtureConfig>(&config)) {
    return static_cast<Index>(mixture->means.size());
  }
  if (const auto* given = std::get_if<EmpiricalConfig>(&config)) {
    return given->labels.empty() ? 0 : Index{*std::ranges::max_element(given->labels)} + 1;
  }
  return label_count_of(std::get<DataSetConfig>(config));
}

std::vector<double> label_shares(const DataConfig& config) {
  const auto count = static_cast<std::size_t>(label_count(config));
  std::vector<double> shares(count, 1 / static_cast<double>(count));
  if (const auto* mixture = std::get_if<GaussianMixtureConfig>(&config)) {
    double sum = 0;
    for (const double weight : mixture->weights) sum += weight;
    for (std::size_t k = 0; k < count; ++k) shares[k] = mixture->weights[k] / sum;
  }
  if (const auto* given = std::get_if<EmpiricalConfig>(&config)) {
    std::ranges::fill(shares, 0);
    for (const std::int32_t label : given->labels) {
      shares[static_cast<std::size_t>(label)] += 1 / static_cast<double>(given->labels.size());
    }
  }
  return shares;
}

Result<Target> make_target(const DataConfig& config, std::int32_t label) {
  if (Problems problems = validate(config); !problems.empty()) return problems;
  ProblemList problems;
  problems.check_integer("label", label, kNoLabel, static_cast<double>(label_count(config) - 1));
  if (!problems.empty()) return std::move(problems).take();

  Target target;
  std::optional<GaussianMixtureConfig> mixture = mixture_of(config);
  if (mixture && label != kNoLabel) {
    const auto k = static_cast<std::size_t>(label);
    mixture = GaussianMixtureConfig{
        .weights = {1}, .means = {mixture->means[k]}, .covariances = {mixture->covariances[k]}};
  }
  if (const auto* given = std::get_if<EmpiricalConfig>(&config)) {
    EmpiricalConfig points = points_with(*given, label);
    if (points.points.rows() == 0) {
      problems.add("label", std::to_string(label), "a class that some point is of");
      return std::move(problems).take();
    }
    const bool few = points.smoothing > 0 && points.points.rows() <= kMaxExactPoints;
    if (few) mixture = around(points.points.cast<double>(), points.smoothing);
    auto made = EmpiricalDistribution::make(std::move(points));
    if (!made) return made.problems();
    target.distribution = std::make_shared<const EmpiricalDistribution>(std::move(made).value());
    if (!few) mixture = smoothed_points(*target.distribution, kSmoothedPoints);
  } else if (!mixture) {
    auto made = make_distribution(std::get<DataSetConfig>(config));
    if (!made) return made.problems();
    target.distribution = std::move(made).value();
    if (label != kNoLabel) {
      target.distribution = std::make_shared<const ClassDistribution>(target.distribution, label);
    }
    mixture = smoothed_points(*target.distribution, kSmoothedPoints);
  }
  auto made = GaussianMixture::make(*mixture);
  if (!made) return made.problems();
  target.exact = std::make_shared<const GaussianMixture>(std::move(made).value());
  if (target.distribution == nullptr) target.distribution = target.modes = target.exact;
  return target;
}

}  // namespace flowmatch
