#include "flowmatch/io/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

namespace flowmatch {

namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

Problems problem(const std::string& path, std::string value, std::string allowed) {
  return {{path, std::move(value), std::move(allowed)}};
}

/// What the last call of the C library failed by.
std::string last_error() {
  return std::generic_category().message(errno);
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes) {
  constexpr const char* kReadable = "a file that can be read";
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) return problem(path, "a folder", kReadable);
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) return problem(path, last_error(), kReadable);
  // A pipe has no size.
  if (std::filesystem::is_regular_file(status)) {
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (!error && size > max_bytes) {
      return problem(path, std::to_string(size) + " bytes",
                     "at most " + std::to_string(max_bytes) + " bytes");
    }
  }
  std::string bytes;
  std::string block(std::size_t{1} << 20, '\0');
  for (;;) {
    const std::size_t count = std::fread(block.data(), 1, block.size(), file.get());
    bytes.append(block, 0, count);
    if (bytes.size() > max_bytes) {
      return problem(path, "more bytes", "at most " + std::to_string(max_bytes) + " bytes");
    }
    if (count < block.size()) break;
  }
  if (std::ferror(file.get()) != 0) return problem(path, last_error(), kReadable);
  return bytes;
}

Problems write_file(const std::string& path, std::string_view bytes) {
  constexpr const char* kWritable = "a file that can be written";
  const std::string beside = path + ".part";
  File file(std::fopen(beside.c_str(), "wb"));
  if (!file) return problem(path, last_error(), kWritable);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size() &&
                       std::fflush(file.get()) == 0;
  std::string failure = written ? std::string() : last_error();
  if (std::fclose(file.release()) != 0 && failure.empty()) failure = last_error();
  std::error_code error;
  if (failure.empty()) {
    std::filesystem::rename(beside, path, error);
    if (!error) return {};
    failure = error.message();
  }
  std::filesystem::remove(beside, error);
  return problem(path, failure, kWritable);
}

}  // namespace flowmatch
