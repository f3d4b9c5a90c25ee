#include "flowmatch/normalizing_flow.h"

#include "change_of_variables.h"
#include "coupling_layers.h"
#include "flowmatch/mlp.h"
#include "network_pass.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

/// The step of Purpose::initial_weights that is the normalizing flow's; 0 is the MLP's.
constexpr std::uint32_t kFlowWeights = 16;

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
auto NormalizingFlowModelOf<Scalar>::conditioner(Index coupling) const -> std::vector<Layer> {
  std::vector<Layer> layers;
  for (const NetworkLayer& layer : conditioner_of(config_, coupling)) {
    layers.push_back({layer.inputs, layer.outputs, layer.weight, layer.bias});
  }
  return layers;
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
  const NormalizingFlowConfig& config = model_->config();
  const auto bound = static_cast<float>(config.max_log_scale);
  CouplingPanel panel(config);
  for (Index first = 0; first < x.rows(); first += CouplingPanel::rows()) {
    const Index rows = std::min(CouplingPanel::rows(), x.rows() - first);
    panel.load(noise, first, rows);
    for (Index coupling = config.couplings - 1; coupling >= 0; --coupling) {
      panel.condition(parameters_, coupling);
      const Halves c = halves_of(config, coupling);
      for (Index i = 0; i < c.moved_count; ++i) {
        const float* const raw = panel.raw(i);
        const float* const shift = panel.shift(i);
        float* const moved = panel.coordinate(c.moved + i);
        for (Index r = 0; r < CouplingPanel::rows(); ++r) {
          moved[r] = (moved[r] - shift[r]) * std::exp(-bounded(raw[r], bound));
        }
      }
    }
    panel.store(x, first, rows);
  }
}

}  // namespace flowmatch
