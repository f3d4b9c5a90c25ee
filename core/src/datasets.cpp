#include "flowmatch/datasets.h"

#include "elementary.h"
#include "gaussian_sum.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

namespace flowmatch {

namespace {

constexpr double kPi = std::numbers::pi;

using Config = DataSetConfig;

constexpr DataSetParameter noise(double standard, double low = 0) {
  return {"noise", &Config::noise, standard, low, 10, false};
}
constexpr DataSetParameter scale(double standard) {
  return {"scale", &Config::scale, standard, 0.01, 100, false};
}
constexpr DataSetParameter shift_x(double standard) {
  return {"shiftX", &Config::shift_x, standard, -100, 100, false};
}
constexpr DataSetParameter shift_y(double standard) {
  return {"shiftY", &Config::shift_y, standard, -100, 100, false};
}
constexpr DataSetParameter count(double standard, double high) {
  return {"count", &Config::count, standard, 1, high, true};
}
constexpr DataSetParameter radius(double standard) {
  return {"radius", &Config::radius, standard, 0, 100, false};
}
constexpr DataSetParameter turns(double standard) {
  return {"turns", &Config::turns, standard, 0.1, 8, false};
}

// A mixture's components may not be points: at the smallest scale these are at its limit.
constexpr std::array kEightGaussians{count(8, 64), radius(5),  noise(0.31622776601683794, 0.02),
                                     scale(1),     shift_x(0), shift_y(0)};
constexpr std::array kMoons{noise(0.05), scale(2), shift_x(-1), shift_y(0)};
constexpr std::array kMoonsTorchdyn{noise(0.2), scale(3), shift_x(-1), shift_y(-1)};
constexpr std::array kSCurve{noise(0.05), scale(1.5), shift_x(0), shift_y(0)};
constexpr std::array kCheckerboard{count(4, 64), scale(1 / 0.45), shift_x(0), shift_y(0)};
constexpr std::array kSwissRoll{turns(1.5), noise(1), scale(0.2), shift_x(0), shift_y(0)};
constexpr std::array kPinwheel{
    count(5, 64),
    DataSetParameter{"radialDeviation", &Config::radial_deviation, 0.3, 0, 2, false},
    DataSetParameter{"tangentialDeviation", &Config::tangential_deviation, 0.1, 0, 2, false},
    DataSetParameter{"rate", &Config::rate, 0.25, -2, 2, false},
    scale(2),
    shift_x(0),
    shift_y(0)};
constexpr std::array kRings{count(4, 64), radius(3), noise(0.08), scale(1), shift_x(0), shift_y(0)};
constexpr std::array kSpiral{count(2, 64), turns(1.5), radius(kPi), noise(0.1),
                             scale(1),     shift_x(0), shift_y(0)};

/// circle_point() for any number of turns.
CirclePoint turned(double turns) {
  return circle_point(turns - std::floor(turns));
}

/// What all sets share: the configuration, and one way to draw with and without labels.
class PlanarSet : public Distribution {
 public:
  explicit PlanarSet(const DataSetConfig& config)
      : config_(config), count_(static_cast<Index>(config.count)) {}

  [[nodiscard]] Index dimension() const final { return 2; }

  void sample(const RandomStream& stream, Index first_row, PointsRef out) const final {
    draw(stream, first_row, out, {});
  }

  void sample_labelled(const RandomStream& stream, Index first_row, PointsRef out,
                       std::span<std::int32_t> labels) const final {
    assert(labels.size() == static_cast<std::size_t>(out.rows()));
    draw(stream, first_row, out, labels);
  }

 protected:
  /// Row i: which part of the set, and where on it, from its block 0; normals from block 1.
  struct Row {
    std::array<std::uint32_t, 4> words;
    double normal_x;
    double normal_y;
  };

  struct Placed {
    CirclePoint point;  ///< Before scale and shift.
    Index label;
  };

