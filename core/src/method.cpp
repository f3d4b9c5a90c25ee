#include "flowmatch/method.h"

namespace flowmatch {

std::string_view name(Method method) {
  switch (method) {
    case Method::flow_matching:
      return "flow_matching";
    case Method::cnf:
      return "cnf";
    case Method::normalizing_flow:
      return "normalizing_flow";
  }
  return "";
}

std::optional<Method> method_from_name(std::string_view text) {
  for (const Method method : kMethods) {
    if (name(method) == text) return method;
  }
  return std::nullopt;
}

}  // namespace flowmatch
