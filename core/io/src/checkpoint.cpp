#include "flowmatch/io/checkpoint.h"

#include "flowmatch/io/file.h"
#include "flowmatch/version.h"
#include "json_text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace flowmatch {

namespace {

constexpr std::string_view kFormat = "flowmatch";
constexpr std::string_view kEmaPrefix = "ema.";
constexpr std::string_view kFirstMomentPrefix = "adam.first_moment.";
constexpr std::string_view kSecondMomentPrefix = "adam.second_moment.";

/// One tensor of the parameters, by its place among them.
struct Part {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::size_t first;
  std::size_t count;
};

/// The layers of a multilayer perceptron, by their places in a torch.nn.Sequential, in which an
/// activation stands between two of them.
template <class Layers>
void add_layers(const std::string& prefix, const Layers& layers, std::vector<Part>& parts) {
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto& layer = layers[l];
    const auto outputs = static_cast<std::uint64_t>(layer.outputs);
    const auto inputs = static_cast<std::uint64_t>(layer.inputs);
    const std::string name = prefix + "layers." + std::to_string(2 * l) + ".";
    parts.push_back({.name = name + "weight",
                     .shape = {outputs, inputs},
                     .first = static_cast<std::size_t>(layer.weight),
                     .count = outputs * inputs});
    parts.push_back({.name = name + "bias",
                     .shape = {outputs},
                     .first = static_cast<std::size_t>(layer.bias),
                     .count = outputs});
  }
}

std::vector<Part> parts_of(const ExperimentConfig& config) {
  std::vector<Part> parts;
  if (config.method == Method::normalizing_flow) {
    const NormalizingFlowModel flow(normalizing_flow_config(config));
    for (Index coupling = 0; coupling < config.coupling_layers; ++coupling) {
      add_layers("couplings." + std::to_string(coupling) + ".", flow.conditioner(coupling), parts);
    }
  } else {
    add_layers("", Mlp(network_config(config)).layers(), parts);
  }
  return parts;
}

void check_numbers(std::string_view field, const std::vector<float>& numbers, std::size_t wanted,
                   ProblemList& problems) {
  if (numbers.size() != wanted) {
    problems.add(field, std::to_string(numbers.size()) + " numbers", std::to_string(wanted));
  } else if (!std::ranges::all_of(numbers, [](float number) { return std::isfinite(number); })) {
    problems.add(field, "not finite", "finite numbers");
  }
}

/// Whether a state belongs to a configuration, which is valid.
Problems validate(const TrainerState& state, const ExperimentConfig& config) {
  ProblemList problems;
  const auto count = static_cast<std::size_t>(make_generative_model(config)->parameter_count());
  check_numbers("parameters", state.parameters, count, problems);
  check_numbers("ema", state.ema, config.training.ema_decay > 0 ? count : 0, problems);
  check_numbers("adam.first_moment", state.first_moment, count, problems);
  check_numbers("adam.second_moment", state.second_moment, count, problems);
  problems.check_integer("stepsDone", static_cast<double>(state.steps_done), 0,
                         static_cast<double>(config.training.steps));
  return std::move(problems).take();
}

/// A text for a message, which shows where it ends.
std::string quoted(const std::string& text) {
  std::string quoted(1, '"');
  quoted += shortened(text);
  quoted += '"';
  return quoted;
}

/// A whole number of 0 or more in decimal digits alone.
std::optional<Index> whole_number(const std::string& text) {
  Index value = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || last != end || value < 0) return std::nullopt;
  return value;
}

/// Takes one array apart again; `used` counts the tensors.
std::vector<float> read_array(const TensorFile& content, const std::vector<Part>& parts,
                              std::string_view prefix, std::size_t& used, ProblemList& problems) {
  std::vector<float> numbers;
  for (const Part& part : parts) {
    const std::string name = std::string(prefix) + part.name;
    const Tensor* tensor = content.find(name);
    if (tensor == nullptr) {
      problems.add(name, "missing", "a tensor of the configured network");
      continue;
    }
    ++used;
    if (tensor->dtype != Dtype::f32 || tensor->shape != part.shape) {
      problems.add(name,
                   std::string(flowmatch::name(tensor->dtype)) + " " + Json(tensor->shape).dump(),
                   "F32 " + Json(part.shape).dump() + ", as the configuration says");
      continue;
    }
    const std::vector<float> values = float_values(*tensor);
    numbers.insert(numbers.end(), values.begin(), values.end());
  }
  return numbers;
}

/// What the metadata must have; adds a problem where it has not.
const std::string* metadata(const TensorFile& content, const std::string& key,
                            ProblemList& problems) {
  const auto found = content.metadata.find(key);
  if (found != content.metadata.end()) return &found->second;
  problems.add("__metadata__." + key, "missing", "there: this file is no checkpoint of flowmatch");
  return nullptr;
}

