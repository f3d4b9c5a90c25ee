// The one place that knows what it is compiled for: instruction sets, fused multiply-add, threads.
// Include before any Highway header.
#pragma once

// Highway compiles each kernel for several instruction sets and picks one when the program runs.
// These are the ones worth their code size: on x86 the baseline, AVX2 and AVX-512; NEON on ARM;
// WebAssembly has no choice at run time. Vectors of a size unknown at compile time (SVE, RISC-V) do
// not fit in the kernels' register tiles.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS                                                                \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_SVE | HWY_SVE2 | \
   HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_PPC8 | HWY_PPC9 | HWY_PPC10 | HWY_Z14 | HWY_Z15)
#endif

// Highway's multiply-add is two roundings on WebAssembly; relaxed SIMD has a fused one.
#if defined(__wasm_relaxed_simd__)
#define FLOWMATCH_RELAXED_SIMD 1
#else
#define FLOWMATCH_RELAXED_SIMD 0
#endif

// Emscripten declares std::thread in every build, but can start one only in those with -pthread.
#if defined(__EMSCRIPTEN__) && !defined(__EMSCRIPTEN_PTHREADS__)
#define FLOWMATCH_THREADS 0
#else
#define FLOWMATCH_THREADS 1
#endif
