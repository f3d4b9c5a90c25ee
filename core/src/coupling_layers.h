// The coupling layers of a normalizing flow (normalizing_flow.h): which coordinates each keeps and
// moves, where its parameters are, and its conditioner for one panel of rows at a time.
#pragma once

#include "flowmatch/normalizing_flow.h"
#include "kernels/dense.h"
#include "network_pass.h"

#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace flowmatch {

/// The coordinates that a layer keeps and those that it moves: of each the first and how many.
struct Halves {
  Index kept;
  Index kept_count;
  Index moved;
  Index moved_count;
};

Halves halves_of(const NormalizingFlowConfig& config, Index coupling);

/// Where the parameters of a layer's conditioner begin.
Index first_parameter(const NormalizingFlowConfig& config, Index coupling);

std::vector<NetworkLayer> conditioner_of(const NormalizingFlowConfig& config, Index coupling);

/// bound tanh(raw / bound). With the exponential of its result this is a good part of a training
/// step, where the standard library's functions are worth their tables.
template <class Scalar>
Scalar bounded(Scalar raw, Scalar bound) {
  // 1 - exp(-80) is 1 by far, and a NaN stays one.
  const Scalar e = std::exp(-std::min(2 * std::abs(raw) / bound, Scalar{80}));
  return std::copysign(bound * (1 - e) / (1 + e), raw);
}

/// Up to rows() points, each coordinate in one piece as the kernels have it: so a half of the
/// coordinates is one piece as well. Large, for it holds all that the widest conditioner needs.
class CouplingPanel {
 public:
  /// Leaves its numbers as they are: to clear them takes longer than a small conditioner.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  explicit CouplingPanel(const NormalizingFlowConfig& config) : config_(config) {}

  [[nodiscard]] static Index rows() { return kernels::panel_rows(); }

  /// Takes rows first to first + count of x (N x D); the others are zeros.
  void load(const ConstPointsRef& x, Index first, Index count);
  void store(PointsRef x, Index first, Index count) const;
  /// Runs a layer's conditioner: raw() and shift() are of its moved coordinates afterwards.
  void condition(std::span<const float> parameters, Index coupling);

  /// A coordinate of all rows.
  [[nodiscard]] float* coordinate(Index d) { return state_.data() + d * rows(); }
  /// r, of which s is bounded(), and t, of moved coordinate i.
  [[nodiscard]] const float* raw(Index i) const { return outputs_.data() + i * rows(); }
  [[nodiscard]] const float* shift(Index i) const {
    return outputs_.data() + (moved_count_ + i) * rows();
  }

 private:
  static constexpr auto kRows = static_cast<std::size_t>(kernels::kRowMultiple);

  const NormalizingFlowConfig& config_;
  Index moved_count_ = 0;
  std::array<float, kMaxFlowDimension * kRows> state_;
  std::array<float, 2 * kMaxFlowDimension * kRows> outputs_;
  std::array<std::array<float, kMaxConditionerWidth * kRows>, 2> values_;
};

}  // namespace flowmatch
