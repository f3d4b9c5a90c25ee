#include "flowmatch/time_features.h"

#include "elementary.h"
#include "flowmatch/random.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

constexpr double kPeriod = 10000;
constexpr double kDdpmSteps = 1000;

/// Powers of the series of the sine or the cosine, to the last bit of a double within an eighth of
/// a turn.
constexpr std::size_t kTerms = 9;

/// (-1)^n / (2 n + first)! for n = 0, 1, ...
constexpr std::array<double, kTerms> alternating_series(std::size_t first) {
  std::array<double, kTerms> terms{};
  double factorial = 1;
  for (std::size_t n = 0; n < kTerms; ++n) {
    const std::size_t power = 2 * n + first;
    if (power > 1) factorial *= static_cast<double>(power * (power - 1));
    terms[n] = (n % 2 == 0 ? 1 : -1) / factorial;
  }
  return terms;
}

struct SineAndCosine {
  double sine;
  double cosine;
};

/// The nearest whole number, for magnitudes below 2^50. A call of the standard library's would keep
/// the loop over the frequencies from being compiled to vectors.
double nearest_whole(double x) {
  constexpr double kMagic = 0x1.8p52;
  return (x + kMagic) - kMagic;
}

/// Of 2 pi `turns`. Not circle_point() of elementary.h: that divides in each term of its series,
/// and branches; a training step asks for this some thousand times.
SineAndCosine sine_and_cosine(double turns) {
  static constexpr auto kSine = alternating_series(1);
  static constexpr auto kCosine = alternating_series(0);
  const double quarters = 4 * (turns - nearest_whole(turns));
  const double quarter = nearest_whole(quarters);  // -2 to 2
  const double angle = (quarters - quarter) * (std::numbers::pi / 2);
  const double square = angle * angle;
  double sine = 0;
  double cosine = 0;
  for (std::size_t n = kTerms; n-- > 0;) {
    sine = sine * square + kSine[n];
    cosine = cosine * square + kCosine[n];
  }
  sine *= angle;
  const bool odd = quarter * quarter == 1;
  const double sign = quarter * quarter == 4 ? -1 : 1;
  return {odd ? quarter * cosine : sign * sine, odd ? -quarter * sine : sign * cosine};
}

std::vector<double> sinusoidal_frequencies(Index count, double scale) {
  std::vector<double> frequencies;
  const auto last = static_cast<double>(std::max<Index>(count - 1, 1));
  for (Index k = 0; k < count; ++k) {
    const double power = exponential(-natural_log(kPeriod) * static_cast<double>(k) / last);
    frequencies.push_back(kDdpmSteps * scale * power / (2 * std::numbers::pi));
  }
  return frequencies;
}

/// Box-Muller in double precision, not the kernel of normal numbers: it rounds as the processor's
/// vectors do, and weights trained on one machine need the very frequencies on every other.
std::vector<double> random_frequencies(Index count, double scale, std::uint64_t seed) {
  const RandomStream stream{seed, Purpose::fourier_features, 0};
  std::vector<double> frequencies;
  for (Index k = 0; k < count; ++k) {
    const auto words = stream.words(static_cast<std::uint32_t>(k));
    const auto radius = static_cast<double>(uniform_from_word(words[0]));
    const auto turns = static_cast<double>(uniform_from_word(words[1]));
    frequencies.push_back(scale * std::sqrt(-2 * natural_log(radius)) *
                          sine_and_cosine(turns).cosine);
  }
  return frequencies;
}

}  // namespace

std::string_view name(TimeFeatureKind kind) {
  switch (kind) {
    case TimeFeatureKind::plain:
      return "plain";
    case TimeFeatureKind::sinusoidal:
      return "sinusoidal";
    case TimeFeatureKind::fourier:
      return "fourier";
  }
  return "";
}

std::optional<TimeFeatureKind> time_feature_kind_from_name(std::string_view text) {
  for (const TimeFeatureKind kind : kTimeFeatureKinds) {
    if (name(kind) == text) return kind;
  }
  return std::nullopt;
}

Problems validate(const TimeFeatures& config) {
  ProblemList problems;
  if (config.kind == TimeFeatureKind::plain) return {};
  if (config.count < 2 || config.count > kMaxTimeFeatures || config.count % 2 != 0) {
    problems.add("count", std::to_string(config.count),
                 "an even number from 2 to " + std::to_string(kMaxTimeFeatures));
  }
  problems.check_above("scale", config.scale, 0, kMaxTimeScale);
  return std::move(problems).take();
}

TimeEncoding::TimeEncoding(const TimeFeatures& config) {
  assert(validate(config).empty());
  switch (config.kind) {
    case TimeFeatureKind::plain:
      return;
    case TimeFeatureKind::sinusoidal:
      frequencies_ = sinusoidal_frequencies(config.count / 2, config.scale);
      return;
    case TimeFeatureKind::fourier:
      frequencies_ = random_frequencies(config.count / 2, config.scale, config.seed);
      return;
  }
}

void TimeEncoding::encode(double t, double* features) const {
  if (plain()) {
    features[0] = t;
    return;
  }
  const std::size_t half = frequencies_.size();
  for (std::size_t k = 0; k < half; ++k) {
    const auto [sine, cosine] = sine_and_cosine(frequencies_[k] * t);
    features[k] = sine;
    features[half + k] = cosine;
  }
}

}  // namespace flowmatch
