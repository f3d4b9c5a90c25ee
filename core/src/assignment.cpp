#include "flowmatch/assignment.h"

#include "kernels/costs.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <limits>
#include <numeric>

namespace flowmatch {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Times that augmenting row reduction goes through the free rows: Jonker and Volgenant's choice.
constexpr int kReductionSweeps = 2;
/// Bids a row at most, on average over the rows, in a sweep and in an auction.
constexpr std::size_t kMostSweepBids = 2;
constexpr std::size_t kMostBids = 16;
/// The increments of the auctions: from this share of the mean spread of costs, each by this factor
/// less, to this share of the median spread over the number of rows, or this of the mean if that is
/// more. Measured: fewest scans of a row for 256 to 10,000 points in the plane, and not sharp.
constexpr double kFirstIncrement = 0.03;
constexpr double kIncrementFactor = 0.25;
constexpr double kLastIncrement = 1;
constexpr double kSmallestIncrement = 1e-8;

/// What a row loses with its second best column.
double margin(const kernels::TwoSmallest& two) {
  return two.second == kInfinity ? 0 : two.second - two.least;
}

}  // namespace

AssignmentSolver::AssignmentSolver(Index max_size)
    : u_(static_cast<std::size_t>(max_size)),
      v_(u_.size()),
      column_of_row_(u_.size()),
      row_of_column_(u_.size()),
      free_rows_(u_.size()),
      free_columns_(u_.size()),
      least_(u_.size()),
      open_potentials_(u_.size()),
      lengths_(u_.size()),
      previous_(u_.size()),
      reached_(u_.size()),
      reached_lengths_(u_.size()) {}

// Each column's potential is its least cost. Returns whether all costs are finite.
bool AssignmentSolver::reduce_columns(CostRows& costs) {
  const auto size = static_cast<Index>(size_);
  std::fill_n(least_.begin(), size_, std::numeric_limits<float>::infinity());
  bool finite = true;
  for (Index i = 0; i < size; ++i) {
    finite = kernels::lower_minima(size, costs.row(i), least_.data()) && finite;
  }
  std::copy_n(least_.begin(), size_, v_.begin());
  return finite;
}

// How much more than the least of its column a cost is, by a sample of as many pairs as there are
// rows.
AssignmentSolver::Spread AssignmentSolver::spread(CostRows& costs) {
  constexpr std::size_t kRows = 8;
  const std::size_t rows = std::min(kRows, size_);
  // The memory for path lengths is free as yet.
  const auto first = lengths_.begin();
  auto last = first;
  for (std::size_t k = 0; k < rows; ++k) {
    const float* row_costs = costs.row(static_cast<Index>(k * size_ / rows));
    for (std::size_t j = k; j < size_; j += rows) {
      *last++ = static_cast<double>(row_costs[j]) - v_[j];
    }
  }
  const double mean = std::accumulate(first, last, 0.0) / static_cast<double>(size_);
  const auto middle = first + (last - first) / 2;
  std::nth_element(first, middle, last);
  return {mean, *middle};
}

void AssignmentSolver::free_all() {
  std::fill_n(column_of_row_.begin(), size_, -1);
  std::fill_n(row_of_column_.begin(), size_, -1);
  for (std::size_t i = 0; i < size_; ++i) free_rows_[i] = static_cast<std::int32_t>(i);
  free_count_ = size_;
}

// Bertsekas' auction: like reduce_rows(), but a bid lowers the potential by `increment` more than
// leaves the row content, so that no row bids for long. Ends with potentials by which no row could
// gain more than the increment, or when there were too many bids.
void AssignmentSolver::auction(CostRows& costs, double increment) {
  const auto size = static_cast<Index>(size_);
  free_all();
  for (std::size_t bids = 0; free_count_ > 0 && bids < kMostBids * size_; ++bids) {
    const std::int32_t row = free_rows_[--free_count_];
    const auto two = kernels::two_smallest(size, costs.row(row), v_.data());
    const auto column = static_cast<std::size_t>(two.column);
    v_[column] -= margin(two) + increment;
    if (row_of_column_[column] >= 0) free_rows_[free_count_++] = row_of_column_[column];
    row_of_column_[column] = row;
  }
}

// Auctions by smaller and smaller increments: the first find out cheaply where rows must move far,
// which costs the shortest paths a search through most of the problem for each row. Only their
// potentials are kept.
void AssignmentSolver::auctions(CostRows& costs) {
  if (size_ < 2) return;
  const auto [mean, median] = spread(costs);
  // All costs that were looked at are equal: nothing to bid for.
  if (!(mean > 0)) return;
  // A few far points move the mean, but it is the many others that have to be told apart.
  const double last =
      std::max(kLastIncrement * median / static_cast<double>(size_), kSmallestIncrement * mean);
  for (double increment = kFirstIncrement * mean; increment > last; increment *= kIncrementFactor) {
    auction(costs, increment);
  }
  auction(costs, last);
}

