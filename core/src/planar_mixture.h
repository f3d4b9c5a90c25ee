// The kernel of planar mixtures (see kernels/mixture.h) for any number of points: what the exact
// field from N(0, I) and that from a mixture have in common.
#pragma once

#include "flowmatch/gaussian_mixture.h"
#include "kernels/mixture.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace flowmatch {

/// Whether the kernel applies.
inline bool is_planar(const GaussianMixture& mixture) {
  return mixture.dimension() == 2 &&
         std::ranges::all_of(mixture.components(), &GaussianMixture::Component::isotropic);
}

/// So many isotropic components in the plane, with working memory for many points at a time.
class PlanarMixture {
 public:
  explicit PlanarMixture(std::size_t components)
      : components_(components), scratch_(components * kernels::kPlanarScratch) {}

  /// To be filled before anything is asked.
  [[nodiscard]] std::span<kernels::PlanarComponent> components() { return components_; }

  void velocity(const ConstPointsRef& x, PointsRef out) {
    evaluate(x, false, [&](Index row, double /*log_density*/, double u, double v, double) {
      out(row, 0) = static_cast<float>(u);
      out(row, 1) = static_cast<float>(v);
    });
  }

  void velocity_and_divergence(const ConstPointsRef& x, PointsRef out, ValuesRef divergence) {
    evaluate(x, true, [&](Index row, double /*log_density*/, double u, double v, double trace) {
      out(row, 0) = static_cast<float>(u);
      out(row, 1) = static_cast<float>(v);
      divergence[row] = trace;
    });
  }

  void log_density(const ConstPointsRef& x, ValuesRef out) {
    evaluate(x, false, [&](Index row, double log_density, double, double, double) {
      out[row] = log_density;
    });
  }

 private:
  /// Calls use(row, log density, velocity x, velocity y, divergence) for every row of x; the
  /// divergence only has a meaning where it is asked for.
  template <class Use>
  void evaluate(const ConstPointsRef& x, bool with_divergence, const Use& use) {
    constexpr Index kRows = kernels::kPlanarRows;
    for (Index first = 0; first < x.rows(); first += kRows) {
      const Index rows = std::min(kRows, x.rows() - first);
      for (Index i = 0; i < rows; ++i) {
        xs_[static_cast<std::size_t>(i)] = static_cast<double>(x(first + i, 0));
        ys_[static_cast<std::size_t>(i)] = static_cast<double>(x(first + i, 1));
      }
      kernels::planar_mixture(components_.data(), static_cast<Index>(components_.size()), rows,
                              xs_.data(), ys_.data(), scratch_.data(),
                              {.log_density = density_.data(),
                               .velocity_x = us_.data(),
                               .velocity_y = vs_.data(),
                               .divergence = with_divergence ? divergence_.data() : nullptr});
      for (Index i = 0; i < rows; ++i) {
        const auto at = static_cast<std::size_t>(i);
        use(first + i, density_[at], us_[at], vs_[at], divergence_[at]);
      }
    }
  }

  using Numbers = std::array<double, kernels::kPlanarRows>;
  std::vector<kernels::PlanarComponent> components_;
  std::vector<double> scratch_;
  Numbers xs_{};
  Numbers ys_{};
  Numbers density_{};
  Numbers us_{};
  Numbers vs_{};
  Numbers divergence_{};
};

}  // namespace flowmatch
