// What the libraries below would say in words, with all of printf: a tenth of the module, for words
// that no reader sees. Their own definitions lie in archives, from which nothing is taken that is
// defined here.
#include <hwy/base.h>

#include <cstddef>
#include <cstdlib>

/// Highway's end of the program when a precondition of its own does not hold.
namespace hwy {
void Abort(const char* /*file*/, int /*line*/, const char* /*format*/, ...) {
  std::abort();
}
}  // namespace hwy

/// embind's name for a type that was never bound, in an error of the module's own making: without
/// run-time type information it is only an address.
extern "C" int snprintf(char* text, std::size_t size, const char* /*format*/, ...) {
  if (size > 0) *text = '\0';
  return 0;
}
