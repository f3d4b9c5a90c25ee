// The MLP's passes over panels of rows (see kernels/dense.h): forwards, backwards to the gradient
// by the parameters, and forwards again with tangents to products with the Jacobian by x.
#include "flowmatch/mlp.h"

#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/random.h"
#include "hwy/aligned_allocator.h"
#include "kernels/dense.h"
#include "kernels/naive.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

namespace flowmatch {

namespace {

/// Rows that go through all layers, forwards and back, before the next ones: their activations stay
/// in cache, and still each layer's weights are read once for several panels.
constexpr Index kGroupRows = 32;
static_assert(kGroupRows % kernels::kRowMultiple == 0);
/// A block is some groups whose weight gradient is summed at once: as many as let its activations
/// and slopes, this many bytes, stay in a second-level cache of 512 KB, but at most kMaxBlockRows,
/// when writing the sums costs nothing any more.
constexpr Index kBlockBytes = 448 * 1024;
constexpr Index kMaxBlockRows = 128;
static_assert(kMaxBlockRows % kGroupRows == 0);

/// Rows of a block for `bytes_per_row` of activations and slopes.
Index block_rows(Index bytes_per_row) {
  const Index fitting = kBlockBytes / bytes_per_row / kGroupRows * kGroupRows;
  return std::clamp(fitting, kGroupRows, kMaxBlockRows);
}

Index round_up(Index rows, Index multiple) {
  return (rows + multiple - 1) / multiple * multiple;
}

/// The float kernels or, in double, their naive twins.
template <class Scalar>
struct Kernels {
  static Index panel_rows() {
    return std::is_same_v<Scalar, float> ? kernels::panel_rows() : kernels::kRowMultiple;
  }
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
  static void pack_for_backward(Index outputs, Index inputs, const Scalar* weight, Scalar* packed) {
    if constexpr (std::is_same_v<Scalar, float>) {
      kernels::pack_for_backward(outputs, inputs, weight, packed);
    } else {
      kernels::naive::pack_for_backward(outputs, inputs, weight, packed);
    }
  }
  static void backward_input(const kernels::DenseShape& shape, const Scalar* weight,
                             const Scalar* dy, Scalar* slope) {
    if constexpr (std::is_same_v<Scalar, float>) {
      kernels::dense_backward_input(shape, weight, dy, slope);
    } else {
      kernels::naive::dense_backward_input(shape, weight, dy, slope);
    }
  }
  static void backward_weight(const kernels::DenseShape& shape, const Scalar* dy, const Scalar* x,
                              kernels::Sum sum, Scalar* d_weight, Scalar* d_bias) {
    if constexpr (std::is_same_v<Scalar, float>) {
      kernels::dense_backward_weight(shape, dy, x, sum, d_weight, d_bias);
    } else {
      kernels::naive::dense_backward_weight(shape, dy, x, sum, d_weight, d_bias);
    }
  }
};

/// The activations of one layer for the rows of a block, in panels.
template <class Scalar>
class Panels {
 public:
  Panels(Index features, Index panel_rows, Index rows)
      : panel_rows_(panel_rows),
        // An eighth of a page more than needed: panels a power of two apart would share cache sets.
        stride_(features * panel_rows + static_cast<Index>(512 / sizeof(Scalar))),
        numbers_(static_cast<std::size_t>(rows / panel_rows * stride_)) {}

  [[nodiscard]] Index stride() const { return stride_; }
  [[nodiscard]] Scalar* data() { return numbers_.data(); }
  /// The panel that `row` begins.
  [[nodiscard]] Scalar* panel(Index row) { return numbers_.data() + row / panel_rows_ * stride_; }
  [[nodiscard]] Scalar& at(Index feature, Index row) {
    return panel(row)[feature * panel_rows_ + row % panel_rows_];
  }

 private:
  Index panel_rows_;
  Index stride_;
  hwy::AlignedVector<Scalar> numbers_;
};

template <class Scalar>
class MlpWorkspace final : public ModelWorkspaceOf<Scalar> {
 public:
  using Vector = typename ModelWorkspaceOf<Scalar>::Vector;

