// How good a field is: a cloud moved by it against fresh samples of the target, with the floor of
// every distance. Done in pieces of a given time, like a Flow.
#pragma once

#include "flowmatch/flow.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/metrics.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace flowmatch {

/// Of the points that have come to the end. What an adaptive solver gave up, or what the field has
/// carried off to where there are no numbers, is in no distance and no share: it is counted apart,
/// and a result with such points says how good the others are, not how good the field is. With
/// fewer than two points left all that is of them is NaN.
struct EvaluationResult {
  Index lost = 0;  ///< Points whose end is not finite.
  double sliced_w2 = 0;
  double sliced_w2_floor = 0;
  double energy_distance = 0;
  double energy_distance_floor = 0;
  // Where the target has modes, the components of a mixture:
  /// Share nearer to its nearest mean than three times the largest standard deviation of any
  /// component along any axis.
  std::optional<double> within_three;
  std::optional<double> within_three_truth;  ///< The same of the fresh samples.
  Values mode_shares;  ///< For each component, share of samples nearest to its mean.
};

inline constexpr Index kSlicedProjections = 256;

class Evaluation {
 public:
  /// Will move `count` starting_points() of the source by `field` and compare them with `count`
  /// samples of the target, and those with `count` others. `modes` is the target as a mixture, or
  /// null. `source`: null is N(0, I); it is not kept. Preconditions as for Flow; count >= 2.
  Evaluation(std::shared_ptr<const Field> field, const SolverConfig& solver,
             std::shared_ptr<const Distribution> target,
             std::shared_ptr<const GaussianMixture> modes, Index count, std::uint64_t seed,
             ThreadPool& pool, const Distribution* source = nullptr);
  /// Of a mixture.
  Evaluation(std::shared_ptr<const Field> field, const SolverConfig& solver,
             const std::shared_ptr<const GaussianMixture>& target, Index count, std::uint64_t seed,
             ThreadPool& pool)
      : Evaluation(std::move(field), solver, target, target, count, seed, pool) {}

  /// Works for about `milliseconds`, at least on one piece a thread; returns whether all is done.
  bool advance(double milliseconds);
  [[nodiscard]] bool done() const { return next_piece_ == pieces_; }
  /// All zero before done().
  [[nodiscard]] const EvaluationResult& result() const { return result_; }

 private:
  void run_piece(Index piece);
  void keep_finite();
  void finish();

  std::shared_ptr<const Distribution> target_;
  std::shared_ptr<const GaussianMixture> modes_;
  Index count_;
  ThreadPool& pool_;
  Flow flow_;
  Points generated_;
  Points reference_;
  Points floor_;
  Points directions_;
  std::vector<double> sliced_;
  std::vector<double> sliced_floor_;
  std::vector<double> distances_;
  Index blocks_;
  Index pieces_;
  Index next_piece_ = 0;
  EvaluationResult result_;
};

}  // namespace flowmatch
