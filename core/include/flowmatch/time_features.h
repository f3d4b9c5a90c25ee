// What a network is given of the time t: t itself, or sines and cosines of it at many frequencies,
// from which a network makes a function that changes fast with t more easily than from t alone.
//
//   sinusoidal: the frequencies are a geometric sequence (Vaswani et al. 2017, arXiv 1706.03762,
//     section 3.5), with the constants of DDPM (Ho et al. 2020, arXiv 2006.11239), which counts a
//     thousand steps where t goes from 0 to 1.
//   fourier: the frequencies are random and stay what they are (Tancik et al. 2020, arXiv
//     2006.10739).
#pragma once

#include "flowmatch/points.h"
#include "flowmatch/problem.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace flowmatch {

enum class TimeFeatureKind {
  plain,       ///< t.
  sinusoidal,  ///< sin and cos of 1000 scale t 10000^(-k / (count/2 - 1)), k = 0 to count/2 - 1.
  fourier,     ///< sin and cos of 2 pi b_k t with b_k ~ N(0, scale^2), drawn from the seed.
};

inline constexpr std::array kTimeFeatureKinds{TimeFeatureKind::plain, TimeFeatureKind::sinusoidal,
                                              TimeFeatureKind::fourier};

/// The name in configurations and links ("plain", "sinusoidal", "fourier"), and back.
std::string_view name(TimeFeatureKind kind);
std::optional<TimeFeatureKind> time_feature_kind_from_name(std::string_view name);

struct TimeFeatures {
  TimeFeatureKind kind = TimeFeatureKind::plain;
  Index count = 32;        ///< Sines and cosines in all: even, 2 to kMaxTimeFeatures. Not of plain.
  double scale = 1;        ///< Multiplies every frequency, (0, kMaxTimeScale]. Not of plain.
  std::uint64_t seed = 0;  ///< Of the frequencies of fourier; every 64-bit number.
};

inline constexpr Index kMaxTimeFeatures = 1024;
inline constexpr double kMaxTimeScale = 1000;

/// Every problem of the configuration, or none.
Problems validate(const TimeFeatures& config);

/// The features of a configuration, computed in double precision. Immutable.
class TimeEncoding {
 public:
  /// Precondition: validate(config) is empty.
  explicit TimeEncoding(const TimeFeatures& config);

  /// Features of one time: 1 for plain, the configuration's count otherwise.
  [[nodiscard]] Index count() const {
    return plain() ? 1 : 2 * static_cast<Index>(frequencies_.size());
  }
  [[nodiscard]] bool plain() const { return frequencies_.empty(); }
  /// In turns for a time of 1, one for a sine and a cosine; none for plain.
  [[nodiscard]] const std::vector<double>& frequencies() const { return frequencies_; }

  /// The count() features of t: all sines, then all cosines, in the order of the frequencies.
  void encode(double t, double* features) const;

 private:
  std::vector<double> frequencies_;
};

}  // namespace flowmatch
