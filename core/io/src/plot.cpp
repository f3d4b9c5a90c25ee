#include "flowmatch/io/plot.h"

#include "canvas.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace flowmatch {

namespace {

constexpr Colour kInk{.red = 0.15F, .green = 0.15F, .blue = 0.17F};
constexpr Colour kGrid{.red = 0.90F, .green = 0.90F, .blue = 0.91F};
constexpr Colour kDots{.red = 0.12F, .green = 0.36F, .blue = 0.62F};
constexpr Colour kFaint{.red = 0.66F, .green = 0.78F, .blue = 0.89F};
constexpr Colour kAccent{.red = 0.84F, .green = 0.37F, .blue = 0.05F};
constexpr Colour kWhite{.red = 1, .green = 1, .blue = 1};

constexpr double kTextSize = 19;
constexpr double kFrameWidth = 2;
constexpr double kTickLength = 8;
/// Room beside the axes: for the labels of the left and the lower one, and half a label elsewhere.
constexpr int kLeft = 124;
constexpr int kBottom = 92;
constexpr int kTop = 30;
constexpr int kRight = 34;
/// The scale of colours and its room.
constexpr int kScaleGap = 26;
constexpr int kScaleWidth = 30;
constexpr int kScaleRoom = 180;
/// The side of a plot of the plane; a loss curve's area.
constexpr int kSide = 840;
constexpr int kCurveWidth = 1160;
constexpr int kCurveHeight = 640;

// --- Colours

/// viridis of matplotlib (S. van der Walt, N. Smith, E. Firing, 2015, CC0) at ten equal steps.
constexpr std::array<std::array<int, 3>, 10> kViridis{{{68, 1, 84},
                                                       {72, 40, 120},
                                                       {62, 73, 137},
                                                       {49, 104, 142},
                                                       {38, 130, 142},
                                                       {31, 158, 137},
                                                       {53, 183, 121},
                                                       {109, 205, 89},
                                                       {180, 222, 44},
                                                       {253, 231, 37}}};

/// The colour of a share in [0, 1].
Colour viridis(double share) {
  const double at = std::clamp(share, 0.0, 1.0) * static_cast<double>(kViridis.size() - 1);
  const auto low = std::min(static_cast<std::size_t>(at), kViridis.size() - 2);
  const double rest = at - static_cast<double>(low);
  const auto channel = [&](std::size_t c) {
    return static_cast<float>(((1 - rest) * kViridis[low][c] + rest * kViridis[low + 1][c]) / 255);
  };
  return {.red = channel(0), .green = channel(1), .blue = channel(2)};
}

// --- Axes

/// A range of values along a side of the plot.
struct Axis {
  double low;
  double high;
  bool logarithmic = false;

