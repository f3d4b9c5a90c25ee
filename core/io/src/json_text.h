// JSON text into a document, with what is wrong as a value.
#pragma once

#include "flowmatch/problem.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace flowmatch {

using Json = nlohmann::json;

/// Reads a document. Problems, with `field` as their field: no JSON (the message says where), not
/// UTF-8, a key given twice in one object, nesting deeper than 16.
Result<Json> parse_json(std::string_view text, std::string_view field);

/// A text for a message, cut short.
std::string shortened(std::string text);

/// A value as a message shows it: its JSON, cut short.
std::string shown(const Json& value);

}  // namespace flowmatch