  [[nodiscard]] virtual bool has_normals() const = 0;
  [[nodiscard]] virtual Placed place(const Row& row) const = 0;

  [[nodiscard]] const DataSetConfig& config() const { return config_; }
  [[nodiscard]] Index count() const { return count_; }

  /// Scale and shift.
  [[nodiscard]] CirclePoint placed(CirclePoint point) const {
    return {config_.scale * point.x + config_.shift_x, config_.scale * point.y + config_.shift_y};
  }

 private:
  void draw(const RandomStream& stream, Index first_row, PointsRef out,
            std::span<std::int32_t> labels) const {
    if (has_normals()) fill_normal(stream, first_row, out, 1);
    for (Index i = 0; i < out.rows(); ++i) {
      Row row{.words = stream.words(static_cast<std::uint32_t>(first_row + i)),
              .normal_x = 0,
              .normal_y = 0};
      if (has_normals()) {
        row.normal_x = static_cast<double>(out(i, 0));
        row.normal_y = static_cast<double>(out(i, 1));
      }
      const Placed drawn = place(row);
      const CirclePoint point = placed(drawn.point);
      out(i, 0) = static_cast<float>(point.x);
      out(i, 1) = static_cast<float>(point.y);
      if (!labels.empty()) {
        labels[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(drawn.label);
      }
    }
  }

  DataSetConfig config_;
  Index count_;
};

/// One or several curves with noise. The density of Gaussian noise is an integral along the curve,
/// which Gauss and Legendre's rule turns into a sum of Gaussians.
class NoisyCurves final : public PlanarSet {
 public:
  explicit NoisyCurves(const DataSetConfig& config)
      : PlanarSet(config), curves_(curve_count(config.set, count())) {
    make_density();
  }

  [[nodiscard]] Index labels() const override {
    const DataSet set = config().set;
    return set == DataSet::s_curve || set == DataSet::swiss_roll ? 0 : curves_;
  }
  [[nodiscard]] bool has_density() const override { return !log_weights_.empty(); }
  void log_density(const ConstPointsRef& x, ValuesRef out) const override {
    assert(has_density());
    density().log_density(x, out);
  }
  void score(const ConstPointsRef& x, PointsRef out) const override {
    assert(has_density());
    density().score(x, out);
  }

 private:
  [[nodiscard]] GaussianSum density() const {
    return {nodes_, log_weights_, config().noise * config().scale};
  }

  static Index curve_count(DataSet set, Index count) {
    switch (set) {
      case DataSet::moons:
      case DataSet::moons_torchdyn:
        return 2;
      case DataSet::rings:
      case DataSet::spiral:
        return count;
      default:
        return 1;
    }
  }

  [[nodiscard]] bool has_normals() const override {
    return config().set != DataSet::moons_torchdyn;
  }

  [[nodiscard]] Placed place(const Row& row) const override {
    const Index curve = index_from_word(row.words[0], curves_);
    const auto uniform = static_cast<double>(uniform_from_word(row.words[1]));
    CirclePoint point =
        curve_point(curve, config().set == DataSet::spiral ? std::sqrt(uniform) : uniform);
    if (has_normals()) {
      point.x += config().noise * row.normal_x;
      point.y += config().noise * row.normal_y;
    } else {
      const double shift = config().noise * static_cast<double>(uniform_from_word(row.words[2]));
      point.x += shift;
      point.y += shift;
    }
    return {.point = point, .label = curve};
  }

