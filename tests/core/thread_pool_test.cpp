#include "flowmatch/thread_pool.h"

#include "support/threads.h"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::kMostThreads;
using flowmatch::testing::thread_counts;

TEST_CASE("a pool has the size it was asked for") {
  for (const int threads : thread_counts()) {
    const ThreadPool pool(threads);
    CHECK(pool.size() == threads);
  }
  CHECK(hardware_threads() >= 1);
  CHECK(hardware_threads() <= ThreadPool::kMaxThreads);
  if (kMostThreads == 1) CHECK(hardware_threads() == 1);
}

TEST_CASE("every task runs exactly once, however many there are") {
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    // None, one, fewer than threads, as many, and many more.
    for (const Index tasks : {0, 1, 2, 3, 7, 8, 9, 100, 5000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tasks) + 1);
      pool.parallel_for(tasks, [&](Index task, int) { ++runs[static_cast<std::size_t>(task)]; });
      Index wrong = 0;
      for (Index task = 0; task < tasks; ++task) {
        if (runs[static_cast<std::size_t>(task)] != 1) ++wrong;
      }
      CAPTURE(threads, tasks);
      CHECK(wrong == 0);
      CHECK(runs.back() == 0);
    }
  }
}

TEST_CASE("ten thousand small loops, each seeing what the one before wrote") {
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    // With more threads than cores a loop takes as long as the system needs to run them all.
    const Index loops = threads <= 3 ? 10'000 : 1000;
    constexpr std::size_t kTasks = 16;
    // Plain memory on purpose: a loop's end is what orders its writes before the next one's reads.
    std::array<Index, kTasks> values{};
    Index wrong = 0;
    for (Index loop = 0; loop < loops; ++loop) {
      std::array<Index, kTasks> next{};
      pool.parallel_for(kTasks, [&](Index task, int) {
        const auto at = static_cast<std::size_t>(task);
        next[at] = values[(at + 1) % kTasks] + 1;
      });
      values = next;
      for (const Index value : values) {
        if (value != loop + 1) ++wrong;
      }
    }
    CAPTURE(threads);
    CHECK(wrong == 0);
  }
}

TEST_CASE("worker numbers are in range and no two tasks share one at a time") {
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    std::vector<std::atomic<bool>> busy(static_cast<std::size_t>(threads));
    std::atomic<int> out_of_range{0};
    std::atomic<int> shared{0};
    std::atomic<Index> work{0};
    for (int loop = 0; loop < 200; ++loop) {
      pool.parallel_for(50, [&](Index task, int worker) {
        if (worker < 0 || worker >= threads) {
          ++out_of_range;
          return;
        }
        if (busy[static_cast<std::size_t>(worker)].exchange(true)) ++shared;
        // Of different length, so that the order in which threads take tasks varies.
        for (Index i = 0; i < task % 7 * 100; ++i) work.fetch_add(1, std::memory_order_relaxed);
        busy[static_cast<std::size_t>(worker)] = false;
      });
    }
    CAPTURE(threads);
    CHECK(out_of_range == 0);
    CHECK(shared == 0);
  }
}

TEST_CASE("of the threads only as many work as are to be used") {
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    for (int used = 1; used <= threads; ++used) {
      pool.use(used);
      std::atomic<int> done{0};
      std::atomic<int> others{0};
      std::atomic<int> begun{0};
      // As many tasks as threads to be used, each of which waits for all of them: every one of
      // those threads takes one, or this never ends.
      pool.parallel_for(used, [&](Index, int) {
        ++begun;
        while (begun < used) std::this_thread::yield();
      });
      for (int loop = 0; loop < 50; ++loop) {
        pool.parallel_for(100, [&](Index, int worker) {
          ++done;
          if (worker >= used) ++others;
        });
      }
      CAPTURE(threads, used);
      CHECK(done == 5000);
      CHECK(others == 0);
    }
  }
}

TEST_CASE("a loop ends when its last task has ended, not before") {
  // One task lasts long, on whichever thread it is; all others are done at once.
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    Index unfinished = 0;
    for (int loop = 0; loop < 60; ++loop) {
      std::atomic<int> finished{0};
      pool.parallel_for(threads, [&](Index task, int) {
        if (task == loop % threads) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ++finished;
      });
      if (finished != threads) ++unfinished;
    }
    CAPTURE(threads);
    CHECK(unfinished == 0);
  }
}

TEST_CASE("the threads of a pool run at the same time") {
  // Each task waits for all the others to have begun, which ends only if every thread takes one.
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    std::atomic<int> begun{0};
    std::atomic<int> late{0};
    pool.parallel_for(threads, [&](Index, int) {
      ++begun;
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (begun < threads) {
        if (std::chrono::steady_clock::now() > end) {
          ++late;
          break;
        }
        std::this_thread::yield();
      }
    });
    CAPTURE(threads);
    CHECK(late == 0);
  }
}

TEST_CASE("threads that fell asleep wake up for the next loop") {
  ThreadPool pool(kMostThreads);
  for (int loop = 0; loop < 20; ++loop) {
    // Long beyond the time that they poll for.
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    std::atomic<int> runs{0};
    pool.parallel_for(100, [&](Index, int) { ++runs; });
    REQUIRE(runs == 100);
  }
}

TEST_CASE("pools come and go, used or not") {
  for (int i = 0; i < 30; ++i) {
    ThreadPool pool(kMostThreads);
    if (i % 3 == 0) continue;
    std::atomic<int> runs{0};
    pool.parallel_for(10, [&](Index, int) { ++runs; });
    REQUIRE(runs == 10);
    if (i % 3 == 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST_CASE("a loop takes its body by reference and calls it as it is") {
  ThreadPool pool(1);
  struct Counter {
    int count = 0;
    void operator()(Index, int) { ++count; }
  };
  Counter counter;
  pool.parallel_for(5, counter);
  CHECK(counter.count == 5);
}

}  // namespace
