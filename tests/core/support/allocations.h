// Counts the allocations of the whole process, to prove that a step makes none.
#pragma once

#include <cstdint>

namespace flowmatch::testing {

/// Whether this build can count: with glibc and no sanitizer, which has an allocator of its own.
bool counts_allocations();

/// Calls of malloc and its kin since the program began, by all threads and all libraries.
std::int64_t allocation_count();

}  // namespace flowmatch::testing
