// The distribution of given points, drawn by hand, pasted or loaded: each is equally likely,
// exactly or blurred by a Gaussian.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/labels.h"
#include "flowmatch/problem.h"

#include <cstdint>
#include <span>
#include <vector>

namespace flowmatch {

struct EmpiricalConfig {
  Points points;                     ///< N x D finite coordinates from -1e6 to 1e6.
  std::vector<std::int32_t> labels;  ///< The class of each point, 0 to kMaxLabels - 1; or none.
  /// Standard deviation of the Gaussian that is added to each point drawn, 1e-4 to 1e3; or 0.
  double smoothing = 0;
};

inline constexpr Index kMaxEmpiricalPoints = Index{1} << 20;
/// Largest N x D: 256 MB.
inline constexpr Index kMaxEmpiricalNumbers = Index{1} << 26;
inline constexpr double kMaxCoordinate = 1e6;

/// Every problem of the configuration, or none. Of bad points the first is told, and of bad labels.
Problems validate(const EmpiricalConfig& config);

class EmpiricalDistribution final : public Distribution {
 public:
  static Result<EmpiricalDistribution> make(EmpiricalConfig config);

  [[nodiscard]] Index dimension() const override { return points_.cols(); }
  /// The points as given, N x D.
  [[nodiscard]] const Points& points() const { return points_; }

  /// Row i takes its point from one word (block 0) and its noise from normals (blocks 1, 2, ...).
  void sample(const RandomStream& stream, Index first_row, PointsRef out) const override;
  /// One more than the largest label given.
  [[nodiscard]] Index labels() const override { return classes_; }
  void sample_labelled(const RandomStream& stream, Index first_row, PointsRef out,
                       std::span<std::int32_t> labels) const override;

  /// With smoothing there is a density, that of N Gaussians: a kernel density estimate of what the
  /// points were drawn from. Its cost grows with N.
  [[nodiscard]] bool has_density() const override { return smoothing_ > 0; }
  void log_density(const ConstPointsRef& x, ValuesRef out) const override;
  void score(const ConstPointsRef& x, PointsRef out) const override;

 private:
  explicit EmpiricalDistribution(EmpiricalConfig config);

  void draw(const RandomStream& stream, Index first_row, PointsRef out,
            std::span<std::int32_t> labels) const;

  Points points_;
  std::vector<std::int32_t> labels_;
  double smoothing_;
  Index classes_;
};

}  // namespace flowmatch