  /// Where curve `curve` is at v in [0, 1].
  [[nodiscard]] CirclePoint curve_point(Index curve, double v) const {
    switch (config().set) {
      case DataSet::s_curve: {
        const double turns = 1.5 * (v - 0.5);
        const CirclePoint on_circle = circle_point(std::abs(turns));
        const double sign = turns < 0 ? -1 : 1;
        return {sign * on_circle.y, sign * (on_circle.x - 1)};
      }
      case DataSet::swiss_roll: {
        const double turns = 0.75 + config().turns * v;
        const CirclePoint on_circle = turned(turns);
        return {2 * kPi * turns * on_circle.x, 2 * kPi * turns * on_circle.y};
      }
      case DataSet::rings: {
        const double radius = ring_radius(curve);
        const CirclePoint on_circle = circle_point(v);
        return {radius * on_circle.x, radius * on_circle.y};
      }
      case DataSet::spiral: {
        const double share = static_cast<double>(curve) / static_cast<double>(curves_);
        const double radius = config().radius * v;
        const CirclePoint on_circle = turned(config().turns * v + share);
        return {-radius * on_circle.x, radius * on_circle.y};
      }
      default: {
        const CirclePoint on_circle = circle_point(v / 2);
        if (curve == 0) return on_circle;
        return {1 - on_circle.x, 0.5 - on_circle.y};
      }
    }
  }

  [[nodiscard]] double ring_radius(Index ring) const {
    return config().radius * static_cast<double>(ring + 1) / static_cast<double>(curves_);
  }

  /// The largest |dx/dv| along a curve.
  [[nodiscard]] double speed(Index curve) const {
    const double angle = 2 * kPi * config().turns;
    switch (config().set) {
      case DataSet::s_curve:
        return 3 * kPi;
      case DataSet::swiss_roll: {
        const double last = 1.5 * kPi + angle;
        return angle * std::sqrt(1 + last * last);
      }
      case DataSet::rings:
        return 2 * kPi * ring_radius(curve);
      case DataSet::spiral:
        return config().radius * std::sqrt(1 + angle * angle);
      default:
        return kPi;
    }
  }

  /// Panels of two standard deviations with eight nodes each, in proportion to which the integrand
  /// is a Gaussian's short piece, and at least so many that every turn has four.
  void make_density() {
    constexpr Index kNodes = 8;
    constexpr double kMostPanels = 8192;
    constexpr std::array<double, 4> kAbscissas{0.1834346424956498, 0.5255324099163290,
                                               0.7966664774136267, 0.9602898564975362};
    constexpr std::array<double, 4> kWeights{0.3626837833783620, 0.3137066458778873,
                                             0.2223810344533745, 0.1012285362903763};
    const double deviation = config().noise;
    // The centres are floats as well: less noise than that they could not resolve.
    constexpr double kLeastDeviation = 1e-4;
    if (!has_normals() || !(deviation * config().scale >= kLeastDeviation)) return;
    std::vector<Index> panels;
    double total = 0;
    for (Index curve = 0; curve < curves_; ++curve) {
      const double needed = std::max(32.0, std::ceil(speed(curve) / (2 * deviation)));
      total += needed;
      if (total > kMostPanels) return;
      panels.push_back(static_cast<Index>(needed));
    }
    nodes_.resize(static_cast<Index>(total) * kNodes, 2);
    log_weights_.reserve(static_cast<std::size_t>(nodes_.rows()));
    for (Index curve = 0; curve < curves_; ++curve) {
      const Index count = panels[static_cast<std::size_t>(curve)];
      const double half = 0.5 / static_cast<double>(count);
      for (Index panel = 0; panel < count; ++panel) {
        for (std::size_t node = 0; node < kNodes; ++node) {
          const double abscissa = node < 4 ? -kAbscissas[node] : kAbscissas[node - 4];
          const double v = half * (static_cast<double>(2 * panel + 1) + abscissa);
          // The density of v: 1, or 2 v for the root of a uniform number.
          const double density = config().set == DataSet::spiral ? 2 * v : 1;
          const CirclePoint point = placed(curve_point(curve, v));
          const auto row = static_cast<Index>(log_weights_.size());
          nodes_(row, 0) = static_cast<float>(point.x);
          nodes_(row, 1) = static_cast<float>(point.y);
          log_weights_.push_back(
              natural_log(half * kWeights[node % 4] * density / static_cast<double>(curves_)));
        }
      }
    }
  }

