#include "flowmatch/empirical.h"

#include "gaussian_sum.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

constexpr double kLeastSmoothing = 1e-4;
constexpr double kMostSmoothing = 1e3;

void check_points(const Points& points, ProblemList& problems) {
  for (Index i = 0; i < points.rows(); ++i) {
    for (Index j = 0; j < points.cols(); ++j) {
      const auto value = static_cast<double>(points(i, j));
      if (!(std::abs(value) <= kMaxCoordinate)) {
        problems.check_range("points[" + std::to_string(i) + "][" + std::to_string(j) + "]", value,
                             -kMaxCoordinate, kMaxCoordinate);
        return;
      }
    }
  }
}

void check_labels(const std::vector<std::int32_t>& labels, ProblemList& problems) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= kMaxLabels) {
      problems.check_integer("labels[" + std::to_string(i) + "]", labels[i], 0, kMaxLabels - 1);
      return;
    }
  }
}

}  // namespace

Problems validate(const EmpiricalConfig& config) {
  ProblemList problems;
  const Index rows = config.points.rows();
  const Index dimension = config.points.cols();
  problems.check_integer("points", static_cast<double>(rows), 1,
                         static_cast<double>(kMaxEmpiricalPoints));
  problems.check_integer("dimension", static_cast<double>(dimension), 1,
                         static_cast<double>(kMaxDimension));
  if (problems.empty() && rows * dimension > kMaxEmpiricalNumbers) {
    problems.add("points", std::to_string(rows) + " x " + std::to_string(dimension),
                 "at most " + std::to_string(kMaxEmpiricalNumbers) + " coordinates in all");
  }
  if (problems.empty()) check_points(config.points, problems);
  if (!config.labels.empty() && config.labels.size() != static_cast<std::size_t>(rows)) {
    problems.add("labels", std::to_string(config.labels.size()) + " labels",
                 "none, or one a point: " + std::to_string(rows));
  }
  check_labels(config.labels, problems);
  if (config.smoothing != 0) {
    problems.check_range("smoothing", config.smoothing, kLeastSmoothing, kMostSmoothing);
  }
  return std::move(problems).take();
}

Result<EmpiricalDistribution> EmpiricalDistribution::make(EmpiricalConfig config) {
  if (Problems problems = validate(config); !problems.empty()) return problems;
  return EmpiricalDistribution(std::move(config));
}

EmpiricalDistribution::EmpiricalDistribution(EmpiricalConfig config)
    : points_(std::move(config.points)),
      labels_(std::move(config.labels)),
      smoothing_(config.smoothing),
      classes_(labels_.empty() ? 0 : Index{*std::ranges::max_element(labels_)} + 1) {}

void EmpiricalDistribution::sample(const RandomStream& stream, Index first_row,
                                   PointsRef out) const {
  draw(stream, first_row, out, {});
}

void EmpiricalDistribution::sample_labelled(const RandomStream& stream, Index first_row,
                                            PointsRef out, std::span<std::int32_t> labels) const {
  assert(labels.size() == static_cast<std::size_t>(out.rows()));
  draw(stream, first_row, out, labels);
}

void EmpiricalDistribution::draw(const RandomStream& stream, Index first_row, PointsRef out,
                                 std::span<std::int32_t> labels) const {
  if (smoothing_ > 0) {
    fill_normal(stream, first_row, out, 1);
    out *= static_cast<float>(smoothing_);
  } else {
    out.setZero();
  }
  for (Index i = 0; i < out.rows(); ++i) {
    const std::uint32_t word = stream.words(static_cast<std::uint32_t>(first_row + i))[0];
    const Index chosen = index_from_word(word, points_.rows());
    out.row(i) += points_.row(chosen);
    if (labels.empty()) continue;
    labels[static_cast<std::size_t>(i)] =
        labels_.empty() ? 0 : labels_[static_cast<std::size_t>(chosen)];
  }
}

void EmpiricalDistribution::log_density(const ConstPointsRef& x, ValuesRef out) const {
  assert(has_density());
  GaussianSum(points_, {}, smoothing_).log_density(x, out);
}

void EmpiricalDistribution::score(const ConstPointsRef& x, PointsRef out) const {
  assert(has_density());
  GaussianSum(points_, {}, smoothing_).score(x, out);
}

}  // namespace flowmatch