  /// The share of the side at a value.
  [[nodiscard]] double share(double value) const {
    if (logarithmic) return std::log(value / low) / std::log(high / low);
    return (value - low) / (high - low);
  }
};

/// The smallest of 1, 2, 5, 10, 20, ... (and their like below 1) that is at least `value`.
double round_up_nicely(double value) {
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= value * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::vector<double> ticks_of(const Axis& axis, int most) {
  std::vector<double> ticks;
  if (axis.logarithmic) {
    const bool few = std::log10(axis.high / axis.low) > 2;
    for (double power = std::pow(10.0, std::floor(std::log10(axis.low))); power <= axis.high;
         power *= 10) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double tick = factor * power;
        if ((factor == 1 || !few) && tick >= axis.low && tick <= axis.high) ticks.push_back(tick);
      }
    }
    return ticks;
  }
  const double step = round_up_nicely((axis.high - axis.low) / most);
  const double first = std::ceil(axis.low / step - 1e-9);
  const double last = std::floor(axis.high / step + 1e-9);
  for (double i = first; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

/// A tick's label: a short number, although 3 times 0.1 is not quite 0.3.
std::string label_of(double value) {
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.6g", std::abs(value) < 1e-300 ? 0.0 : value);
  return buffer.data();
}

// --- A plot: a frame with two axes

class Plot {
 public:
  Plot(int width, int height, int room, const Axis& x, const Axis& y)
      : x_(x),
        y_(y),
        area_{.left = kLeft,
              .top = kTop,
              .right = static_cast<double>(kLeft + width),
              .bottom = static_cast<double>(kTop + height)},
        canvas_(kLeft + width + room + kRight, kTop + height + kBottom) {}

  [[nodiscard]] Canvas& canvas() { return canvas_; }
  [[nodiscard]] const Clip& area() const { return area_; }
  [[nodiscard]] Place at(double x, double y) const { return {column(x), row(y)}; }
  [[nodiscard]] double column(double x) const {
    return area_.left + x_.share(x) * (area_.right - area_.left);
  }
  [[nodiscard]] double row(double y) const {
    return area_.bottom - y_.share(y) * (area_.bottom - area_.top);
  }

  void grid_lines() {
    for (const double tick : ticks_of(y_, kMostTicks)) {
      canvas_.line({area_.left, row(tick)}, {area_.right, row(tick)}, 1.5, kGrid);
    }
  }

  /// After all that is within it.
  void axes(std::string_view x_label, std::string_view y_label) {
    canvas_.clear_clip();
    frame(area_);
    for (const double tick : ticks_of(x_, kMostTicks)) {
      const double x = column(tick);
      canvas_.line({x, area_.bottom}, {x, area_.bottom + kTickLength}, kFrameWidth, kInk);
      canvas_.text(label_of(tick), {x, area_.bottom + kTickLength + 10 + kTextSize}, kTextSize, 0.5,
                   kInk);
    }
    for (const double tick : ticks_of(y_, kMostTicks)) tick_beside(area_.left, row(tick), tick, -1);
    const double middle = (area_.left + area_.right) / 2;
    canvas_.text(x_label, {middle, area_.bottom + kBottom - 14}, kTextSize, 0.5, kInk);
    canvas_.text(y_label, {30, (area_.top + area_.bottom) / 2}, kTextSize, 0.5, kInk, true);
  }

  /// A scale of viridis from 0 to `high` to the right of the area.
  void scale(double high, std::string_view label) {
    canvas_.clear_clip();
    const Clip bar{.left = area_.right + kScaleGap,
                   .top = area_.top,
                   .right = area_.right + kScaleGap + kScaleWidth,
                   .bottom = area_.bottom};
    for (double y = bar.top; y < bar.bottom; ++y) {
      const double share = (bar.bottom - y - 0.5) / (bar.bottom - bar.top);
      canvas_.fill({.left = bar.left, .top = y, .right = bar.right, .bottom = y + 1},
                   viridis(share));
    }
    frame(bar);
    const Axis axis{.low = 0, .high = high};
    for (const double tick : ticks_of(axis, kMostTicks)) {
      tick_beside(bar.right, bar.bottom - axis.share(tick) * (bar.bottom - bar.top), tick, 1);
    }
    canvas_.text(
        label, {bar.right + kScaleRoom - kScaleGap - kScaleWidth + 14, (bar.top + bar.bottom) / 2},
        kTextSize, 0.5, kInk, true);
  }

 private:
  static constexpr int kMostTicks = 7;

  void frame(const Clip& r) {
    canvas_.polyline({{r.left, r.top},
                      {r.right, r.top},
                      {r.right, r.bottom},
                      {r.left, r.bottom},
                      {r.left, r.top}},
                     kFrameWidth, kInk);
  }

  /// A tick and its label to the left (-1) or right (1) of a vertical line.
  void tick_beside(double x, double y, double value, int side) {
    canvas_.line({x, y}, {x + side * kTickLength, y}, kFrameWidth, kInk);
    canvas_.text(label_of(value), {x + side * (kTickLength + 8), y + kTextSize / 2}, kTextSize,
                 side < 0 ? 1 : 0, kInk);
  }

  Axis x_;
  Axis y_;
  Clip area_;
  Canvas canvas_;
};

/// A plot of the plane, as high as its window is by its width.
Plot plane(const Window& window, int room) {
  const double ratio = (window.y_max - window.y_min) / (window.x_max - window.x_min);
  const int height = std::clamp(static_cast<int>(std::lround(kSide * ratio)), kSide / 4, 4 * kSide);
  return {kSide, height, room, Axis{.low = window.x_min, .high = window.x_max},
          Axis{.low = window.y_min, .high = window.y_max}};
}

/// The value at a place between the centres of cells, (0, 0) being that of the first.
double interpolated(const ConstPointsRefOf<double>& cells, double row, double column) {
  const auto bound = [](double at, Index count) {
    return std::clamp(at, 0.0, static_cast<double>(count - 1));
  };
  const double r = bound(row, cells.rows());
  const double c = bound(column, cells.cols());
  const auto r0 = static_cast<Index>(r);
  const auto c0 = static_cast<Index>(c);
  const Index r1 = std::min(r0 + 1, cells.rows() - 1);
  const Index c1 = std::min(c0 + 1, cells.cols() - 1);
  const double down = r - static_cast<double>(r0);
  const double across = c - static_cast<double>(c0);
  return (1 - down) * ((1 - across) * cells(r0, c0) + across * cells(r0, c1)) +
         down * ((1 - across) * cells(r1, c0) + across * cells(r1, c1));
}

/// A picture of values from 0 upwards; between the cells smooth, or each of one colour.
Image plot_cells(const ConstPointsRefOf<double>& cells, const Window& window, bool smooth) {
  double high = 0;
  for (Index i = 0; i < cells.rows(); ++i) {
    for (Index j = 0; j < cells.cols(); ++j) {
      if (std::isfinite(cells(i, j))) high = std::max(high, cells(i, j));
    }
  }
  if (high <= 0) high = 1;
  Plot plot = plane(window, kScaleRoom);
  const Clip& area = plot.area();
  const double rows_per_pixel = static_cast<double>(cells.rows()) / (area.bottom - area.top);
  const double columns_per_pixel = static_cast<double>(cells.cols()) / (area.right - area.left);
  for (double y = area.top; y < area.bottom; ++y) {
    for (double x = area.left; x < area.right; ++x) {
      const double row = (area.bottom - y - 0.5) * rows_per_pixel;
      const double column = (x + 0.5 - area.left) * columns_per_pixel;
      const double value = smooth ? interpolated(cells, row - 0.5, column - 0.5)
                                  : cells(static_cast<Index>(row), static_cast<Index>(column));
      if (!std::isfinite(value)) continue;
      plot.canvas().fill({.left = x, .top = y, .right = x + 1, .bottom = y + 1},
                         viridis(value / high));
    }
  }
  plot.scale(high, "density");
  plot.axes("x", "y");
  return plot.canvas().image();
}

// --- The loss

/// The losses that one column of pixels stands for.
struct Bundle {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
};

bool drawable(double loss) {
  return std::isfinite(loss) && loss > 0;
}

/// The mean of the drawable losses around each of `columns` places, over a fiftieth of the run.
std::vector<double> running_mean(std::span<const float> losses, std::size_t columns) {
  std::vector<double> sums(losses.size() + 1);
  std::vector<double> counts(losses.size() + 1);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const auto loss = static_cast<double>(losses[i]);
    sums[i + 1] = sums[i] + (drawable(loss) ? loss : 0);
    counts[i + 1] = counts[i] + (drawable(loss) ? 1 : 0);
  }
  const std::size_t reach = std::max<std::size_t>(losses.size() / 100, 1);
  std::vector<double> means;
  for (std::size_t c = 0; c < columns; ++c) {
    const std::size_t middle = c * (losses.size() - 1) / std::max<std::size_t>(columns - 1, 1);
    // Before the place no further than there is after the beginning, so that the first slope is not
    // flattened; at the end what there is.
    const std::size_t half = std::min(reach, middle);
    const std::size_t from = middle - half;
    const std::size_t to = std::min(middle + half + 1, losses.size());
    const double count = counts[to] - counts[from];
    means.push_back(count > 0 ? (sums[to] - sums[from]) / count
                              : std::numeric_limits<double>::quiet_NaN());
  }
  return means;
}

/// The range of the losses, but for the highest in a thousand, which may be far off.
Axis loss_axis(std::span<const float> losses, double floor) {
  std::vector<float> sorted;
  for (const float loss : losses) {
    if (drawable(static_cast<double>(loss))) sorted.push_back(loss);
  }
  if (sorted.empty()) return {.low = 0, .high = 1};
  std::ranges::sort(sorted);
  auto low = static_cast<double>(sorted.front());
  auto high = static_cast<double>(sorted[(sorted.size() - 1) * 999 / 1000]);
  if (floor > 0) {
    low = std::min(low, floor);
    high = std::max(high, floor);
  }
  if (high > 10 * low) return {.low = low / 1.15, .high = high * 1.15, .logarithmic = true};
  const double margin = std::max(0.06 * (high - low), 1e-3 * high);
  return {.low = std::max(0.0, low - margin), .high = high + margin};
}

void draw_losses(Plot& plot, std::span<const float> losses, double first) {
  const auto columns = static_cast<std::size_t>(plot.area().right - plot.area().left);
  if (losses.size() < 2 * columns) {
    std::vector<Place> places;
    for (std::size_t i = 0; i < losses.size(); ++i) {
      const auto loss = static_cast<double>(losses[i]);
      if (drawable(loss)) places.push_back(plot.at(first + static_cast<double>(i), loss));
    }
    plot.canvas().polyline(places, 1.5, kFaint);
    return;
  }
  // A band from the lowest to the highest of each column of pixels.
  std::vector<Bundle> bundles(columns);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const auto loss = static_cast<double>(losses[i]);
    if (!drawable(loss)) continue;
    const double x = plot.column(first + static_cast<double>(i)) - plot.area().left;
    Bundle& bundle = bundles[std::min(static_cast<std::size_t>(std::max(x, 0.0)), columns - 1)];
    bundle.low = std::min(bundle.low, loss);
    bundle.high = std::max(bundle.high, loss);
  }
  for (std::size_t c = 0; c < columns; ++c) {
    if (bundles[c].high == 0) continue;
    const double x = plot.area().left + static_cast<double>(c);
    plot.canvas().fill({.left = x,
                        .top = plot.row(bundles[c].high) - 1,
                        .right = x + 1,
                        .bottom = plot.row(bundles[c].low) + 1},
                       kFaint);
  }
}

