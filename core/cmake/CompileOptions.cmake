# The options that every target of ours is compiled with; link `flowmatch_compile_options` privately.

include_guard(GLOBAL)

add_library(flowmatch_compile_options INTERFACE)

# GCC, Clang and Emscripten. Contraction of a * b + c to a fused operation is off, so that the compilers agree
# on the results; a kernel that wants it fused says so. Fields left out of an initializer have their defaults:
# that is how a configuration is written.
target_compile_options(
  flowmatch_compile_options
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
            -Wno-missing-field-initializers
            -ffp-contract=off $<$<BOOL:${FLOWMATCH_WERROR}>:-Werror>)

# More for what writes much text: GCC 12 finds overlapping copies in any concatenation (its bug 105651). clang-tidy
# reads the same options and does not know that one.
add_library(flowmatch_text_options INTERFACE)
target_compile_options(flowmatch_text_options
  INTERFACE "$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-unknown-warning-option>")
