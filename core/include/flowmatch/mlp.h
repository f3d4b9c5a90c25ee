// The multilayer perceptron f(x, t, c): its input through hidden layers with one activation to a
// linear output of the dimension of x.
//
// The input is x, then t or features of it, then, where there are labels, the class c as `labels` +
// 1 numbers of which one is 1 and the others are 0, the last for no label. The first layer's
// weights of those numbers are thus a learned embedding of the class, added to what that layer
// makes of x and t.
//
// Parameters, in order, for each layer: weight, outputs x inputs row-major (the layout of
// torch.nn.Linear), then bias.
//
// In float the products run on the SIMD kernels, in double on their naive twins, which makes
// MlpOf<double> the oracle for gradients.
#pragma once

#include "flowmatch/activation.h"
#include "flowmatch/labels.h"
#include "flowmatch/model.h"
#include "flowmatch/problem.h"
#include "flowmatch/time_features.h"

#include <vector>

namespace flowmatch {

struct MlpConfig {
  Index dimension = 2;  ///< D, 1 to kMaxDimension.
  std::vector<Index> hidden{
      64, 64, 64};  ///< Widths, 1 to kMaxWidth each; at most kMaxLayers; may be empty.
  Activation activation = Activation::silu;
  Index labels = 0;            ///< Classes of the labels, 0 to kMaxLabels; 0: no labels.
  TimeFeatures time_features;  ///< Plain: t itself.
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
  [[nodiscard]] Index labels() const override { return labels_; }
  [[nodiscard]] Index parameter_count() const override { return parameter_count_; }
  [[nodiscard]] const TimeEncoding& time_encoding() const { return time_encoding_; }
  [[nodiscard]] Activation activation() const { return activation_; }
  [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }

  /// PyTorch's default for Linear: weights and biases uniform in +-1 / sqrt(inputs).
  void initialise(std::uint64_t seed, std::span<Scalar> parameters) const override;
  [[nodiscard]] std::unique_ptr<ModelWorkspaceOf<Scalar>> workspace(
      WorkspaceUse use) const override;

 private:
  std::vector<Layer> layers_;
  Activation activation_;
  Index labels_;
  TimeEncoding time_encoding_;
  Index parameter_count_ = 0;
};

extern template class MlpOf<float>;
extern template class MlpOf<double>;
using Mlp = MlpOf<float>;

}  // namespace flowmatch