  MlpWorkspace(const MlpOf<Scalar>& model, WorkspaceUse use)
      : model_(model),
        training_(use == WorkspaceUse::training),
        panel_rows_(Kernels<Scalar>::panel_rows()),
        block_rows_(training_ ? block_rows(training_bytes_per_row(model)) : kGroupRows),
        input_(model.layers().front().inputs, panel_rows_, block_rows_),
        tangents_{Panels<Scalar>(widest(model), panel_rows_, kGroupRows),
                  Panels<Scalar>(widest(model), panel_rows_, kGroupRows)},
        no_bias_(static_cast<std::size_t>(widest(model))),
        time_features_(static_cast<std::size_t>(model.time_encoding().count())) {
    for (const auto& layer : model.layers()) {
      values_.emplace_back(layer.outputs, panel_rows_, block_rows_);
      slopes_.emplace_back(layer.outputs, panel_rows_, block_rows_);
    }
    if (training_) packed_.resize(static_cast<std::size_t>(model.parameter_count()));
  }

  void predict(std::span<const Scalar> parameters, const Eigen::Ref<const Vector>& t,
               const ConstPointsRefOf<Scalar>& x, LabelsRef labels,
               PointsRefOf<Scalar> out) override {
    for (Index first = 0; first < x.rows(); first += kGroupRows) {
      const Index rows = std::min(kGroupRows, x.rows() - first);
      load(t, x, labels, first, rows, 0);
      forward(parameters, 0, round_up(rows, panel_rows_), false);
      store(values_.back(), first, rows, out);
    }
  }

  void predict_with_jacobian(std::span<const Scalar> parameters, const Eigen::Ref<const Vector>& t,
                             const ConstPointsRefOf<Scalar>& x, LabelsRef labels,
                             const ConstPointsRefOf<Scalar>& tangents, PointsRefOf<Scalar> out,
                             PointsRefOf<Scalar> products) override {
    for (Index first = 0; first < x.rows(); first += kGroupRows) {
      const Index rows = std::min(kGroupRows, x.rows() - first);
      const Index padded = round_up(rows, panel_rows_);
      load(t, x, labels, first, rows, 0);
      forward(parameters, 0, padded, true);
      store(values_.back(), first, rows, out);
      store(tangents_[forward_tangents(parameters, tangents, first, rows)], first, rows, products);
    }
  }

  void predict_with_divergence(std::span<const Scalar> parameters,
                               const Eigen::Ref<const Vector>& t, const ConstPointsRefOf<Scalar>& x,
                               LabelsRef labels, const ConstPointsRefOf<Scalar>& probes,
                               PointsRefOf<Scalar> out, ValuesRef divergence) override {
    assert(x.rows() == 0 || probes.rows() % x.rows() == 0);
    for (Index first = 0; first < x.rows(); first += kGroupRows) {
      const Index rows = std::min(kGroupRows, x.rows() - first);
      load(t, x, labels, first, rows, 0);
      forward(parameters, 0, round_up(rows, panel_rows_), true);
      store(values_.back(), first, rows, out);
      auto sums = divergence.segment(first, rows);
      sums.setZero();
      if (probes.rows() == 0) {
        for (Index d = 0; d < x.cols(); ++d) add_diagonal(parameters, d, sums);
        continue;
      }
      for (Index from = first; from < probes.rows(); from += x.rows()) {
        Panels<Scalar>& products = tangents_[forward_tangents(parameters, probes, from, rows)];
        for (Index d = 0; d < x.cols(); ++d) {
          for (Index r = 0; r < rows; ++r) {
            sums[r] +=
                static_cast<double>(probes(from + r, d)) * static_cast<double>(products.at(d, r));
          }
        }
      }
      sums *= static_cast<double>(x.rows()) / static_cast<double>(probes.rows());
    }
  }