  Index curves_;
  Points nodes_;                     // of the quadrature over all curves; none without a density
  std::vector<double> log_weights_;  // of each
};

class Checkerboard final : public PlanarSet {
 public:
  explicit Checkerboard(const DataSetConfig& config)
      : PlanarSet(config), squares_((count() * count() + 1) / 2) {
    const double farthest = config.scale * config.count / 2 +
                            std::max(std::abs(config.shift_x), std::abs(config.shift_y));
    tolerance_ = farthest * 0x1p-23 / config.scale;
  }

  [[nodiscard]] Index labels() const override { return squares_; }
  [[nodiscard]] bool has_density() const override { return true; }
  [[nodiscard]] std::optional<double> entropy() const override { return log_area(); }

  void log_density(const ConstPointsRef& x, ValuesRef out) const override {
    const double inside = -log_area();
    for (Index i = 0; i < x.rows(); ++i) {
      out[i] = contains(x(i, 0), x(i, 1)) ? inside : -std::numeric_limits<double>::infinity();
    }
  }

  /// 0 in the squares; there is none outside.
  void score(const ConstPointsRef& x, PointsRef out) const override {
    for (Index i = 0; i < x.rows(); ++i) {
      out.row(i).setConstant(contains(x(i, 0), x(i, 1)) ? 0 : std::nanf(""));
    }
  }

 private:
  [[nodiscard]] bool has_normals() const override { return false; }

  [[nodiscard]] Placed place(const Row& row) const override {
    // Square s is number 2 s of all, column by column; in a board with an even side every other
    // column begins with the other colour.
    const Index square = index_from_word(row.words[0], squares_);
    const Index column = 2 * square / count();
    Index line = 2 * square % count();
    if (count() % 2 == 0 && column % 2 == 1) ++line;
    const double corner = config().count / 2;
    return {.point = {static_cast<double>(column) +
                          static_cast<double>(uniform_from_word(row.words[1])) - corner,
                      static_cast<double>(line) +
                          static_cast<double>(uniform_from_word(row.words[2])) - corner},
            .label = square};
  }

  /// Of all squares together.
  [[nodiscard]] double log_area() const {
    return natural_log(static_cast<double>(squares_) * config().scale * config().scale);
  }

  [[nodiscard]] bool is_filled(double column, double line) const {
    const double count = config().count;
    return column >= 0 && column < count && line >= 0 && line < count &&
           (static_cast<Index>(column) + static_cast<Index>(line)) % 2 == 0;
  }

  /// Whether a point lies in a square, or beyond its edge by no more than rounding to float may
  /// have put it there.
  [[nodiscard]] bool contains(float x, float y) const {
    const double corner = config().count / 2;
    const double column = (static_cast<double>(x) - config().shift_x) / config().scale + corner;
    const double line = (static_cast<double>(y) - config().shift_y) / config().scale + corner;
    for (const double dx : {-tolerance_, tolerance_}) {
      for (const double dy : {-tolerance_, tolerance_}) {
        if (is_filled(std::floor(column + dx), std::floor(line + dy))) return true;
      }
    }
    return false;
  }

  Index squares_;
  double tolerance_ = 0;  // in squares
};

class Pinwheel final : public PlanarSet {
 public:
  using PlanarSet::PlanarSet;

  [[nodiscard]] Index labels() const override { return count(); }

 private:
  [[nodiscard]] bool has_normals() const override { return true; }

