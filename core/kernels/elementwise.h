// Kernels over flat arrays: the optimizer's update, finiteness of a gradient, normal numbers,
// distances. naive.h says what each computes.
#pragma once

#include "flowmatch/points.h"

#include <cstdint>
#include <span>

namespace flowmatch::kernels {

/// The scalars of one Adam step (Kingma and Ba 2014, with PyTorch's order of operations).
struct AdamScalars {
  float beta1;
  float beta2;
  float epsilon;
  float step_size;           ///< learning rate / (1 - beta1^t)
  float inverse_root_bias2;  ///< 1 / sqrt(1 - beta2^t)
  float ema_decay;
  float gradient_scale = 1;  ///< What a gradient is multiplied by first, where it is clipped.
  float kept = 1;            ///< 1 - learning rate * weight decay, the share of a parameter kept.
};

/// One Adam step, and ema = d ema + (1 - d) parameters where ema is not null, over `count` entries.
void adam_update(const AdamScalars& scalars, Index count, const float* gradient,
                 float* first_moment, float* second_moment, float* parameters, float* ema);

/// total[i] = the sum of parts[p][i] in the order of the parts, at least one, of which the first
/// may be total itself. Returns whether every total is finite and below 1e18 in magnitude, so that
/// its square is finite too.
bool sum_parts(Index count, std::span<const float* const> parts, float* total);

/// count standard normal numbers in place of 2 * ceil(count / 2) uniform words: Box-Muller on pairs
/// (words[i], words[half + i]) with half = ceil(count / 2) gives out[i] and out[half + i].
void box_muller(Index half, const std::uint32_t* words, float* out);

/// sum over j of sqrt((x - xs[j])^2 + (y - ys[j])^2).
double sum_of_distances_2d(float x, float y, Index count, const float* xs, const float* ys);

}  // namespace flowmatch::kernels
