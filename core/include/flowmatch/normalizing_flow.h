// A normalizing flow of affine coupling layers (RealNVP: Dinh, Sohl-Dickstein, Bengio 2017, arXiv
// 1605.08803): what was trained before flow matching where an exact density and one-pass sampling
// were wanted.
//
// From data to noise, layer by layer. A layer leaves one half of the coordinates, x_a, as it is and
// scales and shifts the other by functions of it (equations 4 and 5):
//
//   z_a = x_a,   z_b = x_b exp(s(x_a)) + t(x_a),   log |det dz/dx| = sum of s(x_a).
//
// The Jacobian is triangular, so that the log-determinant costs nothing, and the inverse, x_b =
// (z_b
// - t(x_a)) exp(-s(x_a)), needs no inverse of the network. The halves take turns: even layers keep
// the first floor(D / 2) coordinates, odd ones the others.
//
// (s, t) come from a multilayer perceptron, the layer's conditioner. s is bound to +-max_log_scale
// by max_log_scale tanh(r / max_log_scale) of its output r: without a bound one outlying x_a scales
// x_b by a factor that overflows, or that the inverse cannot undo in floats. The bound's slope at 0
// is 1, so that a small scale is learned as if there were none.
//
// Parameters, in order, for each layer of the flow: its conditioner's, as torch.nn.Linear's (see
// mlp.h). The conditioner's outputs are all r, then all t.
#pragma once

#include "flowmatch/activation.h"
#include "flowmatch/density_model.h"
#include "flowmatch/distribution.h"
#include "flowmatch/problem.h"

#include <memory>
#include <vector>

namespace flowmatch {

struct NormalizingFlowConfig {
  Index dimension = 2;                ///< D, 2 to kMaxFlowDimension.
  Index couplings = 8;                ///< Layers, 2 (each half is moved once) to kMaxCouplings.
  std::vector<Index> hidden{32, 32};  ///< Widths of each conditioner, 1 to kMaxConditionerWidth
                                      ///< each; at most kMaxHiddenLayers; may be empty.
  Activation activation = Activation::silu;
  double max_log_scale = 2;  ///< Largest |s| of a layer, (0, kMaxLogScale].
};

inline constexpr Index kMaxFlowDimension = 784;  // 28 x 28 pixels
inline constexpr Index kMaxCouplings = 64;
/// A sample's way through a conditioner lies on the stack.
inline constexpr Index kMaxConditionerWidth = 256;
inline constexpr double kMaxLogScale = 10;

/// Every problem of the configuration, or none.
Problems validate(const NormalizingFlowConfig& config);

/// The flow without its weights: what is trained.
template <class Scalar>
class NormalizingFlowModelOf final : public DensityModelOf<Scalar> {
 public:
  /// Precondition: validate(config) is empty.
  explicit NormalizingFlowModelOf(const NormalizingFlowConfig& config);

  [[nodiscard]] const NormalizingFlowConfig& config() const { return config_; }
  [[nodiscard]] Index dimension() const override { return config_.dimension; }
  [[nodiscard]] Index parameter_count() const override { return parameter_count_; }
  /// Shape of a layer of a conditioner, and where its parameters are, as in mlp.h.
  struct Layer {
    Index inputs;
    Index outputs;
    Index weight;
    Index bias;
  };
  /// The conditioner of coupling 0, the next to the data, to couplings - 1.
  [[nodiscard]] std::vector<Layer> conditioner(Index coupling) const;
  /// One: every layer's conditioner runs once.
  [[nodiscard]] Index evaluations() const override { return 1; }
  /// PyTorch's default for Linear, but zeros in the last layer of each conditioner, so that the
  /// flow begins as the identity (Kingma and Dhariwal 2018, arXiv 1807.03039, section 3.3).
  void initialise(std::uint64_t seed, std::span<Scalar> parameters) const override;
  [[nodiscard]] std::unique_ptr<DensityWorkspaceOf<Scalar>> workspace() const override;

 private:
  NormalizingFlowConfig config_;
  Index parameter_count_ = 0;
};

extern template class NormalizingFlowModelOf<float>;
extern template class NormalizingFlowModelOf<double>;
using NormalizingFlowModel = NormalizingFlowModelOf<float>;

/// The flow with its weights, as a distribution.
class NormalizingFlow final : public Distribution {
 public:
  /// Holds its own copy of the weights: parameters has model->parameter_count() entries.
  NormalizingFlow(std::shared_ptr<const NormalizingFlowModel> model, std::vector<float> parameters);

  [[nodiscard]] Index dimension() const override { return model_->dimension(); }
  /// from_noise() of standard normal points.
  void sample(const RandomStream& stream, Index first_row, PointsRef out) const override;
  [[nodiscard]] bool has_density() const override { return true; }
  /// Exact to the rounding of floats. This, score() and to_noise() allocate a workspace.
  void log_density(const ConstPointsRef& x, ValuesRef out) const override;
  void score(const ConstPointsRef& x, PointsRef out) const override;

  /// noise = f(x) and log_determinant = log |det df/dx| for each row of x (N x D).
  void to_noise(const ConstPointsRef& x, PointsRef noise, ValuesRef log_determinant) const;
  /// x = f^-1(noise) for each row (N x D); x may be noise itself. Does not allocate.
  void from_noise(const ConstPointsRef& noise, PointsRef x) const;

 private:
  std::shared_ptr<const NormalizingFlowModel> model_;
  std::vector<float> parameters_;
};

}  // namespace flowmatch
