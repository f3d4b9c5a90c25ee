#include "flowmatch/points_csv.h"

#include "elementary.h"
#include "flowmatch/empirical.h"
#include "flowmatch/gaussian_mixture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

constexpr std::size_t kMostProblems = 10;

bool is_digit(char character) {
  return character >= '0' && character <= '9';
}

char lower(char character) {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                              : character;
}

bool is_blank(char character) {
  return character == ' ' || character == '\t' || character == '\r';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Whether `text` is `word`, which is in small letters, in any case of letters.
bool is_word(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, [](char a, char b) { return lower(a) == b; });
}

/// Whether `text` is a number that is not finite, as programs write one.
bool is_not_finite(std::string_view text) {
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  return is_word(text, "nan") || is_word(text, "inf") || is_word(text, "infinity");
}

/// A decimal number, or nothing. The standard library's conversions round every number correctly,
/// at the price of tables as large as a quarter of the module that a reader waits for. Here 15
/// digits with a power of ten up to 22 are correctly rounded, which is more than a float can tell
/// apart, and any other number is right to 1e-15 of itself.
std::optional<double> parse_number(std::string_view text) {
  std::size_t at = 0;
  const auto next_is = [&](char character) { return at < text.size() && text[at] == character; };
  const bool negative = next_is('-');
  if (negative || next_is('+')) ++at;
  double digits = 0;
  std::int64_t exponent = 0;
  bool any = false;
  bool past_point = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !past_point) {
      past_point = true;
    } else if (is_digit(text[at])) {
      any = true;
      // Beyond 2^53 a further digit would be lost, or round what there is.
      if (digits < 9e14) {
        digits = 10 * digits + (text[at] - '0');
        if (past_point) --exponent;
      } else if (!past_point) {
        ++exponent;
      }
    } else {
      break;
    }
  }
  if (!any) return std::nullopt;
  if (next_is('e') || next_is('E')) {
    ++at;
    const bool small = next_is('-');
    if (small || next_is('+')) ++at;
    if (at == text.size()) return std::nullopt;
    std::int64_t power = 0;
    for (; at < text.size() && is_digit(text[at]); ++at) {
      power = std::min<std::int64_t>(10 * power + (text[at] - '0'), 1'000'000);
    }
    exponent += small ? -power : power;
  }
  if (at != text.size()) return std::nullopt;
  // 0 with a great exponent is 0, not 0 times infinity.
  double value = digits;
  if (digits != 0 && exponent > 0) value *= whole_power(10, exponent);
  if (digits != 0 && exponent < 0) value /= whole_power(10, -exponent);
  return negative ? -value : value;
}

/// Cuts a text into lines and a line into fields.
class Fields {
 public:
  /// `separator`: between two fields; a space stands for any number of blanks.
  Fields(std::string_view line, char separator) : rest_(trimmed(line)), separator_(separator) {}

  /// The next field, without blanks and quotes around it; false after the last.
  bool next(std::string_view& field) {
    if (done_) return false;
    const std::size_t end = std::min(rest_.find(separator_), rest_.size());
    field = trimmed(rest_.substr(0, end));
    done_ = end == rest_.size();
    rest_.remove_prefix(done_ ? end : end + 1);
    if (separator_ == ' ') rest_ = trimmed(rest_);
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"') {
      field = trimmed(field.substr(1, field.size() - 2));
    }
    return true;
  }

 private:
  std::string_view rest_;
  char separator_;
  bool done_ = false;
};

char separator_of(std::string_view line) {
  for (const char separator : {';', '\t', ','}) {
    if (line.find(separator) != std::string_view::npos) return separator;
  }
  return ' ';
}

/// What is read, line by line.
class Reader {
 public:
  explicit Reader(const PointsCsvOptions& options) : label_column_(options.label_column) {}

  /// Whether to go on.
  bool read_line(std::string_view line, std::size_t number) {
    line_number_ = number;
    if (columns_ == 0) {
      const std::string_view text = trimmed(line);
      separator_ = separator_of(text);
      const bool header = read_first(text);
      if (!problems_.empty()) return false;
      if (header) return true;
    }
    read_numbers(line);
    return problem_count_ < kMostProblems;
  }

  Result<LabelledPoints> finish() && {
    if (problems_.empty() && rows_ == 0) {
      problems_.add("points", "none", "a line of numbers for each point");
    }
    if (!problems_.empty()) return std::move(problems_).take();
    LabelledPoints read;
    read.points = Eigen::Map<const Points>(numbers_.data(), rows_, dimension());
    read.labels = std::move(labels_);
    return read;
  }

