// The MLP's forward and backward pass over blocks of rows in feature-major layout (see
// kernels/dense.h).
#include "flowmatch/mlp.h"

#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/random.h"
#include "kernels/dense.h"
#include "kernels/naive.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>
#include <type_traits>

namespace flowmatch {

namespace {

/// Rows worked on at once: few enough that a block's activations stay in the second-level cache (1
/// MB for the widest layer of the blog's network, value and derivative), enough to amortise the
/// fold of the weight gradient at the end of each block.
constexpr Index kBlockRows = 128;
static_assert(kBlockRows % kernels::kRowMultiple == 0);

Index padded(Index rows) {
  return (rows + kernels::kRowMultiple - 1) / kernels::kRowMultiple * kernels::kRowMultiple;
}

/// The float kernels or, in double, their naive twins.
template <class Scalar>
struct Kernels {
  static void forward(const kernels::DenseShape& shape, const Scalar* weight, const Scalar* bias,
                      const Scalar* x, Scalar* y) {
    if constexpr (std::is_same_v<Scalar, float>) {
      kernels::dense_forward(shape, weight, bias, x, y);
    } else {
      kernels::naive::dense_forward(shape, weight, bias, x, y);
    }
  }
  static void forward_activated(const kernels::DenseShape& shape, Activation activation,
                                const Scalar* weight, const Scalar* bias, const Scalar* x,
                                Scalar* y, Scalar* derivative) {
    if constexpr (std::is_same_v<Scalar, float>) {
      kernels::dense_forward_activated(shape, activation, weight, bias, x, y, derivative);
    } else {
      kernels::naive::dense_forward_activated(shape, activation, weight, bias, x, y, derivative);
    }
  }
  static void backward_input(const kernels::DenseShape& shape, const Scalar* weight,
                             const Scalar* dy, const Scalar* derivative, Scalar* dx) {
    if constexpr (std::is_same_v<Scalar, float>) {
      kernels::dense_backward_input(shape, weight, dy, derivative, dx);
    } else {
      kernels::naive::dense_backward_input(shape, weight, dy, derivative, dx);
    }
  }
  static void backward_weight(const kernels::DenseShape& shape, const Scalar* dy, const Scalar* x,
                              Scalar* d_weight, Scalar* d_bias) {
    if constexpr (std::is_same_v<Scalar, float>) {
      kernels::dense_backward_weight(shape, dy, x, d_weight, d_bias);
    } else {
      kernels::naive::dense_backward_weight(shape, dy, x, d_weight, d_bias);
    }
  }
};

/// features x kBlockRows, on a cache line of its own.
template <class Scalar>
using Block = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Scalar>
class MlpWorkspace final : public ModelWorkspaceOf<Scalar> {
 public:
  using Vector = typename ModelWorkspaceOf<Scalar>::Vector;

  MlpWorkspace(const MlpOf<Scalar>& model, WorkspaceUse use)
      : model_(model), training_(use == WorkspaceUse::training) {
    const auto& layers = model.layers();
    input_.setZero(layers.front().inputs, kBlockRows);
    for (const auto& layer : layers) {
      values_.push_back(Block<Scalar>::Zero(layer.outputs, kBlockRows));
      if (training_) {
        slopes_.push_back(Block<Scalar>::Zero(layer.outputs, kBlockRows));
        if (layer.hidden) derivatives_.push_back(Block<Scalar>::Zero(layer.outputs, kBlockRows));
      }
    }
  }

  void predict(std::span<const Scalar> parameters, const Eigen::Ref<const Vector>& t,
               const ConstPointsRefOf<Scalar>& x, PointsRefOf<Scalar> out) override {
    for (Index first = 0; first < x.rows(); first += kBlockRows) {
      const Index rows = std::min(kBlockRows, x.rows() - first);
      load(t, x, first, rows);
      forward(parameters, padded(rows), false);
      out.middleRows(first, rows) = values_.back().leftCols(rows).transpose();
    }
  }

  double add_gradient(std::span<const Scalar> parameters, const Eigen::Ref<const Vector>& t,
                      const ConstPointsRefOf<Scalar>& x, const ConstPointsRefOf<Scalar>& target,
                      Scalar scale, std::span<Scalar> gradient) override {
    assert(training_);
    double sum = 0;
    for (Index first = 0; first < x.rows(); first += kBlockRows) {
      const Index rows = std::min(kBlockRows, x.rows() - first);
      load(t, x, first, rows);
      forward(parameters, padded(rows), true);
      sum += load_error(target, first, rows, scale);
      backward(parameters, padded(rows), gradient);
    }
    return sum;
  }

 private:
  /// Rows [first, first + rows) as columns of input_; the padding repeats zeros.
  void load(const Eigen::Ref<const Vector>& t, const ConstPointsRefOf<Scalar>& x, Index first,
            Index rows) {
    const Index dimension = x.cols();
    const Index padding = padded(rows) - rows;
    input_.block(0, 0, dimension, rows) = x.middleRows(first, rows).transpose();
    input_.row(dimension).head(rows) = t.segment(first, rows).transpose();
    input_.middleCols(rows, padding).setZero();
  }

