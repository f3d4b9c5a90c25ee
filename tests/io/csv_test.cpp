#include "flowmatch/io/csv.h"

#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::normal_points;

TEST_CASE("samples are a table with a column for each coordinate") {
  Points x(3, 2);
  x << 1, -2.5F, 0.1F, 1e-10F, 3e38F, -0.0F;
  CHECK(samples_to_csv(x) == "x0,x1\n1,-2.5\n0.1,1e-10\n3e+38,-0\n");
  CHECK(samples_to_csv(Points(0, 3)) == "x0,x1,x2\n");
}

TEST_CASE("samples are read from their table to the bit") {
  const Points x = normal_points(1000, 1, 5);
  std::istringstream lines(samples_to_csv(x));
  std::string line;
  std::getline(lines, line);
  for (Index i = 0; i < x.rows(); ++i) {
    REQUIRE(std::getline(lines, line));
    CHECK(std::strtof(line.c_str(), nullptr) == x(i, 0));
  }
}

TEST_CASE("trajectories are a table with a line for each particle at each time") {
  const std::vector<double> times{0, 0.5};
  const std::vector<float> positions{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  CHECK(trajectories_to_csv(times, positions, 3, 2) ==
        "t,particle,x0,x1\n0,0,1,2\n0,1,3,4\n0,2,5,6\n0.5,0,7,8\n0.5,1,9,10\n0.5,2,11,12\n");
}

}  // namespace
