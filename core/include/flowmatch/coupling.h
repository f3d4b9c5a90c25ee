// How a batch of source points and a batch of data points are paired. Flow matching may draw its
// pairs from any coupling of the two distributions; the closer it is to the optimal one, the
// straighter the flow. Tong et al. 2023, "Improving and generalizing flow-based generative models
// with minibatch optimal transport" (arXiv 2302.00482); Pooladian et al. 2023 (arXiv 2304.14772).
//
// With labels there is a trap. The pairing of a whole batch sends each label's data to the nearest
// part of the source: p(x0 | label) is not p(x0) any more. A conditional model trained on such
// pairs is then sampled from all of the source, of which it has seen only a part with that label.
// Cheng and Schwing 2025, "The curse of conditions" (arXiv 2503.10636), section 3. Their remedy for
// discrete labels is to pair only within a label, with labels given to the source points at random,
// independently of where they are: then p(x0 | label) = p(x0) exactly, whatever the pairing does
// within a label. That is `label_aware`.
#pragma once

#include "flowmatch/assignment.h"
#include "flowmatch/cost.h"
#include "flowmatch/points.h"
#include "flowmatch/problem.h"
#include "flowmatch/random.h"
#include "flowmatch/sinkhorn.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace flowmatch {

enum class Coupling {
  independent,        ///< Row with row, as they were drawn.
  optimal_transport,  ///< Exact minibatch optimal transport of squared distances.
  sinkhorn,           ///< Each data point draws its source point from the entropic plan.
};

inline constexpr std::array kCouplings{Coupling::independent, Coupling::optimal_transport,
                                       Coupling::sinkhorn};

/// The name in configurations and links ("independent", "ot", "sinkhorn"), and back.
std::string_view name(Coupling coupling);
std::optional<Coupling> coupling_from_name(std::string_view name);

struct CouplingConfig {
  Coupling coupling = Coupling::independent;
  /// Whether only points of one label are paired by distance. For a conditional model it should be.
  bool label_aware = false;
  SinkhornConfig sinkhorn;  ///< For Coupling::sinkhorn.
};

Problems validate(const CouplingConfig& config);

/// Pairs batches with working memory of its own.
class BatchCoupling {
 public:
  /// For batches of up to max_rows points. Precondition: validate(config) is empty.
  BatchCoupling(const CouplingConfig& config, Index max_rows, Index dimension);

  /// partner[i] is the row of x0 that row i of x1 is paired with; x0 and x1 are N x D, partner has
  /// N entries. For `independent` (the identity) and `optimal_transport` it is a permutation; for
  /// `sinkhorn` a row of x0 may be drawn more than once.
  ///
  /// labels1[i] is the label of row i of x1, any number; it is read only if the coupling is label
  /// aware, and may be empty otherwise. Labels are those before any dropout: a row whose label the
  /// model does not see still has one.
  ///
  /// Random numbers: the draws of `sinkhorn` from `stream`, word 0 of each row; the labels of x0
  /// from Purpose::coupling_labels under its seed and step. Does not allocate.
  ///
  /// Returns the mean of |x1 - x0|^2 over the pairs. Points that are not finite leave the rows of
  /// their label paired without regard to distance, and the mean not finite.
  double pair(const ConstPointsRef& x0, const ConstPointsRef& x1,
              std::span<const std::int32_t> labels1, const RandomStream& stream,
              std::span<Index> partner);

 private:
  void pair_within_labels(const ConstPointsRef& x0, const ConstPointsRef& x1,
                          std::span<const std::int32_t> labels1, const RandomStream& stream,
                          std::span<Index> partner);
  void pair_group(const ConstPointsRef& x0, const ConstPointsRef& x1, const RandomStream& stream,
                  std::span<Index> partner);

  CouplingConfig config_;
  PointCosts costs_;
  /// Rows and columns exchanged.
  PointCosts transposed_;
  AssignmentSolver assignment_;
  SinkhornSolver sinkhorn_;
  /// The rows of x0, those with the same label as row i of x1 at i.
  std::vector<Index> shuffled_;
  /// The rows of x1 and of x0 that are paired with each other, and the column of each row.
  std::vector<Index> rows_;
  std::vector<Index> sources_;
  std::vector<Index> columns_;
  std::size_t group_ = 0;
};

/// The mean of |x1[i] - x0[partner[i]]|^2 over the rows; 0 for no rows.
double pairing_cost(const ConstPointsRef& x0, const ConstPointsRef& x1,
                    std::span<const Index> partner);

}  // namespace flowmatch
