// A program that runs beside the test, and what it says.
#pragma once

#include "support/files.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace flowmatch::testing {

class Program {
 public:
  /// Starts the command `flowmatch` with arguments; its standard output and error go to files, or
  /// the error to a terminal.
  enum class Error { file, terminal };
  explicit Program(const std::vector<std::string>& arguments, Error error = Error::file);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  /// Ends it, if it still runs.
  ~Program();

  void send(int signal) const;
  /// Waits for its end and gives its exit code; 128 and the signal where one has ended it.
  int wait();

  /// What it has said so far.
  [[nodiscard]] std::string output() const;
  [[nodiscard]] std::string errors() const;

 private:
  void read_terminal();

  TemporaryFolder folder_;
  pid_t process_ = -1;
  int terminal_ = -1;
  std::string terminal_text_;
};

/// How a program that ran to its end has ended.
struct Ended {
  int code;
  std::string output;
  std::string errors;
};
Ended run(const std::vector<std::string>& arguments, Program::Error error = Program::Error::file);

}  // namespace flowmatch::testing
