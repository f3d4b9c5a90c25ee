// How a model that generates data from noise is learned: by flow matching, or by one of the two
// ways that it replaced.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace flowmatch {

enum class Method {
  flow_matching,     ///< A velocity field by conditional flow matching: flow_matching_loss.h.
  cnf,               ///< A velocity field by maximum likelihood, through a solver: cnf.h.
  normalizing_flow,  ///< Affine coupling layers by maximum likelihood: normalizing_flow.h.
};

inline constexpr std::array kMethods{Method::flow_matching, Method::cnf, Method::normalizing_flow};

/// The names in links, files and messages: "flow_matching", "cnf", "normalizing_flow".
std::string_view name(Method method);
std::optional<Method> method_from_name(std::string_view name);

}  // namespace flowmatch
