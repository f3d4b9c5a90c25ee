// The activation functions a network may use, with their derivatives as defined by PyTorch.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace flowmatch {

enum class Activation {
  silu,  ///< x / (1 + exp(-x))
  tanh,
  relu,
  elu,   ///< x for x > 0, exp(x) - 1 otherwise
  gelu,  ///< x Phi(x), with the exact normal distribution function
};

inline constexpr std::array kActivations{Activation::silu, Activation::tanh, Activation::relu,
                                         Activation::elu, Activation::gelu};

/// The name in configurations and links, and back.
std::string_view name(Activation activation);
std::optional<Activation> activation_from_name(std::string_view name);

}  // namespace flowmatch
