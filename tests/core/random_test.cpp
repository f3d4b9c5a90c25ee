#include "flowmatch/random.h"

#include "kernels/naive.h"
#include "support/errors.h"
#include "support/statistics.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::Estimate;
using flowmatch::testing::kSigmas;
using flowmatch::testing::largest_magnitude;
using flowmatch::testing::worse;

TEST_CASE("Philox4x32-10 gives the known answers of Random123") {
  // kat_vectors of the Random123 distribution; the third is the digits of pi.
  CHECK(philox4x32_10({0, 0, 0, 0}, {0, 0}) ==
        std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t kOnes = 0xffffffff;
  CHECK(philox4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the layout of counter and key is the one that results were made with") {
  // Part of the format: a link reproduces a run only while this holds.
  const RandomStream stream{0x0123456789abcdef, Purpose::training_data, 42};
  CHECK(stream.words(7, 3) ==
        philox4x32_10({7, 3, 42, static_cast<std::uint32_t>(Purpose::training_data)},
                      {0x89abcdef, 0x01234567}));
}

TEST_CASE("streams that differ in one respect give other numbers") {
  const std::uint64_t high_bit = std::uint64_t{1} << 63;
  std::set<std::array<std::uint32_t, 4>> seen;
  std::size_t count = 0;
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, high_bit}) {
    for (const Purpose purpose : {Purpose::training_time, Purpose::training_source}) {
      for (const std::uint32_t step : {0U, 1U, 0xffffffffU}) {
        for (const std::uint32_t row : {0U, 1U, 0xffffffffU}) {
          for (const std::uint32_t block : {0U, 1U}) {
            seen.insert(RandomStream{seed, purpose, step}.words(row, block));
            ++count;
          }
        }
      }
    }
  }
  CHECK(seen.size() == count);
}

TEST_CASE("a uniform number is inside (0, 1) for every word") {
  CHECK(uniform_from_word(0) == 0x1p-24F);
  CHECK(uniform_from_word(0xffffffff) == 1 - 0x1p-24F);
  CHECK(uniform_from_word(0x80000000) == 0.5F + 0x1p-24F);
  float previous = 0;
  bool increasing = true;
  for (std::uint64_t word = 0; word < 0x100000000; word += 0x110011) {
    const float uniform = uniform_from_word(static_cast<std::uint32_t>(word));
    increasing = increasing && uniform > previous && uniform < 1;
    previous = uniform;
  }
  CHECK(increasing);
}

TEST_CASE("uniform numbers do not depend on how a batch is cut") {
  const RandomStream stream{5, Purpose::test, 9};
  constexpr std::size_t kCount = 1000;
  std::vector<float> whole(kCount);
  fill_uniform(stream, 3, whole);
  for (const std::size_t piece : {1UL, 7UL, 64UL, 333UL}) {
    std::vector<float> pieces(kCount);
    for (std::size_t first = 0; first < kCount; first += piece) {
      fill_uniform(stream, 3 + static_cast<Index>(first),
                   std::span(pieces).subspan(first, std::min(piece, kCount - first)));
    }
    CHECK(pieces == whole);
  }
}

TEST_CASE("normal numbers do not depend on how a batch is cut") {
  // Bit for bit, though the pieces end in the middle of the vectors and chunks that they are made
  // in.
  const RandomStream stream{5, Purpose::test, 9};
  const Index dimension = GENERATE(1, 2, 3, 4, 5, 8, 21);
  constexpr Index kRows = 400;
  Points whole(kRows, dimension);
  fill_normal(stream, 3, whole, 1);
  for (const Index piece : {1, 7, 127, 128, 129, 333}) {
    Points pieces = Points::Zero(kRows, dimension);
    for (Index first = 0; first < kRows; first += piece) {
      const Index rows = std::min(piece, kRows - first);
      fill_normal(stream, 3 + first, pieces.middleRows(first, rows), 1);
    }
    CAPTURE(dimension, piece);
    CHECK(pieces == whole);
  }
}

TEST_CASE("the first coordinates of a point do not depend on its dimension") {
  const RandomStream stream{5, Purpose::test, 9};
  Points wide(50, 9);
  fill_normal(stream, 0, wide);
  for (Index dimension = 1; dimension < 9; ++dimension) {
    Points narrow(50, dimension);
    fill_normal(stream, 0, narrow);
    CHECK(narrow == wide.leftCols(dimension));
  }
}

