// format_number() by JavaScript, which finds the same shortest digits as std::to_chars: its tables
// of powers would be a third of the whole module.
#include <flowmatch/problem.h>

#include <emscripten/em_js.h>

#include <array>
#include <cmath>

// The text is fixed or scientific, whichever is shorter; a fixed one has all the digits of a whole
// number, and an exponent has two at least. Returns the length.
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

namespace flowmatch {

std::string format_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 32> buffer{};
  const int length = flowmatch_number_text(value, buffer.data());
  return {buffer.data(), static_cast<std::size_t>(length)};
}

}  // namespace flowmatch
