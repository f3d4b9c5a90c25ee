#include "flowmatch/instruction_set.h"

#include "support/instruction_sets.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace {

TEST_CASE("the instruction set that is reported is one that the kernels run on") {
  const std::string name(flowmatch::instruction_set());
#if defined(__EMSCRIPTEN__)
  CHECK((name == "simd128" || name == "relaxed"));
#else
  // Targets are numbered from the best down.
  const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  REQUIRE_FALSE(targets.empty());
  CHECK(name == hwy::TargetName(*std::ranges::min_element(targets)));
#endif
}

}  // namespace