  double loss_gradient(std::span<const Scalar> parameters, const Eigen::Ref<const Vector>& t,
                       const ConstPointsRefOf<Scalar>& x, LabelsRef labels,
                       const ConstPointsRefOf<Scalar>& target, std::span<const Scalar> weights,
                       Scalar scale, std::span<Scalar> gradient) override {
    assert(training_);
    assert(weights.empty() || static_cast<Index>(weights.size()) == x.rows());
    if (x.rows() == 0) std::fill(gradient.begin(), gradient.end(), Scalar{0});
    for (std::size_t l = 1; l < model_.layers().size(); ++l) {
      const auto& layer = model_.layers()[l];
      Kernels<Scalar>::pack_for_backward(layer.outputs, layer.inputs,
                                         parameters.data() + layer.weight,
                                         packed_.data() + layer.weight);
    }
    double sum = 0;
    for (Index block = 0; block < x.rows(); block += block_rows_) {
      const Index in_block = std::min(block_rows_, x.rows() - block);
      for (Index group = 0; group < in_block; group += kGroupRows) {
        const Index rows = std::min(kGroupRows, in_block - group);
        const Index padded = round_up(rows, panel_rows_);
        load(t, x, labels, block + group, rows, group);
        forward(parameters, group, padded, true);
        sum += load_error(target, weights, block + group, rows, group, scale);
        backward_inputs(group, padded);
      }
      backward_weights(round_up(in_block, panel_rows_),
                       block == 0 ? kernels::Sum::replace : kernels::Sum::add, gradient);
    }
    return sum;
  }

 private:
  static Index training_bytes_per_row(const MlpOf<Scalar>& model) {
    Index features = 0;
    for (const auto& layer : model.layers()) features += layer.outputs;
    return 2 * features * static_cast<Index>(sizeof(Scalar));
  }

  [[nodiscard]] kernels::DenseShape shape(std::size_t l, Index rows) {
    const auto& layer = model_.layers()[l];
    return {.outputs = layer.outputs,
            .inputs = layer.inputs,
            .panel_rows = panel_rows_,
            .panels = rows / panel_rows_,
            .input_stride = inputs_of(l).stride(),
            .output_stride = values_[l].stride()};
  }

  Panels<Scalar>& inputs_of(std::size_t l) { return l == 0 ? input_ : values_[l - 1]; }

  /// Rows [first, first + rows) as rows [to, to + rows) of input_; zeros to the end of the panel.
  void load(const Eigen::Ref<const Vector>& t, const ConstPointsRefOf<Scalar>& x, LabelsRef labels,
            Index first, Index rows, Index to) {
    assert(labels.empty() || static_cast<Index>(labels.size()) == x.rows());
    const Index dimension = x.cols();
    const bool plain = model_.time_encoding().plain();
    for (Index r = 0; r < rows; ++r) {
      for (Index d = 0; d < dimension; ++d) input_.at(d, to + r) = x(first + r, d);
      if (plain) {
        input_.at(dimension, to + r) = t[first + r];
      } else {
        load_time_features(t[first + r], to + r);
      }
    }
    if (model_.labels() > 0) load_labels(labels, first, rows, to);
    const Index inputs = model_.layers().front().inputs;
    for (Index r = rows; r < round_up(rows, panel_rows_); ++r) {
      for (Index d = 0; d < inputs; ++d) input_.at(d, to + r) = 0;
    }
  }

  void load_time_features(Scalar t, Index to) {
    // A field is asked for many rows at one time.
    if (t != encoded_time_) {
      model_.time_encoding().encode(static_cast<double>(t), time_features_.data());
      encoded_time_ = t;
    }
    Scalar* feature = &input_.at(model_.dimension(), to);
    for (const double value : time_features_) {
      *feature = static_cast<Scalar>(value);
      feature += panel_rows_;
    }
  }

  /// The classes, after all other inputs.
  void load_labels(LabelsRef labels, Index first, Index rows, Index to) {
    const Index classes = model_.labels();
    const Index feature = model_.layers().front().inputs - (classes + 1);
    for (Index r = 0; r < rows; ++r) {
      const Index label = labels.empty() ? kNoLabel : labels[static_cast<std::size_t>(first + r)];
      assert(label == kNoLabel || (label >= 0 && label < classes));
      Scalar* one_hot = &input_.at(feature, to + r);
      for (Index c = 0; c <= classes; ++c) one_hot[c * panel_rows_] = 0;
      one_hot[(label == kNoLabel ? classes : label) * panel_rows_] = 1;
    }
  }

  /// The first `rows` rows of the first features of `from`, as many as `out` has columns, to its
  /// rows from `first` on.
  static void store(Panels<Scalar>& from, Index first, Index rows, PointsRefOf<Scalar>& out) {
    for (Index d = 0; d < out.cols(); ++d) {
      for (Index r = 0; r < rows; ++r) out(first + r, d) = from.at(d, r);
    }
  }