void draw_mean(Plot& plot, std::span<const float> losses, double first) {
  const std::size_t columns = std::min<std::size_t>(losses.size(), kCurveWidth / 2);
  const std::vector<double> means = running_mean(losses, columns);
  std::vector<Place> places;
  for (std::size_t c = 0; c < columns; ++c) {
    const std::size_t step = c * (losses.size() - 1) / std::max<std::size_t>(columns - 1, 1);
    if (std::isfinite(means[c])) {
      places.push_back(plot.at(first + static_cast<double>(step), means[c]));
    }
  }
  plot.canvas().polyline(places, 3.5, kDots);
}

void dashed(Canvas& canvas, double from, double to, double y) {
  for (double x = from; x < to; x += 22) {
    canvas.line({x, y}, {std::min(x + 12, to), y}, 3, kAccent);
  }
}

void legend(Plot& plot, bool with_floor) {
  Canvas& canvas = plot.canvas();
  const double left = plot.area().right - 296;
  double y = plot.area().top + 36;
  canvas.fill({.left = left - 18,
               .top = y - 24,
               .right = plot.area().right - 12,
               .bottom = y + (with_floor ? 92 : 56)},
              kWhite, 0.85);
  canvas.fill({.left = left, .top = y - 9, .right = left + 44, .bottom = y + 9}, kFaint);
  canvas.text("loss of a batch", {left + 60, y + 8}, kTextSize * 0.9, 0, kInk);
  y += 36;
  canvas.line({left + 2, y}, {left + 42, y}, 3.5, kDots);
  canvas.text("running mean", {left + 60, y + 8}, kTextSize * 0.9, 0, kInk);
  if (!with_floor) return;
  y += 36;
  dashed(canvas, left + 2, left + 42, y);
  canvas.text("irreducible loss", {left + 60, y + 8}, kTextSize * 0.9, 0, kInk);
}

}  // namespace

