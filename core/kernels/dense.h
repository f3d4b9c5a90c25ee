// The three products of a dense layer, on blocks in feature-major layout, with the activation fused
// into the first and its derivative into the second.
//
// A block holds the activations of some rows of a batch as features x stride: feature f of row r is
// at f * stride + r. The vector dimension of every kernel is therefore the batch, however few
// features a layer has (the blog's network begins with 3 and ends with 2), and no product packs its
// operands.
//
// naive.h says what each kernel computes.
#pragma once

#include "flowmatch/activation.h"
#include "flowmatch/points.h"

namespace flowmatch::kernels {

/// Rows of a block come in multiples of this; the caller pads.
inline constexpr Index kRowMultiple = 32;

/// A dense layer on one block. weight is outputs x inputs, row-major.
struct DenseShape {
  Index outputs;
  Index inputs;
  Index rows;    ///< A multiple of kRowMultiple.
  Index stride;  ///< Of every block, at least rows.
};

/// y = weight x + bias. x is inputs x stride, y outputs x stride.
void dense_forward(const DenseShape& shape, const float* weight, const float* bias, const float* x,
                   float* y);

/// y = act(weight x + bias); where derivative is not null also derivative = act'(weight x + bias).
void dense_forward_activated(const DenseShape& shape, Activation activation, const float* weight,
                             const float* bias, const float* x, float* y, float* derivative);

/// dx = (weight^T dy) * derivative, elementwise; dy is outputs x stride, dx and derivative inputs x
/// stride.
void dense_backward_input(const DenseShape& shape, const float* weight, const float* dy,
                          const float* derivative, float* dx);

/// d_weight += dy x^T and d_bias += dy 1, summed over the rows of the block.
void dense_backward_weight(const DenseShape& shape, const float* dy, const float* x,
                           float* d_weight, float* d_bias);

}  // namespace flowmatch::kernels
