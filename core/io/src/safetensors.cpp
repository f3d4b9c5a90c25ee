#include "flowmatch/io/safetensors.h"

#include "json_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace flowmatch {

namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied as they lie in memory");

constexpr std::size_t kLengthBytes = 8;
constexpr const char* kMetadata = "__metadata__";

struct DtypeDescription {
  Dtype dtype;
  std::string_view name;
  std::size_t size;
};

constexpr std::array kDtypes{
    DtypeDescription{Dtype::boolean, "BOOL", 1},    DtypeDescription{Dtype::u8, "U8", 1},
    DtypeDescription{Dtype::i8, "I8", 1},           DtypeDescription{Dtype::f8_e5m2, "F8_E5M2", 1},
    DtypeDescription{Dtype::f8_e4m3, "F8_E4M3", 1}, DtypeDescription{Dtype::u16, "U16", 2},
    DtypeDescription{Dtype::i16, "I16", 2},         DtypeDescription{Dtype::f16, "F16", 2},
    DtypeDescription{Dtype::bf16, "BF16", 2},       DtypeDescription{Dtype::u32, "U32", 4},
    DtypeDescription{Dtype::i32, "I32", 4},         DtypeDescription{Dtype::f32, "F32", 4},
    DtypeDescription{Dtype::u64, "U64", 8},         DtypeDescription{Dtype::i64, "I64", 8},
    DtypeDescription{Dtype::f64, "F64", 8},
};

const DtypeDescription& describe(Dtype dtype) {
  return *std::ranges::find(kDtypes, dtype, &DtypeDescription::dtype);
}

