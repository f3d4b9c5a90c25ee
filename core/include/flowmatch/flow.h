// Moves a cloud of points along a field, or by an SDE with the same marginals, and keeps frames of
// its way. The work is done in pieces of a given time, so that a page's worker can answer other
// messages between them: it may stop after any solver step of any block of points, and goes on
// there.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/field.h"
#include "flowmatch/solver.h"
#include "flowmatch/solver_report.h"
#include "flowmatch/thread_pool.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace flowmatch {

/// Points that are moved together, from a multiple of this number on, their whole way before the
/// next ones: few, so that their network activations and their frames stay in cache, and a step of
/// them is soon done. The steps of an adaptive solver are chosen for such a block: a cloud that is
/// cut there comes to the same bits.
inline constexpr Index kFlowBlockRows = 32;

class Flow {
 public:
  /// Will move `start` (N x D) along `field` and keep `frames` + 1 equally spaced moments, the
  /// first and the last among them; frames = 1 keeps just these two. A moment between two solver
  /// steps is interpolated: linearly between steps of equal length, by the solver's own continuous
  /// solution for an adaptive one. Preconditions: validate(config) is empty, frames >= 1,
  /// start.rows() >= 1. The pool must outlive the flow. An SDE takes the schedule from the field,
  /// and config.sde.schedule only where the field does not know its own: see
  /// Field::path_schedule(). Its start is N(0, I): see check_solver() of source.h.
  ///
  /// A field whose trajectories are known in closed form is followed from frame to frame, whatever
  /// the solver.
  ///
  /// An adaptive solver that does not come to t_end within max_steps, or finds no step short
  /// enough, gives up a block of points: their remaining frames are NaN, the report() and the
  /// problems() say so.
  Flow(std::shared_ptr<const Field> field, const SolverConfig& config, const ConstPointsRef& start,
       Index frames, ThreadPool& pool);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  ~Flow();

  /// Works for about `milliseconds`, at least for one solver step of one block of points; returns
  /// whether all is done. The result does not depend on how the work is cut, to the bit.
  bool advance(double milliseconds);
  [[nodiscard]] bool done() const { return blocks_done_ == blocks_; }
  /// The share of the points that have come to the end or were given up, in [0, 1].
  [[nodiscard]] double progress() const {
    return static_cast<double>(blocks_done_) / static_cast<double>(blocks_);
  }

  [[nodiscard]] Index particles() const { return particles_; }
  [[nodiscard]] Index frames() const { return frames_; }
  /// The time of frame f in [0, frames].
  [[nodiscard]] double time(Index f) const;
  /// Frame f as N x D. A point that has not come so far yet stands at its start.
  [[nodiscard]] Eigen::Map<const Points> frame(Index f) const;
  /// All frames: (frames + 1) x N x D.
  [[nodiscard]] const std::vector<float>& positions() const { return positions_; }
  /// Not to be called during advance(), as all of these.
  [[nodiscard]] SolverReport report() const;
  /// Evaluations of the field so far (NFE), the mean over the points. When all is done it is a
  /// whole number, unless the solver is adaptive.
  [[nodiscard]] double function_evaluations() const;
  /// Why points were given up, where they were; empty if none was.
  [[nodiscard]] Problems problems() const;

 private:
  class Deadline;
  struct Lane;

  void run(Lane& lane, Deadline deadline);
  bool take_block(Lane& lane);
  bool step(Lane& lane);
  bool step_exact(Lane& lane);
  bool step_fixed(Lane& lane);
  void prepare_adaptive(Lane& lane) const;
  bool step_adaptive(Lane& lane);
  Eigen::Map<Points> frame_block(Index f, Index first_row, Index rows);

  std::shared_ptr<const Field> field_;
  SolverConfig config_;
  Index particles_;
  Index dimension_;
  Index frames_;
  ThreadPool& pool_;
  std::vector<float> positions_;
  Index blocks_;
  /// One for each thread that there may be.
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<Index> blocks_taken_{0};
  std::atomic<Index> blocks_done_{0};
};

/// The end points of `start` (N x D) moved along `field`, all at once. Those of points that the
/// solver gave up are NaN.
Points integrate(std::shared_ptr<const Field> field, const SolverConfig& config,
                 const ConstPointsRef& start, ThreadPool& pool);

/// `particles` draws from N(0, I), the noise that every cloud of the same seed starts from; of a
/// larger cloud those from particle `first` on.
Points starting_noise(Index particles, Index dimension, std::uint64_t seed, Index first = 0);

/// The same draws from any source: of N(0, I) they are starting_noise(), to the bit.
Points starting_points(const Distribution& source, Index particles, std::uint64_t seed,
                       Index first = 0);

}  // namespace flowmatch
