// The 2-D sets of the literature as distributions: fresh, independent points without end, where the
// generators that they come from draw a fixed number of them.
//
// A point is scale * (x, y) + (shift_x, shift_y), with noise added to (x, y) before that. Where a
// generator deals its points evenly (as many to each moon, at equal angles) the ones here are drawn
// independently from the same law.
#pragma once

#include "flowmatch/distribution.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/problem.h"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace flowmatch {

enum class DataSet {
  /// `count` Gaussians of standard deviation `noise` at equal angles on a circle of `radius`, the
  /// first at angle 0. Label: which. A GaussianMixture: see mixture_of().
  eight_gaussians,
  /// scikit-learn's make_moons: the half circle (cos a, sin a), and (1 - cos a, 1/2 - sin a), with
  /// a uniform in (0, pi). Label: 0 for the upper moon, 1 for the lower.
  moons,
  /// torchdyn's generate_moons: the same half circles, but in place of Gaussian noise one number,
  /// uniform in (0, `noise`), is added to both coordinates of a point.
  moons_torchdyn,
  /// scikit-learn's make_s_curve, first and third coordinate: (sin a, sign(a) (cos a - 1)), with a
  /// uniform in (-3 pi / 2, 3 pi / 2). No labels.
  s_curve,
  /// Uniform on the squares of one colour of a board of `count` x `count` unit squares around the
  /// origin, the one in the corner of the smallest coordinates among them. No noise. Label: which
  /// square of the colour, column by column.
  checkerboard,
  /// scikit-learn's make_swiss_roll, first and third coordinate: a (cos a, sin a), with a uniform
  /// from 3 pi / 2 over `turns` turns. No labels.
  swiss_roll,
  /// `count` blades (Johnson et al. 2016, arXiv 1603.06277): a Gaussian around (1, 0) of standard
  /// deviations `radial_deviation` and `tangential_deviation`, turned by exp(its first coordinate)
  /// times `rate` radians, and by its share of a full turn. Label: which blade.
  pinwheel,
  /// `count` circles around the origin of equal probability, with radii `radius` / count,
  /// 2 radius / count, ..., radius. Label: which, from the innermost.
  rings,
  /// `count` arms. Arm 0 is r (-cos a, sin a), with a = sqrt(u) times `turns` turns and r = sqrt(u)
  /// `radius` for u uniform in (0, 1); the others are turned by their share of a full turn. Label:
  /// which arm. FFJORD's two spirals without the uniform jitter that they add to the Gaussian one.
  spiral,
};

inline constexpr std::array kDataSets{
    DataSet::eight_gaussians, DataSet::moons,        DataSet::moons_torchdyn,
    DataSet::s_curve,         DataSet::checkerboard, DataSet::swiss_roll,
    DataSet::pinwheel,        DataSet::rings,        DataSet::spiral};

/// The name in configurations and links ("eight_gaussians", "moons", ...), and back.
std::string_view name(DataSet set);
std::optional<DataSet> data_set_from_name(std::string_view name);

/// A set and its parameters. Which parameters a set has, their ranges and defaults are in
/// parameters(): the others are ignored. Start from default_config(): the values below are those of
/// eight_gaussians.
struct DataSetConfig {
  DataSet set = DataSet::eight_gaussians;
  double noise = 0.31622776601683794;  ///< Standard deviation of Gaussian noise, before scaling.
  double scale = 1;                    ///< Factor on both coordinates.
  double shift_x = 0;                  ///< Added to the coordinates after scaling.
  double shift_y = 0;
  double count = 8;   ///< Gaussians, blades, circles, arms, or squares along a side; whole.
  double radius = 5;  ///< Of the (outermost) circle or the end of a spiral, before scaling.
  double turns = 0;   ///< Length of a spiral, in full turns.
  double radial_deviation = 0;      ///< Of a pinwheel's blade, along it.
  double tangential_deviation = 0;  ///< Of a pinwheel's blade, across.
  double rate = 0;                  ///< Of a pinwheel's twist, radians.
};

/// One parameter of one set: how validate() checks it, and what a form for it needs to know.
struct DataSetParameter {
  std::string_view name;          ///< In configurations and problems: "noise", "shiftX", ...
  double DataSetConfig::* value;  ///< Where it is: config.*value.
  double standard;                ///< Its default for this set.
  double low;                     ///< Its range, ends included.
  double high;
  bool whole;  ///< Whether it must be a whole number.
};

/// The parameters of a set, in the order in which a form would list them.
std::span<const DataSetParameter> parameters(DataSet set);

/// The set as the literature has it:
/// - eight_gaussians: radius 5, variance 0.1; entropy 2.6147. (torchcfm's sample_8gaussians says
///   variance 0.1, but hands its root to PyTorch as the covariance: the points that it and C2OT
///   (arXiv 2503.10636) train on have noise = 0.1^(1/4) = 0.5623.)
/// - moons: noise 0.05, scale 2, shift_x -1 (torchcfm's runner: the first coordinate alone).
/// - moons_torchdyn: noise 0.2, scale 3, both shifts -1 (torchcfm's sample_moons, C2OT).
/// - s_curve: noise 0.05, scale 1.5 (torchcfm's runner).
/// - checkerboard: 4 x 4, scale 1 / 0.45 (the examples of arXiv 2412.06264); entropy 3.6765.
/// - swiss_roll: noise 1, scale 1/5; pinwheel: 5 blades, deviations 0.3 and 0.1, rate 0.25, scale
///   2; rings: 4 of radius up to 3, noise 0.08; spiral: 2 arms, 1.5 turns, radius pi, noise 0.1
///   (all FFJORD, arXiv 1810.01367).
DataSetConfig default_config(DataSet set);

/// Every problem of the configuration, or none.
Problems validate(const DataSetConfig& config);

/// The set as a distribution in two dimensions. The log-density is known of eight_gaussians and
/// checkerboard exactly, and by quadrature along the curve of moons, s_curve, swiss_roll, rings and
/// spiral, with an error below 1e-3 within ten standard deviations of the noise, where that noise
/// is not below 1e-4 nor about 1/10,000 of the length of all curves. It is not known of
/// moons_torchdyn and pinwheel. The entropy is known of eight_gaussians and checkerboard.
Result<std::shared_ptr<const Distribution>> make_distribution(const DataSetConfig& config);

/// The mixture that the set is, from which an ExactField is made; none for all others but
/// eight_gaussians. Precondition: no problems.
std::optional<GaussianMixtureConfig> mixture_of(const DataSetConfig& config);

}  // namespace flowmatch