double window_of(const GaussianMixture& data, const GaussianMixture* source) {
  double reach = source == nullptr ? 4 : 0;  // That of N(0, I).
  for (const GaussianMixture* mixture : {&data, source}) {
    if (mixture == nullptr) continue;
    for (const auto& component : mixture->components()) {
      const double width = std::sqrt(component.variances.maxCoeff());
      reach = std::max(reach, component.mean.cwiseAbs().maxCoeff() + 4 * width);
    }
  }
  // To two digits.
  const double unit = std::pow(10.0, std::floor(std::log10(reach)) - 1) * 5;
  return std::ceil(reach / unit) * unit;
}

Image plot_samples(const ConstPointsRef& x, const Window& window) {
  Plot plot = plane(window, 0);
  Canvas& canvas = plot.canvas();
  canvas.set_clip(plot.area());
  const auto count = static_cast<double>(std::max<Index>(x.rows(), 1));
  const double radius = std::clamp(260 / std::sqrt(count), 2.0, 5.5);
  const double opacity = std::clamp(28 / std::sqrt(count), 0.12, 0.75);
  for (Index i = 0; i < x.rows(); ++i) {
    const Place place = plot.at(static_cast<double>(x(i, 0)), static_cast<double>(x(i, 1)));
    if (std::abs(place.x) < 1e6 && std::abs(place.y) < 1e6) {
      canvas.disc(place, radius, kDots, opacity);
    }
  }
  plot.axes("x", "y");
  return canvas.image();
}

