// Kernels over one row of a cost matrix, for the assignment problem, Sinkhorn's iteration and the
// metrics. naive.h says what each computes.
//
// No product is fused with a sum, so that costs, and the pairs that follow from them, are the same
// to the bit on every instruction set. `count` is any number; rows need no padding.
#pragma once

#include "flowmatch/points.h"

namespace flowmatch::kernels {

/// out[j] = |x - y_j|^2, or its root, for `count` points y_j of which coordinate k is
/// columns[k * stride + j].
void squared_distances(Index dimension, const float* x, Index count, Index stride,
                       const float* columns, float* out);
void distances(Index dimension, const float* x, Index count, Index stride, const float* columns,
               float* out);

/// least[j] = min(least[j], costs[j]). Returns whether all costs are finite.
bool lower_minima(Index count, const float* costs, float* least);

/// The two smallest of some numbers, and where the smaller is (the first, of equal ones).
struct TwoSmallest {
  double least;
  double second;
  Index column;
};

/// Of costs[j] - potentials[j]; `second` is infinite for count = 1. count is at least 1.
TwoSmallest two_smallest(Index count, const float* costs, const double* potentials);

/// The smallest of some numbers, and where it is (the first, of equal ones).
struct Smallest {
  double least;
  Index column;
};

/// A step of Dijkstra's algorithm: where base + (costs[j] - potentials[j]) < lengths[j], that is
/// the new length and previous[j] = row. Returns the smallest length; count is at least 1. A column
/// of infinite length and potential minus infinity stays as it is.
Smallest relax(Index count, const float* costs, const double* potentials, double base, double row,
               double* lengths, double* previous);

/// log sum_j exp(log_weights[j] - scale costs[j]) as a maximum and the sum relative to it, which is
/// at least 1: log sum = largest + log(sum). count is at least 1.
struct LogSum {
  double largest;
  double sum;
};
LogSum log_sum_exp(Index count, const float* costs, const double* log_weights, double scale);

/// out[j] = exp(shift + log_weights[j] - scale costs[j]). The exponents are at most 700; below -700
/// they count as -700.
void gibbs_weights(Index count, const float* costs, const double* log_weights, double scale,
                   double shift, double* out);

}  // namespace flowmatch::kernels
