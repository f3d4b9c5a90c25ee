#include "memory.h"

#include "flowmatch/experiment.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#if defined(__EMSCRIPTEN__)
#include <emscripten/heap.h>
#include <malloc.h>
#elif defined(__GLIBC__)
#include <malloc.h>
#include <unistd.h>

#include <fstream>
#endif

namespace flowmatch::bench {

namespace {

constexpr Index kSteps = 100'000;

/// Bytes that the program has asked for and not given back; 0 where nobody says.
double allocated_bytes() {
#if defined(__EMSCRIPTEN__)
  return static_cast<double>(mallinfo().uordblks);
#elif defined(__GLIBC__)
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
#else
  return 0;
#endif
}

/// Bytes that the program has of the machine: the WebAssembly memory, or what is resident.
double memory_bytes() {
#if defined(__EMSCRIPTEN__)
  return static_cast<double>(emscripten_get_heap_size());
#elif defined(__GLIBC__)
  std::ifstream file("/proc/self/statm");
  double all = 0;
  double resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
#else
  return 0;
#endif
}

double now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(since).count();
}

void use(const Experiment& experiment, ThreadPool& pool) {
  constexpr double kForever = std::numeric_limits<double>::infinity();
  const auto field = experiment.field(FieldChoice::learned);
  Flow(field, {.steps = 50}, starting_noise(2000, 2, 1), 100, pool).advance(kForever);
  Evaluation(field, {.steps = 50}, experiment.target(), experiment.modes(), 1000, 1, pool)
      .advance(kForever);
}

}  // namespace

void measure_memory(const std::string& suite, int threads) {
  ThreadPool pool(threads);
  ExperimentConfig config;
  config.hidden = {16, 16};
  config.training.batch_size = 64;
  config.training.steps = kSteps;
  auto made = Experiment::make(config, pool);
  if (!made) std::abort();
  const auto experiment = std::move(made).value();
  const auto report = [&](Index steps, double milliseconds) {
    std::printf(R"({"suite":"%s","name":"after %lld steps","threads":%d,"milliseconds":%.6g,)"
                R"("best":%.6g,"operations":0,"allocated":%.0f,"memory":%.0f})"
                "\n",
                suite.c_str(), static_cast<long long>(steps), threads, milliseconds, milliseconds,
                allocated_bytes(), memory_bytes());
    std::fflush(stdout);
  };
  std::vector<float> losses(100);
  double spent = 0;
  use(*experiment, pool);
  report(0, spent);
  for (Index next = 100; next <= kSteps; next *= 10) {
    const double begin = now();
    while (experiment->trainer().steps_done() < next) {
      if (experiment->trainer().step(losses) == 0) std::abort();
    }
    spent += now() - begin;
    use(*experiment, pool);
    report(next, spent);
  }
}

}  // namespace flowmatch::bench
