// The log-density that a flow gives to points, by the instantaneous change of variables: along a
// path of dx/dt = v(x, t) from the source's density p_0,
//   d/dt log p_t(x_t) = -div v(x_t, t)
// (Chen et al. 2018, arXiv 1806.07366, theorem 1). A point is therefore taken back in time to where
// it came from, with the sum of the divergence that it passes.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/field.h"
#include "flowmatch/problem.h"
#include "flowmatch/solver.h"
#include "flowmatch/solver_report.h"
#include "flowmatch/thread_pool.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flowmatch {

struct LikelihoodConfig {
  /// The source is at t_start, the points are at t_end. One of kSolvers: a point has one way back
  /// to the source, and an SDE's has many.
  SolverConfig solver{.solver = Solver::rk4, .steps = 50};
  /// 0: the exact divergence, at D products with the Jacobian for each evaluation. 1 to kMaxProbes:
  /// Hutchinson's estimate from so many Rademacher vectors a point, the same ones at all times
  /// (FFJORD, Grathwohl et al. 2018, arXiv 1810.01367), for high D. The log-density is then
  /// unbiased but for the solver's error.
  Index probes = 0;
  std::uint64_t seed = 0;  ///< Of the probes; every 64-bit number.
};

inline constexpr Index kMaxProbes = 1024;

/// Every problem of the configuration, or none.
Problems validate(const LikelihoodConfig& config);

/// A problem, of the field "source", where the log-density of a source is not known, so that no
/// likelihood can be had; or none.
Problems check_density(const Distribution& source);

/// The augmented system d/dt (x, l) = (v(x, t), -div v(x, t)), where l changes as the log-density
/// does, in the form that solvers take: states and slopes are N x (D + 1), a row a point, l last.
class LogDensityOde {
 public:
  /// For up to max_rows points. The evaluator is of a field that has a divergence, and must outlive
  /// this.
  LogDensityOde(FieldEvaluator& evaluator, Index max_rows)
      : evaluator_(evaluator), divergence_(max_rows) {}

  /// slope = d/dt of the state at time t in [0, 1], by a rounding outside of it. With `probes`
  /// (K N x D) the divergence is estimated; see FieldEvaluator. Does not allocate.
  void operator()(double t, const ConstPointsRef& state, const ConstPointsRef& probes,
                  PointsRef slope);

 private:
  FieldEvaluator& evaluator_;
  Values divergence_;
};

/// The log-densities of some points under a field, worked out in pieces of a given time, like a
/// Flow.
///
/// An adaptive solver chooses its steps for kFlowBlockRows points at a time, by the error of the
/// log-density as by that of each coordinate. A block that it gives up has no log-density: its
/// points remain NaN, the report() and the problems() say so.
class Likelihood {
 public:
  /// Of the points x (N x D). Without a `source` that is N(0, I). Preconditions: validate(config)
  /// is empty; the field has a divergence and the source a density, both of D dimensions. The pool
  /// must outlive this.
  Likelihood(std::shared_ptr<const Field> field, std::shared_ptr<const Distribution> source,
             const LikelihoodConfig& config, Points x, ThreadPool& pool);
  Likelihood(const Likelihood&) = delete;
  Likelihood& operator=(const Likelihood&) = delete;
  ~Likelihood();

  /// Works for about `milliseconds`, at least for one solver step of one block of points; returns
  /// whether all is done. The result does not depend on how the work is cut, nor on the number of
  /// threads, to the bit.
  bool advance(double milliseconds);
  [[nodiscard]] bool done() const { return blocks_done_ == blocks_; }
  /// The share of the work that is done, in [0, 1].
  [[nodiscard]] double progress() const;

  /// log p(x) of each point, in nats; NaN for one that is not done, or was given up.
  [[nodiscard]] const Values& log_density() const { return log_density_; }
  /// What it has cost so far: evaluations of the field with its divergence, at one point each. Its
  /// way begins at t_end. Not to be called during advance(), as all of these.
  [[nodiscard]] SolverReport report() const;
  /// Those evaluations so far (NFE), the mean over the points; 0 where there are none. When all is
  /// done it is a whole number, unless the solver is adaptive.
  [[nodiscard]] double function_evaluations() const;
  /// Why points were given up, where they were; empty if none was.
  [[nodiscard]] Problems problems() const;

