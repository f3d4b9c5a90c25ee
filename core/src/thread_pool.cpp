#include "flowmatch/thread_pool.h"

#include "kernels/platform.h"
#include "worker_thread.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>
// platform.h first: it chooses Highway's targets.
#include "hwy/cache_control.h"

namespace flowmatch {

namespace {

/// About twenty microseconds of polling: longer than the gap between the two loops of a training
/// step, shorter than anyone would notice on a battery.
constexpr int kSpins = 4000;

}  // namespace

struct ThreadPool::State {
  std::vector<WorkerThread> threads;

  /// The number of the current loop in the upper half, its next task in the lower: a thread that
  /// comes late can take no task of a loop that it has not seen begin.
  std::atomic<std::uint64_t> ticket{0};
  std::atomic<Index> unfinished{0};
  std::atomic<bool> stopping{false};

  // The loop itself. A late thread may read it while the next one is written, and then finds that
  // its ticket is void.
  std::atomic<Body> body{nullptr};
  std::atomic<void*> context{nullptr};
  std::atomic<std::uint32_t> tasks{0};
  /// Workers from this number on take no tasks.
  std::atomic<int> used{1};

  /// The number of the current loop once more, for sleeping until it is another. The one who begins
  /// a loop writes it and then reads `sleepers`, the one who goes to sleep writes `sleepers` and
  /// then reads it: in the one order of sequentially consistent operations, one sees the other.
  std::atomic<std::uint32_t> begun{0};
  std::atomic<int> sleepers{0};

  static constexpr std::uint32_t kNoMoreTasks = std::numeric_limits<std::uint32_t>::max();

  static std::uint32_t loop_of(std::uint64_t ticket) {
    return static_cast<std::uint32_t>(ticket >> 32);
  }

  /// Does tasks of loop `loop` as long as there are any.
  void work(std::uint32_t loop, int worker) {
    std::uint64_t seen = ticket.load(std::memory_order_acquire);
    for (;;) {
      const Body run_task = body.load(std::memory_order_relaxed);
      void* const with = context.load(std::memory_order_relaxed);
      const auto task = static_cast<std::uint32_t>(seen);
      if (loop_of(seen) != loop || task >= tasks.load(std::memory_order_relaxed)) return;
      if (!ticket.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
        continue;
      }
      run_task(with, static_cast<Index>(task), worker);
      unfinished.fetch_sub(1, std::memory_order_release);
      seen = ticket.load(std::memory_order_acquire);
    }
  }

  /// The number of the loop after loop `seen`, once it has begun.
  std::uint32_t wait_for_loop(std::uint32_t seen) {
    const auto current = [&] { return loop_of(ticket.load(std::memory_order_acquire)); };
    for (int spin = 0; spin < kSpins; ++spin) {
      if (current() != seen) return current();
      hwy::Pause();
    }
    ++sleepers;
    while (current() == seen) sleep_while(begun, seen);
    --sleepers;
    return current();
  }

  /// Begins a loop of `count` tasks, and returns its number.
  std::uint32_t begin_loop(Body run_task, void* with, std::uint32_t count) {
    std::uint32_t loop = loop_of(ticket.load(std::memory_order_relaxed));
    // First no ticket of the last loop is good any more: nobody may take a task by what he reads
    // of this one.
    ticket.exchange(static_cast<std::uint64_t>(loop) << 32 | kNoMoreTasks,
                    std::memory_order_acq_rel);
    ++loop;
    body.store(run_task, std::memory_order_relaxed);
    context.store(with, std::memory_order_relaxed);
    tasks.store(count, std::memory_order_relaxed);
    unfinished.store(static_cast<Index>(count), std::memory_order_relaxed);
    ticket.store(static_cast<std::uint64_t>(loop) << 32, std::memory_order_release);
    begun = loop;
    if (sleepers > 0) wake_all(begun);
    return loop;
  }

  void run_worker(int worker) {
    std::uint32_t seen = 0;
    for (;;) {
      seen = wait_for_loop(seen);
      if (stopping.load(std::memory_order_relaxed)) return;
      if (worker < used.load(std::memory_order_relaxed)) work(seen, worker);
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  assert(threads >= 1 && threads <= kMaxThreads);
  state_->used = threads;
  if constexpr (FLOWMATCH_THREADS != 0) {
    for (int worker = 1; worker < threads; ++worker) {
      state_->threads.emplace_back([state = state_.get(), worker] { state->run_worker(worker); });
    }
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping = true;
  state_->begin_loop(nullptr, nullptr, 0);
  for (WorkerThread& thread : state_->threads) thread.join();
}

int ThreadPool::size() const {
  return static_cast<int>(state_->threads.size()) + 1;
}

void ThreadPool::use(int threads) {
  assert(threads >= 1 && threads <= size());
  state_->used.store(threads, std::memory_order_relaxed);
}

void ThreadPool::run(Index tasks, Body body, void* context) {
  State& state = *state_;
  if (state.used.load(std::memory_order_relaxed) == 1 || tasks <= 1) {
    for (Index task = 0; task < tasks; ++task) body(context, task, 0);
    return;
  }
  assert(static_cast<std::uint64_t>(tasks) < State::kNoMoreTasks);
  state.work(state.begin_loop(body, context, static_cast<std::uint32_t>(tasks)), 0);
  // Only for tasks that others have taken, at most one a thread: worth polling for, then worth
  // yielding to. A thread that has not woken up yet is not waited for.
  for (int spin = 0; state.unfinished.load(std::memory_order_acquire) > 0; ++spin) {
    if (spin < kSpins) {
      hwy::Pause();
    } else {
      std::this_thread::yield();
    }
  }
}

int hardware_threads() {
#if FLOWMATCH_THREADS
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1,
                    ThreadPool::kMaxThreads);
#else
  return 1;
#endif
}

}  // namespace flowmatch
