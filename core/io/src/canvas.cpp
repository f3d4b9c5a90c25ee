#include "canvas.h"

#include "stroke_font.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

namespace flowmatch {

namespace {

/// The pen's width by the size of the text.
constexpr double kPenWidth = 0.115;
constexpr double kArcStep = 12;  // degrees

/// Reads the commands of a glyph one by one.
class Strokes {
 public:
  explicit Strokes(std::string_view text) : text_(text) {}

  /// The next command, or 0 at the end.
  char next() {
    skip_spaces();
    if (text_.empty()) return 0;
    const char command = text_.front();
    text_.remove_prefix(1);
    return command;
  }
  double number() {
    skip_spaces();
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return value;
  }

 private:
  void skip_spaces() { text_.remove_prefix(std::min(text_.find_first_not_of(' '), text_.size())); }
  std::string_view text_;
};

/// The lines that a glyph is drawn by, in its own units.
std::vector<std::vector<Place>> lines_of(const Glyph& glyph) {
  std::vector<std::vector<Place>> lines;
  Strokes strokes(glyph.strokes);
  for (char command = strokes.next(); command != 0; command = strokes.next()) {
    if (command == 'M' || command == 'L') {
      const double x = strokes.number();
      const double y = strokes.number();
      if (command == 'M') lines.emplace_back();
      lines.back().push_back({x, y});
      continue;
    }
    std::array<double, 6> arc{};
    for (double& number : arc) number = strokes.number();
    const auto [cx, cy, rx, ry, from, to] = arc;
    if (lines.empty()) lines.emplace_back();
    const int steps = static_cast<int>(std::ceil(std::abs(to - from) / kArcStep));
    for (int i = 0; i <= steps; ++i) {
      const double degrees = from + (to - from) * i / steps;
      const double angle = degrees * std::numbers::pi / 180;
      lines.back().push_back({cx + rx * std::cos(angle), cy + ry * std::sin(angle)});
    }
  }
  return lines;
}

/// How much of a pixel, whose centre is at a distance outside of an edge, is covered.
double soft(double inside) {
  return std::clamp(inside + 0.5, 0.0, 1.0);
}

double distance_to_segment(Place p, Place a, Place b) {
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const double square = dx * dx + dy * dy;
  const double along =
      square > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / square, 0.0, 1.0) : 0;
  return std::hypot(p.x - a.x - along * dx, p.y - a.y - along * dy);
}

Clip around(const std::vector<Place>& places, double margin) {
  Clip box{.left = 1e9, .top = 1e9, .right = -1e9, .bottom = -1e9};
  for (const Place& place : places) {
    box.left = std::min(box.left, place.x - margin);
    box.right = std::max(box.right, place.x + margin);
    box.top = std::min(box.top, place.y - margin);
    box.bottom = std::max(box.bottom, place.y + margin);
  }
  return box;
}

}  // namespace

Canvas::Canvas(int width, int height)
    : width_(width),
      height_(height),
      clip_{.left = 0,
            .top = 0,
            .right = static_cast<double>(width),
            .bottom = static_cast<double>(height)},
      pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
              {.red = 1, .green = 1, .blue = 1}) {}

void Canvas::clear_clip() {
  clip_ = {.left = 0,
           .top = 0,
           .right = static_cast<double>(width_),
           .bottom = static_cast<double>(height_)};
}

void Canvas::blend(int x, int y, Colour colour, double coverage) {
  Colour& pixel = pixels_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                          static_cast<std::size_t>(x)];
  const auto share = static_cast<float>(coverage);
  pixel.red += share * (colour.red - pixel.red);
  pixel.green += share * (colour.green - pixel.green);
  pixel.blue += share * (colour.blue - pixel.blue);
}

template <class Cover>
void Canvas::shade(const Clip& box, Colour colour, double opacity, Cover&& cover) {
  const int left = static_cast<int>(std::floor(std::max(box.left, clip_.left)));
  const int top = static_cast<int>(std::floor(std::max(box.top, clip_.top)));
  const int right = static_cast<int>(std::ceil(std::min(box.right, clip_.right)));
  const int bottom = static_cast<int>(std::ceil(std::min(box.bottom, clip_.bottom)));
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) {
      const double coverage = cover(Place{x + 0.5, y + 0.5});
      if (coverage > 0) blend(x, y, colour, coverage * opacity);
    }
  }
}

void Canvas::fill(const Clip& r, Colour colour, double opacity) {
  shade(r, colour, opacity, [&](Place p) {
    const double across = std::min(p.x + 0.5, r.right) - std::max(p.x - 0.5, r.left);
    const double down = std::min(p.y + 0.5, r.bottom) - std::max(p.y - 0.5, r.top);
    return std::max(across, 0.0) * std::max(down, 0.0);
  });
}

void Canvas::disc(Place centre, double radius, Colour colour, double opacity) {
  shade(around({centre}, radius + 1), colour, opacity,
        [&](Place p) { return soft(radius - std::hypot(p.x - centre.x, p.y - centre.y)); });
}

void Canvas::line(Place from, Place to, double width, Colour colour) {
  polyline({from, to}, width, colour);
}

void Canvas::polyline(const std::vector<Place>& places, double width, Colour colour) {
  for (std::size_t i = 0; i + 1 < places.size(); ++i) {
    shade(around({places[i], places[i + 1]}, width / 2 + 1), colour, 1, [&](Place p) {
      return soft(width / 2 - distance_to_segment(p, places[i], places[i + 1]));
    });
  }
}

void Canvas::text(std::string_view text, Place base, double size, double anchor, Colour colour,
                  bool turned) {
  const double scale = size / kGlyphHeight;
  double along = -anchor * text_width(text, size);
  for (const char letter : text) {
    const Glyph& glyph = glyph_of(letter);
    for (std::vector<Place> line : lines_of(glyph)) {
      for (Place& place : line) {
        const double right = along + place.x * scale;
        const double up = place.y * scale;
        place = turned ? Place{base.x - up, base.y - right} : Place{base.x + right, base.y - up};
      }
      // A dot is a line without length, and a little wider.
      const bool dot = line.size() == 2 && line[0].x == line[1].x && line[0].y == line[1].y;
      polyline(line, size * kPenWidth * (dot ? 1.35 : 1), colour);
    }
    along += (glyph.width + kGlyphGap) * scale;
  }
}

double text_width(std::string_view text, double size) {
  double width = 0;
  for (const char letter : text) width += glyph_of(letter).width + kGlyphGap;
  return std::max(width - kGlyphGap, 0.0) * size / kGlyphHeight;
}

Image Canvas::image() const {
  Image image{.width = width_, .height = height_, .rgb = {}};
  image.rgb.reserve(3 * pixels_.size());
  const auto byte = [](float value) {
    return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0F, 1.0F) * 255));
  };
  for (const Colour& pixel : pixels_) {
    image.rgb.push_back(byte(pixel.red));
    image.rgb.push_back(byte(pixel.green));
    image.rgb.push_back(byte(pixel.blue));
  }
  return image;
}

}  // namespace flowmatch