TEST_CASE("the four words of a block give four independent uniform numbers") {
  const RandomStream stream{77, Purpose::test, 0};
  constexpr std::size_t kCount = 100'000;
  std::array<std::vector<float>, 4> uniforms;
  for (std::size_t word = 0; word < 4; ++word) {
    uniforms[word].resize(kCount);
    fill_uniform(stream, 0, uniforms[word], static_cast<int>(word));
  }
  for (std::size_t a = 0; a < 4; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      Estimate product;
      for (std::size_t i = 0; i < kCount; ++i) {
        product.add((static_cast<double>(uniforms[a][i]) - 0.5) *
                    (static_cast<double>(uniforms[b][i]) - 0.5));
      }
      CAPTURE(a, b);
      CHECK(std::abs(product.mean()) < kSigmas * product.error());
    }
  }
}

TEST_CASE("uniform numbers have the moments and the shares of the uniform distribution") {
  constexpr std::size_t kCount = 1'000'000;
  std::vector<float> uniforms(kCount);
  fill_uniform({11, Purpose::test, 0}, 0, uniforms);
  constexpr std::size_t kBins = 100;
  std::array<double, kBins> bins{};
  Estimate mean;
  Estimate square;
  Estimate neighbours;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double deviation = static_cast<double>(uniforms[i]) - 0.5;
    mean.add(deviation);
    square.add(deviation * deviation);
    neighbours.add(deviation * (static_cast<double>(uniforms[(i + 1) % kCount]) - 0.5));
    bins[static_cast<std::size_t>(uniforms[i] * kBins)] += 1;
  }
  CHECK(std::abs(mean.mean()) < kSigmas * mean.error());
  CHECK(std::abs(square.mean() - 1.0 / 12) < kSigmas * square.error());
  CHECK(std::abs(neighbours.mean()) < kSigmas * neighbours.error());
  double chi_squared = 0;
  constexpr double kExpected = static_cast<double>(kCount) / kBins;
  for (const double bin : bins) chi_squared += (bin - kExpected) * (bin - kExpected) / kExpected;
  // Chi-squared with 99 degrees of freedom: mean 99, standard deviation sqrt(198).
  CHECK(std::abs(chi_squared - 99) < kSigmas * std::sqrt(198.0));
}

TEST_CASE("normal numbers have the moments and the tails of the normal distribution") {
  constexpr Index kRows = 250'000;
  Points points(kRows, 4);
  fill_normal({12, Purpose::test, 0}, 0, points);
  // E x^k = 0, 1, 0, 3, 0, 15 for k = 1 to 6.
  const std::array moments{0.0, 1.0, 0.0, 3.0, 0.0, 15.0};
  std::array<Estimate, 6> powers;
  std::array<Estimate, 4> beyond;
  for (const float value : std::span(points.data(), static_cast<std::size_t>(points.size()))) {
    const auto x = static_cast<double>(value);
    double power = 1;
    for (Estimate& estimate : powers) estimate.add(power *= x);
    for (std::size_t k = 0; k < 4; ++k) {
      beyond[k].add(std::abs(x) > static_cast<double>(k + 1) ? 1 : 0);
    }
  }
  for (std::size_t k = 0; k < powers.size(); ++k) {
    CAPTURE(k + 1);
    CHECK(std::abs(powers[k].mean() - moments[k]) < kSigmas * powers[k].error());
  }
  for (std::size_t k = 0; k < beyond.size(); ++k) {
    CAPTURE(k + 1);
    const double tail = std::erfc(static_cast<double>(k + 1) / std::numbers::sqrt2);
    CHECK(std::abs(beyond[k].mean() - tail) < kSigmas * beyond[k].error());
  }
  // Of a million the largest is about 4.9; the generator's lattice ends at 5.8.
  const double largest = largest_magnitude(points);
  CHECK(largest > 4.5);
  CHECK(largest < 5.8);
}

