// What a trainable network is to the rest of the library: a function of (x, t) and one flat array
// of parameters, which the caller owns. A model holds no weights, so raw weights, averaged weights
// and snapshots all run through the same one.
//
// A conditional model takes a label of each row besides: f(x, t, c), where c may be none, so that
// one network has both the fields that classifier-free guidance joins (Ho and Salimans 2022, arXiv
// 2207.12598).
#pragma once

#include "flowmatch/labels.h"
#include "flowmatch/points.h"

#include <cstdint>
#include <memory>
#include <span>

namespace flowmatch {

/// Labels of N rows: N numbers, each kNoLabel or from 0 to the number of classes, exclusive; or no
/// numbers at all, where no row has a label. For a model without labels always empty.
using LabelsRef = std::span<const std::int32_t>;

/// Working memory for one thread: activations of a block of rows, allocated once.
template <class Scalar>
class ModelWorkspaceOf {
 public:
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

  ModelWorkspaceOf() = default;
  ModelWorkspaceOf(const ModelWorkspaceOf&) = delete;
  ModelWorkspaceOf& operator=(const ModelWorkspaceOf&) = delete;
  virtual ~ModelWorkspaceOf() = default;

  /// out = f(x, t, labels), row by row: t has N entries, x and out are N x D, N any number of rows.
  virtual void predict(std::span<const Scalar> parameters, const Eigen::Ref<const Vector>& t,
                       const ConstPointsRefOf<Scalar>& x, LabelsRef labels,
                       PointsRefOf<Scalar> out) = 0;
  /// The same without labels.
  void predict(std::span<const Scalar> parameters, const Eigen::Ref<const Vector>& t,
               const ConstPointsRefOf<Scalar>& x, PointsRefOf<Scalar> out) {
    predict(parameters, t, x, {}, out);
  }

  /// Returns sum_i w_i |f(x_i, t_i, label_i) - target_i|^2 over all rows i; `gradient` becomes
  /// `scale` times its gradient by the parameters. `weights` has N entries, or none: all are 1.
  /// Precondition: the workspace was made for training.
  virtual double loss_gradient(std::span<const Scalar> parameters,
                               const Eigen::Ref<const Vector>& t, const ConstPointsRefOf<Scalar>& x,
                               LabelsRef labels, const ConstPointsRefOf<Scalar>& target,
                               std::span<const Scalar> weights, Scalar scale,
                               std::span<Scalar> gradient) = 0;
  /// The same without labels and weights.
  double loss_gradient(std::span<const Scalar> parameters, const Eigen::Ref<const Vector>& t,
                       const ConstPointsRefOf<Scalar>& x, const ConstPointsRefOf<Scalar>& target,
                       Scalar scale, std::span<Scalar> gradient) {
    return loss_gradient(parameters, t, x, {}, target, {}, scale, gradient);
  }

  /// out = f and products = J e for each row's tangent e, where J is the Jacobian of f by x, by
  /// differentiation in forward mode: no differences. tangents, out and products are N x D.
  virtual void predict_with_jacobian(std::span<const Scalar> parameters,
                                     const Eigen::Ref<const Vector>& t,
                                     const ConstPointsRefOf<Scalar>& x, LabelsRef labels,
                                     const ConstPointsRefOf<Scalar>& tangents,
                                     PointsRefOf<Scalar> out, PointsRefOf<Scalar> products) = 0;

  /// out = f and divergence = tr J, row by row (N entries). Without `probes` (no rows) it is exact,
  /// by D products with J; with K N probes e, the mean over K of e^T J e, where those of row i are
  /// rows i, N + i, 2 N + i, ...: Hutchinson's estimator (1990), unbiased where E[e e^T] = I.
  virtual void predict_with_divergence(std::span<const Scalar> parameters,
                                       const Eigen::Ref<const Vector>& t,
                                       const ConstPointsRefOf<Scalar>& x, LabelsRef labels,
                                       const ConstPointsRefOf<Scalar>& probes,
                                       PointsRefOf<Scalar> out, ValuesRef divergence) = 0;
};

enum class WorkspaceUse { prediction, training };

/// Immutable: any number of threads may use one, each with a workspace of its own.
template <class Scalar>
class ModelOf {
 public:
  ModelOf() = default;
  ModelOf(const ModelOf&) = delete;
  ModelOf& operator=(const ModelOf&) = delete;
  virtual ~ModelOf() = default;

  /// D: coordinates of x and of the output.
  [[nodiscard]] virtual Index dimension() const = 0;
  /// Classes that a row's label may be of; 0: the model takes no labels.
  [[nodiscard]] virtual Index labels() const { return 0; }
  [[nodiscard]] virtual Index parameter_count() const = 0;
  /// Writes initial weights drawn from `seed`; parameters has parameter_count() entries.
  virtual void initialise(std::uint64_t seed, std::span<Scalar> parameters) const = 0;
  /// The model must outlive its workspaces.
  [[nodiscard]] virtual std::unique_ptr<ModelWorkspaceOf<Scalar>> workspace(
      WorkspaceUse use) const = 0;
};

using Model = ModelOf<float>;
using ModelWorkspace = ModelWorkspaceOf<float>;

}  // namespace flowmatch
