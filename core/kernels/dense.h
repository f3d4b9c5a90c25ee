// The three products of a dense layer, on panels of rows, with the activation fused into the first
// and its derivative into the second.
//
// A panel holds the activations of panel_rows() rows of a batch, feature after feature: feature f
// of row r is at f * panel_rows() + r. The vector dimension of every kernel is therefore the batch,
// however few features a layer has (the blog's network begins with 3 and ends with 2), no product
// packs its operands, and the depth of a product is one stream through memory.
//
// naive.h says what each kernel computes.
#pragma once

#include "flowmatch/activation.h"
#include "flowmatch/points.h"

namespace flowmatch::kernels {

/// Rows of a panel on the instruction set in use: two of its vectors. Divides kRowMultiple.
Index panel_rows();
inline constexpr Index kRowMultiple = 32;

/// A dense layer on some panels. Its weight is outputs x inputs, row-major.
struct DenseShape {
  Index outputs;
  Index inputs;
  Index panel_rows;     ///< As panel_rows(); the naive twins take any.
  Index panels;         ///< How many.
  Index input_stride;   ///< From one panel of the inputs to the next, at least inputs * panel_rows.
  Index output_stride;  ///< The same of the outputs.
};

/// y = weight x + bias.
void dense_forward(const DenseShape& shape, const float* weight, const float* bias, const float* x,
                   float* y);

/// y = act(weight x + bias); where derivative is not null also derivative = act'(weight x + bias),
/// and where neither is null also curvature = act''(weight x + bias).
void dense_forward_activated(const DenseShape& shape, Activation activation, const float* weight,
                             const float* bias, const float* x, float* y, float* derivative,
                             float* curvature = nullptr);

/// The weight in the order in which dense_backward_input reads it: its columns are a power of two
/// apart in most networks, and would push each other out of the cache.
void pack_for_backward(Index outputs, Index inputs, const float* weight, float* packed);

/// slope = (weight^T dy) * slope, elementwise: in place of the derivative of the activation that
/// made the inputs, the slope of the loss by what that activation was given. The weight is packed.
void dense_backward_input(const DenseShape& shape, const float* packed_weight, const float* dy,
                          float* slope);

/// Whether a sum is added to what is there or takes its place.
enum class Sum { add, replace };

/// d_weight += dy x^T and d_bias += dy 1, summed over all rows of all panels; or = with
/// Sum::replace.
void dense_backward_weight(const DenseShape& shape, const float* dy, const float* x, Sum sum,
                           float* d_weight, float* d_bias);

}  // namespace flowmatch::kernels
