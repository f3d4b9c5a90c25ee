// Entropic optimal transport between two sets of points of equal weights: of all plans P with the
// right marginals, the one that minimises sum P C + r sum P log P. It blurs the optimal pairing by
// about the root of r; as r -> 0 it becomes that pairing, as r -> infinity the independent
// coupling.
//
// Sinkhorn's iteration in the log domain, stable for any r: Cuturi 2013, "Sinkhorn distances"
// (arXiv 1306.0895); Peyre and Cuturi 2019, "Computational optimal transport" (arXiv 1803.00567),
// section 4.4. The first iterations use a larger r, halved in each, which a small one needs to
// converge (Schmitzer 2019, arXiv 1610.06519, section 3.2).
#pragma once

#include "flowmatch/cost.h"
#include "flowmatch/points.h"
#include "flowmatch/problem.h"
#include "flowmatch/random.h"

#include <cstddef>
#include <span>
#include <vector>

namespace flowmatch {

struct SinkhornConfig {
  /// r over the mean of all costs, so that it means the same whatever the unit of the data.
  /// kMinRegularisation to kMaxRegularisation.
  double regularisation = 0.05;
  Index max_iterations = 1000;  ///< 1 to kMaxSinkhornIterations.
  /// Of the plan's marginals: the sum of absolute errors of the columns' weights, which sum to 1.
  /// Above 0, at most 1.
  double tolerance = 1e-3;
};

inline constexpr double kMinRegularisation = 1e-5;
inline constexpr double kMaxRegularisation = 1e6;
inline constexpr Index kMaxSinkhornIterations = 1'000'000;

Problems validate(const SinkhornConfig& config);

struct SinkhornResult {
  Index iterations = 0;       ///< Updates of both potentials.
  double marginal_error = 0;  ///< As `tolerance`; NaN if a cost is not finite.
  bool converged = false;     ///< Whether the error is at most the tolerance.
};

class SinkhornSolver {
 public:
  /// For up to max_rows x max_columns costs. Precondition: validate(config) is empty.
  SinkhornSolver(const SinkhornConfig& config, Index max_rows, Index max_columns);

  /// Costs are not negative. Finds the plan between n rows of weight 1 / n and m columns of weight
  /// 1 / m. `transposed` has the same costs with rows and columns exchanged. Does not allocate. If
  /// a cost is not finite, the plan is the independent coupling, and the result says so. n and m
  /// are at least 1.
  SinkhornResult solve(CostRows& costs, CostRows& transposed);

  /// Row i of the last plan given that row, P(j | i) for each column j: sums to 1 to rounding.
  /// Here and below `costs` are those of the last solve().
  void plan_row(CostRows& costs, Index i, std::span<double> out) const;

  /// The whole plan, n x m; sums to 1.
  [[nodiscard]] PointsOf<double> plan(CostRows& costs) const;

  /// sum P C of the last plan.
  [[nodiscard]] double transport_cost(CostRows& costs);

  /// Draws a column from P(j | i), by a number uniform in (0, 1). Does not allocate.
  [[nodiscard]] Index sample_row(CostRows& costs, Index i, double uniform);

  /// The same for every row i, by word 0 of row i of the stream. Each row is used once; columns are
  /// used as often as the plan says on average, but not exactly.
  void sample(CostRows& costs, const RandomStream& stream, std::span<Index> column_of_row);

 private:
  [[nodiscard]] double mean_cost(CostRows& costs) const;
  void update_rows(CostRows& costs);
  double update_columns(CostRows& transposed);

  SinkhornConfig config_;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  /// 1 / r; 0 for the independent coupling.
  double scale_ = 0;
  /// log P(i, j) = row_logs_[i] + column_logs_[j] - scale_ cost(i, j).
  std::vector<double> row_logs_;
  std::vector<double> column_logs_;
  /// What the columns' logarithms should be for the rows' as they are.
  std::vector<double> next_logs_;
  std::vector<double> weights_;
};

}  // namespace flowmatch
