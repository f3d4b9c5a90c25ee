#include "flowmatch/thread_pool.h"

#include "kernels/platform.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <condition_variable>
#include <cstdint>
#include <mutex>
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
  std::vector<std::thread> threads;

  // The current loop. Written by the caller before it raises `generation`, and read by workers
  // after they have seen it raised.
  Body body = nullptr;
  void* context = nullptr;
  Index tasks = 0;

  std::atomic<std::uint32_t> generation{0};
  std::atomic<Index> next_task{0};
  std::atomic<int> running{0};
  std::atomic<bool> stopping{false};

  std::mutex mutex;
  std::condition_variable woken;
  int sleepers = 0;  // guarded by mutex

  void work(int worker) {
    for (Index task = next_task.fetch_add(1); task < tasks; task = next_task.fetch_add(1)) {
      body(context, task, worker);
    }
  }

  void wait_for_change(std::uint32_t seen) {
    for (int spin = 0; spin < kSpins; ++spin) {
      if (generation.load(std::memory_order_acquire) != seen) return;
      hwy::Pause();
    }
    std::unique_lock lock(mutex);
    ++sleepers;
    woken.wait(lock, [&] { return generation.load(std::memory_order_acquire) != seen; });
    --sleepers;
  }

  void raise_generation() {
    bool anyone_asleep = false;
    {
      const std::scoped_lock lock(mutex);
      generation.fetch_add(1, std::memory_order_release);
      anyone_asleep = sleepers > 0;
    }
    if (anyone_asleep) woken.notify_all();
  }

  void run_worker(int worker) {
    std::uint32_t seen = 0;
    for (;;) {
      wait_for_change(seen);
      seen = generation.load(std::memory_order_acquire);
      if (stopping.load(std::memory_order_relaxed)) return;
      work(worker);
      running.fetch_sub(1, std::memory_order_release);
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  assert(threads >= 1 && threads <= kMaxThreads);
  for (int worker = 1; worker < threads; ++worker) {
    state_->threads.emplace_back([state = state_.get(), worker] { state->run_worker(worker); });
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping = true;
  state_->raise_generation();
  for (std::thread& thread : state_->threads) thread.join();
}

int ThreadPool::size() const {
  return static_cast<int>(state_->threads.size()) + 1;
}

void ThreadPool::run(Index tasks, Body body, void* context) {
  State& state = *state_;
  if (state.threads.empty() || tasks <= 1) {
    for (Index task = 0; task < tasks; ++task) body(context, task, 0);
    return;
  }
  state.body = body;
  state.context = context;
  state.tasks = tasks;
  state.next_task.store(0, std::memory_order_relaxed);
  state.running.store(static_cast<int>(state.threads.size()), std::memory_order_relaxed);
  state.raise_generation();
  state.work(0);
  // The rest of the loop is at most one task a thread long: worth polling for, then worth yielding
  // to.
  for (int spin = 0; state.running.load(std::memory_order_acquire) > 0; ++spin) {
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
