// A density whose parameters are learned by maximum likelihood: a smooth invertible map f from data
// to standard normal noise, and the change of variables
//
//   log p(x) = log N(f(x); 0, I) + log |det df/dx|.
//
// A normalizing flow composes f of layers that are easily inverted, a continuous one integrates a
// velocity. As in model.h, the caller owns the one flat array of parameters.
#pragma once

#include "flowmatch/points.h"

#include <cstdint>
#include <memory>
#include <span>

namespace flowmatch {

/// Working memory for one thread, allocated once: no function here allocates. N is any number of
/// rows; a row's result does not depend on those around it.
template <class Scalar>
class DensityWorkspaceOf {
 public:
  DensityWorkspaceOf() = default;
  DensityWorkspaceOf(const DensityWorkspaceOf&) = delete;
  DensityWorkspaceOf& operator=(const DensityWorkspaceOf&) = delete;
  virtual ~DensityWorkspaceOf() = default;

  /// noise = f(x) for each row of x, both N x D, and log_determinant = log |det df/dx| there.
  virtual void to_noise(std::span<const Scalar> parameters, const ConstPointsRefOf<Scalar>& x,
                        PointsRefOf<Scalar> noise, ValuesRef log_determinant) = 0;

  /// out = log p of each row of x (N x D), in nats.
  virtual void log_density(std::span<const Scalar> parameters, const ConstPointsRefOf<Scalar>& x,
                           ValuesRef out) = 0;

  /// out = grad log p by x, the score, of each row of x; x and out are N x D.
  virtual void score(std::span<const Scalar> parameters, const ConstPointsRefOf<Scalar>& x,
                     PointsRefOf<Scalar> out) = 0;

  /// Returns the negative log-likelihood of x (N x D), the sum of -log p over its rows, in nats;
  /// `gradient` becomes `scale` times its gradient by the parameters.
  virtual double loss_gradient(std::span<const Scalar> parameters,
                               const ConstPointsRefOf<Scalar>& x, Scalar scale,
                               std::span<Scalar> gradient) = 0;
};

/// Immutable: any number of threads may use one, each with a workspace of its own.
template <class Scalar>
class DensityModelOf {
 public:
  DensityModelOf() = default;
  DensityModelOf(const DensityModelOf&) = delete;
  DensityModelOf& operator=(const DensityModelOf&) = delete;
  virtual ~DensityModelOf() = default;

  /// D: coordinates of a point.
  [[nodiscard]] virtual Index dimension() const = 0;
  [[nodiscard]] virtual Index parameter_count() const = 0;
  /// NFE: how often the model's network runs forwards for the likelihood of one point. Flow
  /// matching needs one evaluation for its loss; this is what it saves.
  [[nodiscard]] virtual Index evaluations() const = 0;
  /// Writes initial weights drawn from `seed`; parameters has parameter_count() entries.
  virtual void initialise(std::uint64_t seed, std::span<Scalar> parameters) const = 0;
  /// The model must outlive its workspaces.
  [[nodiscard]] virtual std::unique_ptr<DensityWorkspaceOf<Scalar>> workspace() const = 0;
};

using DensityModel = DensityModelOf<float>;
using DensityWorkspace = DensityWorkspaceOf<float>;

}  // namespace flowmatch
