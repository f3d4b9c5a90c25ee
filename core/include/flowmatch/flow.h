// Moves a cloud of points along a field and keeps frames of its way. The work is done in pieces of
// a given time, so that a page's worker can answer other messages between them.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/field.h"
#include "flowmatch/solver.h"
#include "flowmatch/thread_pool.h"

#include <memory>
#include <vector>

namespace flowmatch {

class Flow {
 public:
  /// Will move `start` (N x D) along `field` and keep `frames` + 1 equally spaced moments, the
  /// first and the last among them; frames = 1 keeps just these two. A moment between two solver
  /// steps is interpolated linearly. Preconditions: validate(config) is empty, frames >= 1,
  /// start.rows() >= 1. The pool must outlive the flow.
  Flow(std::shared_ptr<const Field> field, const SolverConfig& config, const ConstPointsRef& start,
       Index frames, ThreadPool& pool);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  ~Flow();

  /// Works for about `milliseconds`, at least on one block of points a thread; returns whether all
  /// is done.
  bool advance(double milliseconds);
  [[nodiscard]] bool done() const;

  [[nodiscard]] Index particles() const { return particles_; }
  [[nodiscard]] Index frames() const { return frames_; }
  /// The time of frame f in [0, frames].
  [[nodiscard]] double time(Index f) const;
  /// Frame f as N x D. Points that are not done yet stand at their start.
  [[nodiscard]] Eigen::Map<const Points> frame(Index f) const;
  /// All frames: (frames + 1) x N x D.
  [[nodiscard]] const std::vector<float>& positions() const { return positions_; }
  /// Evaluations of the field for each point's whole way (NFE).
  [[nodiscard]] Index function_evaluations() const;

 private:
  struct Worker;

  void move_block(Index block, Worker& worker);
  Eigen::Map<Points> frame_block(Index f, Index first_row, Index rows);

  std::shared_ptr<const Field> field_;
  SolverConfig config_;
  Index particles_;
  Index dimension_;
  Index frames_;
  ThreadPool& pool_;
  std::vector<float> positions_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Index next_block_ = 0;
};

/// The end points of `start` (N x D) moved along `field`, all at once.
Points integrate(std::shared_ptr<const Field> field, const SolverConfig& config,
                 const ConstPointsRef& start, ThreadPool& pool);

/// `particles` draws from N(0, I), the noise that every cloud of the same seed starts from.
Points starting_noise(Index particles, Index dimension, std::uint64_t seed);

}  // namespace flowmatch
