#include "flowmatch/diffusion.h"

#include <cmath>
#include <limits>
#include <utility>

namespace flowmatch {

std::string_view name(DiffusionShape shape) {
  switch (shape) {
    case DiffusionShape::constant:
      return "constant";
    case DiffusionShape::sigma:
      return "sigma";
    case DiffusionShape::sqrt_sigma:
      return "sqrt_sigma";
    case DiffusionShape::alpha_sigma:
      return "alpha_sigma";
  }
  return "";
}

std::optional<DiffusionShape> diffusion_shape_from_name(std::string_view text) {
  for (const DiffusionShape shape : kDiffusionShapes) {
    if (name(shape) == text) return shape;
  }
  return std::nullopt;
}

double diffusion_coefficient(const Diffusion& diffusion, const ScheduleValues& values) {
  switch (diffusion.shape) {
    case DiffusionShape::constant:
      return diffusion.scale;
    case DiffusionShape::sigma:
      return diffusion.scale * values.sigma;
    case DiffusionShape::sqrt_sigma:
      return diffusion.scale * std::sqrt(values.sigma);
    case DiffusionShape::alpha_sigma:
      return diffusion.scale * values.alpha * values.sigma;
  }
  return 0;
}

Problems validate(const SdeConfig& config) {
  ProblemList problems;
  problems.check_range("diffusion.scale", config.diffusion.scale, 0, kMaxDiffusionScale);
  // Rows are numbered by 32 bits.
  problems.check_integer("firstRow", static_cast<double>(config.first_row), 0,
                         std::numeric_limits<std::int32_t>::max());
  return std::move(problems).take();
}

}  // namespace flowmatch
