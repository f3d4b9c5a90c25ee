#include "flowmatch/io/npy.h"

#include "support/files.h"
#include "support/problems.h"

#include <catch2/catch_test_macros.hpp>

#include <limits>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::fields_of;
using flowmatch::testing::for_each_damage;
using flowmatch::testing::only;

template <class Scalar>
void check_round_trip(const std::vector<Scalar>& values, const std::vector<Index>& shape) {
  const std::string file = to_npy(std::span<const Scalar>(values), shape);
  // NumPy asks for data that begin at a multiple of 64.
  CHECK((file.size() - values.size() * sizeof(Scalar)) % 64 == 0);
  const auto back = parse_npy(file);
  REQUIRE(back.ok());
  CHECK(back.value().shape == shape);
  REQUIRE(std::holds_alternative<std::vector<Scalar>>(back.value().values));
  CHECK(std::get<std::vector<Scalar>>(back.value().values) == values);
}

TEST_CASE("an array comes back from its .npy file, in any shape") {
  check_round_trip<float>({1, -0.5F, 1e-40F}, {3});
  check_round_trip<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  check_round_trip<double>({0.1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2});
  check_round_trip<double>({std::numeric_limits<double>::infinity()}, {});
  check_round_trip<float>({}, {0});
  check_round_trip<float>({}, {5, 0, 3});
  check_round_trip<float>({1}, std::vector<Index>(30, 1));
}

TEST_CASE("a .npy file is, byte for byte, what numpy.save writes") {
  const std::string file = to_npy(std::span<const float>(std::vector<float>{1, -2}), {2, 1});
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
  expected.resize(127, ' ');
  expected += '\n';
  expected += std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);
  CHECK((file == expected));
  CHECK(to_npy(std::span<const double>{}, {0})
            .find("'<f8', 'fortran_order': False, 'shape': (0,), }") != std::string::npos);
}

TEST_CASE("a .npy file of another kind or damaged is refused") {
  const std::string good = to_npy(std::span<const float>(std::vector<float>{1, -2}), {2, 1});
  const auto replaced = [&](const std::string& what, const std::string& with) {
    std::string file = good;
    file.replace(file.find(what), what.size(), with);
    return only(parse_npy(file).problems());
  };
  CHECK(only(parse_npy("").problems()).ends_with("must be a .npy file of version 1.0"));
  CHECK(only(parse_npy("GIF89a....................").problems()).ends_with("of version 1.0"));
  CHECK(only(parse_npy(good.substr(0, 50)).problems()).ends_with("it is truncated"));
  CHECK(only(parse_npy(good.substr(0, good.size() - 1)).problems()) ==
        "file is 7 bytes of data, must be 8, as its shape says");
  CHECK(replaced("<f4", ">f4").starts_with("file is of another type of number"));
  CHECK(replaced("<f4", "<i4").starts_with("file is of another type of number"));
  CHECK(replaced("False", "True ").starts_with("file is in column-major order"));
  CHECK(replaced("(2, 1)", "(2,-1)").starts_with("file is without a shape"));
  CHECK(replaced("(2, 1)", "(2,3 )").starts_with("file is 8 bytes of data, must be 24"));
  CHECK(replaced("(2, 1), }", "(9999999999999999, 9999999999999999)").ends_with("it is truncated"));
  CHECK(replaced("'shape'", "'shade'").starts_with("file is without a shape"));
  for_each_damage(good, 128, 400, [](const std::string& damaged) {
    const auto read = parse_npy(damaged);
    if (!read.ok()) CHECK(fields_of(read.problems()).size() == 1);
  });
}

}  // namespace