// Augmenting row reduction: a free row takes the column that is best for it, by a potential at
// which its second best would be as good. Who had the column is free, and is next, as long as
// potentials fall.
void AssignmentSolver::reduce_rows(CostRows& costs) {
  const auto size = static_cast<Index>(size_);
  const std::size_t before = free_count_;
  free_count_ = 0;
  // Rows may outbid each other for long, by less and less: what remains is left to the paths.
  std::size_t most = kMostSweepBids * size_;
  for (std::size_t next = 0; next < before;) {
    const std::int32_t row = free_rows_[next++];
    const float* row_costs = costs.row(row);
    const auto two = kernels::two_smallest(size, row_costs, v_.data());
    auto column = static_cast<std::size_t>(two.column);
    const double lowered = v_[column] - margin(two);
    // Rounding may take what was left.
    const bool falls = lowered < v_[column];
    if (falls) {
      v_[column] = lowered;
    } else if (row_of_column_[column] >= 0) {
      for (std::size_t j = 0; j < size_; ++j) {
        if (row_of_column_[j] < 0 && static_cast<double>(row_costs[j]) - v_[j] == two.least) {
          column = j;
          break;
        }
      }
    }
    const std::int32_t displaced = row_of_column_[column];
    row_of_column_[column] = row;
    column_of_row_[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(column);
    if (displaced < 0) continue;
    column_of_row_[static_cast<std::size_t>(displaced)] = -1;
    if (falls && most > 0) {
      --most;
      free_rows_[--next] = displaced;
    } else {
      free_rows_[free_count_++] = displaced;
    }
  }
}

// Dijkstra's algorithm over reduced costs, which are not negative: the shortest alternating path
// from a free row to any free column.
void AssignmentSolver::augment(CostRows& costs, Index free_row) {
  const auto size = static_cast<Index>(size_);
  std::copy_n(v_.begin(), size_, open_potentials_.begin());
  std::fill_n(lengths_.begin(), size_, kInfinity);
  std::size_t reached = 0;
  Index row = free_row;
  const float* row_costs = costs.row(row);
  double base = 0;
  double length = kInfinity;
  std::size_t column = 0;
  for (;;) {
    const auto nearest =
        kernels::relax(size, row_costs, open_potentials_.data(), base, static_cast<double>(row),
                       lengths_.data(), previous_.data());
    column = static_cast<std::size_t>(nearest.column);
    if (row_of_column_[column] >= 0 && nearest.least == length) {
      column = free_column_at(length, column);
    }
    length = nearest.least;
    if (row_of_column_[column] < 0) break;
    reached_[reached] = static_cast<std::int32_t>(column);
    reached_lengths_[reached++] = length;
    // No path to it is looked for any more.
    open_potentials_[column] = -kInfinity;
    lengths_[column] = kInfinity;
    row = row_of_column_[column];
    row_costs = costs.row(row);
    base = length - (static_cast<double>(row_costs[column]) - v_[column]);
  }
  for (std::size_t k = 0; k < reached; ++k) {
    v_[static_cast<std::size_t>(reached_[k])] += reached_lengths_[k] - length;
  }
  const auto free_end = free_columns_.begin() + static_cast<std::ptrdiff_t>(free_count_);
  *std::find(free_columns_.begin(), free_end, static_cast<std::int32_t>(column)) = *(free_end - 1);
  --free_count_;
  for (Index i = -1; i != free_row;) {
    i = static_cast<Index>(previous_[column]);
    row_of_column_[column] = static_cast<std::int32_t>(i);
    const auto next = column_of_row_[static_cast<std::size_t>(i)];
    column_of_row_[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(column);
    column = static_cast<std::size_t>(next);
  }
}

// Among equally long paths, one that ends at a free column ends the search.
std::size_t AssignmentSolver::free_column_at(double length, std::size_t otherwise) const {
  for (std::size_t k = 0; k < free_count_; ++k) {
    const auto column = static_cast<std::size_t>(free_columns_[k]);
    if (lengths_[column] == length) return column;
  }
  return otherwise;
}

bool AssignmentSolver::solve(CostRows& costs, std::span<Index> column_of_row) {
  assert(costs.rows() == costs.columns());
  assert(static_cast<std::size_t>(costs.rows()) <= u_.size());
  assert(static_cast<std::size_t>(costs.rows()) == column_of_row.size());
  size_ = column_of_row.size();
  if (!reduce_columns(costs)) {
    for (std::size_t i = 0; i < size_; ++i) column_of_row[i] = static_cast<Index>(i);
    cost_ = std::numeric_limits<double>::quiet_NaN();
    return false;
  }
  auctions(costs);
  free_all();
  for (int sweep = 0; sweep < kReductionSweeps; ++sweep) reduce_rows(costs);
  // There are as many free columns as rows.
  std::size_t columns = 0;
  for (std::size_t j = 0; j < size_; ++j) {
    if (row_of_column_[j] < 0) free_columns_[columns++] = static_cast<std::int32_t>(j);
  }
  while (free_count_ > 0) augment(costs, free_rows_[free_count_ - 1]);
  cost_ = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    const auto column = static_cast<std::size_t>(column_of_row_[i]);
    const auto cost =
        static_cast<double>(costs.cost(static_cast<Index>(i), static_cast<Index>(column)));
    u_[i] = cost - v_[column];
    cost_ += cost;
    column_of_row[i] = static_cast<Index>(column);
  }
  return true;
}

}  // namespace flowmatch
