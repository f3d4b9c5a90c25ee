// What every density of density_model.h does, whatever its map: the loop over blocks of rows, the
// normal density at the end of the map, and the slopes from there. The map itself, forwards and
// backwards for one block, is the derived class's.
#pragma once

#include "flowmatch/density_model.h"
#include "network_pass.h"

#include <array>
#include <vector>

namespace flowmatch {

template <class Scalar>
class ChangeOfVariables : public DensityWorkspaceOf<Scalar> {
 public:
  void to_noise(std::span<const Scalar> parameters, const ConstPointsRefOf<Scalar>& x,
                PointsRefOf<Scalar> noise, ValuesRef log_determinant) final;
  void log_density(std::span<const Scalar> parameters, const ConstPointsRefOf<Scalar>& x,
                   ValuesRef out) final;
  void score(std::span<const Scalar> parameters, const ConstPointsRefOf<Scalar>& x,
             PointsRefOf<Scalar> out) final;
  double loss_gradient(std::span<const Scalar> parameters, const ConstPointsRefOf<Scalar>& x,
                       Scalar scale, std::span<Scalar> gradient) final;

 protected:
  explicit ChangeOfVariables(Index dimension);

  /// The parameters of all that follows.
  virtual void use(std::span<const Scalar> parameters) = 0;
  /// From x to f(x) in state_; adds log |det df/dx| to log_determinant_.
  virtual void forward() = 0;
  /// From the slope of a loss by f(x) to that by x in slope_, for a loss of which the slope by the
  /// log-determinant is determinant_slope_; adds the slopes by the parameters to `gradient`, unless
  /// that is empty.
  virtual void backward(std::span<Scalar> gradient) = 0;

  /// Coordinate d of row r is at d * kPassRows + r. Rows that are not there are zeros.
  std::vector<Scalar> state_;
  std::vector<Scalar> slope_;
  std::array<double, static_cast<std::size_t>(kPassRows)> log_determinant_{};
  std::array<Scalar, static_cast<std::size_t>(kPassRows)> determinant_slope_{};

 private:
  /// Runs the block of x that begins at row `first`; returns its rows.
  Index run(const ConstPointsRefOf<Scalar>& x, Index first);
  /// -log p of a row of the block.
  [[nodiscard]] double loss(Index row) const;
  /// The way back, from `scale` times the loss of each of `rows` rows.
  void run_back(Index rows, Scalar scale, std::span<Scalar> gradient);

  Index dimension_;
};

extern template class ChangeOfVariables<float>;
extern template class ChangeOfVariables<double>;

}  // namespace flowmatch
