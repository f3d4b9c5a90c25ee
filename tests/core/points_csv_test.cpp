#include "flowmatch/points_csv.h"

#include "flowmatch/empirical.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace flowmatch;

LabelledPoints parse(std::string_view csv, const PointsCsvOptions& options = {}) {
  CAPTURE(csv);
  auto read = parse_points(csv, options);
  for (const Problem& problem : read.problems()) {
    UNSCOPED_INFO(problem.field << ": " << problem.value << ", not " << problem.allowed);
  }
  REQUIRE(read.ok());
  return std::move(read).value();
}

Points matrix(Index columns, std::vector<float> numbers) {
  const auto rows = static_cast<Index>(numbers.size()) / columns;
  return Eigen::Map<Points>(numbers.data(), rows, columns);
}

using Labels = std::vector<std::int32_t>;

TEST_CASE("points are read whatever separates them") {
  const Points expected = matrix(2, {1, -2.5F, 0.25F, 300});
  for (const char* csv : {
           "1,-2.5\n.25,3e2\n",
           "1;-2.5\n0.25;+300",
           "1\t-2.5\r\n0.25\t300.\r\n",
           "1 -2.5\n0.25 300\n",
           "  1   -2.5 \n 0.25     3E+2 \n\n",
           "1 , -2.5\n0.25,300\n",
           "\"1\",\"-2.5\"\n0.25,300\n",
           "x,y\n1,-2.5\n0.25,300\n",
           "\xEF\xBB\xBFx,y\n1,-2.5\n0.25,300\n",
           "# made by hand\n\n1,-2.5\n# more\n0.25,300",
           "1,-2.5\r0.25,300\r",
           "1000e-3,-0.00025e4\n2500000e-7,0.000000003e11",
           "1.000000000000000000000,-2.5\n0.2500000000000000000000000000000001,300",
       }) {
    CAPTURE(csv);
    const LabelledPoints read = parse(csv);
    CHECK(read.points == expected);
    CHECK(read.labels.empty());
  }
}

TEST_CASE("points may have any number of coordinates") {
  CHECK(parse("5").points == matrix(1, {5}));
  CHECK(parse("value\n5\n6\n").points == matrix(1, {5, 6}));
  CHECK(parse("1 2 3 4 5").points == matrix(5, {1, 2, 3, 4, 5}));
}

TEST_CASE("labels are the column that the header names, or that is asked for") {
  const Points expected = matrix(2, {1, 2, 3, 4});
  for (const char* csv :
       {"x,y,label\n1,2,0\n3,4,7\n", "Label;x;y\n0;1;2\n7;3;4", "x \"LABELS\" y\n1 0 2\n3 7.0 4",
        "\"x\"\t\"y\"\t\"class\"\n1\t2\t0\n3\t4\t7"}) {
    const LabelledPoints read = parse(csv);
    CHECK(read.points == expected);
    CHECK(read.labels == Labels{0, 7});
  }
  const LabelledPoints last = parse("1,2,0\n3,4,7", {.label_column = 2});
  CHECK(last.points == expected);
  CHECK(last.labels == Labels{0, 7});
  const LabelledPoints first = parse("class,x,label\n0,1,2\n7,3,4", {.label_column = 0});
  CHECK(first.points == expected);
  CHECK(first.labels == Labels{0, 7});
  CHECK(parse("1,2,0\n3,4,7").points.cols() == 3);
  CHECK(parse("x,y,labelled\n1,2,0").points.cols() == 3);
}

TEST_CASE("nine digits bring back every float") {
  const Points points = flowmatch::testing::normal_points(500, 2, 1);
  std::string csv;
  std::vector<float> numbers;
  for (Index i = 0; i < points.rows(); ++i) {
    // From 1e-30 to 1e6 in magnitude.
    const float scale = std::pow(10.0F, static_cast<float>(i % 36 - 30));
    for (Index j = 0; j < 2; ++j) {
      numbers.push_back(points(i, j) * scale);
      char text[40];
      std::snprintf(text, sizeof text, "%.9g", static_cast<double>(numbers.back()));
      csv += text;
      csv += j == 0 ? "," : "\n";
    }
  }
  CHECK(parse(csv).points == matrix(2, numbers));
}

TEST_CASE("a number is what strtod makes of it") {
  for (const char* text :
       {"0", "-0", "0e999", "1e-999", "1e-320", "123456789012345678901234567890e-25", "0.1",
        "3.14159265358979323846", "1e5", "999999.99", "00012", "7e-0005"}) {
    CAPTURE(text);
    CHECK(parse(text).points(0, 0) == static_cast<float>(std::strtod(text, nullptr)));
  }
  CHECK(std::signbit(parse("-0").points(0, 0)));
}

