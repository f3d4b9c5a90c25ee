#include "flowmatch/io/safetensors.h"

#include "support/files.h"
#include "support/problems.h"

#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::fields_of;
using flowmatch::testing::for_each_damage;
using flowmatch::testing::only;

/// A file of a given header, and `data` bytes of data.
std::string file_of(const std::string& header, std::size_t data = 0) {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data, 'x');
}

std::string problem_of(const std::string& file) {
  return only(parse_safetensors(file).problems());
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

TEST_CASE("a safetensors file is, byte for byte, as its format describes it") {
  TensorFile content;
  content.metadata["made"] = "by hand";
  content.tensors.push_back(float_tensor("a", {1, 2}, std::vector<float>{1, -2}));
  const auto file = to_safetensors(content);
  REQUIRE(file.ok());
  // 100 characters and four spaces, to a multiple of eight.
  const std::string header =
      R"({"__metadata__":{"made":"by hand"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";
  std::string expected = header;
  expected.resize((header.size() + 7) / 8 * 8, ' ');
  CHECK(file.value() == file_of(expected) + std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8));
}

TEST_CASE("tensors and texts come back from a file bit for bit") {
  TensorFile content;
  content.metadata["empty"] = "";
  content.metadata["Zürich \"\\\n"] = "日本\t語";
  const float nan = std::numeric_limits<float>::quiet_NaN();
  content.tensors.push_back(
      float_tensor("weights", {2, 3}, std::vector<float>{0, -0.0F, 1e-45F, 3e38F, nan, -1}));
  content.tensors.push_back(float_tensor("one number", {}, std::vector<float>{7}));
  content.tensors.push_back(float_tensor("nothing", {3, 0}, {}));
  content.tensors.push_back({"bytes", Dtype::u8, {3}, std::string("\0\xff\n", 3)});
  content.tensors.push_back({"doubles", Dtype::f64, {1}, std::string(8, 'd')});
  const auto file = to_safetensors(content);
  REQUIRE(file.ok());
  const auto read = parse_safetensors(file.value());
  REQUIRE(read.ok());
  CHECK(read.value().metadata == content.metadata);
  REQUIRE(read.value().tensors.size() == content.tensors.size());
  for (const Tensor& expected : content.tensors) {
    CAPTURE(expected.name);
    const Tensor* found = read.value().find(expected.name);
    REQUIRE(found != nullptr);
    CHECK(found->dtype == expected.dtype);
    CHECK(found->shape == expected.shape);
    CHECK((found->bytes == expected.bytes));
  }
  CHECK(read.value().find("absent") == nullptr);
  CHECK(float_values(*read.value().find("one number")) == std::vector<float>{7});
}

TEST_CASE("every type of number that the format has is read by its size") {
  const std::vector<std::pair<std::string, std::size_t>> dtypes{
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
      {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},
      {"I32", 4},  {"F32", 4}, {"U64", 8}, {"I64", 8},     {"F64", 8}};
  for (const auto& [dtype, size] : dtypes) {
    CAPTURE(dtype);
    const std::string header =
        "{" + tensor("a", dtype, "[3]", "[0," + std::to_string(3 * size) + "]") + "}";
    const auto read = parse_safetensors(file_of(header, 3 * size));
    REQUIRE(read.ok());
    CHECK(name(read.value().tensors[0].dtype) == dtype);
    CHECK_FALSE(parse_safetensors(file_of(header, 3 * size - 1)).ok());
  }
}

TEST_CASE("tensors may be described in another order than their data have") {
  const auto read = parse_safetensors(file_of(
      "{" + tensor("b", "U8", "[1]", "[2,3]") + "," + tensor("a", "U8", "[2]", "[0,2]") + "}  ",
      3));
  REQUIRE(read.ok());
  CHECK(read.value().tensors[0].name == "a");
  CHECK(read.value().tensors[1].name == "b");
  CHECK(parse_safetensors(file_of("{}")).ok());
}

