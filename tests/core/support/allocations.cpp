#include "support/allocations.h"

#include <atomic>
#include <cstdlib>

// Replacing operator new would not do: Eigen calls malloc itself.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FLOWMATCH_HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLOWMATCH_HAS_SANITIZER 1
#endif

#if defined(__GLIBC__) && !defined(FLOWMATCH_HAS_SANITIZER)
#define FLOWMATCH_COUNTS_ALLOCATIONS 1
#else
#define FLOWMATCH_COUNTS_ALLOCATIONS 0
#endif

namespace {
std::atomic<std::int64_t> allocations{0};
}  // namespace

namespace flowmatch::testing {

bool counts_allocations() {
  return FLOWMATCH_COUNTS_ALLOCATIONS != 0;
}

std::int64_t allocation_count() {
  return allocations.load();
}

}  // namespace flowmatch::testing

#if FLOWMATCH_COUNTS_ALLOCATIONS

// A program may define these in place of glibc's, which it then reaches under the names below;
// free() stays glibc's own.
extern "C" {

void* __libc_malloc(std::size_t size);                     // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t count, std::size_t size);  // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* memory, std::size_t size);      // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t alignment,
                      std::size_t size);  // NOLINT(bugprone-reserved-identifier)

void* malloc(std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, size);
}
}

#endif
