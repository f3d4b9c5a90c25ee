// What the libraries below would say in words, with all of printf: a tenth of the module, for words
// that no reader sees. Their own definitions lie in archives, from which nothing is taken that is
// defined here.
#include <hwy/base.h>

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
