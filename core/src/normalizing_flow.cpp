#include "flowmatch/normalizing_flow.h"

#include "change_of_variables.h"
#include "flowmatch/mlp.h"
#include "network_pass.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

/// The step of Purpose::initial_weights that is the normalizing flow's; 0 is the MLP's.
constexpr std::uint32_t kFlowWeights = 16;

/// The coordinates that a layer keeps and those that it moves: of each the first and how many.
struct Halves {
  Index kept;
  Index kept_count;
  Index moved;
  Index moved_count;
};

Halves halves_of(const NormalizingFlowConfig& config, Index coupling) {
  const Index half = config.dimension / 2;
  const Index rest = config.dimension - half;
  return coupling % 2 == 0 ? Halves{0, half, half, rest} : Halves{half, rest, 0, half};
}

Index conditioner_parameters(const NormalizingFlowConfig& config, const Halves& halves) {
  Index inputs = halves.kept_count;
  Index parameters = 0;
  for (const Index width : config.hidden) {
    parameters += (inputs + 1) * width;
    inputs = width;
  }
  return parameters + (inputs + 1) * 2 * halves.moved_count;
}

/// Where the parameters of a layer's conditioner begin.
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

/// bound tanh(raw / bound). With the exponential of its result this is a good part of a training
/// step, where the standard library's functions are worth their tables.
template <class Scalar>
Scalar bounded(Scalar raw, Scalar bound) {
  // 1 - exp(-80) is 1 by far, and a NaN stays one.
  const Scalar e = std::exp(-std::min(2 * std::abs(raw) / bound, Scalar{80}));
  return std::copysign(bound * (1 - e) / (1 + e), raw);
}

template <class Scalar>
class NormalizingFlowWorkspace final : public ChangeOfVariables<Scalar> {
 public:
  explicit NormalizingFlowWorkspace(const NormalizingFlowConfig& config)
      : ChangeOfVariables<Scalar>(config.dimension),
        bound_(static_cast<Scalar>(config.max_log_scale)) {
    for (Index coupling = 0; coupling < config.couplings; ++coupling) {
      stages_.push_back(std::make_unique<Stage>(config, coupling));
    }
  }

 private:
  /// A layer with what it needs for its way back.
  struct Stage {
    Stage(const NormalizingFlowConfig& config, Index coupling)
        : halves(halves_of(config, coupling)),
          network(conditioner_of(config, coupling), config.activation, 0),
          pass(network, 0),
          before(static_cast<std::size_t>(halves.moved_count * kPassRows)),
          log_scale(before.size()),
          scale(before.size()) {}
    Halves halves;
    Network<Scalar> network;
    NetworkPass<Scalar> pass;
    std::vector<Scalar> before;     ///< The moved coordinates as they came.
    std::vector<Scalar> log_scale;  ///< s.
    std::vector<Scalar> scale;      ///< exp(s).
  };

  void use(std::span<const Scalar> parameters) override {
    for (const auto& stage : stages_) stage->network.use(parameters);
  }

  void forward() override {
    for (const auto& stage : stages_) {
      const Halves& c = stage->halves;
      for (Index i = 0; i < c.kept_count; ++i) {
        for (Index r = 0; r < kPassRows; ++r) {
          stage->pass.input(i, r) = this->state_[at(c.kept + i, r)];
        }
      }
      stage->pass.forward();
      for (Index i = 0; i < c.moved_count; ++i) {
        for (Index r = 0; r < kPassRows; ++r) {
          Scalar& x = this->state_[at(c.moved + i, r)];
          const Scalar s = bounded(stage->pass.output(i, r), bound_);
          const Scalar scale = std::exp(s);
          stage->before[at(i, r)] = x;
          stage->log_scale[at(i, r)] = s;
          stage->scale[at(i, r)] = scale;
          x = x * scale + stage->pass.output(c.moved_count + i, r);
          this->log_determinant_[static_cast<std::size_t>(r)] += static_cast<double>(s);
        }
      }
    }
  }