  void forward(std::span<const Scalar> parameters, Index rows, bool with_derivatives) {
    const auto& layers = model_.layers();
    const Scalar* x = input_.data();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const auto& layer = layers[l];
      const kernels::DenseShape shape{layer.outputs, layer.inputs, rows, kBlockRows};
      const Scalar* weight = parameters.data() + layer.weight;
      const Scalar* bias = parameters.data() + layer.bias;
      Scalar* y = values_[l].data();
      if (layer.hidden) {
        Scalar* derivative = with_derivatives ? derivatives_[l].data() : nullptr;
        Kernels<Scalar>::forward_activated(shape, model_.activation(), weight, bias, x, y,
                                           derivative);
      } else {
        Kernels<Scalar>::forward(shape, weight, bias, x, y);
      }
      x = y;
    }
  }

  /// The slope of scale * |output - target|^2 at the output, zero in the padding; returns the
  /// unscaled sum.
  double load_error(const ConstPointsRefOf<Scalar>& target, Index first, Index rows, Scalar scale) {
    auto& slope = slopes_.back();
    slope.leftCols(rows) =
        values_.back().leftCols(rows) - target.middleRows(first, rows).transpose();
    const double sum = slope.leftCols(rows).template cast<double>().squaredNorm();
    slope.leftCols(rows) *= 2 * scale;
    slope.middleCols(rows, padded(rows) - rows).setZero();
    return sum;
  }

  void backward(std::span<const Scalar> parameters, Index rows, std::span<Scalar> gradient) {
    const auto& layers = model_.layers();
    for (std::size_t l = layers.size(); l-- > 0;) {
      const auto& layer = layers[l];
      const kernels::DenseShape shape{layer.outputs, layer.inputs, rows, kBlockRows};
      const Scalar* x = l == 0 ? input_.data() : values_[l - 1].data();
      Kernels<Scalar>::backward_weight(shape, slopes_[l].data(), x, gradient.data() + layer.weight,
                                       gradient.data() + layer.bias);
      if (l > 0) {
        Kernels<Scalar>::backward_input(shape, parameters.data() + layer.weight, slopes_[l].data(),
                                        derivatives_[l - 1].data(), slopes_[l - 1].data());
      }
    }
  }

  const MlpOf<Scalar>& model_;
  bool training_;
  Block<Scalar> input_;                     // (D + 1) x kBlockRows
  std::vector<Block<Scalar>> values_;       // a layer: outputs x kBlockRows
  std::vector<Block<Scalar>> derivatives_;  // a hidden layer: act' at its values
  std::vector<Block<Scalar>> slopes_;       // a layer: loss by its outputs before the activation
};

}  // namespace

Problems validate(const MlpConfig& config) {
  ProblemList problems;
  problems.check_integer("dimension", static_cast<double>(config.dimension), 1,
                         static_cast<double>(kMaxDimension));
  if (config.hidden.size() > static_cast<std::size_t>(kMaxHiddenLayers)) {
    problems.add("hidden", std::to_string(config.hidden.size()) + " layers",
                 "at most " + std::to_string(kMaxHiddenLayers) + " layers");
  }
  for (std::size_t l = 0; l < config.hidden.size(); ++l) {
    problems.check_integer("hidden[" + std::to_string(l) + "]",
                           static_cast<double>(config.hidden[l]), 1,
                           static_cast<double>(kMaxWidth));
  }
  if (problems.empty()) {
    double parameters = 0;
    auto inputs = static_cast<double>(config.dimension + 1);
    for (const Index width : config.hidden) {
      parameters += (inputs + 1) * static_cast<double>(width);
      inputs = static_cast<double>(width);
    }
    parameters += (inputs + 1) * static_cast<double>(config.dimension);
    if (parameters > static_cast<double>(kMaxParameters)) {
      problems.add("hidden", format_number(parameters) + " parameters in all",
                   "at most " + std::to_string(kMaxParameters) + " parameters");
    }
  }
  return std::move(problems).take();
}

template <class Scalar>
MlpOf<Scalar>::MlpOf(const MlpConfig& config) : activation_(config.activation) {
  assert(validate(config).empty());
  Index inputs = config.dimension + 1;
  const auto add_layer = [&](Index outputs, bool hidden) {
    const Index weight = parameter_count_;
    const Index bias = weight + outputs * inputs;
    layers_.push_back({inputs, outputs, weight, bias, hidden});
    parameter_count_ = bias + outputs;
    inputs = outputs;
  };
  for (const Index width : config.hidden) add_layer(width, true);
  add_layer(config.dimension, false);
}

template <class Scalar>
void MlpOf<Scalar>::initialise(std::uint64_t seed, std::span<Scalar> parameters) const {
  const RandomStream stream{seed, Purpose::initial_weights, 0};
  for (const Layer& layer : layers_) {
    const double bound = 1 / std::sqrt(static_cast<double>(layer.inputs));
    for (Index i = layer.weight; i < layer.bias + layer.outputs; ++i) {
      const float uniform = uniform_from_word(stream.words(static_cast<std::uint32_t>(i))[0]);
      parameters[static_cast<std::size_t>(i)] =
          static_cast<Scalar>(bound * (2 * static_cast<double>(uniform) - 1));
    }
  }
}

template <class Scalar>
std::unique_ptr<ModelWorkspaceOf<Scalar>> MlpOf<Scalar>::workspace(WorkspaceUse use) const {
  return std::make_unique<MlpWorkspace<Scalar>>(*this, use);
}

template class MlpOf<float>;
template class MlpOf<double>;

}  // namespace flowmatch