 private:
  struct Lane;

  void run(Lane& lane, double end);
  bool take_block(Lane& lane);
  bool step(Lane& lane);
  bool step_adaptive(Lane& lane);
  void finish_block(Lane& lane);

  std::shared_ptr<const Field> field_;
  std::shared_ptr<const Distribution> source_;
  LikelihoodConfig config_;
  /// That of the configuration from the points' time back to the source's.
  SolverConfig way_;
  Points x_;
  ThreadPool& pool_;
  Values log_density_;
  Index blocks_;
  /// One for each thread that there may be.
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<Index> blocks_taken_{0};
  std::atomic<Index> blocks_done_{0};
};

/// All at once: log p of each row of x (N x D), in nats. Preconditions as for Likelihood.
Values log_likelihood(std::shared_ptr<const Field> field, const LikelihoodConfig& config,
                      const ConstPointsRef& x, ThreadPool& pool,
                      std::shared_ptr<const Distribution> source = nullptr);

/// The mean of some numbers and the standard error of that mean (NaN of fewer than two).
struct MeanEstimate {
  double mean;
  double standard_error;
};
MeanEstimate mean_estimate(const Values& values);

/// The negative log-likelihood of points, in nats a point, from their log-densities: where the
/// points are samples of p, at least the entropy of p.
MeanEstimate negative_log_likelihood(const Values& log_density);

/// KL(p || q) in nats, from log p and log q of samples of p: the mean of log p - log q.
MeanEstimate kl_divergence(const Values& log_p, const Values& log_q);

/// A rectangle of the plane in equal cells.
struct DensityGridConfig {
  double x_low = -15;  ///< Finite, below x_high; the same for y.
  double x_high = 15;
  double y_low = -15;
  double y_high = 15;
  Index columns = 100;  ///< Cells along x, 1 to kMaxGridCells.
  Index rows = 100;     ///< Cells along y; columns times rows is at most kMaxGridCells.
};

inline constexpr Index kMaxGridCells = Index{1} << 22;

/// Every problem of the configuration, or none.
Problems validate(const DensityGridConfig& config);

/// The centres of the cells, row after row from y_low up, each from x_low: (rows columns) x 2.
Points grid_points(const DensityGridConfig& config);

/// The density of a field in two dimensions over such a rectangle: a picture, and its integral.
class DensityGrid {
 public:
  /// Preconditions as for Likelihood, with D = 2; validate(grid) is empty.
  DensityGrid(std::shared_ptr<const Field> field, std::shared_ptr<const Distribution> source,
              const LikelihoodConfig& config, const DensityGridConfig& grid, ThreadPool& pool);

  /// As of Likelihood.
  bool advance(double milliseconds) { return likelihood_.advance(milliseconds); }
  [[nodiscard]] bool done() const { return likelihood_.done(); }
  [[nodiscard]] double progress() const { return likelihood_.progress(); }
  [[nodiscard]] SolverReport report() const { return likelihood_.report(); }
  [[nodiscard]] double function_evaluations() const { return likelihood_.function_evaluations(); }
  [[nodiscard]] Problems problems() const { return likelihood_.problems(); }

  [[nodiscard]] const DensityGridConfig& config() const { return grid_; }
  [[nodiscard]] double cell_area() const;
  /// At the centre of each cell, in the order of grid_points().
  [[nodiscard]] const Values& log_density() const { return likelihood_.log_density(); }
  /// The same as densities, as many as there are cells; NaN where they are not done.
  void density(std::span<float> out) const;
  /// The integral of the density over the rectangle by the midpoint rule: near 1 where the
  /// rectangle has nearly all of it and the cells are small beside its features. NaN before done(),
  /// and where a cell was given up.
  [[nodiscard]] double integral() const;

 private:
  DensityGridConfig grid_;
  Likelihood likelihood_;
};

}  // namespace flowmatch
