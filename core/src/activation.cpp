#include "flowmatch/activation.h"

namespace flowmatch {

std::string_view name(Activation activation) {
  switch (activation) {
    case Activation::silu:
      return "silu";
    case Activation::tanh:
      return "tanh";
    case Activation::relu:
      return "relu";
    case Activation::elu:
      return "elu";
    case Activation::gelu:
      return "gelu";
  }
  return "";
}

std::optional<Activation> activation_from_name(std::string_view text) {
  for (const Activation activation : kActivations) {
    if (name(activation) == text) return activation;
  }
  return std::nullopt;
}

}  // namespace flowmatch
