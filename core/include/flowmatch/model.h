// What a trainable network is to the rest of the library: a function of (x, t) and one flat array
// of parameters, which the caller owns. A model holds no weights, so raw weights, averaged weights
// and snapshots all run through the same one.
#pragma once

#include "flowmatch/points.h"

#include <cstdint>
#include <memory>
#include <span>

namespace flowmatch {

/// Working memory for one thread: activations of a block of rows, allocated once.
template <class Scalar>
class ModelWorkspaceOf {
 public:
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

  ModelWorkspaceOf() = default;
  ModelWorkspaceOf(const ModelWorkspaceOf&) = delete;
  ModelWorkspaceOf& operator=(const ModelWorkspaceOf&) = delete;
  virtual ~ModelWorkspaceOf() = default;

  /// out = f(x, t), row by row: t has N entries, x and out are N x D, N any number of rows.
  virtual void predict(std::span<const Scalar> parameters, const Eigen::Ref<const Vector>& t,
                       const ConstPointsRefOf<Scalar>& x, PointsRefOf<Scalar> out) = 0;

  /// Returns sum |f(x, t) - target|^2 over all rows and coordinates; `gradient` becomes `scale`
  /// times its gradient by the parameters. Precondition: the workspace was made for training.
  virtual double loss_gradient(std::span<const Scalar> parameters,
                               const Eigen::Ref<const Vector>& t, const ConstPointsRefOf<Scalar>& x,
                               const ConstPointsRefOf<Scalar>& target, Scalar scale,
                               std::span<Scalar> gradient) = 0;
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
