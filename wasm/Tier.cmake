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
endif()

# Both start small and grow. Growth of shared memory makes every access from JavaScript check for it, which does
# not matter here: JavaScript only ever copies whole results out.
if(FLOWMATCH_WASM_TIER MATCHES "threads$")
  set(FLOWMATCH_WASM_THREADS ON)
  add_compile_options(-pthread)
  add_link_options(-pthread -Wno-pthreads-mem-growth)
else()
  set(FLOWMATCH_WASM_THREADS OFF)
endif()
add_link_options(-sINITIAL_MEMORY=32MB -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=1GB)

# The default stack is 64 KB, which Eigen's temporaries overflow.
add_link_options(-sSTACK_SIZE=1MB -sDEFAULT_PTHREAD_STACK_SIZE=1MB)

# JavaScript writes the numbers of messages.
set(FLOWMATCH_NUMBER_TEXT "${CMAKE_CURRENT_LIST_DIR}/number_text.cpp" CACHE STRING
  "The source that defines format_number()")
