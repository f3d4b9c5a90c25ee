#include "flowmatch/version.h"

namespace flowmatch {

std::string_view version() {
  return FLOWMATCH_VERSION;
}

}  // namespace flowmatch