/// The bytes of an array, or none where they are more than a file can have.
std::optional<std::uint64_t> byte_count(Dtype dtype, const std::vector<std::uint64_t>& shape) {
  std::uint64_t bytes = size_of(dtype);
  // None at all, whatever the other extents are.
  if (std::ranges::find(shape, std::uint64_t{0}) != shape.end()) return 0;
  for (const std::uint64_t extent : shape) {
    if (extent > std::numeric_limits<std::uint64_t>::max() / bytes) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

std::string text_of(const std::vector<std::uint64_t>& shape) {
  return Json(shape).dump();
}

Problems refused(std::string field, std::string value, std::string allowed) {
  return {{shortened(std::move(field)), std::move(value), std::move(allowed)}};
}

/// An array of whole numbers of 0 or more.
bool read_whole_numbers(const Json& json, std::vector<std::uint64_t>& out) {
  if (!json.is_array()) return false;
  for (const Json& number : json) {
    if (!number.is_number_unsigned()) return false;
    out.push_back(number.get<std::uint64_t>());
  }
  return true;
}

struct Placed {
  Tensor tensor;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// One entry of the header, without its data.
Result<Placed> read_entry(const std::string& name, const Json& entry) {
  constexpr const char* kKeys = "an object of dtype, shape and data_offsets";
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets")) {
    return refused(name, shown(entry), kKeys);
  }
  Placed placed;
  placed.tensor.name = name;
  const Json& dtype = entry["dtype"];
  const auto known = std::ranges::find_if(
      kDtypes, [&](const DtypeDescription& each) { return dtype == each.name; });
  if (known == kDtypes.end()) {
    return refused(name + ".dtype", shown(dtype), "a type of number that the format has");
  }
  placed.tensor.dtype = known->dtype;
  if (!read_whole_numbers(entry["shape"], placed.tensor.shape)) {
    return refused(name + ".shape", shown(entry["shape"]), "an array of whole numbers");
  }
  std::vector<std::uint64_t> offsets;
  if (!read_whole_numbers(entry["data_offsets"], offsets) || offsets.size() != 2 ||
      offsets[0] > offsets[1]) {
    return refused(name + ".data_offsets", shown(entry["data_offsets"]),
                   "two whole numbers, the second not below the first");
  }
  placed.begin = offsets[0];
  placed.end = offsets[1];
  if (byte_count(placed.tensor.dtype, placed.tensor.shape) != placed.end - placed.begin) {
    return refused(
        name + ".shape", shortened(text_of(placed.tensor.shape)),
        "as many numbers as its " + std::to_string(placed.end - placed.begin) + " bytes hold");
  }
  return placed;
}

/// Gives each tensor its data, which has to follow on that of the one before, up to the end.
Problems place(std::vector<Placed>& all, std::string_view data, TensorFile& content) {
  std::ranges::sort(all, [](const Placed& a, const Placed& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t expected = 0;
  for (Placed& placed : all) {
    if (placed.begin != expected) {
      return refused(placed.tensor.name + ".data_offsets", std::to_string(placed.begin),
                     std::to_string(expected) + ", where the data before it ends");
    }
    if (placed.end > data.size()) {
      return refused("file", std::to_string(data.size()) + " bytes of data",
                     "at least " + std::to_string(placed.end) + " bytes of data: it is truncated");
    }
    placed.tensor.bytes = data.substr(placed.begin, placed.end - placed.begin);
    expected = placed.end;
    content.tensors.push_back(std::move(placed.tensor));
  }
  if (expected != data.size()) {
    return refused("file", std::to_string(data.size()) + " bytes of data",
                   std::to_string(expected) + " bytes of data, as its tensors have");
  }
  return {};
}

}  // namespace

std::string_view name(Dtype dtype) {
  return describe(dtype).name;
}

std::size_t size_of(Dtype dtype) {
  return describe(dtype).size;
}

const Tensor* TensorFile::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors, name, &Tensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

Result<TensorFile> parse_safetensors(std::string_view file) {
  if (file.size() < kLengthBytes) {
    return refused("file", std::to_string(file.size()) + " bytes",
                   "at least 8 bytes: it is truncated");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  file.remove_prefix(kLengthBytes);
  if (length > kMaxHeaderBytes) {
    return refused("header", std::to_string(length) + " bytes",
                   "at most " + std::to_string(kMaxHeaderBytes) +
                       " bytes: it is damaged, or no safetensors file");
  }
  if (length > file.size()) {
    return refused(
        "file", std::to_string(file.size()) + " bytes after the first 8",
        "at least the " + std::to_string(length) + " bytes of its header: it is truncated");
  }
  const std::string_view text = file.substr(0, length);
  if (!text.starts_with('{')) {
    return refused("header", "without {", "a JSON object: it is damaged, or no safetensors file");
  }
  const auto header = parse_json(text, "header");
  if (!header) return header.problems();

  TensorFile content;
  std::vector<Placed> all;
  for (const auto& [key, entry] : header.value().items()) {
    if (key == kMetadata) {
      if (!entry.is_object()) return refused(key, shown(entry), "an object of texts");
      for (const auto& [name, text_value] : entry.items()) {
        if (!text_value.is_string()) {
          std::string field = key;
          field += '.';
          field += name;
          return refused(std::move(field), shown(text_value), "a text");
        }
        content.metadata[name] = text_value.get<std::string>();
      }
      continue;
    }
    auto placed = read_entry(key, entry);
    if (!placed) return placed.problems();
    all.push_back(std::move(placed).value());
  }
  if (Problems problems = place(all, file.substr(length), content); !problems.empty()) {
    return problems;
  }
  return content;
}

Result<std::string> to_safetensors(const TensorFile& content) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header[kMetadata] = content.metadata;
  std::uint64_t offset = 0;
  for (const Tensor& tensor : content.tensors) {
    if (tensor.name == kMetadata || header.contains(tensor.name)) {
      return refused(tensor.name, "given twice or reserved", "a name of its own");
    }
    if (byte_count(tensor.dtype, tensor.shape) != tensor.bytes.size()) {
      return refused(
          tensor.name + ".shape", text_of(tensor.shape),
          "as many numbers as its " + std::to_string(tensor.bytes.size()) + " bytes hold");
    }
    header[tensor.name] = {{"dtype", name(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    return refused("header", "not UTF-8", "names and texts in UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxHeaderBytes) {
    return refused("header", std::to_string(text.size()) + " bytes",
                   "at most " + std::to_string(kMaxHeaderBytes) + " bytes");
  }
  const std::uint64_t length = text.size();
  std::string file(kLengthBytes, '\0');
  std::memcpy(file.data(), &length, kLengthBytes);
  file.reserve(kLengthBytes + text.size() + offset);
  file += text;
  for (const Tensor& tensor : content.tensors) file += tensor.bytes;
  return file;
}

Tensor float_tensor(std::string name, std::vector<std::uint64_t> shape,
                    std::span<const float> values) {
  Tensor tensor{.name = std::move(name),
                .dtype = Dtype::f32,
                .shape = std::move(shape),
                .bytes = std::string(values.size_bytes(), '\0')};
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), values.size_bytes());
  return tensor;
}

std::vector<float> float_values(const Tensor& tensor) {
  assert(tensor.dtype == Dtype::f32);
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(float));
  }
  return values;
}

}  // namespace flowmatch
