#include <emscripten/bind.h>

#include <string>

#include "flowmatch/version.h"

namespace {

std::string version() { return std::string(flowmatch::version()); }

}  // namespace

EMSCRIPTEN_BINDINGS(flowmatch) { emscripten::function("version", &version); }
