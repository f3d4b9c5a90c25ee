// Counter-based random numbers: a number is a pure function of (seed, purpose, step, row), so that
// any thread can make any part of a batch and the result is the same however the work was divided.
//
// Generator: Philox4x32-10, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
#pragma once

#include "flowmatch/points.h"

#include <array>
#include <cstdint>
#include <span>

namespace flowmatch {

/// What a stream is for. Streams of different purposes are independent under one seed. The numbers
/// are part of the format: changing one changes every result.
enum class Purpose : std::uint32_t {
  initial_weights = 1,
  training_time = 2,
  training_source = 3,
  training_data = 4,
  sampling_source = 5,
  reference_data = 6,
  floor_data = 7,
  projections = 8,
  irreducible_loss = 9,
  field_difference = 10,
  coupling = 11,
  coupling_labels = 12,
  sde_noise = 13,
  hutchinson = 14,
  fourier_features = 15,
  ml_data = 16,  ///< Batches of maximum likelihood.
  label_dropout = 17,
  reflow = 18,
  smoothed_points = 19,
  test = 0xffff,
};

/// The four 32-bit words of Philox4x32-10 for a 128-bit counter and a 64-bit key.
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key);

/// The random numbers of one (seed, purpose, step): for each row, an endless sequence of blocks of
/// four.
struct RandomStream {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::test;
  std::uint32_t step = 0;

  /// Block `block` of row `row`: four independent uniform 32-bit words.
  [[nodiscard]] std::array<std::uint32_t, 4> words(std::uint32_t row,
                                                   std::uint32_t block = 0) const;
};

/// Uniform in the open interval (0, 1), on a lattice of 2^-23: the float nearest (w + 1/2) 2^-32
/// could round to 1, which would put a training time at the singular end of a schedule.
float uniform_from_word(std::uint32_t word);

/// One of `count` numbers from 0, floor(word count / 2^32), each with probability 1 / count to
/// within 2^-32: the lattice above would be too coarse for a million. `count` is from 1 to 2^32.
Index index_from_word(std::uint32_t word, Index count);

/// out[i] = one uniform number in (0, 1) for row first_row + i: word `word` (0 to 3) of its block
/// 0.
void fill_uniform(const RandomStream& stream, Index first_row, std::span<float> out, int word = 0);

/// Standard normal numbers by Box-Muller: out is rows x D; row i is that of row first_row + i, from
/// blocks first_block, first_block + 1, ... (four numbers each). Accurate to 1e-6 of its own
/// quantile.
void fill_normal(const RandomStream& stream, Index first_row, PointsRef out,
                 std::uint32_t first_block = 0);

/// Rademacher numbers, -1 or 1 with equal chance: out is rows x D; row i is that of row first_row +
/// i, its coordinates the bits of the words of blocks 0, 1, ... (128 numbers each).
void fill_rademacher(const RandomStream& stream, Index first_row, PointsRef out);

}  // namespace flowmatch
