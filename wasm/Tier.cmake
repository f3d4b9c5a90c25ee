# One build for WebAssembly is one tier: {one thread, threads} x {simd128, relaxed SIMD}. What a tier must be
# compiled with holds for all code that is linked into it, the libraries' too, so it is set here for all.

set(FLOWMATCH_WASM_TIER simd CACHE STRING "The tier that this build is for")
set(tiers simd simd-threads relaxed relaxed-threads)
set_property(CACHE FLOWMATCH_WASM_TIER PROPERTY STRINGS ${tiers})
if(NOT FLOWMATCH_WASM_TIER IN_LIST tiers)
  message(FATAL_ERROR "FLOWMATCH_WASM_TIER is '${FLOWMATCH_WASM_TIER}', not one of ${tiers}")
endif()

add_compile_options(-msimd128)
if(FLOWMATCH_WASM_TIER MATCHES "^relaxed")
  add_compile_options(-mrelaxed-simd)
  add_compile_definitions(FLOWMATCH_RELAXED_SIMD=1)
endif()

# Threads share their memory, which must then have its final size from the start: 256 MB, of which the system
# gives only the pages that are touched. One thread starts small and grows.
if(FLOWMATCH_WASM_TIER MATCHES "threads$")
  set(FLOWMATCH_WASM_THREADS ON)
  add_compile_options(-pthread)
  add_link_options(-pthread -sINITIAL_MEMORY=256MB)
else()
  set(FLOWMATCH_WASM_THREADS OFF)
  add_link_options(-sINITIAL_MEMORY=16MB -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=1GB)
endif()

# The default stack is 64 KB, which Eigen's temporaries overflow.
add_link_options(-sSTACK_SIZE=1MB -sDEFAULT_PTHREAD_STACK_SIZE=1MB)