 private:
  [[nodiscard]] Index dimension() const { return columns_ - (label_column_ ? 1 : 0); }

  [[nodiscard]] std::string place() const { return "line " + std::to_string(line_number_); }

  void add(std::string_view where, std::string_view value, std::string allowed) {
    // A few words tell which field it is; it may be the whole text, by mistake.
    constexpr std::size_t kMostText = 32;
    std::string text(value.substr(0, kMostText));
    if (value.size() > kMostText) text += "...";
    problems_.add(where, value.empty() ? "nothing" : std::move(text), std::move(allowed));
    ++problem_count_;
  }

  /// Counts the columns of the first line. Returns whether it is a header.
  bool read_first(std::string_view line) {
    std::string_view field;
    bool header = true;
    std::optional<Index> named;
    for (Fields fields(line, separator_); fields.next(field); ++columns_) {
      if (parse_number(field) || is_not_finite(field)) header = false;
      if (!named &&
          (is_word(field, "label") || is_word(field, "labels") || is_word(field, "class"))) {
        named = columns_;
      }
    }
    if (label_column_) {
      if (*label_column_ < 0 || *label_column_ >= columns_) {
        problems_.check_integer("labelColumn", static_cast<double>(*label_column_), 0,
                                static_cast<double>(columns_ - 1));
      }
    } else if (header) {
      label_column_ = named;
    }
    if (problems_.empty() && (dimension() < 1 || dimension() > kMaxDimension)) {
      add(place(), std::to_string(dimension()) + " coordinates",
          "1 to " + std::to_string(kMaxDimension));
    }
    return header;
  }

  void read_numbers(std::string_view line) {
    std::string_view field;
    Index column = 0;
    for (Fields fields(line, separator_); fields.next(field); ++column) {
      // The rest of a line with too many is only counted.
      if (column < columns_ && problem_count_ < kMostProblems) read_field(field, column);
    }
    if (column != columns_ && problem_count_ < kMostProblems) {
      add(place(), std::to_string(column) + " columns",
          std::to_string(columns_) + ", as the first line");
    }
    ++rows_;
    const bool too_many = rows_ > kMaxEmpiricalPoints || rows_ * dimension() > kMaxEmpiricalNumbers;
    if (too_many) {
      add(place(), "point " + std::to_string(rows_),
          "at most " +
              std::to_string(std::min(kMaxEmpiricalPoints, kMaxEmpiricalNumbers / dimension())) +
              " points");
      problem_count_ = kMostProblems;
    }
  }

  void read_field(std::string_view field, Index column) {
    const bool is_label = column == label_column_;
    const double most = is_label ? static_cast<double>(kMaxLabels - 1) : kMaxCoordinate;
    const double least = is_label ? 0 : -kMaxCoordinate;
    const double value = parse_number(field).value_or(std::numeric_limits<double>::quiet_NaN());
    const bool fits = value >= least && value <= most && (!is_label || value == std::floor(value));
    if (!fits) {
      add(place() + ", column " + std::to_string(column + 1), field,
          std::string(is_label ? "a whole number from " : "a number from ") + format_number(least) +
              " to " + format_number(most));
      return;
    }
    if (is_label) {
      labels_.push_back(static_cast<std::int32_t>(value));
    } else {
      numbers_.push_back(static_cast<float>(value));
    }
  }

  std::optional<Index> label_column_;
  char separator_ = ',';
  Index columns_ = 0;  // 0 before the first line
  Index rows_ = 0;
  std::size_t line_number_ = 0;
  std::size_t problem_count_ = 0;
  std::vector<float> numbers_;
  std::vector<std::int32_t> labels_;
  ProblemList problems_;
};

}  // namespace

Result<LabelledPoints> parse_points(std::string_view csv, const PointsCsvOptions& options) {
  // Spreadsheets begin a file with this mark of its encoding.
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (csv.starts_with(kByteOrderMark)) csv.remove_prefix(kByteOrderMark.size());
  Reader reader(options);
  for (std::size_t number = 1; !csv.empty(); ++number) {
    const std::size_t end = std::min(csv.find_first_of("\r\n"), csv.size());
    const std::string_view line = csv.substr(0, end);
    const bool two = csv.substr(end).starts_with("\r\n");
    csv.remove_prefix(std::min(end + (two ? 2 : 1), csv.size()));
    const std::string_view text = trimmed(line);
    if (text.empty() || text.front() == '#') continue;
    if (!reader.read_line(line, number)) break;
  }
  return std::move(reader).finish();
}

}  // namespace flowmatch
