// One evaluation of a multilayer perceptron with its derivatives along some directions, and the way
// back through both: what maximum likelihood needs beyond the least squares of mlp.cpp, which has
// no slope by its inputs and no derivative inside its loss.
//
// Forwards, for the values a and the tangents a'_d, derivatives along direction d of the input:
//   z = W a + b,      a = act(z);
//   z'_d = W a'_d,    a'_d = act'(z) z'_d.
// Backwards, where g(y) is the slope of a loss by y:
//   g(z) = act'(z) g(a) + act''(z) sum_d z'_d g(a'_d),    g(z'_d) = act'(z) g(a'_d);
//   g(W) += g(z) a^T + sum_d g(z'_d) a'_d^T,    g(b) += g(z);
//   then by the layer's input: g(a) = W^T g(z),  g(a'_d) = W^T g(z'_d).
// Forward mode under reverse mode: the second derivative of the activation is all that it adds.
//
// A pass holds kPassRows rows, in the panels of kernels/dense.h. The tangents lie behind the values
// as if they were the panels of more rows, so that one product serves all directions.
#pragma once

#include "flowmatch/activation.h"
#include "hwy/aligned_allocator.h"
#include "kernels/dense.h"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace flowmatch {

inline constexpr Index kPassRows = kernels::kRowMultiple;

/// Shape of a layer and where its parameters are, as in mlp.h. All but the last are activated.
struct NetworkLayer {
  Index inputs;
  Index outputs;
  Index weight;
  Index bias;
};

/// The layers of a network of which the parameters begin at `first_parameter`.
std::vector<NetworkLayer> network_layers(Index inputs, const std::vector<Index>& hidden,
                                         Index outputs, Index first_parameter);

/// Parameters up to the end of the last layer.
inline Index end_of(const std::vector<NetworkLayer>& layers) {
  return layers.back().bias + layers.back().outputs;
}

/// Where a number of a feature and a row lies among panels of `panel_rows` rows, a power of two.
struct PanelLayout {
  Index panel_rows;
  [[nodiscard]] std::size_t at(Index features, Index feature, Index row) const {
    const Index in_panel = row & (panel_rows - 1);
    return static_cast<std::size_t>((row - in_panel) * features + feature * panel_rows + in_panel);
  }
};

/// A network, the weights in use, and the slopes on which the passes through it take turns: one
/// thread's.
template <class Scalar>
class Network {
 public:
  /// For passes with up to `directions` tangents.
  Network(std::vector<NetworkLayer> layers, Activation activation, Index directions);

  /// The parameters of all following passes; they are all parameters of the model, and must outlive
  /// these. Has to be called again whenever one has changed.
  void use(std::span<const Scalar> parameters);

 private:
  template <class>
  friend class NetworkPass;

  std::vector<NetworkLayer> layers_;
  Activation activation_;
  PanelLayout layout_;
  const Scalar* parameters_ = nullptr;
  hwy::AlignedVector<Scalar> packed_;  // weights in the order of dense_backward_input
  /// Slopes by the outputs of a layer before its activation, and by the layer's inputs: values,
  /// then tangents.
  std::array<hwy::AlignedVector<Scalar>, 2> slopes_;
  std::vector<Scalar> no_bias_;    // of tangents
  std::vector<Scalar> lost_bias_;  // the slope by that
};

template <class Scalar>
class NetworkPass {
 public:
  /// With `directions` tangents, or none. The network must outlive the pass.
  NetworkPass(Network<Scalar>& network, Index directions);

  /// To be set before forward(). The tangents of the inputs begin as zeros.
  [[nodiscard]] Scalar& input(Index feature, Index row);
  [[nodiscard]] Scalar& input_tangent(Index direction, Index feature, Index row);

  void forward();
  [[nodiscard]] Scalar output(Index feature, Index row) const;
  [[nodiscard]] Scalar output_tangent(Index direction, Index feature, Index row) const;

  /// To be set before backward(), all of them; another pass of the network may not come between.
  [[nodiscard]] Scalar& output_slope(Index feature, Index row);
  [[nodiscard]] Scalar& output_tangent_slope(Index direction, Index feature, Index row);

  /// Adds the slopes by the network's parameters to `gradient`, which is that of all parameters of
  /// the model, or is empty where they are not wanted. Precondition: forward() with the same inputs
  /// and parameters.
  void backward(std::span<Scalar> gradient);
  /// Valid until the next pass of the network goes back.
  [[nodiscard]] Scalar input_slope(Index feature, Index row) const;

  [[nodiscard]] Index directions() const { return directions_; }
  /// Bytes that such a pass keeps.
  [[nodiscard]] static Index bytes(const std::vector<NetworkLayer>& layers, Index directions);

 private:
  /// What a layer leaves behind for the way back; of the last one only the outputs.
  struct Trace {
    hwy::AlignedVector<Scalar> value;
    hwy::AlignedVector<Scalar> derivative;
    hwy::AlignedVector<Scalar> curvature;
    hwy::AlignedVector<Scalar> tangent_before;  ///< Before the activation.
    hwy::AlignedVector<Scalar> tangent;
  };

  [[nodiscard]] const std::vector<NetworkLayer>& layers() const { return network_.layers_; }
  [[nodiscard]] kernels::DenseShape shape(std::size_t layer, Index copies) const;
  /// Of layer l's inputs.
  Trace& trace(std::size_t layer) { return traces_[layer]; }

  Network<Scalar>& network_;
  Index directions_;
  std::vector<Trace> traces_;  // of the input, then of each layer's outputs
};

extern template class Network<float>;
extern template class Network<double>;
extern template class NetworkPass<float>;
extern template class NetworkPass<double>;

}  // namespace flowmatch
