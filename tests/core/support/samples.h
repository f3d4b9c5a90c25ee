// Points and distributions that several tests work with.
#pragma once

#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/points.h"
#include "flowmatch/random.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace flowmatch::testing {

/// N x D standard normal numbers, times `scale`.
inline Points normal_points(Index rows, Index dimension, std::uint64_t seed, float scale = 1) {
  Points points(rows, dimension);
  fill_normal({seed, Purpose::test, 0}, 0, points);
  return scale * points;
}

/// The same as a plain array.
inline std::vector<float> normal_numbers(Index count, std::uint64_t seed, float scale = 1) {
  const Points points = normal_points(count, 1, seed, scale);
  return {points.data(), points.data() + points.size()};
}

inline GaussianMixture make_mixture(const GaussianMixtureConfig& config) {
  auto mixture = GaussianMixture::make(config);
  REQUIRE(mixture.ok());
  return std::move(mixture).value();
}

/// Three components of unequal weights with full, correlated covariances, in any dimension. Means
/// are about `separation` from the origin in each coordinate, standard deviations between 0.4
/// and 1.5.
inline GaussianMixtureConfig correlated_mixture(Index dimension, double separation = 3) {
  GaussianMixtureConfig config;
  config.weights = {0.5, 0.3, 0.2};
  for (int k = 0; k < 3; ++k) {
    Eigen::VectorXd mean(dimension);
    Eigen::MatrixXd factor(dimension, dimension);
    for (Index i = 0; i < dimension; ++i) {
      mean[i] = separation * std::cos(2.0 * k + static_cast<double>(i));
      for (Index j = 0; j < dimension; ++j) {
        factor(i, j) =
            std::sin(1 + 3 * static_cast<double>(i) + 7 * static_cast<double>(j) + 11.0 * k);
      }
    }
    config.means.push_back(mean);
    config.covariances.emplace_back(factor * factor.transpose() / static_cast<double>(dimension) +
                                    0.2 * Eigen::MatrixXd::Identity(dimension, dimension));
  }
  return config;
}

}  // namespace flowmatch::testing
