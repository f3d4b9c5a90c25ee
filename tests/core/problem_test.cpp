#include "flowmatch/problem.h"

#include <catch2/catch_test_macros.hpp>

#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace {

using namespace flowmatch;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Whether `check`, applied to an empty list, finds a problem.
template <class Check>
bool finds_problem(const Check& check) {
  ProblemList problems;
  check(problems);
  return !problems.empty();
}

TEST_CASE("a closed range holds its ends and no NaN") {
  const auto bad = [](double value) {
    return finds_problem([&](ProblemList& list) { list.check_range("x", value, -1, 2); });
  };
  CHECK_FALSE(bad(-1));
  CHECK_FALSE(bad(0));
  CHECK_FALSE(bad(2));
  CHECK(bad(-1.0000001));
  CHECK(bad(2.0000001));
  CHECK(bad(kNan));
  CHECK(bad(kInfinity));
  CHECK(bad(-kInfinity));
}

TEST_CASE("a range that is open below does not hold its lower end") {
  const auto bad = [](double value) {
    return finds_problem([&](ProblemList& list) { list.check_above("x", value, 0, 1); });
  };
  CHECK(bad(0));
  CHECK(bad(-0.0));
  CHECK_FALSE(bad(std::numeric_limits<double>::denorm_min()));
  CHECK_FALSE(bad(1));
  CHECK(bad(1.0000001));
  CHECK(bad(kNan));
}

TEST_CASE("a range that is open above does not hold its upper end") {
  const auto bad = [](double value) {
    return finds_problem([&](ProblemList& list) { list.check_below("x", value, 0, 1); });
  };
  CHECK_FALSE(bad(0));
  CHECK_FALSE(bad(0.999999));
  CHECK(bad(1));
  CHECK(bad(-1e-300));
  CHECK(bad(kNan));
}

TEST_CASE("a whole number is checked to be one") {
  const auto bad = [](double value) {
    return finds_problem([&](ProblemList& list) { list.check_integer("x", value, 1, 10); });
  };
  CHECK_FALSE(bad(1));
  CHECK_FALSE(bad(10));
  CHECK(bad(0));
  CHECK(bad(11));
  CHECK(bad(2.5));
  CHECK(bad(kNan));
  CHECK(bad(kInfinity));
}

TEST_CASE("a problem names the field, its value and the range that was allowed") {
  ProblemList list;
  list.check_range("a", 3, 0, 1);
  list.check_above("b", 0, 0, 0.5);
  list.check_below("c", 1, 0, 1);
  list.check_integer("d", 2.5, 1, 1000);
  const Problems problems = std::move(list).take();
  REQUIRE(problems.size() == 4);
  CHECK(problems[0] == Problem{"a", "3", "a number from 0 to 1"});
  CHECK(problems[1] == Problem{"b", "0", "a number above 0, at most 0.5"});
  CHECK(problems[2] == Problem{"c", "1", "a number from 0, below 1"});
  CHECK(problems[3] == Problem{"d", "2.5", "a whole number from 1 to 1000"});
}

TEST_CASE("the problems of a part carry the part's name") {
  ProblemList part;
  part.add("weights[1]", "nan", "a number");
  part.add("means[0]", "0 numbers", "2");
  ProblemList whole;
  whole.add("steps", "0", "more");
  whole.append("data", std::move(part).take());
  const Problems problems = std::move(whole).take();
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].field == "steps");
  CHECK(problems[1] == Problem{"data.weights[1]", "nan", "a number"});
  CHECK(problems[2].field == "data.means[0]");
}

TEST_CASE("numbers are written as a person would write them") {
  CHECK(format_number(1000) == "1000");
  CHECK(format_number(0.001) == "0.001");
  CHECK(format_number(-2.5) == "-2.5");
  CHECK(format_number(1e30) == "1e+30");
  CHECK(format_number(kNan) == "nan");
  CHECK(format_number(kInfinity) == "inf");
  CHECK(format_number(-kInfinity) == "-inf");
  // Fixed or scientific, whichever is shorter; every exponent has two digits.
  CHECK(format_number(0) == "0");
  CHECK(format_number(-0.0) == "-0");
  CHECK(format_number(0.1 + 0.2) == "0.30000000000000004");
  CHECK(format_number(65536) == "65536");
  CHECK(format_number(100000) == "1e+05");
  CHECK(format_number(1000000) == "1e+06");
  CHECK(format_number(1048576) == "1048576");
  CHECK(format_number(0.0001) == "1e-04");
  CHECK(format_number(0.00001) == "1e-05");
  CHECK(format_number(0.00012345) == "0.00012345");
  CHECK(format_number(0.001) == "0.001");
  CHECK(format_number(1.5e-7) == "1.5e-07");
  CHECK(format_number(9007199254740991.0) == "9007199254740991");
  CHECK(format_number(1.25e100) == "1.25e+100");
  // The longest that there are.
  CHECK(format_number(-std::numeric_limits<double>::max()) == "-1.7976931348623157e+308");
  CHECK(format_number(-std::numeric_limits<double>::denorm_min()) == "-5e-324");
}

TEST_CASE("a result is a value or the reasons why there is none") {
  const Result<int> good(7);
  CHECK(good.ok());
  CHECK(static_cast<bool>(good));
  CHECK(good.value() == 7);
  CHECK(good.problems().empty());

  const Result<int> bad(Problems{{"x", "8", "7"}});
  CHECK_FALSE(bad.ok());
  CHECK_FALSE(static_cast<bool>(bad));
  REQUIRE(bad.problems().size() == 1);
  CHECK(bad.problems()[0] == Problem{"x", "8", "7"});
}

TEST_CASE("a result gives up what can only be moved") {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(3));
  *result.value() += 1;
  const std::unique_ptr<int> taken = std::move(result).value();
  CHECK(*taken == 4);
}

}  // namespace
