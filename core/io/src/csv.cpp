#include "flowmatch/io/csv.h"

#include <array>
#include <cassert>
#include <charconv>

namespace flowmatch {

namespace {

template <class Number>
void append(std::string& text, Number value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  text.append(buffer.data(), end);
}

void append_names(std::string& text, Index dimension) {
  for (Index d = 0; d < dimension; ++d) {
    if (d > 0) text += ',';
    text += 'x';
    append(text, d);
  }
  text += '\n';
}

void append_point(std::string& text, std::span<const float> point) {
  for (std::size_t d = 0; d < point.size(); ++d) {
    if (d > 0) text += ',';
    append(text, point[d]);
  }
  text += '\n';
}

}  // namespace

std::string samples_to_csv(const ConstPointsRef& x) {
  std::string text;
  append_names(text, x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    append_point(text, {x.row(i).data(), static_cast<std::size_t>(x.cols())});
  }
  return text;
}

std::string trajectories_to_csv(std::span<const double> times, std::span<const float> positions,
                                Index particles, Index dimension) {
  const auto width = static_cast<std::size_t>(dimension);
  assert(positions.size() == times.size() * static_cast<std::size_t>(particles) * width);
  std::string text = "t,particle,";
  append_names(text, dimension);
  for (std::size_t frame = 0; frame < times.size(); ++frame) {
    for (std::size_t particle = 0; particle < static_cast<std::size_t>(particles); ++particle) {
      append(text, times[frame]);
      text += ',';
      append(text, particle);
      text += ',';
      append_point(
          text, positions.subspan((frame * static_cast<std::size_t>(particles) + particle) * width,
                                  width));
    }
  }
  return text;
}

}  // namespace flowmatch
