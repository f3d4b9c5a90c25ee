// What the command says: results on the standard output, for a person or, with --json, as one JSON
// object a line; progress and errors on the standard error.
#pragma once

#include "flowmatch/problem.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace flowmatch::cli {

using OrderedJson = nlohmann::ordered_json;

/// How the program ends.
enum ExitCode : int {
  success = 0,
  failure = 1,        ///< The work failed: training diverged, a file could not be written.
  bad_usage = 2,      ///< Options, configuration or input files are not as they should be.
  interruption = 130  ///< By Ctrl-C; a checkpoint was kept. What a shell reports of SIGINT.
};

/// Writes "flowmatch: error: data.radius is -1, must be a number from 0 to 1e6" for each problem.
/// `source`, unless empty, is the file that they are in.
void print_problems(const Problems& problems, std::string_view source = {});
void print_error(std::string_view message);

/// Writes one line to the standard output, at once.
void print_line(std::string_view text);
void print_json(const OrderedJson& object);

/// A number with `digits` significant digits, for a person.
std::string rounded(double value, int digits = 4);
/// "1:05" or "2:03:04".
std::string duration_text(double seconds);

/// How far training has come, told on the standard error: on a terminal a bar that is drawn over
/// and over, elsewhere a line now and then; with json an object on the standard output instead.
class Progress {
 public:
  enum class Style { terminal, lines, json, silent };

  /// `floor` is the irreducible loss.
  Progress(Style style, long first_step, long steps, double floor);

  /// Says that `step` steps are done and what the loss is now. Cheap where it is not time yet.
  void update(long step, double loss);
  /// Says where it stands, whether or not it is time, and ends the line.
  void finish(long step, double loss);

 private:
  using Clock = std::chrono::steady_clock;

  void show(long step, double loss);

  Style style_;
  long first_step_;
  long steps_;
  double floor_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_at_;
  long shown_step_ = -1;
};

/// The style for a run: `quiet` and `json` as asked for, otherwise by what the standard error is.
Progress::Style progress_style(bool json, bool quiet);

}  // namespace flowmatch::cli