  /// Values of all layers for `rows` rows from `from`; with derivatives also slopes_, as the
  /// derivatives of the activations.
  void forward(std::span<const Scalar> parameters, Index from, Index rows, bool with_derivatives) {
    const auto& layers = model_.layers();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const auto& layer = layers[l];
      const Scalar* weight = parameters.data() + layer.weight;
      const Scalar* bias = parameters.data() + layer.bias;
      const Scalar* x = inputs_of(l).panel(from);
      Scalar* y = values_[l].panel(from);
      if (layer.hidden) {
        Kernels<Scalar>::forward_activated(shape(l, rows), model_.activation(), weight, bias, x, y,
                                           with_derivatives ? slopes_[l].panel(from) : nullptr);
      } else {
        Kernels<Scalar>::forward(shape(l, rows), weight, bias, x, y);
      }
    }
  }

  /// The slope of scale * weight * |output - target|^2 at the output, zero in the padding; returns
  /// the sum without the scale.
  double load_error(const ConstPointsRefOf<Scalar>& target, std::span<const Scalar> weights,
                    Index first, Index rows, Index to, Scalar scale) {
    Panels<Scalar>& slope = slopes_.back();
    double sum = 0;
    for (Index d = 0; d < target.cols(); ++d) {
      for (Index r = 0; r < rows; ++r) {
        const Scalar error = values_.back().at(d, to + r) - target(first + r, d);
        // Times 1 is exact: without weights the bits are those of weights of 1.
        const Scalar weight =
            weights.empty() ? Scalar{1} : weights[static_cast<std::size_t>(first + r)];
        sum +=
            static_cast<double>(weight) * (static_cast<double>(error) * static_cast<double>(error));
        slope.at(d, to + r) = 2 * scale * weight * error;
      }
      for (Index r = rows; r < round_up(rows, panel_rows_); ++r) slope.at(d, to + r) = 0;
    }
    return sum;
  }

  /// From slopes_ of the last layer to those of all layers.
  void backward_inputs(Index from, Index rows) {
    for (std::size_t l = model_.layers().size() - 1; l > 0; --l) {
      Kernels<Scalar>::backward_input(shape(l, rows), packed_.data() + model_.layers()[l].weight,
                                      slopes_[l].panel(from), slopes_[l - 1].panel(from));
    }
  }

  void backward_weights(Index rows, kernels::Sum sum, std::span<Scalar> gradient) {
    for (std::size_t l = 0; l < model_.layers().size(); ++l) {
      const auto& layer = model_.layers()[l];
      Kernels<Scalar>::backward_weight(shape(l, rows), slopes_[l].data(), inputs_of(l).data(), sum,
                                       gradient.data() + layer.weight,
                                       gradient.data() + layer.bias);
    }
  }

  static Index widest(const MlpOf<Scalar>& model) {
    Index width = model.layers().front().inputs;
    for (const auto& layer : model.layers()) width = std::max(width, layer.outputs);
    return width;
  }

  /// One layer's tangents from those before it, times the derivatives that forward() left: the
  /// first `outputs` outputs, whose weights are at `weight`, for `rows` rows.
  void forward_tangent(std::size_t l, const Scalar* weight, Index outputs, Index rows,
                       Panels<Scalar>& from, Panels<Scalar>& to) {
    const auto& layer = model_.layers()[l];
    Kernels<Scalar>::forward({.outputs = outputs,
                              .inputs = layer.inputs,
                              .panel_rows = panel_rows_,
                              .panels = rows / panel_rows_,
                              .input_stride = from.stride(),
                              .output_stride = to.stride()},
                             weight, no_bias_.data(), from.data(), to.data());
    if (!layer.hidden) return;
    for (Index row = 0; row < rows; row += panel_rows_) {
      Scalar* tangent = to.panel(row);
      const Scalar* derivative = slopes_[l].panel(row);
      for (Index i = 0; i < outputs * panel_rows_; ++i) tangent[i] *= derivative[i];
    }
  }