/// The places that are wrong; each report must say what was and what may be.
std::vector<std::string> bad_places(std::string_view csv, const PointsCsvOptions& options = {}) {
  CAPTURE(csv);
  const auto read = parse_points(csv, options);
  CHECK_FALSE(read.ok());
  std::vector<std::string> places;
  for (const Problem& problem : read.problems()) {
    CHECK_FALSE(problem.value.empty());
    CHECK_FALSE(problem.allowed.empty());
    places.push_back(problem.field);
  }
  return places;
}

using Places = std::vector<std::string>;

TEST_CASE("what is not a number is told by line and column") {
  CHECK(bad_places("1,2\n3,four\n") == Places{"line 2, column 2"});
  CHECK(bad_places("x,y\n\n1,2\n-,3\n4,\n") == Places{"line 4, column 1", "line 5, column 2"});
  CHECK(bad_places("1,two\n3,4") == Places{"line 1, column 2"});
  for (const char* text : {"nan", "NaN", "inf", "-Infinity", "1e7", "-1.1e6", "1e999"}) {
    CHECK(bad_places(std::string("1,") + text) == Places{"line 1, column 2"});
    CHECK(bad_places(std::string(text) + "," + text) ==
          Places{"line 1, column 1", "line 1, column 2"});
  }
  for (const char* text : {".", "+", "-", "--1", "1.2.3", "1e", "1e+", "e5", "0x10", "1f", "1,5",
                           "½", "1e5.5", "+-1", "\"", "1\"", "1_000"}) {
    CHECK(bad_places(std::string("1;2\n3;") + text) == Places{"line 2, column 2"});
  }
  CHECK(bad_places("1\t2\n3 4\t5") == Places{"line 2, column 1"});
  const auto read = parse_points("1,2\n3,four");
  CHECK(read.problems()[0].value == "four");
  CHECK(parse_points("1 2\n" + std::string(1000, 'a') + " 2").problems()[0].value.size() < 40);
}

TEST_CASE("labels are whole numbers in their range") {
  CHECK(bad_places("x,y,label\n1,2,0.5\n1,2,-1\n1,2,1024\n1,2,cat\n1,2,") ==
        Places{"line 2, column 3", "line 3, column 3", "line 4, column 3", "line 5, column 3",
               "line 6, column 3"});
  CHECK(parse("x,label\n1,1023").labels == Labels{1023});
  CHECK(bad_places("1,2", {.label_column = 2}) == Places{"labelColumn"});
  CHECK(bad_places("1,2", {.label_column = -1}) == Places{"labelColumn"});
}

TEST_CASE("every line has as many columns as the first") {
  CHECK(bad_places("1,2\n3\n4,5\n6,7,8\n") == Places{"line 2", "line 4"});
  CHECK(bad_places("x,y,z\n1,2\n") == Places{"line 2"});
  CHECK(bad_places("1,2\n3,4,\n") == Places{"line 2"});
}

TEST_CASE("a text without points is a problem") {
  for (const char* csv : {"", "\n\n", "# nothing\n", "x,y\n", "\xEF\xBB\xBF", " \t \r\n"}) {
    CHECK(bad_places(csv) == Places{"points"});
  }
  CHECK(bad_places("label\n1\n2\n") == Places{"line 1"});
  CHECK(bad_places("<html><body>") == Places{"points"});
}

TEST_CASE("only the first ten problems are told") {
  std::string csv = "1,2\n";
  for (int i = 0; i < 1000; ++i) csv += "a,b\n";
  CHECK(bad_places(csv).size() == 10);
  csv = "1\n";
  for (int i = 0; i < 1000; ++i) csv += "1 2\n";
  CHECK(bad_places(csv).size() == 10);
}

TEST_CASE("a line has no more columns than a point may have coordinates") {
  std::string line = "1";
  for (Index i = 1; i < kMaxDimension; ++i) line += ",1";
  CHECK(parse(line).points.cols() == kMaxDimension);
  CHECK(bad_places(line + ",1") == Places{"line 1"});
}

TEST_CASE("no text does worse than being refused") {
  // Every prefix of a text with all that the format knows, and every text with one byte changed.
  const std::string csv = "\xEF\xBB\xBFx;\"y\";Label\r\n# no\r\n1.5e+3;\"-2\";1\n +.25 ; 3.;0\n";
  for (std::size_t i = 0; i <= csv.size(); ++i) {
    const auto read = parse_points(std::string_view(csv).substr(0, i));
    CHECK(read.ok() == read.problems().empty());
    if (i == csv.size()) break;
    for (int byte = 0; byte < 256; byte += 3) {
      std::string changed = csv;
      changed[i] = static_cast<char>(byte);
      const auto other = parse_points(changed);
      if (!other) continue;
      REQUIRE(other.value().points.rows() >= 1);
      REQUIRE(other.value().points.allFinite());
    }
  }
}

}  // namespace
