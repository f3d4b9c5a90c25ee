#include "flowmatch/evaluation.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

namespace flowmatch {

namespace {

/// Rows of one set whose distances to a whole other set are one piece of work.
constexpr Index kBlockRows = 64;

/// The five sums of distances that the two energy distances need.
enum Pairing : Index {
  generated_reference,
  generated_generated,
  reference_reference,
  reference_floor,
  floor_floor
};
constexpr Index kPairings = 5;

}  // namespace

Evaluation::Evaluation(std::shared_ptr<const Field> field, const SolverConfig& solver,
                       std::shared_ptr<const Distribution> target,
                       std::shared_ptr<const GaussianMixture> modes, Index count,
                       std::uint64_t seed, ThreadPool& pool, const Distribution* source)
    : target_(std::move(target)),
      modes_(std::move(modes)),
      count_(count),
      pool_(pool),
      flow_(std::move(field), solver,
            source != nullptr ? starting_points(*source, count, seed)
                              : starting_noise(count, target_->dimension(), seed),
            1, pool),
      reference_(count, target_->dimension()),
      floor_(count, target_->dimension()),
      directions_(random_directions(kSlicedProjections, target_->dimension(), seed)),
      sliced_(static_cast<std::size_t>(kSlicedProjections)),
      sliced_floor_(static_cast<std::size_t>(kSlicedProjections)),
      blocks_((count + kBlockRows - 1) / kBlockRows) {
  assert(count >= 2);
  target_->sample({seed, Purpose::reference_data, 0}, 0, reference_);
  target_->sample({seed, Purpose::floor_data, 0}, 0, floor_);
  distances_.resize(static_cast<std::size_t>(kPairings * blocks_));
  pieces_ = kSlicedProjections + kPairings * blocks_;
}

void Evaluation::run_piece(Index piece) {
  if (piece < kSlicedProjections) {
    std::vector<float> scratch;
    // Sorted pairs need sets of one size.
    const auto compared = reference_.topRows(generated_.rows());
    const Eigen::VectorXf direction = directions_.row(piece).transpose();
    const auto at = static_cast<std::size_t>(piece);
    sliced_[at] = projected_w2_squared(generated_, compared, direction, scratch);
    sliced_floor_[at] = projected_w2_squared(floor_, reference_, direction, scratch);
    return;
  }
  const Index index = piece - kSlicedProjections;
  const Index first = index % blocks_ * kBlockRows;
  const Index rows = std::min(kBlockRows, count_ - first);
  const Index moved = std::clamp<Index>(generated_.rows() - first, 0, rows);
  double& sum = distances_[static_cast<std::size_t>(index)];
  switch (static_cast<Pairing>(index / blocks_)) {
    case generated_reference:
      sum = sum_of_distances(generated_.middleRows(moved == 0 ? 0 : first, moved), reference_);
      break;
    case generated_generated:
      sum = sum_of_distances(generated_.middleRows(moved == 0 ? 0 : first, moved), generated_);
      break;
    case reference_reference:
      sum = sum_of_distances(reference_.middleRows(first, rows), reference_);
      break;
    case reference_floor:
      sum = sum_of_distances(reference_.middleRows(first, rows), floor_);
      break;
    case floor_floor:
      sum = sum_of_distances(floor_.middleRows(first, rows), floor_);
      break;
  }
}

bool Evaluation::advance(double milliseconds) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto spent = [&] {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  };
  if (done()) return true;
  if (!flow_.done()) {
    if (!flow_.advance(milliseconds)) return false;
    keep_finite();
  }
  do {
    const Index round = std::min<Index>(4 * pool_.size(), pieces_ - next_piece_);
    pool_.parallel_for(round, [&](Index task, int /*worker*/) { run_piece(next_piece_ + task); });
    next_piece_ += round;
  } while (!done() && spent() < milliseconds);
  if (done()) finish();
  return done();
}

/// The points that have come to the end, in their order.
void Evaluation::keep_finite() {
  const auto ends = flow_.frame(1);
  generated_ = ends;
  Index kept = 0;
  for (Index i = 0; i < count_; ++i) {
    if (ends.row(i).allFinite()) generated_.row(kept++) = ends.row(i);
  }
  generated_.conservativeResize(kept, Eigen::NoChange);
  result_.lost = count_ - kept;
}

void Evaluation::finish() {
  const auto mean_root = [](const std::vector<double>& squares) {
    return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0) /
                     static_cast<double>(squares.size()));
  };
  const auto mean_distance = [&](Pairing pairing, Index rows, Index others) {
    const auto first = distances_.begin() + pairing * blocks_;
    return std::accumulate(first, first + blocks_, 0.0) /
           (static_cast<double>(rows) * static_cast<double>(others));
  };
  const Index moved = generated_.rows();
  const double of_reference = mean_distance(reference_reference, count_, count_);
  result_.sliced_w2_floor = mean_root(sliced_floor_);
  result_.energy_distance_floor = 2 * mean_distance(reference_floor, count_, count_) -
                                  of_reference - mean_distance(floor_floor, count_, count_);
  const bool enough = moved >= 2;
  result_.sliced_w2 = enough ? mean_root(sliced_) : std::nan("");
  result_.energy_distance = enough ? 2 * mean_distance(generated_reference, moved, count_) -
                                         mean_distance(generated_generated, moved, moved) -
                                         of_reference
                                   : std::nan("");
  if (modes_ == nullptr) return;
  double variance = 0;
  for (const auto& component : modes_->components()) {
    variance = std::max(variance, component.variances.maxCoeff());
  }
  const double radius = 3 * std::sqrt(variance);
  result_.within_three_truth = share_within(*modes_, reference_, radius);
  if (enough) {
    result_.within_three = share_within(*modes_, generated_, radius);
    result_.mode_shares = mode_shares(*modes_, generated_);
  } else {
    result_.within_three = std::nan("");
    result_.mode_shares.setConstant(static_cast<Index>(modes_->components().size()), std::nan(""));
  }
}

}  // namespace flowmatch
