#include "flowmatch/sinkhorn.h"

#include "elementary.h"
#include "kernels/costs.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace flowmatch {

Problems validate(const SinkhornConfig& config) {
  ProblemList problems;
  problems.check_range("regularisation", config.regularisation, kMinRegularisation,
                       kMaxRegularisation);
  problems.check_integer("maxIterations", static_cast<double>(config.max_iterations), 1,
                         static_cast<double>(kMaxSinkhornIterations));
  problems.check_above("tolerance", config.tolerance, 0, 1);
  return std::move(problems).take();
}

SinkhornSolver::SinkhornSolver(const SinkhornConfig& config, Index max_rows, Index max_columns)
    : config_(config),
      row_logs_(static_cast<std::size_t>(max_rows)),
      column_logs_(static_cast<std::size_t>(max_columns)),
      next_logs_(column_logs_.size()),
      weights_(column_logs_.size()) {
  assert(validate(config).empty());
}

double SinkhornSolver::mean_cost(CostRows& costs) const {
  double sum = 0;
  for (std::size_t i = 0; i < rows_; ++i) {
    const float* row = costs.row(static_cast<Index>(i));
    for (std::size_t j = 0; j < columns_; ++j) sum += static_cast<double>(row[j]);
  }
  return sum / static_cast<double>(rows_) / static_cast<double>(columns_);
}

// Afterwards every row of the plan sums to 1 / n.
void SinkhornSolver::update_rows(CostRows& costs) {
  const double log_rows = natural_log(static_cast<double>(rows_));
  for (std::size_t i = 0; i < rows_; ++i) {
    const auto [largest, sum] =
        kernels::log_sum_exp(static_cast<Index>(columns_), costs.row(static_cast<Index>(i)),
                             column_logs_.data(), scale_);
    row_logs_[i] = -(log_rows + largest + natural_log(sum));
  }
}

// Finds what the columns would have to be to sum to 1 / m, and by how much they do not.
double SinkhornSolver::update_columns(CostRows& transposed) {
  const auto columns = static_cast<double>(columns_);
  const double log_columns = natural_log(columns);
  double error = 0;
  for (std::size_t j = 0; j < columns_; ++j) {
    const auto [largest, sum] = kernels::log_sum_exp(
        static_cast<Index>(rows_), transposed.row(static_cast<Index>(j)), row_logs_.data(), scale_);
    next_logs_[j] = -(log_columns + largest + natural_log(sum));
    // The rows sum to 1, so that no column is more than that; the range is that of exponential().
    const double excess = std::clamp(column_logs_[j] - next_logs_[j], -700.0, 700.0);
    error += std::abs(exponential(excess) - 1);
  }
  return error / columns;
}

SinkhornResult SinkhornSolver::solve(CostRows& costs, CostRows& transposed) {
  assert(costs.rows() == transposed.columns() && costs.columns() == transposed.rows());
  rows_ = static_cast<std::size_t>(costs.rows());
  columns_ = static_cast<std::size_t>(costs.columns());
  assert(rows_ >= 1 && columns_ >= 1);
  assert(rows_ <= row_logs_.size() && columns_ <= column_logs_.size());
  const double mean = mean_cost(costs);
  scale_ = 0;
  if (mean == 0) return {.converged = true};
  if (!(mean > 0 && mean < std::numeric_limits<double>::infinity())) {
    return {.marginal_error = std::numeric_limits<double>::quiet_NaN()};
  }
  const double target = 1 / (config_.regularisation * mean);
  // At first a regularisation of the mean cost, with which a few iterations are enough.
  scale_ = std::min(target, 1 / mean);
  std::fill_n(column_logs_.begin(), columns_, 0.0);
  update_rows(costs);
  SinkhornResult result;
  for (;; ++result.iterations) {
    result.marginal_error = update_columns(transposed);
    const bool at_target = scale_ == target;
    result.converged = at_target && result.marginal_error <= config_.tolerance;
    if (result.converged || result.iterations == config_.max_iterations) return result;
    std::swap(column_logs_, next_logs_);
    if (!at_target) {
      const bool last = result.iterations + 1 == config_.max_iterations;
      const double scale = last ? target : std::min(target, 2 * scale_);
      // The potential in units of the cost stays, its logarithm is in units of r.
      for (std::size_t j = 0; j < columns_; ++j) column_logs_[j] *= scale / scale_;
      scale_ = scale;
    }
    update_rows(costs);
  }
}

void SinkhornSolver::plan_row(CostRows& costs, Index i, std::span<double> out) const {
  assert(out.size() == columns_);
  if (scale_ == 0) {
    std::fill(out.begin(), out.end(), 1 / static_cast<double>(columns_));
    return;
  }
  const double shift =
      row_logs_[static_cast<std::size_t>(i)] + natural_log(static_cast<double>(rows_));
  kernels::gibbs_weights(static_cast<Index>(columns_), costs.row(i), column_logs_.data(), scale_,
                         shift, out.data());
}

PointsOf<double> SinkhornSolver::plan(CostRows& costs) const {
  PointsOf<double> plan(static_cast<Index>(rows_), static_cast<Index>(columns_));
  for (Index i = 0; i < plan.rows(); ++i) {
    plan_row(costs, i, {plan.row(i).data(), columns_});
  }
  return plan / static_cast<double>(rows_);
}

double SinkhornSolver::transport_cost(CostRows& costs) {
  double sum = 0;
  for (std::size_t i = 0; i < rows_; ++i) {
    plan_row(costs, static_cast<Index>(i), {weights_.data(), columns_});
    const float* row = costs.row(static_cast<Index>(i));
    for (std::size_t j = 0; j < columns_; ++j) sum += weights_[j] * static_cast<double>(row[j]);
  }
  return sum / static_cast<double>(rows_);
}

Index SinkhornSolver::sample_row(CostRows& costs, Index i, double uniform) {
  plan_row(costs, i, {weights_.data(), columns_});
  double total = 0;
  for (std::size_t j = 0; j < columns_; ++j) total += weights_[j];
  double rest = uniform * total;
  // Rounding may leave something after the last column.
  for (std::size_t j = 0; j + 1 < columns_; ++j) {
    rest -= weights_[j];
    if (rest < 0) return static_cast<Index>(j);
  }
  return static_cast<Index>(columns_) - 1;
}

void SinkhornSolver::sample(CostRows& costs, const RandomStream& stream,
                            std::span<Index> column_of_row) {
  assert(column_of_row.size() == rows_);
  for (std::size_t i = 0; i < rows_; ++i) {
    const std::uint32_t word = stream.words(static_cast<std::uint32_t>(i))[0];
    column_of_row[i] = sample_row(costs, static_cast<Index>(i), (word + 0.5) * 0x1p-32);
  }
}

}  // namespace flowmatch
