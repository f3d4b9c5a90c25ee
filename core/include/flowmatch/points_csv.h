// Points and their labels from text: a table of numbers as spreadsheets, NumPy and people write it.
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/problem.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace flowmatch {

struct LabelledPoints {
  Points points;                     ///< N x D
  std::vector<std::int32_t> labels;  ///< N class numbers from 0, or none.
};

struct PointsCsvOptions {
  /// The column that holds the labels, from 0. Without it, the one that the header calls "label",
  /// "labels" or "class", in any case of letters; else there are no labels.
  std::optional<Index> label_column;
};

/// Reads one point a line. Columns are separated by semicolons, tabs, commas or spaces: the first
/// of these that occurs in the first line. That line may be a header: it is one if none of its
/// fields is a number. Empty lines and lines that begin with # are skipped; a field may be in
/// double quotes. Numbers are decimal with a point, with or without an exponent, from -1e6 to 1e6;
/// labels are whole numbers from 0.
///
/// A problem names its place as "line 3, column 2", both from 1; after ten it stops looking. The
/// limits are those of EmpiricalConfig.
Result<LabelledPoints> parse_points(std::string_view csv, const PointsCsvOptions& options = {});

}  // namespace flowmatch
