#include "flowmatch/io/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>

namespace flowmatch {

namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied as they lie in memory");

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
/// Magic and the length of the header, two bytes.
constexpr std::size_t kBefore = kMagic.size() + 2;
/// The data begin at a multiple of it.
constexpr std::size_t kAlignment = 64;

template <class Scalar>
constexpr std::string_view kDescription = std::is_same_v<Scalar, float> ? "<f4" : "<f8";

template <class Scalar>
std::string bytes_of(std::span<const Scalar> values, const std::vector<Index>& shape) {
  std::string header =
      "{'descr': '" + std::string(kDescription<Scalar>) + "', 'fortran_order': False, 'shape': (";
  for (const Index extent : shape) header += std::to_string(extent) + ", ";
  // Python's tuples: (), (3,), (3, 2).
  if (!shape.empty()) header.resize(header.size() - (shape.size() == 1 ? 1 : 2));
  header += "), }";
  const std::size_t before_data =
      (kBefore + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  header.resize(before_data - kBefore - 1, ' ');
  header += '\n';
  std::string file(kMagic);
  file += static_cast<char>(header.size() % 256);
  file += static_cast<char>(header.size() / 256);
  file += header;
  if (!values.empty()) {
    file.resize(before_data + values.size_bytes());
    std::memcpy(file.data() + before_data, values.data(), values.size_bytes());
  }
  return file;
}

Problems refused(std::string value, std::string allowed) {
  return {{"file", std::move(value), std::move(allowed)}};
}

/// What follows 'key': in the header, without spaces before it; empty where there is no such key.
std::string_view after_key(std::string_view header, std::string_view key) {
  const std::string quoted = "'" + std::string(key) + "':";
  const std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) return {};
  header.remove_prefix(at + quoted.size());
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  return header;
}

/// A tuple of extents at the beginning of `text`.
std::optional<std::vector<Index>> read_shape(std::string_view text) {
  if (!text.starts_with('(')) return std::nullopt;
  const std::size_t close = text.find(')');
  if (close == std::string_view::npos) return std::nullopt;
  text = text.substr(1, close - 1);
  std::vector<Index> shape;
  while (!text.empty()) {
    Index extent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (error != std::errc() || extent < 0) return std::nullopt;
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::size_t next = text.find_first_not_of(", ");
    text.remove_prefix(std::min(next, text.size()));
  }
  return shape;
}

template <class Scalar>
Result<NpyArray> with_values(std::vector<Index> shape, std::string_view data) {
  // None at all, whatever the other extents are.
  std::uint64_t count = std::ranges::find(shape, 0) == shape.end() ? 1 : 0;
  for (const Index extent : shape) {
    if (count > 0 && count > data.size() / static_cast<std::uint64_t>(extent)) {
      return refused(std::to_string(data.size()) + " bytes of data",
                     "as many as its shape says: it is truncated");
    }
    count *= static_cast<std::uint64_t>(extent);
  }
  if (count * sizeof(Scalar) != data.size()) {
    return refused(std::to_string(data.size()) + " bytes of data",
                   std::to_string(count * sizeof(Scalar)) + ", as its shape says");
  }
  std::vector<Scalar> values(count);
  if (count > 0) std::memcpy(values.data(), data.data(), data.size());
  return NpyArray{.shape = std::move(shape), .values = std::move(values)};
}

}  // namespace

std::string to_npy(std::span<const float> values, const std::vector<Index>& shape) {
  return bytes_of(values, shape);
}

std::string to_npy(std::span<const double> values, const std::vector<Index>& shape) {
  return bytes_of(values, shape);
}

Result<NpyArray> parse_npy(std::string_view file) {
  if (file.size() < kBefore || !file.starts_with(kMagic)) {
    return refused("without NumPy's first bytes", "a .npy file of version 1.0");
  }
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(file[i]); };
  const std::size_t length = byte(kBefore - 2) + std::size_t{256} * byte(kBefore - 1);
  if (file.size() - kBefore < length) {
    return refused(std::to_string(file.size()) + " bytes",
                   "at least those of its header: it is truncated");
  }
  const std::string_view header = file.substr(kBefore, length);
  const std::string_view data = file.substr(kBefore + length);
  auto shape = read_shape(after_key(header, "shape"));
  if (!shape) return refused("without a shape", "a header with 'shape'");
  if (!after_key(header, "fortran_order").starts_with("False")) {
    return refused("in column-major order", "in row-major order");
  }
  const std::string_view description = after_key(header, "descr");
  if (description.starts_with("'<f4'")) return with_values<float>(std::move(*shape), data);
  if (description.starts_with("'<f8'")) return with_values<double>(std::move(*shape), data);
  return refused("of another type of number", "of little-endian float32 or float64");
}

}  // namespace flowmatch
