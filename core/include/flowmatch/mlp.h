// The multilayer perceptron f(x, t): the input (x, t) through hidden layers with one activation to
// a linear output of the dimension of x.
//
// Parameters, in order, for each layer: weight, outputs x inputs row-major (the layout of
// torch.nn.Linear), then bias. The input's last coordinate is t.
//
// In float the products run on the SIMD kernels, in double on their naive twins, which makes
// MlpOf<double> the oracle for gradients.
#pragma once

#include "flowmatch/activation.h"
#include "flowmatch/model.h"
#include "flowmatch/problem.h"

#include <vector>

namespace flowmatch {

struct MlpConfig {
  Index dimension = 2;  ///< D, 1 to kMaxDimension.
  std::vector<Index> hidden{
      64, 64, 64};  ///< Widths, 1 to kMaxWidth each; at most kMaxLayers; may be empty.
  Activation activation = Activation::silu;
};

inline constexpr Index kMaxHiddenLayers = 8;
inline constexpr Index kMaxWidth = 4096;
/// Most parameters of one network: training holds twelve numbers for each, so this is 192 MB.
inline constexpr Index kMaxParameters = 4'000'000;

/// Every problem of the configuration, or none.
Problems validate(const MlpConfig& config);

template <class Scalar>
class MlpOf final : public ModelOf<Scalar> {
 public:
  /// Shape of one layer and where its parameters are.
  struct Layer {
    Index inputs;
    Index outputs;
    Index weight;  ///< Offset of the weight, outputs x inputs.
    Index bias;    ///< Offset of the bias, outputs.
    bool hidden;   ///< Followed by the activation.
  };

  /// Precondition: validate(config) is empty.
  explicit MlpOf(const MlpConfig& config);

  [[nodiscard]] Index dimension() const override { return layers_.back().outputs; }
  [[nodiscard]] Index parameter_count() const override { return parameter_count_; }
  [[nodiscard]] Activation activation() const { return activation_; }
  [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }

  /// PyTorch's default for Linear: weights and biases uniform in +-1 / sqrt(inputs).
  void initialise(std::uint64_t seed, std::span<Scalar> parameters) const override;
  [[nodiscard]] std::unique_ptr<ModelWorkspaceOf<Scalar>> workspace(
      WorkspaceUse use) const override;

 private:
  std::vector<Layer> layers_;
  Activation activation_;
  Index parameter_count_ = 0;
};

extern template class MlpOf<float>;
extern template class MlpOf<double>;
using Mlp = MlpOf<float>;

}  // namespace flowmatch
