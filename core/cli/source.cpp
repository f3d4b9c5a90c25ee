#include "source.h"

#include "flowmatch/io/file.h"
#include "flowmatch/points_csv.h"
#include "json_text.h"
#include "report.h"

#include <algorithm>
#include <cctype>
#include <iostream>
#include <utility>

namespace flowmatch::cli {

namespace {

constexpr std::uint64_t kMaxConfigBytes = 16 << 20;

/// Sets the value at a path such as "sampler.steps" or "hidden[1]" of a document.
void set_value(Json& document, std::string_view path, Json value) {
  const std::size_t dot = path.find('.');
  const std::string key(path.substr(0, dot));
  if (!document.is_object()) document = Json::object();
  if (dot == std::string_view::npos) {
    document[key] = std::move(value);
  } else {
    set_value(document[key], path.substr(dot + 1), std::move(value));
  }
}

/// A value as one types it: JSON where it is such, a text otherwise.
Json value_of(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

/// Puts what an option names, if it names anything, in the place of the data of that key: a set, or
/// the points of a file.
bool replace_data(const std::string& text, const char* key, Json& document) {
  if (text.empty()) return true;
  Json data = Json::object();
  if (text == "ring" || data_set_from_name(text)) {
    data["dataSet"] = text;
    document[key] = std::move(data);
    return true;
  }
  const auto content = read_file(text, kMaxConfigBytes);
  if (!content) {
    print_problems(content.problems(), text);
    return false;
  }
  const auto read = parse_points(content.value());
  if (!read) {
    print_problems(read.problems(), text);
    return false;
  }
  Json& points = data["points"] = Json::array();
  for (const auto& point : read.value().points.rowwise()) {
    points.push_back(std::vector<float>(point.begin(), point.end()));
  }
  if (!read.value().labels.empty()) data["labels"] = read.value().labels;
  document[key] = std::move(data);
  return true;
}

bool apply_changes(const SourceOptions& options, Json& document) {
  if (!replace_data(options.data, "data", document)) return false;
  if (options.source == "normal") {
    document["source"] = nullptr;
  } else if (!replace_data(options.source, "source", document)) {
    return false;
  }
  for (const std::string& change : options.changes) {
    const std::size_t equals = change.find('=');
    if (equals == 0 || equals == std::string::npos) {
      print_error("--set is " + change + ", must be key=value, such as data.radius=3");
      return false;
    }
    set_value(document, change.substr(0, equals), value_of(change.substr(equals + 1)));
  }
  if (options.seed) document["seed"] = *options.seed;
  if (options.noise_seed) set_value(document, "sampler.seed", *options.noise_seed);
  return true;
}

/// The document that the options name, before any change; null where it could not be read.
Json read_document(const SourceOptions& options) {
  Json document = Json::object();
  if (!options.config.empty()) {
    const bool standard_input = options.config == "-";
    const auto text = read_file(standard_input ? "/dev/stdin" : options.config, kMaxConfigBytes);
    if (!text) {
      print_problems(text.problems(), options.config);
      return {};
    }
    auto parsed = parse_json(text.value(), "configuration");
    if (!parsed) {
      print_problems(parsed.problems(), options.config);
      return {};
    }
    document = std::move(parsed).value();
    // Before it is changed, so that what is wrong with the file is said of the file.
    if (const auto config = run_config_from_json(text.value()); !config) {
      print_problems(config.problems(), options.config);
      return {};
    }
  }
  if (!options.preset.empty()) document["preset"] = options.preset;
  return document;
}

}  // namespace

std::optional<Source> read_source(const SourceOptions& options) {
  Source source;
  Json document;
  if (options.checkpoint.empty()) {
    document = read_document(options);
    if (document.is_null()) return std::nullopt;
  } else {
    auto checkpoint = load_checkpoint(options.checkpoint);
    if (!checkpoint) {
      print_problems(checkpoint.problems(), options.checkpoint);
      return std::nullopt;
    }
    source.checkpoint = std::move(checkpoint).value();
    document = Json::parse(to_json(source.checkpoint->config));
  }
  if (!apply_changes(options, document)) return std::nullopt;
  auto config = run_config_from_json(document.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!config) {
    print_problems(config.problems());
    return std::nullopt;
  }
  source.config = std::move(config).value();
  return source;
}

void apply_guidance(const GuidanceOptions& guidance, SourceOptions& source) {
  if (guidance.label) {
    source.changes.push_back("sampler.guidance.label=" + std::to_string(*guidance.label));
    if (source.checkpoint.empty()) source.changes.push_back("labels=true");
  }
  if (guidance.scale) {
    source.changes.push_back("sampler.guidance.scale=" + format_number(*guidance.scale));
  }
}

ChosenField choose_field(const Source& source, std::string_view name) {
  FieldChoice choice = source.checkpoint ? source.config.sampler.field : FieldChoice::exact;
  if (!name.empty()) {
    const auto named = field_choice_from_name(name);
    if (!named) {
      print_error("--field is " + std::string(name) + ", must be one of exact, learned");
      return {};
    }
    choice = *named;
  }
  if (choice == FieldChoice::learned) {
    if (!source.checkpoint) {
      print_error("--field is learned, must be exact where no checkpoint is given");
      return {};
    }
    // The network is that of the checkpoint, whatever has been changed in the configuration.
    const ExperimentConfig& trained = source.checkpoint->config.experiment;
    const Index dimension = dimension_of(source.config.experiment.data);
    if (dimension != dimension_of(trained.data)) {
      print_error("data has " + std::to_string(dimension) + " dimensions, must have " +
                  std::to_string(dimension_of(trained.data)) + ", as the checkpoint's");
      return {};
    }
    const SamplerConfig& sampler = source.config.sampler;
    Problems problems = validate(field_options(sampler), trained);
    if (problems.empty()) problems = check_solver(sampler.solver.solver, trained);
    if (!problems.empty()) {
      print_problems(problems);
      return {};
    }
    return {.field = learned_field(*source.checkpoint, source.config.sampler), .choice = choice};
  }
  return {.field = exact_field(source.config.experiment, field_options(source.config.sampler)),
          .choice = choice};
}

int thread_count(const CommonOptions& common) {
  return common.threads > 0 ? common.threads
                            : std::min(hardware_threads(), ThreadPool::kMaxThreads);
}

std::string extension_of(const std::string& path) {
  const std::size_t dot = path.find_last_of("./");
  if (dot == std::string::npos || path[dot] == '/') return "";
  std::string extension = path.substr(dot);
  for (char& letter : extension) {
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return extension;
}

bool check_extensions(const std::vector<std::string>& files, std::string_view allowed) {
  for (const std::string& file : files) {
    const std::string extension = extension_of(file) + " ";
    if (extension == " " || (std::string(allowed) + " ").find(extension) == std::string::npos) {
      print_error("the file is " + file + ", must be one whose name ends in one of " +
                  std::string(allowed));
      return false;
    }
  }
  return true;
}

bool write_output(const std::string& path, std::string_view bytes, const CommonOptions& common) {
  if (const Problems problems = write_file(path, bytes); !problems.empty()) {
    print_problems(problems);
    return false;
  }
  if (!common.quiet && !common.json) std::cerr << "wrote " << path << '\n';
  return true;
}

}  // namespace flowmatch::cli
