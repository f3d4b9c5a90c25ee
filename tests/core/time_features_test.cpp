#include "flowmatch/time_features.h"

#include "conditional_golden.h"
#include "support/errors.h"
#include "support/statistics.h"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::Estimate;
using flowmatch::testing::kSigmas;
using flowmatch::testing::worse;

std::vector<double> encode(const TimeEncoding& encoding, double t) {
  std::vector<double> features(static_cast<std::size_t>(encoding.count()));
  encoding.encode(t, features.data());
  return features;
}

/// The times of the golden batches; see conditional_golden.py.
double golden_time(std::size_t row) {
  return std::abs(0.5 * std::sin(0.7 * static_cast<double>(row) + 0.1));
}

double worst_golden(const TimeFeatures& config, std::span<const double> expected) {
  const TimeEncoding encoding(config);
  const auto count = static_cast<std::size_t>(encoding.count());
  REQUIRE(expected.size() == 7 * count);
  double worst = 0;
  for (std::size_t row = 0; row < 7; ++row) {
    const std::vector<double> features = encode(encoding, golden_time(row));
    for (std::size_t i = 0; i < count; ++i) {
      worst = worse(worst, std::abs(features[i] - expected[row * count + i]));
    }
  }
  return worst;
}

TEST_CASE("time features are PyTorch's") {
  namespace testing = flowmatch::testing;
  CHECK(worst_golden({}, testing::golden_labels::kFeatures) < 1e-16);
  // Phases of up to 250 radians, in doubles.
  CHECK(worst_golden({.kind = TimeFeatureKind::sinusoidal, .count = 6, .scale = 0.5},
                     testing::golden_sinusoidal::kFeatures) < 1e-12);
  CHECK(worst_golden({.kind = TimeFeatureKind::fourier, .count = 4, .scale = 2, .seed = 5},
                     testing::golden_fourier::kFeatures) < 1e-13);
}

TEST_CASE("plain time is itself") {
  const TimeEncoding encoding({});
  CHECK(encoding.plain());
  CHECK(encoding.count() == 1);
  CHECK(encode(encoding, 0.3) == std::vector<double>{0.3});
}

TEST_CASE("time features are sines and cosines of their frequencies, at any time") {
  for (const TimeFeatureKind kind : {TimeFeatureKind::sinusoidal, TimeFeatureKind::fourier}) {
    const TimeEncoding encoding({.kind = kind, .count = 20, .scale = 1.5});
    CHECK_FALSE(encoding.plain());
    REQUIRE(encoding.count() == 20);
    REQUIRE(encoding.frequencies().size() == 10);
    for (const double t : {-3.0, -1e-9, 0.0, 1e-3, 0.125, 0.7, 1.0, 17.3}) {
      const std::vector<double> features = encode(encoding, t);
      for (std::size_t k = 0; k < 10; ++k) {
        const double angle = 2 * std::numbers::pi * encoding.frequencies()[k] * t;
        // The angle itself is off by a rounding of its size.
        const double tolerance = 1e-15 + 4e-16 * std::abs(angle);
        CAPTURE(name(kind), t, k);
        CHECK(std::abs(features[k] - std::sin(angle)) < tolerance);
        CHECK(std::abs(features[10 + k] - std::cos(angle)) < tolerance);
      }
    }
    for (const double feature : encode(encoding, std::nan(""))) CHECK(std::isnan(feature));
  }
}

TEST_CASE("sinusoidal frequencies run from a thousand radians down to a tenth") {
  const TimeEncoding encoding({.kind = TimeFeatureKind::sinusoidal, .count = 64});
  const double turn = 2 * std::numbers::pi;
  CHECK(std::abs(encoding.frequencies().front() * turn - 1000) < 1e-10);
  CHECK(std::abs(encoding.frequencies().back() * turn - 0.1) < 1e-14);
  CHECK(TimeEncoding({.kind = TimeFeatureKind::sinusoidal, .count = 2}).frequencies().size() == 1);
}

TEST_CASE("fourier frequencies are normal, of the scale, and the seed's own") {
  const TimeFeatures config{
      .kind = TimeFeatureKind::fourier, .count = kMaxTimeFeatures, .scale = 3, .seed = 8};
  const std::vector<double> frequencies = TimeEncoding(config).frequencies();
  Estimate mean;
  Estimate square;
  for (const double frequency : frequencies) {
    mean.add(frequency);
    square.add(frequency * frequency);
  }
  CHECK(std::abs(mean.mean()) < kSigmas * mean.error());
  CHECK(std::abs(square.mean() - 9) < kSigmas * square.error());
  CHECK(TimeEncoding(config).frequencies() == frequencies);
  TimeFeatures other = config;
  other.seed = 9;
  CHECK(TimeEncoding(other).frequencies() != frequencies);
}

TEST_CASE("kinds of time features have names") {
  for (const TimeFeatureKind kind : kTimeFeatureKinds) {
    CHECK(time_feature_kind_from_name(name(kind)) == kind);
  }
  CHECK(time_feature_kind_from_name("random") == std::nullopt);
}

std::vector<std::string> bad_fields(Index count, double scale) {
  std::vector<std::string> fields;
  const TimeFeatures config{.kind = TimeFeatureKind::fourier, .count = count, .scale = scale};
  for (const Problem& problem : validate(config)) fields.push_back(problem.field);
  return fields;
}

TEST_CASE("absurd time features are refused") {
  using Fields = std::vector<std::string>;
  CHECK(validate(TimeFeatures{}).empty());
  CHECK(bad_fields(2, 1).empty());
  CHECK(bad_fields(kMaxTimeFeatures, kMaxTimeScale).empty());
  CHECK(bad_fields(0, 1) == Fields{"count"});
  CHECK(bad_fields(7, 1) == Fields{"count"});
  CHECK(bad_fields(-2, 1) == Fields{"count"});
  CHECK(bad_fields(kMaxTimeFeatures + 2, 1) == Fields{"count"});
  CHECK(bad_fields(4, 0) == Fields{"scale"});
  CHECK(bad_fields(4, std::numeric_limits<double>::infinity()) == Fields{"scale"});
  CHECK(bad_fields(3, std::nan("")) == Fields{"count", "scale"});
}

}  // namespace
