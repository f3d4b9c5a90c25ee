// What a flow starts from: N(0, I), or any data in its place, as a distribution and, for the exact
// field, as a mixture. "8 gaussians -> moons" has the first as its source and the second as its
// data (Tong et al. 2023, arXiv 2302.00482).
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/exact_field.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/problem.h"
#include "flowmatch/schedule.h"
#include "flowmatch/solver.h"
#include "flowmatch/target.h"

#include <memory>
#include <optional>

namespace flowmatch {

/// All that an experiment needs of its source.
struct Source {
  std::shared_ptr<const Distribution> distribution;
  /// The mixture that the source is, or that stands for it as Target::exact for a target; null
  /// where the source is N(0, I).
  std::shared_ptr<const GaussianMixture> exact;

  [[nodiscard]] bool is_standard_normal() const { return exact == nullptr; }
};

/// Every problem of a source for data of so many dimensions, or none; the fields begin with
/// "source". No configuration is N(0, I). Dimension 0, of data that are too wrong to have one, is
/// that of any source.
Problems validate_source(const std::optional<DataConfig>& config, Index dimension);

/// The source of a configuration; its labels, if it has any, mean nothing. Problems: those of
/// validate_source().
Result<Source> make_source(const std::optional<DataConfig>& config, Index dimension);

/// Most pairs of a component of the source and one of the target in an exact field: a point costs
/// as much as under a target of so many components and N(0, I).
inline constexpr Index kMaxComponentPairs = 2304;
/// Most numbers in the matrices of those pairs; those of isotropic components have none.
inline constexpr Index kMaxPairNumbers = Index{1} << 22;

/// The exact field of independent pairs of the source and the target. Where both have so many
/// components that the bounds above do not hold, fewer points stand for the one with more of them:
/// as many as the bound allows, but at least its root, 48; and where that does not do, 48 points
/// for each. They are the centres of many draws by k-means, each a Gaussian that is as wide as one
/// of kSmoothedPoints would be if they were so few; the field is then the exact one of these
/// Gaussians.
std::shared_ptr<const ExactField> make_exact_field(const Source& source, const Target& target,
                                                   const Schedule& schedule);

}  // namespace flowmatch
