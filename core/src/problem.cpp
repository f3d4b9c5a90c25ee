#include "flowmatch/problem.h"

#include <cmath>
#include <string>

namespace flowmatch {

namespace {

std::string range_text(std::string_view what, double low, double high, std::string_view before_low,
                       std::string_view before_high) {
  std::string text(what);
  text += before_low;
  text += format_number(low);
  text += before_high;
  text += format_number(high);
  return text;
}

}  // namespace

void ProblemList::add(std::string_view field, std::string value, std::string allowed) {
  problems_.push_back({std::string(field), std::move(value), std::move(allowed)});
}

void ProblemList::check_range(std::string_view field, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    add(field, format_number(value), range_text("a number from ", low, high, "", " to "));
  }
}

void ProblemList::check_above(std::string_view field, double value, double low, double high) {
  if (!(value > low && value <= high)) {
    add(field, format_number(value), range_text("a number ", low, high, "above ", ", at most "));
  }
}

void ProblemList::check_below(std::string_view field, double value, double low, double high) {
  if (!(value >= low && value < high)) {
    add(field, format_number(value), range_text("a number ", low, high, "from ", ", below "));
  }
}

void ProblemList::check_integer(std::string_view field, double value, double low, double high) {
  if (!(value >= low && value <= high && value == std::floor(value))) {
    add(field, format_number(value), range_text("a whole number from ", low, high, "", " to "));
  }
}

void ProblemList::append(std::string_view prefix, const Problems& problems) {
  for (const Problem& problem : problems) {
    add(std::string(prefix) + "." + problem.field, problem.value, problem.allowed);
  }
}

}  // namespace flowmatch