  /// J e for the `rows` rows of `tangents` from `first` on, after a forward pass with derivatives:
  /// in which of tangents_ they are.
  std::size_t forward_tangents(std::span<const Scalar> parameters,
                               const ConstPointsRefOf<Scalar>& tangents, Index first, Index rows) {
    const Index padded = round_up(rows, panel_rows_);
    const Index inputs = model_.layers().front().inputs;
    for (Index r = 0; r < padded; ++r) {
      for (Index d = 0; d < inputs; ++d) {
        // Neither t nor the label moves.
        const bool moves = r < rows && d < tangents.cols();
        tangents_[0].at(d, r) = moves ? tangents(first + r, d) : Scalar{0};
      }
    }
    std::size_t at = 0;
    for (std::size_t l = 0; l < model_.layers().size(); ++l) {
      const auto& layer = model_.layers()[l];
      forward_tangent(l, parameters.data() + layer.weight, layer.outputs, padded, tangents_[at],
                      tangents_[1 - at]);
      at = 1 - at;
    }
    return at;
  }

  /// sums[r] += the entry (d, d) of J of row r, after a forward pass with derivatives. The tangent
  /// is a unit vector, so that the first layer needs no product, and the last one only one output.
  template <class Sums>
  void add_diagonal(std::span<const Scalar> parameters, Index d, Sums& sums) {
    const auto& layers = model_.layers();
    const Scalar* first_column = parameters.data() + d;
    if (layers.size() == 1) {
      sums.array() += static_cast<double>(first_column[d * layers[0].inputs]);
      return;
    }
    const Index rows = round_up(sums.size(), panel_rows_);
    for (Index row = 0; row < rows; row += panel_rows_) {
      Scalar* tangent = tangents_[0].panel(row);
      const Scalar* derivative = slopes_[0].panel(row);
      for (Index n = 0; n < layers[0].outputs; ++n) {
        const Scalar weight = first_column[n * layers[0].inputs];
        for (Index i = 0; i < panel_rows_; ++i) *tangent++ = weight * *derivative++;
      }
    }
    std::size_t at = 0;
    for (std::size_t l = 1; l < layers.size(); ++l) {
      const bool last = l + 1 == layers.size();
      const Scalar* weight = parameters.data() + layers[l].weight;
      forward_tangent(l, last ? weight + d * layers[l].inputs : weight,
                      last ? 1 : layers[l].outputs, rows, tangents_[at], tangents_[1 - at]);
      at = 1 - at;
    }
    for (Index r = 0; r < sums.size(); ++r) {
      sums[r] += static_cast<double>(tangents_[at].at(0, r));
    }
  }

  const MlpOf<Scalar>& model_;
  bool training_;
  Index panel_rows_;
  Index block_rows_;
  Panels<Scalar> input_;                // features: x, those of t, and of the label
  std::vector<Panels<Scalar>> values_;  // a layer: its outputs
  /// A layer: the loss by its outputs before the activation; until that is known, in a hidden layer
  /// the derivative of its activation.
  std::vector<Panels<Scalar>> slopes_;
  hwy::AlignedVector<Scalar> packed_;  // weights in the order of backward_input
  /// Of one group: the tangents before a layer and after it, in turns.
  std::array<Panels<Scalar>, 2> tangents_;
  hwy::AlignedVector<Scalar> no_bias_;  // zeros
  std::vector<double> time_features_;   // of encoded_time_
  Scalar encoded_time_ = std::numeric_limits<Scalar>::quiet_NaN();
};

/// Numbers that the first layer is given; see mlp.h.
Index input_count(const MlpConfig& config) {
  const bool plain = config.time_features.kind == TimeFeatureKind::plain;
  const Index time = plain ? 1 : config.time_features.count;
  return config.dimension + time + (config.labels > 0 ? config.labels + 1 : 0);
}

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
  problems.check_integer("labels", static_cast<double>(config.labels), 0,
                         static_cast<double>(kMaxLabels));
  problems.append("timeFeatures", validate(config.time_features));
  if (problems.empty()) {
    double parameters = 0;
    auto inputs = static_cast<double>(input_count(config));
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
MlpOf<Scalar>::MlpOf(const MlpConfig& config)
    : activation_(config.activation), labels_(config.labels), time_encoding_(config.time_features) {
  assert(validate(config).empty());
  Index inputs = input_count(config);
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
