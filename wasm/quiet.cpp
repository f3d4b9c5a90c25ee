// What the libraries below bring and the module has no use for. First of all what they would say in
// words, with all of printf: a tenth of the module, for words that no reader sees. Their own
// definitions lie in archives, or in the glue, from which nothing is taken that is defined here.
#include <hwy/base.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

/// Highway's end of the program when a precondition of its own does not hold.
namespace hwy {
void Abort(const char* /*file*/, int /*line*/, const char* /*format*/, ...) {
  std::abort();
}
}  // namespace hwy

/// What embind names a type by that was never bound, in an error that only a fault of the bindings
/// can bring: without run-time type information, its address. This is sprintf as Emscripten calls
/// it where no number has a point.
extern "C" int siprintf(char* text, const char* /*format*/, ...) {
  *text = '\0';
  return 0;
}

/// The C library's sbrk refers to it, and all of standard output would come with it.
extern "C" int printf(const char* /*format*/, ...) {
  return 0;
}

/// Kinds of values that embind knows and nothing here has: strings of wide characters, for which
/// the glue brings UTF-16 and UTF-32, and whole numbers of 64 bits.
extern "C" {
void _embind_register_std_wstring(const void* /*type*/, std::size_t /*size*/,
                                  const char* /*name*/) {}
void _embind_register_bigint(const void* /*type*/, const char* /*name*/, std::size_t /*size*/,
                             std::int64_t /*low*/, std::uint64_t /*high*/) {}
}
