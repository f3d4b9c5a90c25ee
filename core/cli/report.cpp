#include "report.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace flowmatch::cli {

namespace {

constexpr int kBarWidth = 24;
/// Seconds between two drawings of the bar, and between two lines.
constexpr double kBarInterval = 0.1;
constexpr double kLineInterval = 2;

void write(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

std::string bar(double share) {
  const int full = static_cast<int>(std::floor(share * kBarWidth));
  std::string text(1, '[');
  for (int i = 0; i < kBarWidth; ++i) text += i < full ? '=' : i == full ? '>' : ' ';
  text += ']';
  return text;
}

}  // namespace

void print_problems(const Problems& problems, std::string_view source) {
  for (const Problem& problem : problems) {
    std::string text;
    if (!source.empty() && problem.field != source) {
      text += source;
      text += ": ";
    }
    text += problem.field;
    text += " is ";
    text += problem.value;
    text += ", must be ";
    text += problem.allowed;
    print_error(text);
  }
}

void print_error(std::string_view message) {
  std::string text = "flowmatch: error: ";
  text += message;
  text += '\n';
  write(stderr, text);
}

void print_line(std::string_view text) {
  std::string line(text);
  line += '\n';
  write(stdout, line);
}

void print_json(const OrderedJson& object) {
  print_line(object.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

std::string rounded(double value, int digits) {
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*g", digits, value);
  return buffer.data();
}

std::string duration_text(double seconds) {
  const long whole = std::lround(std::clamp(seconds, 0.0, 1e7));
  std::array<char, 40> buffer{};
  if (whole >= 3600) {
    std::snprintf(buffer.data(), buffer.size(), "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  } else {
    std::snprintf(buffer.data(), buffer.size(), "%ld:%02ld", whole / 60, whole % 60);
  }
  return buffer.data();
}

Progress::Progress(Style style, long first_step, long steps, double floor)
    : style_(style), first_step_(first_step), steps_(steps), floor_(floor) {}

void Progress::update(long step, double loss) {
  const double interval = style_ == Style::terminal ? kBarInterval : kLineInterval;
  const auto now = Clock::now();
  if (std::chrono::duration<double>(now - std::max(shown_at_, start_)).count() < interval &&
      (style_ != Style::terminal || shown_step_ >= 0)) {
    return;
  }
  show(step, loss);
}

void Progress::finish(long step, double loss) {
  if (step != shown_step_) show(step, loss);
  if (style_ == Style::terminal) write(stderr, "\n");
}

void Progress::show(long step, double loss) {
  if (style_ == Style::silent) return;
  shown_at_ = Clock::now();
  shown_step_ = step;
  const double seconds = std::chrono::duration<double>(shown_at_ - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(step - first_step_) / seconds : 0;
  const double left = rate > 0 ? static_cast<double>(steps_ - step) / rate : 0;
  if (style_ == Style::json) {
    print_json({{"event", "progress"},
                {"step", step},
                {"steps", steps_},
                {"loss", loss},
                {"irreducibleLoss", floor_},
                {"stepsPerSecond", rate},
                {"secondsLeft", left}});
    return;
  }
  const double share = static_cast<double>(step) / static_cast<double>(steps_);
  std::string text;
  if (style_ == Style::terminal) {
    text += "\r\x1b[K";  // The line anew.
    text += bar(share);
    text += ' ';
  }
  text += "step ";
  text += std::to_string(step);
  text += '/';
  text += std::to_string(steps_);
  text += "  loss ";
  text += rounded(loss);
  if (floor_ > 0) {
    text += "  floor ";
    text += rounded(floor_);
  }
  text += "  ";
  text += rounded(rate, 3);
  text += " steps/s  ";
  text += duration_text(left);
  text += " left";
  if (style_ == Style::lines) text += '\n';
  write(stderr, text);
}

Progress::Style progress_style(bool json, bool quiet) {
  if (json) return Progress::Style::json;
  if (quiet) return Progress::Style::silent;
  const char* terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  const bool plain = terminal != nullptr && std::string_view(terminal) == "dumb";
  return isatty(STDERR_FILENO) != 0 && !plain ? Progress::Style::terminal : Progress::Style::lines;
}

}  // namespace flowmatch::cli
