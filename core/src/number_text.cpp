// format_number() by the standard library. A build that cannot afford its tables names another
// source (FLOWMATCH_NUMBER_TEXT).
#include "flowmatch/problem.h"

#include <array>
#include <charconv>

namespace flowmatch {

std::string format_number(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

}  // namespace flowmatch
