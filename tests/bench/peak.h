// The ceiling that all other numbers are compared with.
#pragma once

#include <cstdint>

namespace flowmatch::bench {

/// Runs `rounds` rounds of multiply-adds on registers alone, on the instruction set and with the
/// multiply-add that the kernels use; returns a number that depends on all of them.
float multiply_adds(std::int64_t rounds);

/// Floating-point operations of one round: a multiply-add is two.
std::int64_t operations_per_round();

}  // namespace flowmatch::bench
