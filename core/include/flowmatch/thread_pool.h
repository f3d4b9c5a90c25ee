// A fixed set of threads that wait for small parallel loops. A training step is two loops of some
// hundred microseconds, so a waiting thread first spins for about the length of a gap between
// loops, and only then sleeps.
#pragma once

#include "flowmatch/points.h"

#include <functional>
#include <memory>
#include <type_traits>

namespace flowmatch {

class ThreadPool {
 public:
  /// `threads` counts the caller, so 1 makes no thread at all. Range: 1 to kMaxThreads.
  explicit ThreadPool(int threads = 1);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  [[nodiscard]] int size() const;

  /// How many of the threads, the caller among them, work from the next loop on; at first all do.
  /// The others leave their processors to whatever else the machine has to do. Range: 1 to size().
  /// Not to be called while a loop runs.
  void use(int threads);

  /// Calls body(task, worker) once for each task in [0, tasks), in any order and on any thread, and
  /// returns when all are done. worker is in [0, size()), and no two calls run at once under one
  /// worker number. Does not allocate. One loop at a time: body may not call parallel_for, nor two
  /// threads this function.
  template <class Body>
  void parallel_for(Index tasks, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run(
        tasks,
        [](void* context, Index task, int worker) {
          (*static_cast<Plain*>(context))(task, worker);
        },
        const_cast<void*>(static_cast<const void*>(std::addressof(body))));
  }

  static constexpr int kMaxThreads = 64;

 private:
  using Body = void (*)(void* context, Index task, int worker);
  void run(Index tasks, Body body, void* context);

  struct State;
  std::unique_ptr<State> state_;
};

/// Threads that this build can run at once on this machine: 1 where it was built without threads.
int hardware_threads();

}  // namespace flowmatch
