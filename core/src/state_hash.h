// The hash of a training state, by which tests say that two runs are equal bit for bit.
#pragma once

#include "flowmatch/optimizer.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace flowmatch {

/// FNV-1a over bytes (Fowler, Noll, Vo; parameters of the 64-bit variant).
class Fnv1a {
 public:
  void add(std::int64_t value) { add_bytes(&value, sizeof(value)); }
  void add_values(std::span<const float> values) { add_bytes(values.data(), values.size_bytes()); }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  void add_bytes(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3U;
  }
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

/// Of all that Adam works on.
inline std::uint64_t state_hash(Index steps_done, std::span<const float> parameters,
                                std::span<const float> ema, const Adam& adam) {
  Fnv1a hash;
  hash.add(steps_done);
  hash.add_values(parameters);
  hash.add_values(ema);
  hash.add_values(adam.first_moment());
  hash.add_values(adam.second_moment());
  return hash.value();
}

}  // namespace flowmatch
