// Which vector instructions the kernels run on here, for a report to name.
#pragma once

#include <string_view>

namespace flowmatch {

/// "simd128" or "relaxed" (simd128 with relaxed SIMD) in WebAssembly; natively Highway's name of
/// the target chosen for this processor, such as "AVX2" or "NEON".
std::string_view instruction_set();

}  // namespace flowmatch
