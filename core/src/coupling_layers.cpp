#include "coupling_layers.h"

namespace flowmatch {

namespace {

Index conditioner_parameters(const NormalizingFlowConfig& config, const Halves& halves) {
  Index inputs = halves.kept_count;
  Index parameters = 0;
  for (const Index width : config.hidden) {
    parameters += (inputs + 1) * width;
    inputs = width;
  }
  return parameters + (inputs + 1) * 2 * halves.moved_count;
}

}  // namespace

Halves halves_of(const NormalizingFlowConfig& config, Index coupling) {
  const Index half = config.dimension / 2;
  const Index rest = config.dimension - half;
  return coupling % 2 == 0 ? Halves{0, half, half, rest} : Halves{half, rest, 0, half};
}

Index first_parameter(const NormalizingFlowConfig& config, Index coupling) {
  const Index even = conditioner_parameters(config, halves_of(config, 0));
  const Index odd = conditioner_parameters(config, halves_of(config, 1));
  return (coupling + 1) / 2 * even + coupling / 2 * odd;
}

std::vector<NetworkLayer> conditioner_of(const NormalizingFlowConfig& config, Index coupling) {
  const Halves halves = halves_of(config, coupling);
  return network_layers(halves.kept_count, config.hidden, 2 * halves.moved_count,
                        first_parameter(config, coupling));
}

void CouplingPanel::load(const ConstPointsRef& x, Index first, Index count) {
  for (Index d = 0; d < config_.dimension; ++d) {
    float* const to = coordinate(d);
    for (Index r = 0; r < rows(); ++r) to[r] = r < count ? x(first + r, d) : 0.0F;
  }
}

void CouplingPanel::store(PointsRef x, Index first, Index count) const {
  for (Index d = 0; d < config_.dimension; ++d) {
    const float* const from = state_.data() + d * rows();
    for (Index r = 0; r < count; ++r) x(first + r, d) = from[r];
  }
}

void CouplingPanel::condition(std::span<const float> parameters, Index coupling) {
  const Halves c = halves_of(config_, coupling);
  moved_count_ = c.moved_count;
  const float* weight = parameters.data() + first_parameter(config_, coupling);
  const float* in = coordinate(c.kept);
  kernels::DenseShape shape{.outputs = 0,
                            .inputs = c.kept_count,
                            .panel_rows = rows(),
                            .panels = 1,
                            .input_stride = 0,
                            .output_stride = 0};
  for (std::size_t l = 0; l < config_.hidden.size(); ++l) {
    shape.outputs = config_.hidden[l];
    const float* bias = weight + shape.outputs * shape.inputs;
    float* const out = values_[l % 2].data();
    kernels::dense_forward_activated(shape, config_.activation, weight, bias, in, out, nullptr);
    weight = bias + shape.outputs;
    in = out;
    shape.inputs = shape.outputs;
  }
  shape.outputs = 2 * c.moved_count;
  kernels::dense_forward(shape, weight, weight + shape.outputs * shape.inputs, in, outputs_.data());
}

}  // namespace flowmatch
