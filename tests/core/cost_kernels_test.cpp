// The kernels of costs.h against their naive twins, on every instruction set.
#include "kernels/costs.h"
#include "kernels/naive.h"
#include "support/errors.h"
#include "support/instruction_sets.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::for_each_instruction_set;
using flowmatch::testing::normal_numbers;
using flowmatch::testing::worse;
namespace naive = flowmatch::kernels::naive;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Index kCounts[] = {1, 2, 3, 5, 8, 15, 16, 17, 31, 64, 67, 130};

std::vector<double> as_doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

TEST_CASE("rows of distances are those of the naive twin, to the bit") {
  for (const Index dimension : {1, 2, 3, 7}) {
    for (const Index count : kCounts) {
      const Index stride = count + 3;
      const auto size = static_cast<std::size_t>(count);
      const std::vector<float> x = normal_numbers(dimension, 1);
      const std::vector<float> columns = normal_numbers(dimension * stride, 2);
      std::vector<float> squares(size);
      std::vector<float> roots(size);
      naive::distance_row<false>(dimension, x.data(), count, stride, columns.data(),
                                 squares.data());
      naive::distance_row<true>(dimension, x.data(), count, stride, columns.data(), roots.data());
      for_each_instruction_set([&] {
        CAPTURE(dimension, count);
        std::vector<float> out(size + 1, -1);
        kernels::squared_distances(dimension, x.data(), count, stride, columns.data(), out.data());
        CHECK(out.back() == -1);
        out.pop_back();
        CHECK(out == squares);
        kernels::distances(dimension, x.data(), count, stride, columns.data(), out.data());
        CHECK(out == roots);
      });
    }
  }
}

TEST_CASE("lower_minima is its naive twin, and sees what is not finite") {
  for (const Index count : kCounts) {
    const auto size = static_cast<std::size_t>(count);
    const std::vector<float> costs = normal_numbers(count, 1);
    const std::vector<float> start = normal_numbers(count, 2);
    std::vector<float> expected = start;
    CHECK(naive::lower_minima(count, costs.data(), expected.data()));
    for_each_instruction_set([&] {
      CAPTURE(count);
      std::vector<float> least = start;
      CHECK(kernels::lower_minima(count, costs.data(), least.data()));
      CHECK(least == expected);
      for (std::size_t at = 0; at < size; at += 5) {
        for (const float bad :
             {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
              -std::numeric_limits<float>::infinity()}) {
          std::vector<float> broken = costs;
          broken[at] = bad;
          CHECK_FALSE(kernels::lower_minima(count, broken.data(), least.data()));
        }
      }
    });
  }
}

TEST_CASE("two_smallest is its naive twin, with ties") {
  for (const Index count : kCounts) {
    for (const float levels : {1e6F, 3.0F, 0.0F}) {
      std::vector<float> costs = normal_numbers(count, 3);
      for (float& cost : costs) cost = std::round(cost * levels);
      std::vector<double> potentials = as_doubles(normal_numbers(count, 4));
      for (double& potential : potentials) potential = std::round(potential);
      const auto expected = naive::two_smallest(count, costs.data(), potentials.data());
      for_each_instruction_set([&] {
        CAPTURE(count, levels);
        const auto two = kernels::two_smallest(count, costs.data(), potentials.data());
        CHECK(two.least == expected.least);
        CHECK(two.second == expected.second);
        CHECK(two.column == expected.column);
      });
    }
  }
}

TEST_CASE("relax is its naive twin, with ties and closed columns") {
  for (const Index count : kCounts) {
    for (const float levels : {1e6F, 2.0F}) {
      const auto size = static_cast<std::size_t>(count);
      std::vector<float> costs = normal_numbers(count, 5);
      for (float& cost : costs) cost = std::round(cost * levels);
      std::vector<double> potentials = as_doubles(normal_numbers(count, 6));
      std::vector<double> lengths = as_doubles(normal_numbers(count, 7, levels));
      for (double& potential : potentials) potential = std::round(potential);
      for (double& length : lengths) length = std::round(length);
      for (std::size_t j = 1; j < size; j += 3) {
        potentials[j] = -kInfinity;
        lengths[j] = kInfinity;
      }
      const std::vector<double> previous(size, 3.0);
      auto expected_lengths = lengths;
      auto expected_previous = previous;
      const auto expected = naive::relax(count, costs.data(), potentials.data(), 0.5, 9,
                                         expected_lengths.data(), expected_previous.data());
      for_each_instruction_set([&] {
        CAPTURE(count, levels);
        auto new_lengths = lengths;
        auto new_previous = previous;
        const auto nearest = kernels::relax(count, costs.data(), potentials.data(), 0.5, 9,
                                            new_lengths.data(), new_previous.data());
        CHECK(nearest.least == expected.least);
        CHECK(nearest.column == expected.column);
        CHECK(new_lengths == expected_lengths);
        CHECK(new_previous == expected_previous);
      });
    }
  }
}

TEST_CASE("log_sum_exp and gibbs_weights are their naive twins") {
  for (const Index count : kCounts) {
    for (const double scale : {0.0, 1.0, 300.0}) {
      const auto size = static_cast<std::size_t>(count);
      const std::vector<float> costs = normal_numbers(count, 8);
      const std::vector<double> log_weights = as_doubles(normal_numbers(count, 9, 5));
      const auto expected = naive::log_sum_exp(count, costs.data(), log_weights.data(), scale);
      const double shift = -expected.largest;
      std::vector<double> expected_weights(size);
      naive::gibbs_weights(count, costs.data(), log_weights.data(), scale, shift,
                           expected_weights.data());
      for_each_instruction_set([&] {
        CAPTURE(count, scale);
        const auto sum = kernels::log_sum_exp(count, costs.data(), log_weights.data(), scale);
        CHECK(std::abs(sum.largest - expected.largest) <= 1e-13 * (1 + scale));
        CHECK(std::abs(sum.sum - expected.sum) <= 1e-12 * expected.sum);
        std::vector<double> weights(size + 1, -1);
        kernels::gibbs_weights(count, costs.data(), log_weights.data(), scale, shift,
                               weights.data());
        CHECK(weights.back() == -1);
        double worst = 0;
        for (std::size_t j = 0; j < size; ++j) {
          worst = worse(worst, std::abs(weights[j] - expected_weights[j]));
        }
        CHECK(worst < 1e-12);
      });
    }
  }
}

}  // namespace