  [[nodiscard]] Placed place(const Row& row) const override {
    const Index blade = index_from_word(row.words[0], count());
    const double along = 1 + config().radial_deviation * row.normal_x;
    const double across = config().tangential_deviation * row.normal_y;
    const CirclePoint angle = turned(static_cast<double>(blade) / config().count +
                                     config().rate * exponential(along) / (2 * kPi));
    return {.point = {along * angle.x + across * angle.y, -along * angle.y + across * angle.x},
            .label = blade};
  }
};

GaussianMixtureConfig circle_of_gaussians(const DataSetConfig& config) {
  GaussianMixtureConfig mixture = ring_mixture(
      static_cast<Index>(config.count), config.scale * config.radius, config.scale * config.noise);
  for (Eigen::VectorXd& mean : mixture.means) {
    mean += Eigen::Vector2d(config.shift_x, config.shift_y);
  }
  return mixture;
}

}  // namespace

std::string_view name(DataSet set) {
  switch (set) {
    case DataSet::eight_gaussians:
      return "eight_gaussians";
    case DataSet::moons:
      return "moons";
    case DataSet::moons_torchdyn:
      return "moons_torchdyn";
    case DataSet::s_curve:
      return "s_curve";
    case DataSet::checkerboard:
      return "checkerboard";
    case DataSet::swiss_roll:
      return "swiss_roll";
    case DataSet::pinwheel:
      return "pinwheel";
    case DataSet::rings:
      return "rings";
    case DataSet::spiral:
      return "spiral";
  }
  return "";
}

std::optional<DataSet> data_set_from_name(std::string_view text) {
  for (const DataSet set : kDataSets) {
    if (name(set) == text) return set;
  }
  return std::nullopt;
}

std::span<const DataSetParameter> parameters(DataSet set) {
  switch (set) {
    case DataSet::eight_gaussians:
      return kEightGaussians;
    case DataSet::moons:
      return kMoons;
    case DataSet::moons_torchdyn:
      return kMoonsTorchdyn;
    case DataSet::s_curve:
      return kSCurve;
    case DataSet::checkerboard:
      return kCheckerboard;
    case DataSet::swiss_roll:
      return kSwissRoll;
    case DataSet::pinwheel:
      return kPinwheel;
    case DataSet::rings:
      return kRings;
    case DataSet::spiral:
      return kSpiral;
  }
  return {};
}

DataSetConfig default_config(DataSet set) {
  DataSetConfig config;
  config.set = set;
  for (const DataSetParameter& parameter : parameters(set)) {
    config.*parameter.value = parameter.standard;
  }
  return config;
}

Problems validate(const DataSetConfig& config) {
  ProblemList problems;
  if (name(config.set).empty()) problems.add("set", "unknown", "one of the sets");
  for (const DataSetParameter& parameter : parameters(config.set)) {
    const double value = config.*parameter.value;
    if (parameter.whole) {
      problems.check_integer(parameter.name, value, parameter.low, parameter.high);
    } else {
      problems.check_range(parameter.name, value, parameter.low, parameter.high);
    }
  }
  return std::move(problems).take();
}

std::optional<GaussianMixtureConfig> mixture_of(const DataSetConfig& config) {
  if (config.set != DataSet::eight_gaussians) return std::nullopt;
  return circle_of_gaussians(config);
}

Result<std::shared_ptr<const Distribution>> make_distribution(const DataSetConfig& config) {
  using Pointer = std::shared_ptr<const Distribution>;
  if (Problems problems = validate(config); !problems.empty()) return problems;
  // Parameters that the set does not have may be anything, so they are left behind.
  DataSetConfig used = default_config(config.set);
  for (const DataSetParameter& parameter : parameters(config.set)) {
    used.*parameter.value = config.*parameter.value;
  }
  switch (config.set) {
    case DataSet::eight_gaussians: {
      auto mixture = GaussianMixture::make(circle_of_gaussians(used));
      if (!mixture) return mixture.problems();
      return Pointer(std::make_shared<const GaussianMixture>(std::move(mixture).value()));
    }
    case DataSet::checkerboard:
      return Pointer(std::make_shared<const Checkerboard>(used));
    case DataSet::pinwheel:
      return Pointer(std::make_shared<const Pinwheel>(used));
    default:
      return Pointer(std::make_shared<const NoisyCurves>(used));
  }
}

}  // namespace flowmatch
