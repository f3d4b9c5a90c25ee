// Densities and scores of a mixture by Eigen's Cholesky factorisation of each covariance, in
// double: nothing here shares code or method with the library, which works along principal axes.
#pragma once

#include "flowmatch/gaussian_mixture.h"

#include <Eigen/Cholesky>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace flowmatch::testing {

struct DensityAndScore {
  double log_density;
  Eigen::VectorXd score;
};

inline DensityAndScore mixture_oracle(const GaussianMixtureConfig& config,
                                      const Eigen::VectorXd& x) {
  std::vector<double> logs;
  std::vector<Eigen::VectorXd> gradients;
  double total_weight = 0;
  for (const double weight : config.weights) total_weight += weight;
  for (std::size_t k = 0; k < config.means.size(); ++k) {
    const Eigen::LLT<Eigen::MatrixXd> llt(config.covariances[k]);
    const Eigen::VectorXd deviation = x - config.means[k];
    const Eigen::VectorXd solved = llt.solve(deviation);
    const double log_determinant = 2 * llt.matrixLLT().diagonal().array().log().sum();
    logs.push_back(std::log(config.weights[k] / total_weight) -
                   0.5 * (deviation.dot(solved) + log_determinant +
                          static_cast<double>(x.size()) * std::log(2 * std::numbers::pi)));
    gradients.emplace_back(-solved);
  }
  const double most = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  Eigen::VectorXd score = Eigen::VectorXd::Zero(x.size());
  for (std::size_t k = 0; k < logs.size(); ++k) {
    const double share = std::exp(logs[k] - most);
    sum += share;
    score += share * gradients[k];
  }
  return {.log_density = most + std::log(sum), .score = score / sum};
}

}  // namespace flowmatch::testing
