// Drawing on a picture with soft edges: each shape covers a pixel by as much as it overlaps it.
// Positions are in pixels from the top left, and the centre of the first pixel is at (0.5, 0.5).
#pragma once

#include "flowmatch/io/image.h"

#include <string_view>
#include <vector>

namespace flowmatch {

/// Red, green and blue from 0 to 1.
struct Colour {
  float red;
  float green;
  float blue;
};

struct Place {
  double x;
  double y;
};

/// What shapes are cut off at.
struct Clip {
  double left;
  double top;
  double right;
  double bottom;
};

class Canvas {
 public:
  /// All white.
  Canvas(int width, int height);

  /// From now on shapes are cut off here.
  void set_clip(const Clip& clip) { clip_ = clip; }
  void clear_clip();

  void fill(const Clip& rectangle, Colour colour, double opacity = 1);
  void disc(Place centre, double radius, Colour colour, double opacity = 1);
  /// With round ends.
  void line(Place from, Place to, double width, Colour colour);
  void polyline(const std::vector<Place>& places, double width, Colour colour);

  /// Text whose capitals are `size` high, on the base line y, beginning at x; or ending there or
  /// centred there, by `anchor` 1 or 0.5. `turned`: from bottom to top, where y is the anchored
  /// one.
  void text(std::string_view text, Place base, double size, double anchor, Colour colour,
            bool turned = false);

  [[nodiscard]] Image image() const;

 private:
  void blend(int x, int y, Colour colour, double coverage);
  /// Calls cover(x, y) for each pixel near a rectangle and blends as much.
  template <class Cover>
  void shade(const Clip& around, Colour colour, double opacity, Cover&& cover);

  int width_;
  int height_;
  Clip clip_;
  std::vector<Colour> pixels_;
};

/// How wide a text of that size is.
double text_width(std::string_view text, double size);

}  // namespace flowmatch