Image plot_histogram(const ConstPointsRef& x, const Window& window, Index bins) {
  PointsOf<double> cells = PointsOf<double>::Zero(bins, bins);
  const double width = (window.x_max - window.x_min) / static_cast<double>(bins);
  const double height = (window.y_max - window.y_min) / static_cast<double>(bins);
  const double share = 1 / (static_cast<double>(std::max<Index>(x.rows(), 1)) * width * height);
  for (Index i = 0; i < x.rows(); ++i) {
    const double column = std::floor((static_cast<double>(x(i, 0)) - window.x_min) / width);
    const double row = std::floor((static_cast<double>(x(i, 1)) - window.y_min) / height);
    const auto end = static_cast<double>(bins);
    if (column >= 0 && column < end && row >= 0 && row < end) {
      cells(static_cast<Index>(row), static_cast<Index>(column)) += share;
    }
  }
  return plot_cells(cells, window, false);
}

Image plot_density(const ConstPointsRefOf<double>& density, const Window& window) {
  return plot_cells(density, window, true);
}

Image plot_loss(std::span<const float> losses, Index first_step, double floor) {
  const auto first = static_cast<double>(first_step + 1);
  const double last = first + static_cast<double>(std::max<std::size_t>(losses.size(), 2) - 1);
  Plot plot(kCurveWidth, kCurveHeight, 0, Axis{.low = first_step == 0 ? 0 : first, .high = last},
            loss_axis(losses, floor));
  Canvas& canvas = plot.canvas();
  canvas.set_clip(plot.area());
  plot.grid_lines();
  draw_losses(plot, losses, first);
  if (!losses.empty()) draw_mean(plot, losses, first);
  if (floor > 0) dashed(canvas, plot.area().left, plot.area().right, plot.row(floor));
  legend(plot, floor > 0);
  plot.axes("step", "loss");
  return canvas.image();
}

}  // namespace flowmatch
