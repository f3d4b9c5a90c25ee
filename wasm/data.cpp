// Data of the reader's own: the sets' parameters, mixtures and points, from JavaScript and from
// text. Apart from the other bindings, so that a module for the first motion does without.
//
// As in bindings.cpp nothing throws, and results are copies.
#include "data.h"

#include "binding.h"
#include "flowmatch/points_csv.h"

#include <emscripten/bind.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;
using namespace flowmatch::binding;

EMSCRIPTEN_DECLARE_VAL_TYPE(ParameterArray)
EMSCRIPTEN_DECLARE_VAL_TYPE(ParsedPoints)

// --- Reading

std::string indexed(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

/// The numbers of an array, which are to be `count`, or any number of them if that is 0.
bool read_numbers(ProblemList& problems, const std::string& path, const val& js, std::size_t count,
                  std::vector<double>& out) {
  if (!js.isArray()) {
    problems.add(path, js.typeOf().as<std::string>(), "an array of numbers");
    return false;
  }
  out = emscripten::convertJSArrayToNumberVector<double>(js);
  if (count == 0 || out.size() == count) return true;
  problems.add(path, std::to_string(out.size()) + " numbers", std::to_string(count));
  return false;
}

/// The elements of an array that is a property of `js`.
std::vector<val> read_array(ProblemList& problems, const std::string& path, const val& js) {
  if (js.isArray()) return emscripten::vecFromJSArray<val>(js);
  problems.add(path, js.typeOf().as<std::string>(), "an array");
  return {};
}

/// All figures are of the plane.
constexpr std::size_t kPlane = 2;

Problems read_mixture(const val& js, DataConfig& out) {
  ProblemList problems;
  GaussianMixtureConfig mixture;
  read_numbers(problems, "weights", js["weights"], 0, mixture.weights);
  const std::vector<val> means = read_array(problems, "means", js["means"]);
  std::vector<double> numbers;
  for (std::size_t k = 0; k < means.size(); ++k) {
    if (!read_numbers(problems, indexed("means", k), means[k], kPlane, numbers)) continue;
    mixture.means.emplace_back(Eigen::Vector2d(numbers[0], numbers[1]));
  }
  const std::vector<val> matrices = read_array(problems, "covariances", js["covariances"]);
  for (std::size_t k = 0; k < matrices.size(); ++k) {
    const std::string at = indexed("covariances", k);
    const std::vector<val> rows = read_array(problems, at, matrices[k]);
    if (rows.size() != kPlane) {
      problems.add(at, std::to_string(rows.size()) + " rows", std::to_string(kPlane));
      continue;
    }
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(2, 2);
    for (std::size_t i = 0; i < kPlane; ++i) {
      if (!read_numbers(problems, indexed(at, i), rows[i], kPlane, numbers)) continue;
      covariance.row(static_cast<Index>(i)) << numbers[0], numbers[1];
    }
    mixture.covariances.push_back(std::move(covariance));
  }
  out = std::move(mixture);
  return std::move(problems).take();
}

Problems read_points(const val& js, DataConfig& out) {
  const auto numbers = emscripten::convertJSArrayToNumberVector<float>(js["points"]);
  if (numbers.size() % kPlane != 0) {
    return {{.field = "points",
             .value = std::to_string(numbers.size()) + " numbers",
             .allowed = "x and y in turns"}};
  }
  EmpiricalConfig given{.points = Eigen::Map<const Points>(
                            numbers.data(), static_cast<Index>(numbers.size() / kPlane), kPlane),
                        .smoothing = number_at(js, "smoothing")};
  if (has(js, "labels")) {
    given.labels = emscripten::convertJSArrayToNumberVector<std::int32_t>(js["labels"]);
  }
  out = std::move(given);
  return {};
}

Problems read_data_set(const val& js, DataConfig& out) {
  DataSet set{};
  ProblemList problems;
  read_name(problems, "dataSet", js["dataSet"].as<std::string>(), kDataSets, set);
  if (!problems.empty()) return std::move(problems).take();
  DataSetConfig config = default_config(set);
  const auto keys =
      emscripten::vecFromJSArray<std::string>(val::global("Object").call<val>("keys", js));
  for (const std::string& key : keys) {
    if (key == "dataSet") continue;
    const double value = number_at(js, key.c_str());
    const auto known = parameters(set);
    const auto parameter = std::ranges::find(known, key, &DataSetParameter::name);
    if (parameter != known.end()) {
      config.*(parameter->value) = value;
    } else {
      problems.add(key, format_number(value), "absent: there is no such setting");
    }
  }
  out = config;
  return std::move(problems).take();
}

// --- What the page needs to know of data

struct JsDataSetParameter {
  std::string name;
  double standard = 0;
  double low = 0;
  double high = 0;
  bool whole = false;
};

/// None of a name that no set has.
ParameterArray data_set_parameters(const std::string& name) {
  val array = val::array();
  if (const auto set = data_set_from_name(name)) {
    for (const DataSetParameter& parameter : parameters(*set)) {
      array.call<void>("push", JsDataSetParameter{.name = std::string(parameter.name),
                                                  .standard = parameter.standard,
                                                  .low = parameter.low,
                                                  .high = parameter.high,
                                                  .whole = parameter.whole});
    }
  }
  return ParameterArray(array);
}

/// `{ points, labels, columns, problems }`: N x columns numbers and N labels, or none. A label
/// column below 0 is the one that the header names so.
ParsedPoints parse_points_of(const std::string& csv, double label_column) {
  PointsCsvOptions options;
  ProblemList problems;
  Index column = -1;
  read_whole(problems, "labelColumn", label_column, -1, static_cast<double>(kMaxDimension), column);
  if (column >= 0) options.label_column = column;
  Problems wrong = std::move(problems).take();
  LabelledPoints read;
  if (wrong.empty()) {
    auto parsed = parse_points(csv, options);
    if (parsed) {
      read = std::move(parsed).value();
    } else {
      wrong = parsed.problems();
    }
  }
  val result = val::object();
  result.set("points", copy_to_js<Float32Array>(read.points.data(),
                                                static_cast<std::size_t>(read.points.size())));
  result.set("labels", copy_to_js<val>(read.labels.data(), read.labels.size()));
  result.set("columns", static_cast<double>(read.points.cols()));
  result.set("problems", to_js(wrong));
  return ParsedPoints(result);
}

/// Points that show how far data reaches which is no mixture.
constexpr Index kReachPoints = 4096;
/// How far a Gaussian is said to reach.
constexpr double kReachDeviations = 4;

/// The largest coordinate, either way, of a mixture or of some points of a distribution.
double reach_of(const Distribution& distribution, const GaussianMixture* mixture) {
  if (mixture == nullptr) {
    Points points(kReachPoints, distribution.dimension());
    distribution.sample({0, Purpose::smoothed_points, 0}, 0, points);
    return static_cast<double>(points.cwiseAbs().maxCoeff());
  }
  double largest = 0;
  for (const GaussianMixture::Component& component : mixture->components()) {
    for (Index d = 0; d < component.mean.size(); ++d) {
      const double variance =
          component.axes.row(d).cwiseAbs2().dot(component.variances.transpose());
      largest =
          std::max(largest, std::abs(component.mean[d]) + kReachDeviations * std::sqrt(variance));
    }
  }
  return largest;
}

/// How far the data and the source of an experiment reach, as far as it is worth showing: the size
/// of the window that they are drawn in.
double reach(ExperimentHandle& handle) {
  const Experiment& experiment = handle.experiment();
  return std::max(reach_of(*experiment.target(), experiment.modes().get()),
                  reach_of(*experiment.source(), nullptr));
}

}  // namespace

flowmatch::Problems flowmatch::binding::read_data(const val& js, DataConfig& out) {
  if (is_ring(js)) return read_ring(js, out);
  if (has(js, "dataSet")) return read_data_set(js, out);
  return has(js, "points") ? read_points(js, out) : read_mixture(js, out);
}

EMSCRIPTEN_BINDINGS(flowmatch_data) {
  using namespace emscripten;

  register_type<ParameterArray>("DataSetParameter[]");
  register_type<ParsedPoints>(
      "{ points: Float32Array; labels: Int32Array; columns: number; problems: Problem[] }");
  value_object<JsDataSetParameter>("DataSetParameter")
      .field("name", &JsDataSetParameter::name)
      .field("standard", &JsDataSetParameter::standard)
      .field("low", &JsDataSetParameter::low)
      .field("high", &JsDataSetParameter::high)
      .field("whole", &JsDataSetParameter::whole);
  function("dataSetParameters(name)", &data_set_parameters);
  function("parsePoints(csv, labelColumn)", &parse_points_of);
  function("reach(experiment)", &reach);
}