TEST_CASE("a safetensors file that is truncated says so") {
  CHECK(problem_of("") == "file is 0 bytes, must be at least 8 bytes: it is truncated");
  CHECK(problem_of(file_of("{}  ").substr(0, 10)) ==
        "file is 2 bytes after the first 8, must be at least the 4 bytes of its header: it is "
        "truncated");
  CHECK(problem_of(file_of("{" + tensor("a", "F32", "[2]", "[0,8]") + "}", 7)) ==
        "file is 7 bytes of data, must be at least 8 bytes of data: it is truncated");
}

TEST_CASE("a header that is too long, no JSON or no object is refused") {
  std::string longer = file_of("{}");
  const std::uint64_t length = kMaxHeaderBytes + 1;
  std::memcpy(longer.data(), &length, 8);
  CHECK(problem_of(longer) ==
        "header is 100000001 bytes, must be at most 100000000 bytes: it is damaged, or no "
        "safetensors file");
  CHECK(problem_of(file_of("")).starts_with("header is without {"));
  CHECK(problem_of(file_of(" {}")).starts_with("header is without {"));
  CHECK(problem_of(file_of("[]")).starts_with("header is without {"));
  CHECK(problem_of(file_of("{\"a\":}")).starts_with("header is parse error at line 1"));
  CHECK(problem_of(file_of("{}x")).starts_with("header is parse error"));
  CHECK(problem_of(file_of("{\"\xff\":{}}")).starts_with("header is parse error"));
  CHECK(problem_of(file_of("{\"a\":" + std::string(100000, '['))) ==
        "header is nested deeper than 16, must be a flat document");
}

TEST_CASE("a name given twice is refused") {
  const std::string a = tensor("a", "U8", "[1]", "[0,1]");
  CHECK(problem_of(file_of("{" + a + "," + a + "}", 1)) ==
        "header is \"a\" given twice, must be a document with every key given once");
  CHECK_FALSE(parse_safetensors(file_of("{\"__metadata__\":{},\"__metadata__\":{}}")).ok());
  CHECK_FALSE(parse_safetensors(file_of(R"({"__metadata__":{"x":"1","x":"2"}})")).ok());
  // The same name in two objects is no repetition.
  CHECK(parse_safetensors(file_of(R"({"__metadata__":{"a":"1"},)" + a + "}", 1)).ok());
}

TEST_CASE("data that overlap, leave a hole or lie beyond the end are refused") {
  const auto two = [](const std::string& first, const std::string& second, std::size_t data) {
    return problem_of(file_of(
        "{" + tensor("a", "U8", "[2]", first) + "," + tensor("b", "U8", "[2]", second) + "}",
        data));
  };
  CHECK(two("[0,2]", "[1,3]", 3) ==
        "b.data_offsets is 1, must be 2, where the data before it ends");
  CHECK(two("[0,2]", "[0,2]", 2) ==
        "b.data_offsets is 0, must be 2, where the data before it ends");
  CHECK(two("[0,2]", "[3,5]", 5) ==
        "b.data_offsets is 3, must be 2, where the data before it ends");
  CHECK(two("[1,3]", "[3,5]", 5) ==
        "a.data_offsets is 1, must be 0, where the data before it ends");
  CHECK(two("[0,2]", "[2,4]", 3).ends_with("it is truncated"));
  CHECK(two("[0,2]", "[2,4]", 5) ==
        "file is 5 bytes of data, must be 4 bytes of data, as its tensors have");
  CHECK(problem_of(file_of("{}", 1)) ==
        "file is 1 bytes of data, must be 0 bytes of data, as its tensors have");
}

