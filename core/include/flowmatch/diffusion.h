// How strongly the paths of an SDE are shaken, g(t), and the settings of such an SDE: any g >= 0
// leaves the marginals as they are, because its drift makes up for it (see sde.h).
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/problem.h"
#include "flowmatch/schedule.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flowmatch {

/// The shape of g(t), to be multiplied by a scale.
enum class DiffusionShape {
  constant,  ///< 1 at all times. Near t = 1 its drift magnifies the errors of a learned field.
  sigma,     ///< sigma(t): what it adds to the drift stays finite for every schedule and field.
  /// sqrt(sigma(t)): stronger near the data. w_t = sigma_t of Ma et al. 2024 (arXiv 2401.08740).
  sqrt_sigma,
  alpha_sigma,  ///< alpha(t) sigma(t): none at either end.
};

inline constexpr std::array kDiffusionShapes{DiffusionShape::constant, DiffusionShape::sigma,
                                             DiffusionShape::sqrt_sigma,
                                             DiffusionShape::alpha_sigma};

/// The name in configurations and links ("constant", "sqrt_sigma"), and back.
std::string_view name(DiffusionShape shape);
std::optional<DiffusionShape> diffusion_shape_from_name(std::string_view name);

struct Diffusion {
  DiffusionShape shape = DiffusionShape::sigma;
  double scale = 1;  ///< 0 to kMaxDiffusionScale; 0: the ODE.
};

inline constexpr double kMaxDiffusionScale = 100;

/// g at the time of `values`.
double diffusion_coefficient(const Diffusion& diffusion, const ScheduleValues& values);

struct SdeConfig {
  /// That of the field: by it the score is found in the velocity. A Flow takes it from the field
  /// where that knows it.
  Schedule schedule = Schedule::cond_ot;
  Diffusion diffusion;
  std::uint64_t seed = 0;  ///< Of the noise on the way.
  Index first_row = 0;     ///< Of a part of a larger cloud, the number of its first point; >= 0.
};

Problems validate(const SdeConfig& config);

}  // namespace flowmatch
