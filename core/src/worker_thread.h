// A thread of a pool, and how it sleeps. In WebAssembly it is a POSIX thread without what
// std::thread keeps beside it for promises and futures, and sleeps by the machine's own instruction
// instead of the library's tables: kilobytes that a reader would wait for.
#pragma once

#include <atomic>
#include <cstdint>

#if defined(__EMSCRIPTEN__)

#include <pthread.h>

#include <climits>
#include <cstdlib>
#include <memory>
#include <utility>

namespace flowmatch {

class WorkerThread {
 public:
  /// Starts work() on a thread of its own. Aborts where there can be no more threads, as
  /// std::thread does without exceptions.
  template <class Work>
  explicit WorkerThread(Work work) {
    auto kept = std::make_unique<Work>(std::move(work));
    const auto run = [](void* given) -> void* {
      (*std::unique_ptr<Work>(static_cast<Work*>(given)))();
      return nullptr;
    };
    if (pthread_create(&handle_, nullptr, run, kept.release()) != 0) std::abort();
  }
  /// Waits for the end of its work. To be called once.
  void join() { pthread_join(handle_, nullptr); }

 private:
  pthread_t handle_{};
};

/// Sleeps as long as the number is `seen`, or less long.
inline void sleep_while([[maybe_unused]] std::atomic<std::uint32_t>& number,
                        [[maybe_unused]] std::uint32_t seen) {
#if defined(__wasm_atomics__)  // otherwise there is nobody who could sleep
  __builtin_wasm_memory_atomic_wait32(reinterpret_cast<int*>(&number), static_cast<int>(seen), -1);
#endif
}

/// Wakes all who sleep until the number is another.
inline void wake_all([[maybe_unused]] std::atomic<std::uint32_t>& number) {
#if defined(__wasm_atomics__)
  __builtin_wasm_memory_atomic_notify(reinterpret_cast<int*>(&number), INT_MAX);
#endif
}

}  // namespace flowmatch

#else

#include <thread>

namespace flowmatch {

using WorkerThread = std::thread;

inline void sleep_while(std::atomic<std::uint32_t>& number, std::uint32_t seen) {
  number.wait(seen);
}

inline void wake_all(std::atomic<std::uint32_t>& number) {
  number.notify_all();
}

}  // namespace flowmatch

#endif
