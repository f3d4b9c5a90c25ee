// The mapping is a table for each struct: a field of a configuration is one line in it.
#include "flowmatch/io/config_json.h"

#include "json_text.h"

#include <cmath>
#include <concepts>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace flowmatch {

namespace {

using OrderedJson = nlohmann::ordered_json;

// --- The tables

template <class Struct, class Value>
struct Field {
  const char* key;
  Value Struct::* member;
};

constexpr std::tuple kAdamFields{
    Field{"beta1", &AdamConfig::beta1},
    Field{"beta2", &AdamConfig::beta2},
    Field{"epsilon", &AdamConfig::epsilon},
};
/// Beside those of the training, not among Adam's: AdamW's decay is not Adam's own.
constexpr std::tuple kDecayFields{
    Field{"weightDecay", &AdamConfig::weight_decay},
};
constexpr std::tuple kScheduleFields{
    Field{"exponent", &Schedule::exponent},
    Field{"betaMin", &Schedule::beta_min},
    Field{"betaMax", &Schedule::beta_max},
};
constexpr std::tuple kTimeLawFields{
    Field{"law", &TimeLawConfig::law},
    Field{"logitMean", &TimeLawConfig::logit_mean},
    Field{"logitScale", &TimeLawConfig::logit_scale},
    Field{"logNoiseMean", &TimeLawConfig::log_noise_mean},
    Field{"logNoiseScale", &TimeLawConfig::log_noise_scale},
    Field{"fixedTime", &TimeLawConfig::fixed_time},
};
constexpr std::tuple kLossWeightingFields{
    Field{"weighting", &LossWeightingConfig::weighting},
    Field{"gamma", &LossWeightingConfig::gamma},
};
constexpr std::tuple kSinkhornFields{
    Field{"regularisation", &SinkhornConfig::regularisation},
};
constexpr std::tuple kCouplingFields{
    Field{"coupling", &CouplingConfig::coupling},
    Field{"labelAware", &CouplingConfig::label_aware},
};
constexpr std::tuple kTimeFeatureFields{
    Field{"kind", &TimeFeatures::kind},
    Field{"count", &TimeFeatures::count},
    Field{"scale", &TimeFeatures::scale},
    Field{"seed", &TimeFeatures::seed},
};
constexpr std::tuple kGuidanceFields{
    Field{"label", &GuidanceConfig::label},
    Field{"scale", &GuidanceConfig::scale},
};
constexpr std::tuple kStopFields{
    Field{"metric", &StopConfig::metric}, Field{"below", &StopConfig::below},
    Field{"every", &StopConfig::every},   Field{"patience", &StopConfig::patience},
    Field{"count", &StopConfig::count},
};
constexpr std::tuple kExperimentFields{
    Field{"data", &ExperimentConfig::data},
    Field{"source", &ExperimentConfig::source},
    Field{"method", &ExperimentConfig::method},
    Field{"cnfSolver", &ExperimentConfig::cnf_solver},
    Field{"cnfSteps", &ExperimentConfig::cnf_steps},
    Field{"couplingLayers", &ExperimentConfig::coupling_layers},
    Field{"maxLogScale", &ExperimentConfig::max_log_scale},
    Field{"schedule", &ExperimentConfig::schedule},
    Field{"prediction", &ExperimentConfig::prediction},
    Field{"hidden", &ExperimentConfig::hidden},
    Field{"activation", &ExperimentConfig::activation},
    Field{"timeFeatures", &ExperimentConfig::time_features},
    Field{"labels", &ExperimentConfig::labels},
    Field{"stop", &ExperimentConfig::stop},
};
constexpr std::tuple kTrainingFields{
    Field{"batchSize", &TrainerConfig::batch_size},
    Field{"steps", &TrainerConfig::steps},
    Field{"learningRate", &TrainerConfig::learning_rate},
    Field{"learningRateDecay", &TrainerConfig::learning_rate_decay},
    Field{"warmupSteps", &TrainerConfig::warmup_steps},
    Field{"gradientClip", &TrainerConfig::gradient_clip},
    Field{"timeLaw", &TrainerConfig::time_law},
    Field{"lossWeighting", &TrainerConfig::loss_weighting},
    Field{"coupling", &TrainerConfig::coupling},
    Field{"couplingBatches", &TrainerConfig::coupling_batches},
    Field{"labelDropout", &TrainerConfig::label_dropout},
    Field{"emaDecay", &TrainerConfig::ema_decay},
    Field{"adam", &TrainerConfig::adam},
    Field{"seed", &TrainerConfig::seed},
};
constexpr std::tuple kSolverFields{
    Field{"solver", &SolverConfig::solver},      Field{"steps", &SolverConfig::steps},
    Field{"tStart", &SolverConfig::t_start},     Field{"tEnd", &SolverConfig::t_end},
    Field{"rtol", &SolverConfig::rtol},          Field{"atol", &SolverConfig::atol},
    Field{"maxSteps", &SolverConfig::max_steps},
};
constexpr std::tuple kSdeFields{
    Field{"diffusion", &Diffusion::scale},
};
constexpr std::tuple kSamplerFields{
    Field{"field", &SamplerConfig::field},       Field{"guidance", &SamplerConfig::guidance},
    Field{"schedule", &SamplerConfig::schedule}, Field{"particles", &SamplerConfig::particles},
    Field{"probes", &SamplerConfig::probes},     Field{"seed", &SamplerConfig::seed},
};

constexpr std::array kFieldChoices{FieldChoice::exact, FieldChoice::learned};

// The values of each enumeration.
constexpr const auto& choices(Method /*of*/) {
  return kMethods;
}
constexpr const auto& choices(Prediction /*of*/) {
  return kPredictions;
}
constexpr const auto& choices(TimeLaw /*of*/) {
  return kTimeLaws;
}
constexpr const auto& choices(LossWeighting /*of*/) {
  return kLossWeightings;
}
constexpr const auto& choices(Coupling /*of*/) {
  return kCouplings;
}
constexpr const auto& choices(Activation /*of*/) {
  return kActivations;
}
constexpr const auto& choices(LearningRateDecay /*of*/) {
  return kLearningRateDecays;
}
constexpr const auto& choices(TimeFeatureKind /*of*/) {
  return kTimeFeatureKinds;
}
constexpr const auto& choices(Solver /*of*/) {
  return kAllSolvers;
}
constexpr const auto& choices(StopMetric /*of*/) {
  return kStopMetrics;
}
constexpr const auto& choices(FieldChoice /*of*/) {
  return kFieldChoices;
}

// --- Reading: a value that is not as it should be is reported, and out stays as it is.

/// The path of a part.
std::string joined(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

std::string indexed(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

void read(const Json& json, const std::string& path, double& out, ProblemList& problems) {
  if (json.is_number()) {
    out = json.get<double>();
  } else {
    problems.add(path, shown(json), "a number");
  }
}

template <std::same_as<bool> Flag>
void read(const Json& json, const std::string& path, Flag& out, ProblemList& problems) {
  if (json.is_boolean()) {
    out = json.get<bool>();
  } else {
    problems.add(path, shown(json), "true or false");
  }
}

/// Also a whole number that is written as 1e3 or 5.0, as JavaScript does not tell them apart.
template <class Whole>
  requires(std::integral<Whole> && !std::same_as<Whole, bool>)
void read(const Json& json, const std::string& path, Whole& out, ProblemList& problems) {
  constexpr double kExact = 9007199254740992.0;
  if (json.is_number_unsigned()) {
    const auto value = json.get<std::uint64_t>();
    if (std::in_range<Whole>(value)) {
      out = static_cast<Whole>(value);
      return;
    }
  } else if (json.is_number_integer()) {
    const auto value = json.get<std::int64_t>();
    if (std::in_range<Whole>(value)) {
      out = static_cast<Whole>(value);
      return;
    }
  } else if (json.is_number_float()) {
    const auto value = json.get<double>();
    if (value == std::floor(value) && std::abs(value) <= kExact &&
        (value >= 0 || std::is_signed_v<Whole>)) {
      out = static_cast<Whole>(value);
      return;
    }
  }
  problems.add(path, shown(json),
               std::is_signed_v<Whole> ? "a whole number" : "a whole number from 0");
}

template <class Enum>
  requires std::is_enum_v<Enum>
void read(const Json& json, const std::string& path, Enum& out, ProblemList& problems) {
  std::string allowed = "one of ";
  for (const Enum choice : choices(Enum{})) {
    if (json.is_string() && json.get_ref<const std::string&>() == name(choice)) {
      out = choice;
      return;
    }
    if (choice != choices(Enum{}).front()) allowed += ", ";
    allowed += name(choice);
  }
  problems.add(path, shown(json), std::move(allowed));
}

void read(const Json& json, const std::string& path, DataConfig& out, ProblemList& problems);
void read(const Json& json, const std::string& path, std::optional<DataConfig>& out,
          ProblemList& problems);
void read(const Json& json, const std::string& path, AdamConfig& out, ProblemList& problems);
void read(const Json& json, const std::string& path, Schedule& out, ProblemList& problems);
void read(const Json& json, const std::string& path, std::optional<Schedule>& out,
          ProblemList& problems);
void read(const Json& json, const std::string& path, TimeLawConfig& out, ProblemList& problems);
void read(const Json& json, const std::string& path, LossWeightingConfig& out,
          ProblemList& problems);
void read(const Json& json, const std::string& path, CouplingConfig& out, ProblemList& problems);
void read(const Json& json, const std::string& path, TimeFeatures& out, ProblemList& problems);
void read(const Json& json, const std::string& path, GuidanceConfig& out, ProblemList& problems);
void read(const Json& json, const std::string& path, StopConfig& out, ProblemList& problems);

template <class Element>
void read(const Json& json, const std::string& path, std::vector<Element>& out,
          ProblemList& problems) {
  if (!json.is_array()) {
    problems.add(path, shown(json), "an array");
    return;
  }
  out.clear();
  for (std::size_t i = 0; i < json.size(); ++i) {
    out.emplace_back();
    read(json[i], indexed(path, i), out.back(), problems);
  }
}

/// Reads the fields of a struct from those keys of an object that there are, and takes them from
/// `unknown`.
template <class Struct, class Fields>
void read_fields(const Json& object, const std::string& path, const Fields& fields, Struct& out,
                 ProblemList& problems, Json& unknown) {
  const auto one = [&](const auto& field) {
    if (!object.contains(field.key)) return;
    unknown.erase(field.key);
    read(object[field.key], joined(path, field.key), out.*(field.member), problems);
  };
  std::apply([&](const auto&... field) { (one(field), ...); }, fields);
}

void report_unknown(const Json& unknown, const std::string& path, ProblemList& problems) {
  for (const auto& [key, value] : unknown.items()) {
    problems.add(joined(path, shortened(key)), shown(value), "absent: there is no such setting");
  }
}

/// Whether the value is an object; otherwise it is reported.
bool check_object(const Json& json, const std::string& path, ProblemList& problems) {
  if (json.is_object()) return true;
  problems.add(path.empty() ? "configuration" : path, shown(json), "an object");
  return false;
}

/// A struct that is an object of these fields and no others.
template <class Struct, class Fields>
void read_struct(const Json& json, const std::string& path, const Fields& fields, Struct& out,
                 ProblemList& problems) {
  if (!check_object(json, path, problems)) return;
  Json unknown = json;
  read_fields(json, path, fields, out, problems, unknown);
  report_unknown(unknown, path, problems);
}

void read(const Json& json, const std::string& path, AdamConfig& out, ProblemList& problems) {
  read_struct(json, path, kAdamFields, out, problems);
}

void read(const Json& json, const std::string& path, TimeLawConfig& out, ProblemList& problems) {
  read_struct(json, path, kTimeLawFields, out, problems);
}

void read(const Json& json, const std::string& path, LossWeightingConfig& out,
          ProblemList& problems) {
  read_struct(json, path, kLossWeightingFields, out, problems);
}

void read(const Json& json, const std::string& path, TimeFeatures& out, ProblemList& problems) {
  read_struct(json, path, kTimeFeatureFields, out, problems);
}

void read(const Json& json, const std::string& path, GuidanceConfig& out, ProblemList& problems) {
  read_struct(json, path, kGuidanceFields, out, problems);
}

void read(const Json& json, const std::string& path, CouplingConfig& out, ProblemList& problems) {
  if (!check_object(json, path, problems)) return;
  Json unknown = json;
  read_fields(json, path, kCouplingFields, out, problems, unknown);
  read_fields(json, path, kSinkhornFields, out.sinkhorn, problems, unknown);
  report_unknown(unknown, path, problems);
}

void read(const Json& json, const std::string& path, StopConfig& out, ProblemList& problems) {
  read_struct(json, path, kStopFields, out, problems);
}

void read_schedule_name(const Json& json, const std::string& path, Schedule& out,
                        ProblemList& problems) {
  const auto named =
      json.is_string() ? schedule_from_name(json.get_ref<const std::string&>()) : std::nullopt;
  if (named) {
    out.kind = named->kind;
    return;
  }
  std::string allowed = "one of ";
  for (const Schedule& schedule : kSchedules) {
    if (schedule != kSchedules.front()) allowed += ", ";
    allowed += name(schedule);
  }
  problems.add(path, shown(json), std::move(allowed));
}

/// The name alone, or an object of the name and the parameters.
void read(const Json& json, const std::string& path, Schedule& out, ProblemList& problems) {
  if (!json.is_object()) {
    read_schedule_name(json, path, out, problems);
    return;
  }
  Json unknown = json;
  if (json.contains("schedule")) {
    unknown.erase("schedule");
    read_schedule_name(json["schedule"], joined(path, "schedule"), out, problems);
  }
  read_fields(json, path, kScheduleFields, out, problems, unknown);
  report_unknown(unknown, path, problems);
}

/// null is as good as absent.
void read(const Json& json, const std::string& path, std::optional<Schedule>& out,
          ProblemList& problems) {
  if (json.is_null()) {
    out.reset();
  } else {
    read(json, path, out.emplace(), problems);
  }
}

void read(const Json& json, const std::string& path, SamplerConfig& out, ProblemList& problems) {
  if (!check_object(json, path, problems)) return;
  Json unknown = json;
  read_fields(json, path, kSolverFields, out.solver, problems, unknown);
  read_fields(json, path, kSdeFields, out.solver.sde.diffusion, problems, unknown);
  read_fields(json, path, kSamplerFields, out, problems, unknown);
  report_unknown(unknown, path, problems);
}

// --- Data: a ring by its three numbers, or any mixture.

struct Ring {
  Index components = 11;
  double radius = 10;
  double standard_deviation = 1;
};

constexpr std::tuple kRingFields{
    Field{"components", &Ring::components},
    Field{"radius", &Ring::radius},
    Field{"standardDeviation", &Ring::standard_deviation},
};

void read_ring(const Json& json, const std::string& path, GaussianMixtureConfig& out,
               ProblemList& problems) {
  Ring ring;
  ProblemList own;
  Json unknown = json;
  read_fields(json, path, kRingFields, ring, own, unknown);
  if (own.empty()) {
    own.check_integer(joined(path, "components"), static_cast<double>(ring.components), 1,
                      static_cast<double>(kMaxComponents));
    own.check_range(joined(path, "radius"), ring.radius, 0, 1e6);
    own.check_range(joined(path, "standardDeviation"), ring.standard_deviation,
                    std::sqrt(kMinVariance), std::sqrt(kMaxVariance));
  }
  report_unknown(unknown, path, own);
  if (own.empty()) {
    out = ring_mixture(ring.components, ring.radius, ring.standard_deviation);
    return;
  }
  for (const Problem& problem : std::move(own).take()) {
    problems.add(problem.field, problem.value, problem.allowed);
  }
}

Eigen::VectorXd vector_of(const std::vector<double>& numbers) {
  return Eigen::Map<const Eigen::VectorXd>(numbers.data(), static_cast<Index>(numbers.size()));
}

/// A matrix from its rows, which are as many as the numbers of each.
bool square_of(const std::vector<std::vector<double>>& rows, Eigen::MatrixXd& out) {
  const auto size = static_cast<Index>(rows.size());
  out.resize(size, size);
  for (Index i = 0; i < size; ++i) {
    const std::vector<double>& row = rows[static_cast<std::size_t>(i)];
    if (static_cast<Index>(row.size()) != size) return false;
    out.row(i) = vector_of(row).transpose();
  }
  return true;
}

struct MixtureNumbers {
  std::vector<double> weights;
  std::vector<std::vector<double>> means;
  std::vector<std::vector<std::vector<double>>> covariances;
};

constexpr std::tuple kMixtureFields{
    Field{"weights", &MixtureNumbers::weights},
    Field{"means", &MixtureNumbers::means},
    Field{"covariances", &MixtureNumbers::covariances},
};

/// validate() checks what numbers these are; here only that they make vectors and matrices.
void read_mixture(const Json& json, const std::string& path, GaussianMixtureConfig& out,
                  ProblemList& problems) {
  MixtureNumbers numbers;
  Json unknown = json;
  read_fields(json, path, kMixtureFields, numbers, problems, unknown);
  report_unknown(unknown, path, problems);
  out = {.weights = numbers.weights};
  for (const auto& mean : numbers.means) out.means.push_back(vector_of(mean));
  for (std::size_t k = 0; k < numbers.covariances.size(); ++k) {
    Eigen::MatrixXd covariance;
    if (!square_of(numbers.covariances[k], covariance)) {
      problems.add(indexed(joined(path, "covariances"), k), "not square",
                   "as many rows of numbers as each has");
    }
    out.covariances.push_back(std::move(covariance));
  }
}

struct GivenPointNumbers {
  std::vector<std::vector<double>> points;
  std::vector<std::int32_t> labels;
  double smoothing = 0;
};

constexpr std::tuple kGivenPointFields{
    Field{"points", &GivenPointNumbers::points},
    Field{"labels", &GivenPointNumbers::labels},
    Field{"smoothing", &GivenPointNumbers::smoothing},
};

void read_given_points(const Json& json, const std::string& path, DataConfig& out,
                       ProblemList& problems) {
  const Json& rows = json["points"];
  const std::size_t columns = rows.is_array() && !rows.empty() ? rows[0].size() : 0;
  if (rows.size() * columns > static_cast<std::size_t>(kMaxInlineNumbers)) {
    problems.add(joined(path, "points"),
                 std::to_string(rows.size()) + " x " + std::to_string(columns) + " numbers",
                 "at most " + std::to_string(kMaxInlineNumbers) + " in a configuration");
    return;
  }
  GivenPointNumbers numbers;
  Json unknown = json;
  read_fields(json, path, kGivenPointFields, numbers, problems, unknown);
  report_unknown(unknown, path, problems);
  EmpiricalConfig config{
      .points = Points(static_cast<Index>(numbers.points.size()), static_cast<Index>(columns)),
      .labels = std::move(numbers.labels),
      .smoothing = numbers.smoothing};
  for (std::size_t i = 0; i < numbers.points.size(); ++i) {
    const std::vector<double>& point = numbers.points[i];
    if (point.size() != columns) {
      problems.add(indexed(joined(path, "points"), i), std::to_string(point.size()) + " numbers",
                   std::to_string(columns) + ", as the first point has");
      return;
    }
    for (std::size_t j = 0; j < columns; ++j) {
      config.points(static_cast<Index>(i), static_cast<Index>(j)) = static_cast<float>(point[j]);
    }
  }
  out = std::move(config);
}

void read_data_set(const Json& json, const std::string& path, DataSet set, DataConfig& out,
                   ProblemList& problems) {
  DataSetConfig config = default_config(set);
  Json unknown = json;
  unknown.erase("dataSet");
  for (const DataSetParameter& parameter : parameters(set)) {
    const std::string key(parameter.name);
    if (!json.contains(key)) continue;
    unknown.erase(key);
    read(json[key], joined(path, key), config.*(parameter.value), problems);
  }
  report_unknown(unknown, path, problems);
  out = config;
}

void read(const Json& json, const std::string& path, DataConfig& out, ProblemList& problems) {
  if (!check_object(json, path, problems)) return;
  Json rest = json;
  if (json.contains("dataSet")) {
    const Json& text = json["dataSet"];
    const std::string set_name = text.is_string() ? text.get<std::string>() : std::string();
    if (const auto set = data_set_from_name(set_name)) {
      read_data_set(json, path, *set, out, problems);
      return;
    }
    if (set_name != "ring") {
      std::string allowed = "ring";
      for (const DataSet each : kDataSets) allowed += ", " + std::string(name(each));
      problems.add(joined(path, "dataSet"), shown(text), "one of " + allowed);
      return;
    }
    rest.erase("dataSet");
  }
  if (rest.contains("points")) {
    read_given_points(rest, path, out, problems);
    return;
  }
  GaussianMixtureConfig mixture;
  if (rest.contains("weights") || rest.contains("means") || rest.contains("covariances")) {
    read_mixture(rest, path, mixture, problems);
  } else {
    read_ring(rest, path, mixture, problems);
  }
  out = std::move(mixture);
}

/// null is as good as absent.
void read(const Json& json, const std::string& path, std::optional<DataConfig>& out,
          ProblemList& problems) {
  if (json.is_null()) {
    out.reset();
  } else {
    read(json, path, out.emplace(), problems);
  }
}

// --- Writing

OrderedJson to_value(double value) {
  return value;
}

template <std::integral Number>
OrderedJson to_value(Number value) {
  return value;
}

template <class Enum>
  requires std::is_enum_v<Enum>
OrderedJson to_value(Enum choice) {
  return name(choice);
}

OrderedJson to_value(const Eigen::VectorXd& vector) {
  return std::vector<double>(vector.begin(), vector.end());
}

OrderedJson to_value(const Eigen::MatrixXd& matrix) {
  OrderedJson rows = OrderedJson::array();
  for (Index i = 0; i < matrix.rows(); ++i) {
    rows.push_back(to_value(Eigen::VectorXd(matrix.row(i).transpose())));
  }
  return rows;
}

OrderedJson to_value(const DataConfig& config);
OrderedJson to_value(const std::optional<DataConfig>& config);
OrderedJson to_value(const AdamConfig& config);
OrderedJson to_value(const Schedule& schedule);
OrderedJson to_value(const std::optional<Schedule>& schedule);
OrderedJson to_value(const TimeLawConfig& config);
OrderedJson to_value(const LossWeightingConfig& config);
OrderedJson to_value(const CouplingConfig& config);
OrderedJson to_value(const TimeFeatures& config);
OrderedJson to_value(const GuidanceConfig& config);
OrderedJson to_value(const StopConfig& config);

template <class Element>
OrderedJson to_value(const std::vector<Element>& elements) {
  OrderedJson array = OrderedJson::array();
  for (const Element& element : elements) array.push_back(to_value(element));
  return array;
}

template <class Struct, class Fields>
void write_fields(const Struct& config, const Fields& fields, OrderedJson& object) {
  const auto one = [&](const auto& field) { object[field.key] = to_value(config.*(field.member)); };
  std::apply([&](const auto&... field) { (one(field), ...); }, fields);
}

OrderedJson to_value(const AdamConfig& config) {
  OrderedJson object;
  write_fields(config, kAdamFields, object);
  return object;
}

OrderedJson to_value(const Schedule& schedule) {
  OrderedJson object;
  object["schedule"] = name(schedule);
  write_fields(schedule, kScheduleFields, object);
  return object;
}

OrderedJson to_value(const std::optional<Schedule>& schedule) {
  return schedule ? to_value(*schedule) : OrderedJson();
}

OrderedJson to_value(const TimeLawConfig& config) {
  OrderedJson object;
  write_fields(config, kTimeLawFields, object);
  return object;
}

OrderedJson to_value(const LossWeightingConfig& config) {
  OrderedJson object;
  write_fields(config, kLossWeightingFields, object);
  return object;
}

OrderedJson to_value(const CouplingConfig& config) {
  OrderedJson object;
  write_fields(config, kCouplingFields, object);
  write_fields(config.sinkhorn, kSinkhornFields, object);
  return object;
}

OrderedJson to_value(const TimeFeatures& config) {
  OrderedJson object;
  write_fields(config, kTimeFeatureFields, object);
  return object;
}

OrderedJson to_value(const GuidanceConfig& config) {
  OrderedJson object;
  write_fields(config, kGuidanceFields, object);
  return object;
}

OrderedJson to_value(const StopConfig& config) {
  OrderedJson object;
  write_fields(config, kStopFields, object);
  return object;
}

/// The ring that makes exactly this mixture, if one does.
std::optional<Ring> ring_of(const GaussianMixtureConfig& config) {
  if (config.means.empty() || config.covariances.size() != config.means.size() ||
      config.means.front().size() != 2 || config.covariances.front().size() != 4) {
    return std::nullopt;
  }
  // The root of a square is the number squared, to the bit.
  const Ring ring{.components = static_cast<Index>(config.means.size()),
                  .radius = config.means.front()[0],
                  .standard_deviation = std::sqrt(config.covariances.front()(0, 0))};
  const GaussianMixtureConfig same =
      ring_mixture(ring.components, ring.radius, ring.standard_deviation);
  if (same.weights != config.weights) return std::nullopt;
  for (std::size_t k = 0; k < same.means.size(); ++k) {
    if (config.means[k].size() != 2 || config.means[k] != same.means[k] ||
        config.covariances[k].rows() != 2 || config.covariances[k].cols() != 2 ||
        config.covariances[k] != same.covariances[k]) {
      return std::nullopt;
    }
  }
  return ring;
}

OrderedJson to_value(const DataConfig& data) {
  OrderedJson object;
  if (const auto* set = std::get_if<DataSetConfig>(&data)) {
    object["dataSet"] = name(set->set);
    for (const DataSetParameter& parameter : parameters(set->set)) {
      object[std::string(parameter.name)] = to_value(set->*(parameter.value));
    }
    return object;
  }
  if (const auto* given = std::get_if<EmpiricalConfig>(&data)) {
    OrderedJson& points = object["points"] = OrderedJson::array();
    for (Index i = 0; i < given->points.rows(); ++i) {
      points.push_back(to_value(Eigen::VectorXd(given->points.row(i).cast<double>().transpose())));
    }
    if (!given->labels.empty()) object["labels"] = to_value(given->labels);
    object["smoothing"] = given->smoothing;
    return object;
  }
  const auto& config = std::get<GaussianMixtureConfig>(data);
  if (const auto ring = ring_of(config)) {
    write_fields(*ring, kRingFields, object);
  } else {
    object["weights"] = to_value(config.weights);
    object["means"] = to_value(config.means);
    object["covariances"] = to_value(config.covariances);
  }
  return object;
}

OrderedJson to_value(const std::optional<DataConfig>& config) {
  return config ? to_value(*config) : OrderedJson();
}

}  // namespace

std::string_view name(FieldChoice choice) {
  return choice == FieldChoice::exact ? "exact" : "learned";
}

FieldOptions field_options(const SamplerConfig& sampler) {
  return {.guidance = sampler.guidance, .schedule = sampler.schedule};
}

Problems validate(const SamplerConfig& config) {
  ProblemList problems;
  problems.check_integer("particles", static_cast<double>(config.particles), 1,
                         static_cast<double>(kMaxParticles));
  problems.check_integer("probes", static_cast<double>(config.probes), 0,
                         static_cast<double>(kMaxProbes));
  for (const Problem& problem : validate(config.solver)) {
    problems.add(problem.field, problem.value, problem.allowed);
  }
  return std::move(problems).take();
}

Problems validate(const RunConfig& config) {
  ProblemList sampler;
  sampler.append("sampler", validate(config.sampler));
  sampler.append("sampler", validate(field_options(config.sampler), config.experiment));
  sampler.append("sampler", check_solver(config.sampler.solver.solver, config.experiment));
  Problems all = validate(config.experiment);
  for (Problem& problem : std::move(sampler).take()) all.push_back(std::move(problem));
  return all;
}

std::optional<RunConfig> preset_from_name(std::string_view name) {
  RunConfig config;
  if (name == "quick") {
    config.experiment = quick_config();
  } else if (name == "blog") {
    config.experiment = blog_config();
    config.sampler.solver = {.solver = Solver::euler, .steps = 299};
    config.sampler.particles = 1000;
  } else {
    return std::nullopt;
  }
  config.experiment.training.seed = 1;
  return config;
}

Result<RunConfig> run_config_from_json(std::string_view text) {
  const auto parsed = parse_json(text, "configuration");
  if (!parsed) return parsed.problems();
  const Json& json = parsed.value();
  ProblemList problems;
  if (!check_object(json, "", problems)) return std::move(problems).take();

  Json unknown = json;
  RunConfig config = preset_from_name("quick").value_or(RunConfig{});
  if (json.contains("preset")) {
    unknown.erase("preset");
    const Json& preset = json["preset"];
    const auto found =
        preset.is_string() ? preset_from_name(preset.get<std::string>()) : std::nullopt;
    if (found) {
      config = *found;
    } else {
      problems.add("preset", shown(preset), "one of quick, blog");
    }
  }
  read_fields(json, "", kExperimentFields, config.experiment, problems, unknown);
  read_fields(json, "", kTrainingFields, config.experiment.training, problems, unknown);
  read_fields(json, "", kDecayFields, config.experiment.training.adam, problems, unknown);
  if (json.contains("sampler")) {
    unknown.erase("sampler");
    read(json["sampler"], "sampler", config.sampler, problems);
  }
  report_unknown(unknown, "", problems);
  // The score of the SDE is found in the field, under the field's own schedule.
  config.sampler.solver.sde.schedule = config.sampler.schedule.value_or(config.experiment.schedule);
  // Together with what was wrong so far the ranges would be those of half a configuration.
  if (problems.empty()) {
    if (Problems ranges = validate(config); !ranges.empty()) return ranges;
    return config;
  }
  return std::move(problems).take();
}

std::string to_json(const RunConfig& config) {
  OrderedJson object;
  write_fields(config.experiment, kExperimentFields, object);
  write_fields(config.experiment.training, kTrainingFields, object);
  write_fields(config.experiment.training.adam, kDecayFields, object);
  OrderedJson& sampler = object["sampler"];
  write_fields(config.sampler.solver, kSolverFields, sampler);
  write_fields(config.sampler.solver.sde.diffusion, kSdeFields, sampler);
  write_fields(config.sampler, kSamplerFields, sampler);
  return object.dump(2);
}

std::string to_json(const std::optional<DataConfig>& source) {
  return to_value(source).dump(2);
}

}  // namespace flowmatch
