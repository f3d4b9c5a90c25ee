// What is wrong with an input, as a value: validation returns every problem it finds, and a factory
// returns either what was asked for or those problems. Nothing here throws or aborts, because the
// same code runs inside a reader's page, where an abort would take the whole figure with it.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flowmatch {

/// One thing wrong with an input.
struct Problem {
  std::string field;    ///< Path of the field in its configuration, such as "hidden[2]".
  std::string value;    ///< What it was, as text.
  std::string allowed;  ///< What it may be, for a person to read.

  friend bool operator==(const Problem&, const Problem&) = default;
};

using Problems = std::vector<Problem>;

/// Either a `T` or the reasons why there is none. A `Result` with no problems always has a value.
template <class T>
class Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Problems problems)                      // NOLINT(google-explicit-constructor)
      : problems_(std::move(problems)) {
    assert(!problems_.empty());
  }

  [[nodiscard]] bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }

  /// The value. Precondition: ok().
  [[nodiscard]] T& value() & {
    assert(ok());
    return *value_;  // NOLINT(bugprone-unchecked-optional-access): the precondition
  }
  [[nodiscard]] const T& value() const& {
    assert(ok());
    return *value_;  // NOLINT(bugprone-unchecked-optional-access): the precondition
  }
  [[nodiscard]] T&& value() && {
    assert(ok());
    return *std::move(value_);  // NOLINT(bugprone-unchecked-optional-access): the precondition
  }

  /// Every problem found; empty exactly when ok().
  [[nodiscard]] const Problems& problems() const { return problems_; }

 private:
  std::optional<T> value_;
  Problems problems_;
};

/// Collects the problems of one configuration. Each check appends at most one problem.
class ProblemList {
 public:
  void add(std::string_view field, std::string value, std::string allowed);

  /// Checks low <= value <= high; NaN and infinities fail.
  void check_range(std::string_view field, double value, double low, double high);
  /// Checks low < value <= high.
  void check_above(std::string_view field, double value, double low, double high);
  /// Checks low <= value < high.
  void check_below(std::string_view field, double value, double low, double high);
  /// Checks that value is a whole number in [low, high].
  void check_integer(std::string_view field, double value, double low, double high);

  /// Appends the problems of a part, their fields prefixed by `prefix` and a dot.
  void append(std::string_view prefix, const Problems& problems);

  [[nodiscard]] bool empty() const { return problems_.empty(); }
  [[nodiscard]] Problems take() && { return std::move(problems_); }

 private:
  Problems problems_;
};

/// A number as a person would write it: "1000", "0.001", "1e+30", "nan".
std::string format_number(double value);

}  // namespace flowmatch
