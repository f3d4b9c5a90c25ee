// A normalizing flow of affine couplings as a velocity field: the same map, in continuous time, so
// that what moves, draws and measures flows does it with this one too.
//
// From noise at t = 0 to data at t = 1 the K couplings are undone one after the other, each in a
// K-th of the time. To undo one is x_b -> (x_b - t(x_a)) exp(-s(x_a)) while x_a stays, which is
// what the linear ODE
//
//   dx_b / dtau = -s x_b - t s / (exp(s) - 1)
//
// does from tau = 0 to 1, exactly: s and t depend on x_a alone. tau runs at the speed of
// 6 u (1 - u) over the coupling's part u of the time, so that v is continuous in t and 0 where one
// coupling ends and the next begins: a solver of order p keeps it if its steps end there, that is,
// if their number is a multiple of K. A Flow needs no solver: it takes the solution itself, which
// from t = 0 to 1 is the map of the couplings. The divergence is exact: minus the sum of s, times
// the speed; its integral is the log-determinant of the couplings.
#pragma once

#include "flowmatch/field.h"
#include "flowmatch/normalizing_flow.h"

#include <memory>
#include <vector>

namespace flowmatch {

class NormalizingFlowField final : public Field {
 public:
  /// Holds its own copy of the weights: parameters has model->parameter_count() entries.
  NormalizingFlowField(std::shared_ptr<const NormalizingFlowModel> model,
                       std::vector<float> parameters);

  [[nodiscard]] Index dimension() const override { return model_->dimension(); }
  /// Exact, whether there are probes or not: it costs nothing.
  [[nodiscard]] bool has_divergence() const override { return true; }
  /// Each coupling is an evaluation.
  [[nodiscard]] bool is_followed_exactly() const override { return true; }
  [[nodiscard]] std::unique_ptr<FieldEvaluator> evaluator(Index max_rows) const override;

 private:
  std::shared_ptr<const NormalizingFlowModel> model_;
  std::vector<float> parameters_;
};

}  // namespace flowmatch
