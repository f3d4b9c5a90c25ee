// A thread of a pool. In WebAssembly it is a POSIX thread without what std::thread keeps beside it
// for promises and futures: four kilobytes that a reader would wait for.
#pragma once

#if defined(__EMSCRIPTEN__)

#include <pthread.h>

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

}  // namespace flowmatch

#else

#include <thread>

namespace flowmatch {

using WorkerThread = std::thread;

}  // namespace flowmatch

#endif
