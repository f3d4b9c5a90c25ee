#include "network_pass.h"

#include "kernels/naive.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace flowmatch {

namespace {

// Floats go to the kernels, which are no templates and therefore preferred; doubles to their twins.
using kernels::dense_backward_input;
using kernels::dense_backward_weight;
using kernels::dense_forward;
using kernels::dense_forward_activated;
using kernels::pack_for_backward;
using kernels::naive::dense_backward_input;
using kernels::naive::dense_backward_weight;
using kernels::naive::dense_forward;
using kernels::naive::dense_forward_activated;
using kernels::naive::pack_for_backward;

/// to[i] = a[i] b[i].
template <class Scalar>
void multiply(Index count, const Scalar* a, const Scalar* b, Scalar* to) {
  for (Index i = 0; i < count; ++i) to[i] = a[i] * b[i];
}

/// slope[i] += curvature[i] tangent[i] tangent_slope[i]; then tangent_slope[i] *= derivative[i].
template <class Scalar>
void bend(Index count, const Scalar* derivative, const Scalar* curvature, const Scalar* tangent,
          Scalar* __restrict tangent_slope, Scalar* __restrict slope) {
  for (Index i = 0; i < count; ++i) {
    slope[i] += curvature[i] * tangent[i] * tangent_slope[i];
    tangent_slope[i] *= derivative[i];
  }
}

/// Numbers of `features` features for all rows of a pass.
Index numbers(Index features) {
  return features * kPassRows;
}

std::size_t size(Index count) {
  return static_cast<std::size_t>(count);
}

}  // namespace

std::vector<NetworkLayer> network_layers(Index inputs, const std::vector<Index>& hidden,
                                         Index outputs, Index first_parameter) {
  std::vector<NetworkLayer> layers;
  for (std::size_t l = 0; l <= hidden.size(); ++l) {
    const Index features = l < hidden.size() ? hidden[l] : outputs;
    const Index bias = first_parameter + features * inputs;
    layers.push_back({inputs, features, first_parameter, bias});
    first_parameter = bias + features;
    inputs = features;
  }
  return layers;
}

template <class Scalar>
Network<Scalar>::Network(std::vector<NetworkLayer> layers, Activation activation, Index directions)
    : layers_(std::move(layers)),
      activation_(activation),
      layout_{kernels::panel_rows()},
      packed_(size(end_of(layers_) - layers_.front().weight)) {
  Index widest = layers_.front().inputs;
  for (const NetworkLayer& layer : layers_) widest = std::max(widest, layer.outputs);
  for (auto& slopes : slopes_) slopes.resize(size((1 + directions) * numbers(widest)));
  no_bias_.resize(size(widest));
  lost_bias_.resize(size(widest));
}

template <class Scalar>
void Network<Scalar>::use(std::span<const Scalar> parameters) {
  parameters_ = parameters.data();
  for (const NetworkLayer& layer : layers_) {
    pack_for_backward(layer.outputs, layer.inputs, parameters_ + layer.weight,
                      packed_.data() + (layer.weight - layers_.front().weight));
  }
}

template <class Scalar>
NetworkPass<Scalar>::NetworkPass(Network<Scalar>& network, Index directions)
    : network_(network), directions_(directions), traces_(network.layers_.size() + 1) {
  const Index inputs = numbers(layers().front().inputs);
  traces_[0].value.resize(size(inputs));
  traces_[0].tangent.resize(size(inputs * directions));
  for (std::size_t l = 0; l < layers().size(); ++l) {
    const Index count = numbers(layers()[l].outputs);
    Trace& made = trace(l + 1);
    made.value.resize(size(count));
    made.tangent.resize(size(count * directions));
    if (l + 1 == layers().size()) break;
    made.derivative.resize(size(count));
    made.curvature.resize(size(directions > 0 ? count : 0));
    made.tangent_before.resize(size(count * directions));
  }
}

template <class Scalar>
Index NetworkPass<Scalar>::bytes(const std::vector<NetworkLayer>& layers, Index directions) {
  Index features = 0;
  for (const NetworkLayer& layer : layers) features += layer.outputs;
  const Index copies = directions > 0 ? 3 + 2 * directions : 2;
  return numbers(features) * copies * static_cast<Index>(sizeof(Scalar));
}

template <class Scalar>
kernels::DenseShape NetworkPass<Scalar>::shape(std::size_t layer, Index copies) const {
  const Index panel_rows = network_.layout_.panel_rows;
  const NetworkLayer& its = layers()[layer];
  return {.outputs = its.outputs,
          .inputs = its.inputs,
          .panel_rows = panel_rows,
          .panels = copies * (kPassRows / panel_rows),
          .input_stride = its.inputs * panel_rows,
          .output_stride = its.outputs * panel_rows};
}

