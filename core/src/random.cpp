#include "flowmatch/random.h"

#include "kernels/elementwise.h"

#include <algorithm>

namespace flowmatch {

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key) {
  // Multipliers and key increments of the paper, table 2.
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kIncrement0 = 0x9E3779B9;
  constexpr std::uint32_t kIncrement1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kIncrement0;
    key[1] += kIncrement1;
  }
  return counter;
}

std::array<std::uint32_t, 4> RandomStream::words(std::uint32_t row, std::uint32_t block) const {
  return philox4x32_10({row, block, step, static_cast<std::uint32_t>(purpose)},
                       {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

float uniform_from_word(std::uint32_t word) {
  return (static_cast<float>(word >> 9) + 0.5F) * 0x1p-23F;
}

Index index_from_word(std::uint32_t word, Index count) {
  return static_cast<Index>((std::uint64_t{word} * static_cast<std::uint64_t>(count)) >> 32);
}

void fill_uniform(const RandomStream& stream, Index first_row, std::span<float> out, int word) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto row = static_cast<std::uint32_t>(first_row) + static_cast<std::uint32_t>(i);
    out[i] = uniform_from_word(stream.words(row)[static_cast<std::size_t>(word)]);
  }
}

void fill_normal(const RandomStream& stream, Index first_row, PointsRef out,
                 std::uint32_t first_block) {
  // Two coordinates of one row come from one pair of words; pairs of many rows go through one
  // kernel call.
  constexpr Index kPairs = 128;
  std::array<std::uint32_t, 2 * kPairs> words{};
  std::array<float, 2 * kPairs> normals{};
  const Index dimension = out.cols();
  for (Index first = 0; first < out.rows(); first += kPairs) {
    const Index rows = std::min(kPairs, out.rows() - first);
    for (Index column = 0; column < dimension; column += 2) {
      const auto block = first_block + static_cast<std::uint32_t>(column / 4);
      const std::size_t offset = column % 4 == 0 ? 0 : 2;
      for (Index i = 0; i < rows; ++i) {
        const auto row = static_cast<std::uint32_t>(first_row + first + i);
        const auto block_words = stream.words(row, block);
        words[static_cast<std::size_t>(i)] = block_words[offset];
        words[static_cast<std::size_t>(rows + i)] = block_words[offset + 1];
      }
      kernels::box_muller(rows, words.data(), normals.data());
      for (Index i = 0; i < rows; ++i) {
        out(first + i, column) = normals[static_cast<std::size_t>(i)];
        if (column + 1 < dimension) {
          out(first + i, column + 1) = normals[static_cast<std::size_t>(rows + i)];
        }
      }
    }
  }
}

void fill_rademacher(const RandomStream& stream, Index first_row, PointsRef out) {
  constexpr Index kWordBits = 32;
  constexpr Index kBlockBits = 4 * kWordBits;
  for (Index i = 0; i < out.rows(); ++i) {
    const auto row = static_cast<std::uint32_t>(first_row + i);
    std::array<std::uint32_t, 4> words{};
    for (Index d = 0; d < out.cols(); ++d) {
      if (d % kBlockBits == 0)
        words = stream.words(row, static_cast<std::uint32_t>(d / kBlockBits));
      const std::uint32_t word = words[static_cast<std::size_t>(d % kBlockBits / kWordBits)];
      out(i, d) = (word >> (d % kWordBits) & 1U) != 0 ? 1.0F : -1.0F;
    }
  }
}

}  // namespace flowmatch
