// Files of a test's own, and files that are damaged on purpose.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>

namespace flowmatch::testing {

/// A folder that is there as long as the object is.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() /
            ("flowmatch-test-" + std::to_string(random()) + std::to_string(random()));
    REQUIRE(std::filesystem::create_directory(path_));
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  /// The path of a file in it.
  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// Calls read(bytes) with `bytes` damaged in `count` ways, always the same: cut short, lengthened,
/// or with some of its bits flipped, half of those among the first `header` bytes.
template <class Read>
void for_each_damage(const std::string& bytes, std::size_t header, int count, Read&& read) {
  std::mt19937_64 random(20240607);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  for (int i = 0; i < count; ++i) {
    std::string damaged = bytes;
    switch (i % 4) {
      case 0:
        damaged.resize(below(bytes.size()));
        break;
      case 1:
        damaged.append(1 + below(16), static_cast<char>(below(256)));
        break;
      default:
        for (std::size_t flip = 0; flip <= below(4); ++flip) {
          const std::size_t at = below(i % 4 == 2 ? header : bytes.size());
          damaged[at] =
              static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << below(8)));
        }
    }
    CAPTURE(i);
    read(damaged);
  }
}

}  // namespace flowmatch::testing
