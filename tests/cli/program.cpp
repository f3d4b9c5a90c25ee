#include "program.h"

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace flowmatch::testing {

namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// In the child: makes `number` a new file.
void redirect(int number, const char* path) {
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || dup2(file, number) < 0) _exit(125);
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, Error error) {
  std::string terminal_path;
  if (error == Error::terminal) {
    terminal_ = posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE(terminal_ >= 0);
    REQUIRE(grantpt(terminal_) == 0);
    REQUIRE(unlockpt(terminal_) == 0);
    terminal_path = ptsname(terminal_);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  // All that the child needs, before there is one: it may not allocate.
  const std::string output_path = folder_.file("output");
  const std::string error_path = folder_.file("errors");
  std::vector<std::string> words{FLOWMATCH_COMMAND};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  process_ = fork();
  REQUIRE(process_ >= 0);
  if (process_ > 0) return;
  redirect(STDIN_FILENO, "/dev/null");
  redirect(STDOUT_FILENO, output_path.c_str());
  redirect(STDERR_FILENO, error == Error::terminal ? terminal_path.c_str() : error_path.c_str());
  execv(pointers.front(), pointers.data());
  _exit(125);
}

Program::~Program() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  if (terminal_ >= 0) close(terminal_);
}

void Program::send(int signal) const {
  REQUIRE(kill(process_, signal) == 0);
}

void Program::read_terminal() {
  std::array<char, 4096> block{};
  for (;;) {
    // Ends with an error when the program has closed its side.
    const ssize_t count = read(terminal_, block.data(), block.size());
    if (count <= 0) return;
    terminal_text_.append(block.data(), static_cast<std::size_t>(count));
  }
}

int Program::wait() {
  if (terminal_ >= 0) read_terminal();
  int status = 0;
  REQUIRE(waitpid(process_, &status, 0) == process_);
  process_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string Program::output() const {
  return content_of(folder_.file("output"));
}

std::string Program::errors() const {
  return terminal_ >= 0 ? terminal_text_ : content_of(folder_.file("errors"));
}

Ended run(const std::vector<std::string>& arguments, Program::Error error) {
  Program program(arguments, error);
  const int code = program.wait();
  return {.code = code, .output = program.output(), .errors = program.errors()};
}

}  // namespace flowmatch::testing
