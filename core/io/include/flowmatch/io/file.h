// Whole files read into memory and written from it.
#pragma once

#include "flowmatch/problem.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace flowmatch {

/// The bytes of the file at `path`. A problem names the path: the file cannot be read, or has more
/// than `max_bytes`, which is found before it is read.
Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes);

/// Writes the file at `path`, whole or not at all: to a file beside it first, which then takes the
/// name, so that an interruption leaves what was there before.
Problems write_file(const std::string& path, std::string_view bytes);

}  // namespace flowmatch
