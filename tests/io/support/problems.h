// Problems as a test compares them.
#pragma once

#include "flowmatch/problem.h"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

namespace flowmatch::testing {

/// The fields of problems, each of which has to say something.
inline std::vector<std::string> fields_of(const Problems& problems) {
  std::vector<std::string> fields;
  for (const Problem& problem : problems) {
    CHECK_FALSE(problem.value.empty());
    CHECK_FALSE(problem.allowed.empty());
    fields.push_back(problem.field);
  }
  return fields;
}

/// The only problem of several, as "field is value, must be allowed".
inline std::string only(const Problems& problems) {
  REQUIRE(problems.size() == 1);
  const Problem& problem = problems.front();
  return problem.field + " is " + problem.value + ", must be " + problem.allowed;
}

}  // namespace flowmatch::testing