TEST_CASE("the coordinates of a normal point are independent, and so are neighbouring points") {
  constexpr Index kRows = 200'000;
  constexpr Index kDimension = 5;
  Points points(kRows, kDimension);
  fill_normal({13, Purpose::test, 0}, 0, points);
  for (Index a = 0; a < kDimension; ++a) {
    for (Index b = 0; b < kDimension; ++b) {
      Estimate same_row;
      Estimate squares;
      Estimate next_row;
      for (Index i = 0; i + 1 < kRows; ++i) {
        const auto x = static_cast<double>(points(i, a));
        const auto y = static_cast<double>(points(i, b));
        same_row.add(x * y);
        squares.add((x * x - 1) * (y * y - 1));
        next_row.add(x * static_cast<double>(points(i + 1, b)));
      }
      CAPTURE(a, b);
      CHECK(std::abs(next_row.mean()) < kSigmas * next_row.error());
      if (a == b) continue;
      // A pair of Box-Muller shares its radius: were it wrong, the squares would be correlated.
      CHECK(std::abs(same_row.mean()) < kSigmas * same_row.error());
      CHECK(std::abs(squares.mean()) < kSigmas * squares.error());
    }
  }
}

TEST_CASE("each normal number is within 1e-6 of what its words say") {
  // The bound that the header gives.
  const RandomStream stream{14, Purpose::test, 3};
  constexpr Index kRows = 20'000;
  Points points(kRows, 4);
  fill_normal(stream, 0, points, 2);
  double worst = 0;
  for (Index i = 0; i < kRows; ++i) {
    const auto words = stream.words(static_cast<std::uint32_t>(i), 2);
    for (Index pair = 0; pair < 2; ++pair) {
      const auto at = static_cast<std::size_t>(2 * pair);
      const double radius =
          std::sqrt(-2 * std::log((static_cast<double>(words[at] >> 9) + 0.5) * 0x1p-23));
      const double angle = static_cast<double>(words[at + 1] >> 8) * 0x1p-24 * 2 * std::numbers::pi;
      const auto first = static_cast<double>(points(i, 2 * pair));
      const auto second = static_cast<double>(points(i, 2 * pair + 1));
      worst = worse(worst, std::abs(first - radius * std::cos(angle)));
      worst = worse(worst, std::abs(second - radius * std::sin(angle)));
    }
  }
  CHECK(worst < 1e-6);
}

TEST_CASE("an index takes every value, each from its share of the words") {
  CHECK(index_from_word(0, 5) == 0);
  CHECK(index_from_word(0xffffffff, 5) == 4);
  CHECK(index_from_word(0xffffffff, 1) == 0);
  // The largest count that every platform's Index holds.
  constexpr Index kMost = 0x7fffffff;
  CHECK(index_from_word(0xffffffff, kMost) == kMost - 1);
  CHECK(index_from_word(24690, kMost) == 12344);
  // The first word of each: ceil(k 2^32 / 5).
  for (Index k = 1; k < 5; ++k) {
    const auto first =
        static_cast<std::uint32_t>((static_cast<std::uint64_t>(k) * 0x100000000U + 4) / 5);
    CHECK(index_from_word(first, 5) == k);
    CHECK(index_from_word(first - 1, 5) == k - 1);
  }
}

TEST_CASE("Rademacher numbers are fair and independent signs, row by row") {
  const RandomStream stream{15, Purpose::test, 4};
  constexpr Index kRows = 5000;
  constexpr Index kDimension = 131;  // a block and a bit
  Points signs(kRows, kDimension);
  fill_rademacher(stream, 10, signs);
  CHECK((signs.array().abs() == 1.0F).all());
  // Every coordinate, and every product of neighbours, is a sum of so many fair signs.
  const double bound = kSigmas * std::sqrt(static_cast<double>(kRows));
  for (const Index d : {0, 1, 31, 32, 64, 127, 128, 129}) {
    CAPTURE(d);
    CHECK(std::abs(static_cast<double>(signs.col(d).sum())) < bound);
    CHECK(std::abs(static_cast<double>(signs.col(d).dot(signs.col(d + 1)))) < bound);
  }
  CHECK(std::abs(static_cast<double>(signs.col(0).dot(signs.col(128)))) < bound);
  Points part(7, 5);
  fill_rademacher(stream, 110, part);
  CHECK(part == signs.block(100, 0, 7, 5));
}

}  // namespace