  void backward(std::span<Scalar> gradient) override {
    for (auto it = stages_.rbegin(); it != stages_.rend(); ++it) {
      Stage& stage = **it;
      const Halves& c = stage.halves;
      for (Index i = 0; i < c.moved_count; ++i) {
        for (Index r = 0; r < kPassRows; ++r) {
          Scalar& slope = this->slope_[at(c.moved + i, r)];
          const Scalar scale = stage.scale[at(i, r)];
          const Scalar by_log_scale = slope * stage.before[at(i, r)] * scale +
                                      this->determinant_slope_[static_cast<std::size_t>(r)];
          // d/dr of bound tanh(r / bound) is 1 - tanh^2.
          const Scalar tanh = stage.log_scale[at(i, r)] / bound_;
          stage.pass.output_slope(i, r) = by_log_scale * (1 - tanh * tanh);
          stage.pass.output_slope(c.moved_count + i, r) = slope;
          slope *= scale;
        }
      }
      stage.pass.backward(gradient);
      for (Index i = 0; i < c.kept_count; ++i) {
        for (Index r = 0; r < kPassRows; ++r) {
          this->slope_[at(c.kept + i, r)] += stage.pass.input_slope(i, r);
        }
      }
    }
  }

  static std::size_t at(Index coordinate, Index row) {
    return static_cast<std::size_t>(coordinate * kPassRows + row);
  }

  Scalar bound_;
  std::vector<std::unique_ptr<Stage>> stages_;
};

}  // namespace

Problems validate(const NormalizingFlowConfig& config) {
  ProblemList problems;
  problems.check_integer("dimension", static_cast<double>(config.dimension), 2,
                         static_cast<double>(kMaxFlowDimension));
  problems.check_integer("couplings", static_cast<double>(config.couplings), 2,
                         static_cast<double>(kMaxCouplings));
  if (config.hidden.size() > static_cast<std::size_t>(kMaxHiddenLayers)) {
    problems.add("hidden", std::to_string(config.hidden.size()) + " layers",
                 "at most " + std::to_string(kMaxHiddenLayers) + " layers");
  }
  for (std::size_t l = 0; l < config.hidden.size(); ++l) {
    problems.check_integer("hidden[" + std::to_string(l) + "]",
                           static_cast<double>(config.hidden[l]), 1,
                           static_cast<double>(kMaxConditionerWidth));
  }
  problems.check_above("maxLogScale", config.max_log_scale, 0, kMaxLogScale);
  if (problems.empty()) {
    const Index parameters = first_parameter(config, config.couplings);
    if (parameters > kMaxParameters) {
      problems.add("couplings", std::to_string(parameters) + " parameters in all",
                   "at most " + std::to_string(kMaxParameters) + " parameters");
    }
  }
  return std::move(problems).take();
}

template <class Scalar>
NormalizingFlowModelOf<Scalar>::NormalizingFlowModelOf(const NormalizingFlowConfig& config)
    : config_(config), parameter_count_(first_parameter(config, config.couplings)) {
  assert(validate(config).empty());
}

template <class Scalar>
void NormalizingFlowModelOf<Scalar>::initialise(std::uint64_t seed,
                                                std::span<Scalar> parameters) const {
  const RandomStream stream{seed, Purpose::initial_weights, kFlowWeights};
  for (Index coupling = 0; coupling < config_.couplings; ++coupling) {
    const std::vector<NetworkLayer> conditioner = conditioner_of(config_, coupling);
    for (const NetworkLayer& layer : conditioner) {
      const bool last = &layer == &conditioner.back();
      const double bound = last ? 0 : 1 / std::sqrt(static_cast<double>(layer.inputs));
      for (Index i = layer.weight; i < layer.bias + layer.outputs; ++i) {
        const float uniform = uniform_from_word(stream.words(static_cast<std::uint32_t>(i))[0]);
        parameters[static_cast<std::size_t>(i)] =
            static_cast<Scalar>(bound * (2 * static_cast<double>(uniform) - 1));
      }
    }
  }
}

