#include "flowmatch/io/file.h"

#include "support/files.h"
#include "support/problems.h"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <string>

namespace {

using namespace flowmatch;
using flowmatch::testing::fields_of;
using flowmatch::testing::only;
using flowmatch::testing::TemporaryFolder;

TEST_CASE("a file gives back the bytes that were written, whatever they are") {
  const TemporaryFolder folder;
  const std::string path = folder.file("bytes");
  std::string bytes;
  for (int i = 0; i < 3 << 20; ++i) bytes += static_cast<char>(i * 7);
  for (const std::string& content : {bytes, std::string(), std::string("\r\n\0\x1a", 4)}) {
    REQUIRE(write_file(path, content).empty());
    const auto read = read_file(path, bytes.size());
    REQUIRE(read.ok());
    CHECK((read.value() == content));
  }
  // Nothing else is left in the folder.
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a file that is too long is refused before it is read") {
  const TemporaryFolder folder;
  const std::string path = folder.file("long");
  REQUIRE(write_file(path, "0123456789").empty());
  CHECK(read_file(path, 10).ok());
  CHECK(only(read_file(path, 9).problems()) == path + " is 10 bytes, must be at most 9 bytes");
}

TEST_CASE("files that cannot be read or written are named") {
  const TemporaryFolder folder;
  const std::string absent = folder.file("absent");
  CHECK(only(read_file(absent, 10).problems()) ==
        absent + " is No such file or directory, must be a file that can be read");
  CHECK(only(read_file(folder.path(), 10).problems()) ==
        folder.path() + " is a folder, must be a file that can be read");
  const std::string nowhere = folder.file("absent/file");
  CHECK(fields_of(write_file(nowhere, "x")) == std::vector{nowhere});
  // A folder does not become a file, and what was to become one goes away.
  std::filesystem::create_directory(folder.file("folder"));
  REQUIRE(write_file(folder.file("folder/x"), "x").empty());
  CHECK(fields_of(write_file(folder.file("folder"), "y")) == std::vector{folder.file("folder")});
  CHECK_FALSE(std::filesystem::exists(folder.file("folder.part")));
}

}  // namespace
