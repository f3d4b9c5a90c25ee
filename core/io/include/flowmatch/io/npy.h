// NumPy's format for one array, which numpy.load reads.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/problem.h"

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace flowmatch {

/// The bytes of a file of float32 or float64 in row-major order. Precondition: `values` has as many
/// as the shape, which is empty for a single number.
std::string to_npy(std::span<const float> values, const std::vector<Index>& shape);
std::string to_npy(std::span<const double> values, const std::vector<Index>& shape);

struct NpyArray {
  std::vector<Index> shape;
  std::variant<std::vector<float>, std::vector<double>> values;
};

/// Reads what to_npy() writes, and the same from elsewhere; other types of number, column-major
/// order, later versions and damaged files are problems.
Result<NpyArray> parse_npy(std::string_view file);

}  // namespace flowmatch