TEST_CASE("a tensor that is not described as it should be is named") {
  const auto one = [](const std::string& dtype, const std::string& shape,
                      const std::string& offsets) {
    return problem_of(file_of("{" + tensor("a", dtype, shape, offsets) + "}", 8));
  };
  CHECK(one("F33", "[2]", "[0,8]") ==
        "a.dtype is F33, must be a type of number that the format has");
  CHECK(one("F32", "[3]", "[0,8]") ==
        "a.shape is [3], must be as many numbers as its 8 bytes hold");
  CHECK(one("F32", "[]", "[0,8]").starts_with("a.shape is []"));
  // Products beyond 64 bits, one of them with a remainder that would fit.
  CHECK(one("F32", "[4294967296,4294967296]", "[0,8]").starts_with("a.shape is"));
  CHECK(one("F32", "[9223372036854775809,2]", "[0,8]").starts_with("a.shape is"));
  CHECK(one("F32", "[-2]", "[0,8]") == "a.shape is [-2], must be an array of whole numbers");
  CHECK(one("F32", "[2.0]", "[0,8]").starts_with("a.shape is [2.0]"));
  CHECK(one("F32", "2", "[0,8]").starts_with("a.shape is 2"));
  CHECK(one("F32", "[2]", "[0]").starts_with("a.data_offsets is [0]"));
  CHECK(one("F32", "[2]", "[8,0]").starts_with("a.data_offsets is [8,0]"));
  CHECK(one("F32", "[2]", "[0,18446744073709551616]").starts_with("a.data_offsets is"));
  CHECK(problem_of(file_of(R"({"a":{"dtype":"F32","shape":[]}})")).starts_with("a is {"));
  CHECK(problem_of(file_of(R"({"a":1})")).starts_with("a is 1, must be an object"));
  CHECK(problem_of(file_of(R"({"a":{"dtype":1,"shape":[],"data_offsets":[0,4]}})", 4))
            .starts_with("a.dtype is 1"));
  CHECK(problem_of(file_of(R"({"__metadata__":[]})")) ==
        "__metadata__ is [], must be an object of texts");
  CHECK(problem_of(file_of(R"({"__metadata__":{"x":1}})")) ==
        "__metadata__.x is 1, must be a text");
}

TEST_CASE("content that the format cannot hold is not written") {
  const auto field_of = [](const TensorFile& content) {
    return fields_of(to_safetensors(content).problems());
  };
  using Fields = std::vector<std::string>;
  const Tensor good = float_tensor("a", {1}, std::vector<float>{1});
  CHECK(field_of({.tensors = {good, good}, .metadata = {}}) == Fields{"a"});
  Tensor reserved = good;
  reserved.name = "__metadata__";
  CHECK(field_of({.tensors = {reserved}, .metadata = {}}) == Fields{"__metadata__"});
  Tensor misshapen = good;
  misshapen.shape = {2};
  CHECK(field_of({.tensors = {misshapen}, .metadata = {}}) == Fields{"a.shape"});
  CHECK(field_of({.tensors = {}, .metadata = {{"x", "\xff"}}}) == Fields{"header"});
  CHECK(field_of({.tensors = {}, .metadata = {{"x", std::string(kMaxHeaderBytes, 'x')}}}) ==
        Fields{"header"});
}

TEST_CASE("no damage to a safetensors file does more than to have it refused") {
  TensorFile content;
  content.metadata["config"] = R"({"seed": 1})";
  content.tensors.push_back(float_tensor("layers.0.weight", {2, 3}, std::vector<float>(6, 1.5F)));
  content.tensors.push_back(float_tensor("layers.0.bias", {2}, std::vector<float>(2, 0.5F)));
  const std::string file = to_safetensors(content).value();
  int refused = 0;
  for_each_damage(file, file.size() - 32, 800, [&](const std::string& damaged) {
    const auto read = parse_safetensors(damaged);
    if (!read.ok()) {
      ++refused;
      CHECK_FALSE(fields_of(read.problems()).empty());
      return;
    }
    // What was read is then a whole file of its own.
    CHECK(to_safetensors(read.value()).ok());
  });
  // All that are cut or lengthened, and most of those with a damaged header.
  CHECK(refused > 500);
}

}  // namespace