template <class Scalar>
std::unique_ptr<DensityWorkspaceOf<Scalar>> NormalizingFlowModelOf<Scalar>::workspace() const {
  return std::make_unique<NormalizingFlowWorkspace<Scalar>>(config_);
}

template class NormalizingFlowModelOf<float>;
template class NormalizingFlowModelOf<double>;

NormalizingFlow::NormalizingFlow(std::shared_ptr<const NormalizingFlowModel> model,
                                 std::vector<float> parameters)
    : model_(std::move(model)), parameters_(std::move(parameters)) {
  assert(static_cast<Index>(parameters_.size()) == model_->parameter_count());
}

void NormalizingFlow::sample(const RandomStream& stream, Index first_row, PointsRef out) const {
  fill_normal(stream, first_row, out);
  from_noise(out, out);
}

void NormalizingFlow::log_density(const ConstPointsRef& x, ValuesRef out) const {
  model_->workspace()->log_density(parameters_, x, out);
}

void NormalizingFlow::score(const ConstPointsRef& x, PointsRef out) const {
  model_->workspace()->score(parameters_, x, out);
}

void NormalizingFlow::to_noise(const ConstPointsRef& x, PointsRef noise,
                               ValuesRef log_determinant) const {
  model_->workspace()->to_noise(parameters_, x, noise, log_determinant);
}

void NormalizingFlow::from_noise(const ConstPointsRef& noise, PointsRef x) const {
  // One panel at a time, as the kernels have it: a half of the coordinates is then one piece.
  constexpr auto kPanelRows = static_cast<std::size_t>(kernels::kRowMultiple);
  std::array<float, kMaxFlowDimension * kPanelRows> state;
  std::array<float, 2 * kMaxFlowDimension * kPanelRows> outputs;
  std::array<std::array<float, kMaxConditionerWidth * kPanelRows>, 2> values;
  const NormalizingFlowConfig& config = model_->config();
  const auto bound = static_cast<float>(config.max_log_scale);
  const Index panel_rows = kernels::panel_rows();
  for (Index first = 0; first < x.rows(); first += panel_rows) {
    const Index rows = std::min(panel_rows, x.rows() - first);
    for (Index d = 0; d < config.dimension; ++d) {
      for (Index r = 0; r < panel_rows; ++r) {
        state[static_cast<std::size_t>(d * panel_rows + r)] = r < rows ? noise(first + r, d) : 0.0F;
      }
    }
    for (Index coupling = config.couplings - 1; coupling >= 0; --coupling) {
      const Halves c = halves_of(config, coupling);
      const float* weight = parameters_.data() + first_parameter(config, coupling);
      const float* in = state.data() + c.kept * panel_rows;
      kernels::DenseShape shape{.outputs = 0,
                                .inputs = c.kept_count,
                                .panel_rows = panel_rows,
                                .panels = 1,
                                .input_stride = 0,
                                .output_stride = 0};
      for (std::size_t l = 0; l < config.hidden.size(); ++l) {
        shape.outputs = config.hidden[l];
        const float* bias = weight + shape.outputs * shape.inputs;
        float* const out = values[l % 2].data();
        kernels::dense_forward_activated(shape, config.activation, weight, bias, in, out, nullptr);
        weight = bias + shape.outputs;
        in = out;
        shape.inputs = shape.outputs;
      }
      shape.outputs = 2 * c.moved_count;
      kernels::dense_forward(shape, weight, weight + shape.outputs * shape.inputs, in,
                             outputs.data());
      const float* raw = outputs.data();
      const float* shift = outputs.data() + c.moved_count * panel_rows;
      float* const moved = state.data() + c.moved * panel_rows;
      for (Index i = 0; i < c.moved_count * panel_rows; ++i) {
        moved[i] = (moved[i] - shift[i]) * std::exp(-bounded(raw[i], bound));
      }
    }
    for (Index r = 0; r < rows; ++r) {
      for (Index d = 0; d < config.dimension; ++d) {
        x(first + r, d) = state[static_cast<std::size_t>(d * panel_rows + r)];
      }
    }
  }
}

}  // namespace flowmatch
