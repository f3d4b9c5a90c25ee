#include "json_text.h"

#include <set>
#include <utility>
#include <vector>

namespace flowmatch {

namespace {

constexpr int kMaxDepth = 16;

/// Thrown through the parser, which goes on otherwise.
struct Refusal {
  std::string value;
  std::string allowed;
};

/// A parser's message without its number: "[json.exception.parse_error.101] parse error at ...".
std::string message_of(const Json::exception& error) {
  const std::string text = error.what();
  const std::size_t end = text.find("] ");
  return shortened(end == std::string::npos ? text : text.substr(end + 2));
}

}  // namespace

std::string shortened(std::string text) {
  constexpr std::size_t kMost = 200;
  if (text.size() <= kMost) return text;
  std::size_t end = kMost;
  // Not within a character of several bytes.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text + "...";
}

Result<Json> parse_json(std::string_view text, std::string_view field) {
  std::vector<std::set<std::string>> keys;
  const auto check = [&keys](int depth, Json::parse_event_t event, Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
        keys.emplace_back();
        [[fallthrough]];
      case Json::parse_event_t::array_start:
        if (depth >= kMaxDepth) {
          throw Refusal{"nested deeper than " + std::to_string(kMaxDepth), "a flat document"};
        }
        break;
      case Json::parse_event_t::key:
        if (!keys.back().insert(parsed.get<std::string>()).second) {
          throw Refusal{"\"" + shortened(parsed.get<std::string>()) + "\" given twice",
                        "a document with every key given once"};
        }
        break;
      case Json::parse_event_t::object_end:
        keys.pop_back();
        break;
      default:
        break;
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Refusal& refusal) {
    return Problems{{std::string(field), refusal.value, refusal.allowed}};
  } catch (const Json::exception& error) {
    return Problems{{std::string(field), message_of(error), "JSON"}};
  }
}

std::string shown(const Json& value) {
  if (value.is_string() && !value.get_ref<const std::string&>().empty()) {
    return shortened(value.get<std::string>());
  }
  return shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace flowmatch
