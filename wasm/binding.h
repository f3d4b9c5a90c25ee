// What the files of bindings share: the types of values that pass through as they are, how what
// JavaScript passes in is read and checked, and what every one of them knows of an experiment.
//
// Nothing here is in an unnamed namespace: a type is known to JavaScript by the address of a
// variable of its own, which is then the same in all files.
#pragma once

#include "flowmatch/experiment.h"
#include "flowmatch/pairs.h"

#include <emscripten/bind.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace flowmatch::binding {

using emscripten::val;

// The names that the generated TypeScript declarations use for values that pass through as they
// are; registered in bindings.cpp.
EMSCRIPTEN_DECLARE_VAL_TYPE(Float32Array)
EMSCRIPTEN_DECLARE_VAL_TYPE(ProblemArray)
EMSCRIPTEN_DECLARE_VAL_TYPE(NumberOrNull)

/// The largest whole number that every double below is exact up to: seeds come from JavaScript.
constexpr double kMaxSeed = 9007199254740991.0;
constexpr Index kMaxParticles = 100'000;

/// Of the whole module: made with the first experiment.
std::unique_ptr<ThreadPool>& shared_pool();

/// An experiment that JavaScript holds.
class ExperimentHandle {
 public:
  explicit ExperimentHandle(std::unique_ptr<Experiment> experiment)
      : experiment_(std::move(experiment)) {}

  [[nodiscard]] Experiment& experiment() { return *experiment_; }

 protected:
  std::unique_ptr<Experiment> experiment_;
};

/// A model's own pairs, which JavaScript holds for the runs that are to be trained on them.
struct PairsHandle {
  /// How many there are.
  [[nodiscard]] double count() const { return pairs ? static_cast<double>(pairs->count()) : 0; }
  /// count() x 2 each: row i of the one belongs to row i of the other.
  [[nodiscard]] Float32Array starts() const { return rows(pairs ? pairs->starts() : Points()); }
  [[nodiscard]] Float32Array ends() const { return rows(pairs ? pairs->ends() : Points()); }

  std::shared_ptr<const GivenPairs> pairs;

 private:
  static Float32Array rows(const Points& points);
};

struct JsScheduleConfig {
  std::string schedule;
  double exponent;
  double beta_min;
  double beta_max;
};

struct JsGuidanceConfig {
  double label;  ///< -1: none.
  double scale;
};

/// How a field is looked at: see FieldOptions. An empty name is the schedule of the training.
struct JsFieldOptions {
  JsGuidanceConfig guidance;
  JsScheduleConfig schedule;
};

/// How a field of the experiment is looked at; its problems are those of "options".
FieldOptions read(const JsFieldOptions& js, const Experiment& experiment, ProblemList& problems);

inline NumberOrNull number_or_null(const std::optional<double>& number) {
  return NumberOrNull(number ? val(*number) : val::null());
}

template <class Array, class Number>
Array copy_to_js(const Number* data, std::size_t count) {
  return Array(val(emscripten::typed_memory_view(count, data)).template call<val>("slice"));
}

inline ProblemArray to_js(const Problems& problems) {
  val array = val::array();
  for (const Problem& problem : problems) array.call<void>("push", problem);
  return ProblemArray(array);
}

inline Float32Array PairsHandle::rows(const Points& points) {
  return copy_to_js<Float32Array>(points.data(), static_cast<std::size_t>(points.size()));
}

/// `{ key: handle, problems: [] }`
template <class ResultType, class Handle>
ResultType started(const char* key, std::unique_ptr<Handle> handle) {
  val result = val::object();
  result.set(key, val(std::move(handle)));
  result.set("problems", to_js({}));
  return ResultType(result);
}

/// `{ key: null, problems }`
template <class ResultType>
ResultType refused(const char* key, const Problems& problems) {
  val result = val::object();
  result.set(key, val::null());
  result.set("problems", to_js(problems));
  return ResultType(result);
}

/// The names of an enumeration, for a message: "one of euler, midpoint, ...".
template <class Choices>
std::string one_of(const Choices& choices) {
  std::string text = "one of ";
  for (const auto& choice : choices) {
    if (&choice != &choices.front()) text += ", ";
    text += name(choice);
  }
  return text;
}

template <class Choices, class Choice>
void read_name(ProblemList& problems, std::string_view field, const std::string& text,
               const Choices& choices, Choice& out) {
  for (const Choice choice : choices) {
    if (name(choice) == text) {
      out = choice;
      return;
    }
  }
  problems.add(field, text, one_of(choices));
}

/// A whole number in [low, high]; out keeps its value otherwise.
template <class Whole>
void read_whole(ProblemList& problems, std::string_view field, double value, double low,
                double high, Whole& out) {
  ProblemList own;
  own.check_integer(field, value, low, high);
  if (own.empty()) {
    out = static_cast<Whole>(value);
  } else {
    for (Problem& problem : std::move(own).take()) {
      problems.add(problem.field, problem.value, problem.allowed);
    }
  }
}

}  // namespace flowmatch::binding
