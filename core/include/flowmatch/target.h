// What is to be learned: the data of a configuration as a distribution and, for the exact field, as
// a mixture; all of it or one class.
#pragma once

#include "flowmatch/datasets.h"
#include "flowmatch/distribution.h"
#include "flowmatch/empirical.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/labels.h"
#include "flowmatch/problem.h"

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

namespace flowmatch {

/// A mixture, a set of the literature, or given points.
using DataConfig = std::variant<GaussianMixtureConfig, DataSetConfig, EmpiricalConfig>;

/// Every problem of the configuration, or none.
Problems validate(const DataConfig& config);

/// D, the number of coordinates of a point; 0 where the configuration is too wrong to have any.
Index dimension_of(const DataConfig& config);

/// The classes of the points, as Distribution::labels(): the components of a mixture, the parts of
/// a set, one more than the largest label of given points; 0: there are none. Makes no distribution
/// for it.
Index label_count(const DataConfig& config);

/// The probability of each class. Precondition: validate(config) is empty.
std::vector<double> label_shares(const DataConfig& config);

/// Points that stand for a target whose exact field is not known in closed form.
inline constexpr Index kSmoothedPoints = 512;

/// All that an experiment needs of its data.
struct Target {
  std::shared_ptr<const Distribution> distribution;
  std::shared_ptr<const GaussianMixture> modes;  ///< The same as a mixture; null where it is none.
  /// The mixture whose field is the exact one: that of `modes`, of given points that are no more
  /// than kMaxExactPoints and smoothed, or of kSmoothedPoints points.
  std::shared_ptr<const GaussianMixture> exact;
};

/// Most smoothed points whose exact field is that of all of them.
inline constexpr Index kMaxExactPoints = 1024;

/// All of the data, or one class: of a mixture that component alone. Problems: validate(config),
/// and a `label` other than kNoLabel that no point of the data has.
Result<Target> make_target(const DataConfig& config, std::int32_t label = kNoLabel);

}  // namespace flowmatch
