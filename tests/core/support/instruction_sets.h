// Runs a test of a kernel on every instruction set that it was compiled for and this machine has.
// Without it only the best one would ever be tested.
#pragma once

#include "kernels/platform.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
// platform.h first: it chooses the targets.
#include "hwy/targets.h"

namespace flowmatch::testing {

/// While one lives, the kernels run on one instruction set.
class InstructionSetScope {
 public:
  explicit InstructionSetScope(std::int64_t target) { choose(target); }
  InstructionSetScope(const InstructionSetScope&) = delete;
  InstructionSetScope& operator=(const InstructionSetScope&) = delete;
  ~InstructionSetScope() { choose(0); }

 private:
  /// 0 stands for whatever the machine has.
  static void choose(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

template <class Body>
void for_each_instruction_set(const Body& body) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const InstructionSetScope scope(target);
    INFO("instruction set " << hwy::TargetName(target));
    body();
  }
}

}  // namespace flowmatch::testing