template <class Scalar>
void NetworkPass<Scalar>::forward() {
  for (std::size_t l = 0; l < layers().size(); ++l) {
    const NetworkLayer& layer = layers()[l];
    const bool hidden = l + 1 < layers().size();
    const Scalar* weight = network_.parameters_ + layer.weight;
    const Scalar* bias = network_.parameters_ + layer.bias;
    const Trace& in = trace(l);
    Trace& out = trace(l + 1);
    const kernels::DenseShape values = shape(l, 1);
    if (hidden) {
      dense_forward_activated(values, network_.activation_, weight, bias, in.value.data(),
                              out.value.data(), out.derivative.data(),
                              directions_ > 0 ? out.curvature.data() : nullptr);
    } else {
      dense_forward(values, weight, bias, in.value.data(), out.value.data());
    }
    if (directions_ == 0) continue;
    Scalar* before = hidden ? out.tangent_before.data() : out.tangent.data();
    const Scalar* no_bias = network_.no_bias_.data();
    dense_forward(shape(l, directions_), weight, no_bias, in.tangent.data(), before);
    if (!hidden) continue;
    const Index count = numbers(layer.outputs);
    for (Index d = 0; d < directions_; ++d) {
      multiply(count, out.derivative.data(), before + d * count, out.tangent.data() + d * count);
    }
  }
}

template <class Scalar>
void NetworkPass<Scalar>::backward(std::span<Scalar> gradient) {
  auto& slopes = network_.slopes_;
  for (std::size_t l = layers().size(); l-- > 0;) {
    const NetworkLayer& layer = layers()[l];
    const Trace& in = trace(l);
    // Of the outputs of this layer; exchanged after it.
    const Scalar* slope = slopes[0].data();
    if (!gradient.empty()) {
      Scalar* weight_slope = gradient.data() + layer.weight;
      dense_backward_weight(shape(l, 1), slope, in.value.data(), kernels::Sum::add, weight_slope,
                            gradient.data() + layer.bias);
      if (directions_ > 0) {
        dense_backward_weight(shape(l, directions_), slope + numbers(layer.outputs),
                              in.tangent.data(), kernels::Sum::add, weight_slope,
                              network_.lost_bias_.data());
      }
    }
    // The product is multiplied by what is there: the derivative for the values, 1 for the
    // tangents, whose product is needed by itself first.
    const Index count = numbers(layer.inputs);
    Scalar* in_slope = slopes[1].data();
    if (l == 0) {
      std::fill(in_slope, in_slope + count, Scalar{1});
    } else {
      std::copy(in.derivative.begin(), in.derivative.end(), in_slope);
      std::fill(in_slope + count, in_slope + count * (1 + directions_), Scalar{1});
    }
    // The tangents of the inputs are constants.
    const Scalar* packed = network_.packed_.data() + (layer.weight - layers().front().weight);
    dense_backward_input(shape(l, l == 0 ? 1 : 1 + directions_), packed, slope, in_slope);
    if (l > 0) {
      for (Index d = 0; d < directions_; ++d) {
        bend(count, in.derivative.data(), in.curvature.data(), in.tangent_before.data() + d * count,
             in_slope + (1 + d) * count, in_slope);
      }
    }
    std::swap(slopes[0], slopes[1]);
  }
}

template <class Scalar>
Scalar& NetworkPass<Scalar>::input(Index feature, Index row) {
  return traces_.front().value[network_.layout_.at(layers().front().inputs, feature, row)];
}

template <class Scalar>
Scalar& NetworkPass<Scalar>::input_tangent(Index direction, Index feature, Index row) {
  const Index features = layers().front().inputs;
  return traces_.front()
      .tangent[size(direction * numbers(features)) + network_.layout_.at(features, feature, row)];
}

template <class Scalar>
Scalar NetworkPass<Scalar>::output(Index feature, Index row) const {
  return traces_.back().value[network_.layout_.at(layers().back().outputs, feature, row)];
}

template <class Scalar>
Scalar NetworkPass<Scalar>::output_tangent(Index direction, Index feature, Index row) const {
  const Index features = layers().back().outputs;
  return traces_.back()
      .tangent[size(direction * numbers(features)) + network_.layout_.at(features, feature, row)];
}

template <class Scalar>
Scalar& NetworkPass<Scalar>::output_slope(Index feature, Index row) {
  return network_.slopes_[0][network_.layout_.at(layers().back().outputs, feature, row)];
}

template <class Scalar>
Scalar& NetworkPass<Scalar>::output_tangent_slope(Index direction, Index feature, Index row) {
  const Index features = layers().back().outputs;
  return network_.slopes_[0][size((1 + direction) * numbers(features)) +
                             network_.layout_.at(features, feature, row)];
}

template <class Scalar>
Scalar NetworkPass<Scalar>::input_slope(Index feature, Index row) const {
  return network_.slopes_[0][network_.layout_.at(layers().front().inputs, feature, row)];
}

template class Network<float>;
template class Network<double>;
template class NetworkPass<float>;
template class NetworkPass<double>;

}  // namespace flowmatch
