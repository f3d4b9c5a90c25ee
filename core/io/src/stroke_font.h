// A small font of our own, for the labels of plots: digits, lower-case letters and a few signs,
// drawn as strokes of a pen.
#pragma once

#include <string_view>

namespace flowmatch {

/// A glyph is 14 units high (a digit), its lower-case letters 9.5, on the base line y = 0 with y
/// upwards. `strokes` is a list of commands, their numbers separated by spaces:
///   M x y               lifts the pen to a place
///   L x y               draws a line to a place
///   A cx cy rx ry a b   draws the arc of an ellipse from angle a to angle b in degrees, counted
///                       against the clock, from where the pen is if it is down
struct Glyph {
  char letter;
  double width;
  std::string_view strokes;
};

inline constexpr double kGlyphHeight = 14;
/// Between two glyphs.
inline constexpr double kGlyphGap = 3;

/// The glyph of a letter; the blank one where there is none.
const Glyph& glyph_of(char letter);

}  // namespace flowmatch
