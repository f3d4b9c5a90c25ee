// The linear assignment problem: of n rows and n columns, pair each row with a column of its own so
// that the sum of the costs of the pairs is least. With equal weights on n points each, this is
// discrete optimal transport (Birkhoff: some optimal plan is a permutation).
//
// Exact, by shortest augmenting paths: Jonker and Volgenant 1987, "A shortest augmenting path
// algorithm for dense and sparse linear assignment problems", with their column reduction and
// augmenting row reduction. Between these two, a few auctions with decreasing increments (Bertsekas
// 1988, "The auction algorithm: a distributed relaxation method for the assignment problem") bring
// the potentials near their final values. Where all points must move far, as from a Gaussian to a
// ring around it, the paths alone would search most of the columns for each row: reading a row of
// the costs is then needed 45 times a row for 256 points and over 150 times for 1024, with the
// auctions 20 and 30 times.
//
// The code is ours: there is no small packaged C++ library, and the published single files read a
// whole matrix.
//
// Costs are floats, the potentials and path lengths doubles. Those are sums and differences of
// costs, so that they are exact where costs are of similar size, and elsewhere to 1e-16 of the
// largest cost.
#pragma once

#include "flowmatch/cost.h"
#include "flowmatch/points.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flowmatch {

class AssignmentSolver {
 public:
  /// For problems of up to max_size rows, at most 2^31 - 1. Memory: 72 bytes a row.
  explicit AssignmentSolver(Index max_size);

  /// Pairs row i with column column_of_row[i], for all costs.rows() rows; there are as many columns
  /// and entries of column_of_row. Does not allocate. Of equally good assignments it finds one that
  /// depends on nothing but the costs.
  ///
  /// Returns false, with row i paired with column i, if any cost is not finite: such a problem has
  /// no meaning.
  bool solve(CostRows& costs, std::span<Index> column_of_row);

  /// The sum of the costs of the pairs of the last solve(); NaN where that returned false.
  [[nodiscard]] double cost() const { return cost_; }

  /// The certificate of the last solve(), if that returned true, u and v with
  /// u[i] + v[j] <= cost(i, j) for all pairs, to rounding, and equality for those chosen. No
  /// assignment can cost less than sum u + sum v, which the chosen one does: it is optimal.
  [[nodiscard]] std::span<const double> row_potentials() const { return {u_.data(), size_}; }
  [[nodiscard]] std::span<const double> column_potentials() const { return {v_.data(), size_}; }

 private:
  bool reduce_columns(CostRows& costs);
  void auctions(CostRows& costs);
  struct Spread {
    double mean;
    double median;
  };
  Spread spread(CostRows& costs);
  void auction(CostRows& costs, double increment);
  void free_all();
  void reduce_rows(CostRows& costs);
  void augment(CostRows& costs, Index free_row);
  [[nodiscard]] std::size_t free_column_at(double length, std::size_t otherwise) const;

  std::size_t size_ = 0;
  double cost_ = 0;
  /// Potentials of rows and columns.
  std::vector<double> u_;
  std::vector<double> v_;
  /// Pairs, -1 for none.
  std::vector<std::int32_t> column_of_row_;
  std::vector<std::int32_t> row_of_column_;
  /// The rows without a column, and the columns without a row: free_count_ of each.
  std::vector<std::int32_t> free_rows_;
  std::vector<std::int32_t> free_columns_;
  std::size_t free_count_ = 0;
  /// The least cost of each column.
  std::vector<float> least_;
  /// Of the search for a path: the potentials of the columns not yet reached, the lengths of the
  /// shortest paths to them and the rows where those come from.
  std::vector<double> open_potentials_;
  std::vector<double> lengths_;
  std::vector<double> previous_;
  /// The columns reached, and how long their paths are.
  std::vector<std::int32_t> reached_;
  std::vector<double> reached_lengths_;
};

}  // namespace flowmatch
