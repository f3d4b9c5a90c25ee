// The safetensors format: named arrays and a table of texts in one file, which PyTorch and others
// read. https://github.com/huggingface/safetensors, "Format".
//
//   8 bytes    n, the length of the header, little-endian
//   n bytes    the header: a JSON object from the name of each tensor to
//              {"dtype": "F32", "shape": [rows, columns], "data_offsets": [begin, end]},
//              and from "__metadata__" to an object of strings; spaces may follow
//   the rest   the numbers, little-endian and row-major; offsets count from here
//
// The tensors cover the rest without holes or overlaps.
#pragma once

#include "flowmatch/problem.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flowmatch {

/// The types of number that the format has.
enum class Dtype {
  boolean,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  u16,
  i16,
  f16,
  bf16,
  u32,
  i32,
  f32,
  u64,
  i64,
  f64,
};

/// The name in the header, such as "F32".
std::string_view name(Dtype dtype);
/// Bytes of one number.
std::size_t size_of(Dtype dtype);

struct Tensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::uint64_t> shape;  ///< Empty for a single number; a 0 in it for none.
  std::string bytes;                 ///< size_of(dtype) times the product of the shape.
};

/// The content of a file.
struct TensorFile {
  std::vector<Tensor> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor of that name, or null.
  [[nodiscard]] const Tensor* find(std::string_view name) const;
};

/// The longest header that the format allows, in bytes.
inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

/// Reads a file's bytes; tensors come in the order of their data. Its problems name "file",
/// "header", or a tensor: truncated, a header that is too long or no JSON or has a name twice, an
/// unknown type, a shape that does not fit its data, data that overlaps, leaves a hole, or lies
/// beyond the end.
Result<TensorFile> parse_safetensors(std::string_view file);

/// The bytes of a file, tensors in the order given, data beginning at a multiple of 8. Problems: a
/// name given twice or reserved, text that is not UTF-8, a shape that does not fit its data, a
/// header that is too long.
Result<std::string> to_safetensors(const TensorFile& content);

/// A tensor of floats. Precondition: `values` has as many as the shape.
Tensor float_tensor(std::string name, std::vector<std::uint64_t> shape,
                    std::span<const float> values);

/// Its numbers. Precondition: the type is f32.
std::vector<float> float_values(const Tensor& tensor);

}  // namespace flowmatch