/// That the file is a checkpoint, and of a version that is known.
Problems check_format(const TensorFile& content) {
  ProblemList problems;
  const std::string* format = metadata(content, "format", problems);
  if (format != nullptr && *format != kFormat) {
    problems.add("__metadata__.format", quoted(*format),
                 "flowmatch: this file is no checkpoint of flowmatch");
  }
  if (!problems.empty()) return std::move(problems).take();
  const std::string* version = metadata(content, "formatVersion", problems);
  if (version == nullptr) return std::move(problems).take();
  const auto number = whole_number(*version);
  if (!number || *number < 1) {
    problems.add("__metadata__.formatVersion", quoted(*version), "a whole number from 1");
  } else if (*number > kCheckpointVersion) {
    problems.add("__metadata__.formatVersion", *version,
                 "at most " + std::to_string(kCheckpointVersion) +
                     ": this checkpoint was made by a newer version of flowmatch than this, " +
                     std::string(flowmatch::version()));
  }
  return std::move(problems).take();
}

/// A number as a text that gives it back to the bit, and back: JSON has no infinity.
Json number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "infinity" : "-infinity";
  return value;
}

std::optional<double> number_of(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (!json.is_string()) return std::nullopt;
  const auto text = json.get<std::string>();
  if (text == "nan") return std::nan("");
  if (text == "infinity") return std::numeric_limits<double>::infinity();
  if (text == "-infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

std::string stop_text(const StopState& stop) {
  return Json{{"lossSum", number_text(stop.loss_sum)}, {"losses", stop.losses},
              {"last", number_text(stop.last)},        {"best", number_text(stop.best)},
              {"sinceBest", stop.since_best},          {"reason", name(stop.reason)}}
      .dump();
}

/// What an object has under a key; null where it is no object, or has none.
Json entry(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) ? json[key] : Json();
}

void read_stop(const std::string& text, StopState& out, ProblemList& problems) {
  const Json json = Json::parse(text, nullptr, false);
  const auto loss_sum = number_of(entry(json, "lossSum"));
  const auto last = number_of(entry(json, "last"));
  const auto best = number_of(entry(json, "best"));
  const Json losses = entry(json, "losses");
  const Json since_best = entry(json, "sinceBest");
  const Json reason = entry(json, "reason");
  const auto named =
      reason.is_string() ? stop_reason_from_name(reason.get<std::string>()) : std::nullopt;
  if (!loss_sum || !last || !best || std::isnan(*best) || !losses.is_number_unsigned() ||
      !since_best.is_number_unsigned() || !named ||
      losses.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxSteps) ||
      since_best.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxSteps)) {
    problems.add("__metadata__.stop", quoted(text), "the state of a stopping rule");
    return;
  }
  out = {.loss_sum = *loss_sum,
         .losses = losses.get<Index>(),
         .last = *last,
         .best = *best,
         .since_best = since_best.get<Index>(),
         .reason = *named};
}

std::string reflow_text(const ReflowOrigin& origin) {
  // JavaScript and others would round a 64-bit number.
  return Json{{"pairs", origin.pairs}, {"teacher", std::to_string(origin.teacher)}}.dump();
}

void read_reflow(const std::string& text, std::optional<ReflowOrigin>& out, ProblemList& problems) {
  const Json json = Json::parse(text, nullptr, false);
  const Json pairs = entry(json, "pairs");
  const Json teacher = entry(json, "teacher");
  ReflowOrigin origin;
  bool good = pairs.is_number_unsigned() && pairs.get<std::uint64_t>() >= 1 &&
              pairs.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMaxParticles) &&
              teacher.is_string();
  if (good) {
    const auto digits = teacher.get<std::string>();
    const char* end = digits.data() + digits.size();
    const auto [last, error] = std::from_chars(digits.data(), end, origin.teacher);
    good = error == std::errc() && last == end;
  }
  if (!good) {
    problems.add("__metadata__.reflow", quoted(text), "where the pairs of a run come from");
    return;
  }
  origin.pairs = pairs.get<Index>();
  out = origin;
}

}  // namespace

std::uint64_t hash_of(const Checkpoint& checkpoint) {
  const TrainerState& state = checkpoint.state;
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const float parameter : state.ema.empty() ? state.parameters : state.ema) {
    std::uint32_t bits = std::bit_cast<std::uint32_t>(parameter);
    for (int byte = 0; byte < 4; ++byte, bits >>= 8) hash = (hash ^ (bits & 0xff)) * 0x100000001b3;
  }
  return hash;
}

std::shared_ptr<const Field> learned_field(const Checkpoint& checkpoint) {
  return learned_field(checkpoint, checkpoint.config.sampler);
}

std::shared_ptr<const Field> learned_field(const Checkpoint& checkpoint,
                                           const SamplerConfig& sampler) {
  const ExperimentConfig& config = checkpoint.config.experiment;
  const TrainerState& state = checkpoint.state;
  return make_generative_model(config)->field(state.ema.empty() ? state.parameters : state.ema,
                                              field_options(sampler));
}

