// A continuous normalizing flow trained by maximum likelihood (Chen et al. 2018, arXiv 1806.07366;
// Grathwohl et al. 2019, "FFJORD", arXiv 1810.01367): the same model that flow matching trains, a
// velocity v(x, t) with noise at t = 0 and data at t = 1, trained as was usual before.
//
// A data point is moved backwards in time to noise by a solver, and with it the logarithm of the
// density (the instantaneous change of variables, equation 8 of the first paper):
//
//   dx/dt = v(x, t),   d log p_t(x) / dt = -div v(x, t)
//   log p_1(x(1)) = log N(x(0); 0, I) - integral from 0 to 1 of div v(x(t), t) dt.
//
// The divergence is exact, by one forward-mode tangent a coordinate, and the gradient is that of
// the discrete solution: it goes back through the stages of every step (discretise, then optimise),
// so that it is exact for the loss that is computed. Memory for the way back is bounded: of the
// earlier steps only their starting points are kept, and the evaluations are done again.
//
// Not here: adaptive solvers, whose steps would change from one batch to the next, the continuous
// adjoint, which is not the gradient of what a solver computes, and Hutchinson's estimate of the
// divergence, which pays in many dimensions.
#pragma once

#include "flowmatch/density_model.h"
#include "flowmatch/mlp.h"
#include "flowmatch/problem.h"
#include "flowmatch/solver.h"

#include <memory>
#include <vector>

namespace flowmatch {

struct CnfConfig {
  Index dimension = 2;                    ///< D, 1 to kMaxCnfDimension.
  std::vector<Index> hidden{64, 64, 64};  ///< As in MlpConfig.
  /// The gradient of the divergence needs a second derivative: with relu there is none, and the
  /// divergence is learned by the weights alone.
  Activation activation = Activation::silu;
  Solver solver = Solver::rk4;  ///< One of fixed steps.
  Index solver_steps = 8;       ///< Equal steps from t = 1 to t = 0, 1 to kMaxCnfSteps.
};

/// Exact divergence costs D + 1 evaluations.
inline constexpr Index kMaxCnfDimension = 16;
inline constexpr Index kMaxCnfSteps = 1000;

/// Every problem of the configuration, or none.
Problems validate(const CnfConfig& config);

template <class Scalar>
class CnfModelOf final : public DensityModelOf<Scalar> {
 public:
  /// Precondition: validate(config) is empty.
  explicit CnfModelOf(const CnfConfig& config);

  [[nodiscard]] const CnfConfig& config() const { return config_; }
  /// The velocity network, whose parameters are the model's: with LearnedField, a trained CNF is a
  /// field like any other.
  [[nodiscard]] const std::shared_ptr<const MlpOf<Scalar>>& network() const { return network_; }

  [[nodiscard]] Index dimension() const override { return config_.dimension; }
  [[nodiscard]] Index parameter_count() const override { return network_->parameter_count(); }
  /// Steps times stages a step. The steps that are done again on the way back are not counted.
  [[nodiscard]] Index evaluations() const override;
  /// The network's own: under one seed, maximum likelihood and flow matching begin with the same
  /// weights.
  void initialise(std::uint64_t seed, std::span<Scalar> parameters) const override {
    network_->initialise(seed, parameters);
  }
  [[nodiscard]] std::unique_ptr<DensityWorkspaceOf<Scalar>> workspace() const override;

 private:
  CnfConfig config_;
  std::shared_ptr<const MlpOf<Scalar>> network_;
};

extern template class CnfModelOf<float>;
extern template class CnfModelOf<double>;
using CnfModel = CnfModelOf<float>;

}  // namespace flowmatch
