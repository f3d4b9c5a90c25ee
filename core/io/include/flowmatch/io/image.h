// A picture, and its file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flowmatch {

struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  ///< height x width x 3, from the top left.
};

/// The bytes of a PNG file. Precondition: the picture has a width and a height.
std::string to_png(const Image& image);

}  // namespace flowmatch
