#include "change_of_variables.h"

#include "elementary.h"

#include <algorithm>
#include <cassert>
#include <numbers>

namespace flowmatch {

template <class Scalar>
ChangeOfVariables<Scalar>::ChangeOfVariables(Index dimension)
    : state_(static_cast<std::size_t>(dimension * kPassRows)),
      slope_(state_.size()),
      dimension_(dimension) {}

template <class Scalar>
Index ChangeOfVariables<Scalar>::run(const ConstPointsRefOf<Scalar>& x, Index first) {
  assert(x.cols() == dimension_);
  const Index rows = std::min(kPassRows, x.rows() - first);
  std::fill(state_.begin(), state_.end(), Scalar{0});
  for (Index r = 0; r < rows; ++r) {
    for (Index d = 0; d < dimension_; ++d) {
      state_[static_cast<std::size_t>(d * kPassRows + r)] = x(first + r, d);
    }
  }
  log_determinant_.fill(0);
  forward();
  return rows;
}

template <class Scalar>
double ChangeOfVariables<Scalar>::loss(Index row) const {
  double squares = 0;
  for (Index d = 0; d < dimension_; ++d) {
    const auto z = static_cast<double>(state_[static_cast<std::size_t>(d * kPassRows + row)]);
    squares += z * z;
  }
  const double normaliser = static_cast<double>(dimension_) * natural_log(2 * std::numbers::pi);
  return 0.5 * (squares + normaliser) - log_determinant_[static_cast<std::size_t>(row)];
}

template <class Scalar>
void ChangeOfVariables<Scalar>::run_back(Index rows, Scalar scale, std::span<Scalar> gradient) {
  std::fill(slope_.begin(), slope_.end(), Scalar{0});
  determinant_slope_.fill(0);
  for (Index r = 0; r < rows; ++r) {
    for (Index d = 0; d < dimension_; ++d) {
      const auto at = static_cast<std::size_t>(d * kPassRows + r);
      slope_[at] = scale * state_[at];
    }
    determinant_slope_[static_cast<std::size_t>(r)] = -scale;
  }
  backward(gradient);
}

template <class Scalar>
void ChangeOfVariables<Scalar>::to_noise(std::span<const Scalar> parameters,
                                         const ConstPointsRefOf<Scalar>& x,
                                         PointsRefOf<Scalar> noise, ValuesRef log_determinant) {
  use(parameters);
  for (Index first = 0; first < x.rows(); first += kPassRows) {
    const Index rows = run(x, first);
    for (Index r = 0; r < rows; ++r) {
      for (Index d = 0; d < dimension_; ++d) {
        noise(first + r, d) = state_[static_cast<std::size_t>(d * kPassRows + r)];
      }
      log_determinant[first + r] = log_determinant_[static_cast<std::size_t>(r)];
    }
  }
}

template <class Scalar>
void ChangeOfVariables<Scalar>::log_density(std::span<const Scalar> parameters,
                                            const ConstPointsRefOf<Scalar>& x, ValuesRef out) {
  use(parameters);
  for (Index first = 0; first < x.rows(); first += kPassRows) {
    const Index rows = run(x, first);
    for (Index r = 0; r < rows; ++r) out[first + r] = -loss(r);
  }
}

template <class Scalar>
void ChangeOfVariables<Scalar>::score(std::span<const Scalar> parameters,
                                      const ConstPointsRefOf<Scalar>& x, PointsRefOf<Scalar> out) {
  use(parameters);
  for (Index first = 0; first < x.rows(); first += kPassRows) {
    const Index rows = run(x, first);
    // Minus the loss: log p itself.
    run_back(rows, Scalar{-1}, {});
    for (Index r = 0; r < rows; ++r) {
      for (Index d = 0; d < dimension_; ++d) {
        out(first + r, d) = slope_[static_cast<std::size_t>(d * kPassRows + r)];
      }
    }
  }
}

template <class Scalar>
double ChangeOfVariables<Scalar>::loss_gradient(std::span<const Scalar> parameters,
                                                const ConstPointsRefOf<Scalar>& x, Scalar scale,
                                                std::span<Scalar> gradient) {
  use(parameters);
  std::fill(gradient.begin(), gradient.end(), Scalar{0});
  double sum = 0;
  for (Index first = 0; first < x.rows(); first += kPassRows) {
    const Index rows = run(x, first);
    for (Index r = 0; r < rows; ++r) sum += loss(r);
    run_back(rows, scale, gradient);
  }
  return sum;
}

template class ChangeOfVariables<float>;
template class ChangeOfVariables<double>;

}  // namespace flowmatch
