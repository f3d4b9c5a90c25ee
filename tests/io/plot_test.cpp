#include "flowmatch/io/plot.h"

#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::normal_points;

using Pixel = std::array<int, 3>;

Pixel pixel(const Image& image, int x, int y) {
  const auto at = 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                       static_cast<std::size_t>(x));
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

/// Pixels that are not grey in a rectangle.
int coloured(const Image& image, int left, int top, int right, int bottom) {
  int count = 0;
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) {
      const auto [low, high] = std::ranges::minmax(pixel(image, x, y));
      if (high - low > 20) ++count;
    }
  }
  return count;
}

constexpr Pixel kWhite{255, 255, 255};
// The plane's part of a plot, in pixels (see plot.cpp).
constexpr int kLeft = 124;
constexpr int kTop = 30;
constexpr int kSide = 840;

TEST_CASE("a PNG file has its signature, its size and an end") {
  Image image{.width = 3, .height = 2, .rgb = std::vector<std::uint8_t>(18, 200)};
  const std::string png = to_png(image);
  CHECK(png.starts_with("\x89PNG\r\n\x1a\n"));
  CHECK(png.substr(16, 8) == std::string("\0\0\0\3\0\0\0\2", 8));
  CHECK(png.find("IEND") == png.size() - 8);
}

TEST_CASE("a sample is a dot at its place, and nowhere else") {
  Points x(1, 2);
  x << 5, -2.5F;
  const Image image = plot_samples(x, Window::square(10));
  const int column = kLeft + kSide * 3 / 4;
  const int row = kTop + kSide * 5 / 8;
  CHECK(pixel(image, column, row) != kWhite);
  const int dot = coloured(image, column - 8, row - 8, column + 8, row + 8);
  CHECK(dot > 40);
  CHECK(coloured(image, 0, 0, image.width, image.height) == dot);
  // The frame and its labels are there, on white.
  CHECK(pixel(image, kLeft, kTop + 100)[0] < 100);
  CHECK(pixel(image, 2, 2) == kWhite);
}

TEST_CASE("samples outside of the window, or not finite, are left out") {
  Points x(4, 2);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  x << 50, 0, nan, 0, 0, -infinity, 10.001F, 30;
  const Image image = plot_samples(x, Window::square(10));
  CHECK(coloured(image, 0, 0, image.width, image.height) == 0);
  CHECK(plot_samples(Points(0, 2), Window::square(10)).rgb ==
        plot_samples(x, Window::square(10)).rgb);
}

TEST_CASE("a density is drawn with y upwards, dark where it is low and bright where it is high") {
  PointsOf<double> density = PointsOf<double>::Zero(2, 2);
  density(1, 0) = 3;  // The upper left.
  const Image image = plot_density(density, Window::square(1));
  const auto brightness = [&](int x, int y) {
    const Pixel p = pixel(image, x, y);
    return p[0] + p[1] + p[2];
  };
  const int near = kSide / 10;
  CHECK(pixel(image, kLeft + near, kTop + near) == Pixel{253, 231, 37});
  CHECK(pixel(image, kLeft + near, kTop + kSide - near) == Pixel{68, 1, 84});
  CHECK(pixel(image, kLeft + kSide - near, kTop + near) == Pixel{68, 1, 84});
  // Between the centres of cells it is smooth.
  CHECK(brightness(kLeft + kSide / 2, kTop + near) >
        brightness(kLeft + kSide * 2 / 3, kTop + near));
  // A value that is not finite is blank, and is not the highest.
  density(0, 1) = std::numeric_limits<double>::infinity();
  CHECK(pixel(plot_density(density, Window::square(1)), kLeft + kSide - near,
              kTop + kSide - near) == kWhite);
  CHECK(pixel(plot_density(density, Window::square(1)), kLeft + near, kTop + near) ==
        Pixel{253, 231, 37});
}

TEST_CASE("a histogram counts the samples of each cell") {
  Points x(5, 2);
  // Two in the lower left cell, one in the upper right, two outside.
  x << -0.9F, -0.2F, -0.1F, -0.9F, 0.5F, 0.5F, 1.5F, 0, 0, -1.5F;
  const Image image = plot_histogram(x, Window::square(1), 2);
  const int quarter = kSide / 4;
  CHECK(pixel(image, kLeft + quarter, kTop + 3 * quarter) == Pixel{253, 231, 37});
  CHECK(pixel(image, kLeft + 3 * quarter, kTop + 3 * quarter) == Pixel{68, 1, 84});
  // Half of the highest: between the fifth and the sixth of ten colours.
  CHECK(pixel(image, kLeft + 3 * quarter, kTop + quarter) == Pixel{35, 144, 140});
}

TEST_CASE("a loss curve has its floor, and survives any losses") {
  std::vector<float> losses;
  for (int i = 0; i < 3000; ++i) {
    losses.push_back(10 + 40 * std::exp(-static_cast<float>(i) / 100) +
                     std::sin(static_cast<float>(i) * 12.3F));
  }
  const Image image = plot_loss(losses, 0, 9.8);
  const auto is_orange = [&](int x, int y) {
    const Pixel p = pixel(image, x, y);
    return p[0] > 180 && p[2] < 80;
  };
  int dashes = 0;
  for (int y = kTop; y < image.height - 92; ++y) {
    if (is_orange(kLeft + 6, y)) ++dashes;
  }
  CHECK(dashes >= 2);
  CHECK(dashes <= 5);

  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const std::vector<float>& odd : {std::vector<float>{},
                                        {1.0F},
                                        {nan},
                                        {infinity, 0.0F, -1.0F},
                                        {2.0F, nan, 3.0F},
                                        {1e-30F, 1e30F},
                                        std::vector<float>(10, 5.0F)}) {
    for (const double floor : {0.0, 4.0}) {
      CHECK(plot_loss(odd, 100, floor).width == image.width);
    }
  }
}

TEST_CASE("a window shows a mixture with room around it") {
  CHECK(window_of(GaussianMixture::make(ring_mixture(11, 10, 1)).value()) == 15);
  CHECK(window_of(GaussianMixture::make(ring_mixture(1, 0, 0.1)).value()) == 4);
  CHECK(window_of(GaussianMixture::make(ring_mixture(3, 100, 1)).value()) == 150);
}

}  // namespace