std::string time_frequencies(const ExperimentConfig& config) {
  return Json(TimeEncoding(config.time_features).frequencies()).dump();
}

std::vector<Tensor> parameter_tensors(const ExperimentConfig& config, std::string_view prefix,
                                      std::span<const float> parameters) {
  std::vector<Tensor> tensors;
  for (const Part& part : parts_of(config)) {
    tensors.push_back(float_tensor(std::string(prefix) + part.name, part.shape,
                                   parameters.subspan(part.first, part.count)));
  }
  return tensors;
}

Result<std::string> to_bytes(const Checkpoint& checkpoint) {
  const ExperimentConfig& config = checkpoint.config.experiment;
  const TrainerState& state = checkpoint.state;
  if (Problems problems = validate(checkpoint.config); !problems.empty()) return problems;
  if (Problems problems = validate(state, config); !problems.empty()) return problems;
  TensorFile content{.tensors = {},
                     .metadata = {{"format", std::string(kFormat)},
                                  {"formatVersion", std::to_string(kCheckpointVersion)},
                                  {"createdBy", "flowmatch " + std::string(version())},
                                  {"config", to_json(checkpoint.config)},
                                  {"timeFrequencies", time_frequencies(config)},
                                  {"stepsDone", std::to_string(state.steps_done)},
                                  {"diverged", state.diverged ? "true" : "false"}}};
  if (config.stop.metric != StopMetric::none) content.metadata["stop"] = stop_text(checkpoint.stop);
  if (checkpoint.reflow) content.metadata["reflow"] = reflow_text(*checkpoint.reflow);
  const auto add = [&](std::string_view prefix, const std::vector<float>& numbers) {
    if (numbers.empty()) return;
    for (Tensor& tensor : parameter_tensors(config, prefix, numbers)) {
      content.tensors.push_back(std::move(tensor));
    }
  };
  add("", state.parameters);
  add(kEmaPrefix, state.ema);
  add(kFirstMomentPrefix, state.first_moment);
  add(kSecondMomentPrefix, state.second_moment);
  return to_safetensors(content);
}

Result<Checkpoint> parse_checkpoint(std::string_view file) {
  const auto parsed = parse_safetensors(file);
  if (!parsed) return parsed.problems();
  const TensorFile& content = parsed.value();
  if (Problems problems = check_format(content); !problems.empty()) return problems;

  ProblemList problems;
  const std::string* config_text = metadata(content, "config", problems);
  const std::string* steps_done = metadata(content, "stepsDone", problems);
  const std::string* diverged = metadata(content, "diverged", problems);
  if (!problems.empty()) return std::move(problems).take();
  auto config = run_config_from_json(*config_text);
  if (!config) {
    problems.append("__metadata__.config", config.problems());
    return std::move(problems).take();
  }

  Checkpoint checkpoint{.config = std::move(config).value(), .state = {}, .stop = {}, .reflow = {}};
  if (const auto stop = content.metadata.find("stop"); stop != content.metadata.end()) {
    read_stop(stop->second, checkpoint.stop, problems);
  }
  if (const auto reflow = content.metadata.find("reflow"); reflow != content.metadata.end()) {
    read_reflow(reflow->second, checkpoint.reflow, problems);
  }
  const ExperimentConfig& experiment = checkpoint.config.experiment;
  TrainerState& state = checkpoint.state;
  if (const auto steps = whole_number(*steps_done)) {
    state.steps_done = *steps;
  } else {
    problems.add("__metadata__.stepsDone", quoted(*steps_done), "a whole number from 0");
  }
  state.diverged = *diverged == "true";
  if (!state.diverged && *diverged != "false") {
    problems.add("__metadata__.diverged", quoted(*diverged), "true or false");
  }
  std::size_t used = 0;
  const std::vector<Part> parts = parts_of(experiment);
  state.parameters = read_array(content, parts, "", used, problems);
  if (experiment.training.ema_decay > 0) {
    state.ema = read_array(content, parts, kEmaPrefix, used, problems);
  }
  state.first_moment = read_array(content, parts, kFirstMomentPrefix, used, problems);
  state.second_moment = read_array(content, parts, kSecondMomentPrefix, used, problems);
  if (problems.empty() && used != content.tensors.size()) {
    problems.add("file", std::to_string(content.tensors.size()) + " tensors",
                 std::to_string(used) + ", as the configuration says");
  }
  if (!problems.empty()) return std::move(problems).take();
  if (Problems wrong = validate(state, experiment); !wrong.empty()) return wrong;
  return checkpoint;
}

Problems save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  const auto bytes = to_bytes(checkpoint);
  if (!bytes) return bytes.problems();
  return write_file(path, bytes.value());
}

Result<Checkpoint> load_checkpoint(const std::string& path) {
  const auto bytes = read_file(path, kMaxCheckpointBytes);
  if (!bytes) return bytes.problems();
  return parse_checkpoint(bytes.value());
}

}  // namespace flowmatch
