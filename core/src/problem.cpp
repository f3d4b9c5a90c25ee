#include "flowmatch/problem.h"

#include <array>
#include <cmath>
#include <string>
#if defined(__EMSCRIPTEN__)
#include <emscripten/em_js.h>
#else
#include <charconv>
#endif

#if defined(__EMSCRIPTEN__)
// The text of std::to_chars, whose tables of powers would be a third of the whole module:
// JavaScript finds the same shortest digits. The text is fixed or scientific, whichever is shorter;
// a fixed one has all the digits of a whole number, and an exponent has two at least. Returns the
// length.
// clang-format off
EM_JS(int, flowmatch_number_text, (double value, char* out), {
  const large = Math.abs(value) > Number.MAX_SAFE_INTEGER;
  const fixed = Object.is(value, -0) ? '-0' : String(large ? BigInt(value) : value);
  const [digits, exponent] = value.toExponential().split('e');
  const scientific = digits + 'e' + exponent[0] + exponent.slice(1).padStart(2, '0');
  const text = fixed.includes('e') || scientific.length < fixed.length ? scientific : fixed;
  for (let i = 0; i < text.length; ++i) HEAPU8[out + i] = text.charCodeAt(i);
  return text.length;
});
// clang-format on
#endif

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

std::string format_number(double value) {
  std::array<char, 32> buffer{};
#if defined(__EMSCRIPTEN__)
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  const int length = flowmatch_number_text(value, buffer.data());
  return {buffer.data(), static_cast<std::size_t>(length)};
#else
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
#endif
}

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
