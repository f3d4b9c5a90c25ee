// A probability distribution over points: it draws samples and, where it can, gives their labels
// and its log-density.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/random.h"

#include <cstdint>
#include <optional>
#include <span>

namespace flowmatch {

/// Immutable after construction, so any number of threads may use one at once.
class Distribution {
 public:
  Distribution() = default;
  Distribution(const Distribution&) = default;
  Distribution(Distribution&&) = default;
  Distribution& operator=(const Distribution&) = default;
  Distribution& operator=(Distribution&&) = default;
  virtual ~Distribution() = default;

  /// D, the number of coordinates of a point.
  [[nodiscard]] virtual Index dimension() const = 0;

  /// Draws out.rows() points (N x D) for rows first_row, first_row + 1, ... of `stream`. Row by
  /// row, the result does not depend on how a batch is cut into calls. Does not allocate.
  virtual void sample(const RandomStream& stream, Index first_row, PointsRef out) const = 0;

  /// The number of classes that a point may belong to, labelled 0, 1, ...; 0: there are none.
  [[nodiscard]] virtual Index labels() const { return 0; }

  /// The points of sample(), bit for bit, and the label of each. Precondition: labels.size() ==
  /// out.rows(). Without classes every label is 0.
  virtual void sample_labelled(const RandomStream& stream, Index first_row, PointsRef out,
                               std::span<std::int32_t> labels) const;

  /// The differential entropy -E log p in nats, which is the best possible mean negative
  /// log-likelihood; where it is known to 1e-4 without drawing samples.
  [[nodiscard]] virtual std::optional<double> entropy() const { return std::nullopt; }

  /// Whether log_density is known in closed form, or to 1e-3 by quadrature.
  [[nodiscard]] virtual bool has_density() const { return false; }

  /// log p of each row of x (N x D), in nats. Precondition: has_density().
  virtual void log_density(const ConstPointsRef& x, ValuesRef out) const;

  /// The score, grad log p, of each row of x (N x D). Precondition: has_density().
  virtual void score(const ConstPointsRef& x, PointsRef out) const;
};

/// N(0, I) in `dimension` coordinates: the usual source of a flow.
class StandardNormal final : public Distribution {
 public:
  explicit StandardNormal(Index dimension) : dimension_(dimension) {}
  [[nodiscard]] Index dimension() const override { return dimension_; }
  void sample(const RandomStream& stream, Index first_row, PointsRef out) const override;
  [[nodiscard]] bool has_density() const override { return true; }
  void log_density(const ConstPointsRef& x, ValuesRef out) const override;
  void score(const ConstPointsRef& x, PointsRef out) const override;
  [[nodiscard]] std::optional<double> entropy() const override;

 private:
  Index dimension_;
};

}  // namespace flowmatch
