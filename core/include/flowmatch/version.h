// The version of the library.

#ifndef FLOWMATCH_VERSION_H_
#define FLOWMATCH_VERSION_H_

#include <string_view>

namespace flowmatch {

/// The version of the library that is linked, "major.minor.patch".
std::string_view version();

}  // namespace flowmatch

#endif  // FLOWMATCH_VERSION_H_
