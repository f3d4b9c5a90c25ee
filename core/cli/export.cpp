#include "commands.h"
#include "flowmatch/io/npy.h"
#include "report.h"
#include "source.h"

#include <span>
#include <utility>

namespace flowmatch::cli {

namespace {

/// The weights of a network alone, as tensors or as one array.
Result<std::string> weights_file(const Checkpoint& checkpoint, bool raw, bool as_tensors) {
  const TrainerState& state = checkpoint.state;
  const std::span<const float> weights = raw || state.ema.empty() ? state.parameters : state.ema;
  if (!as_tensors) return to_npy(weights, {static_cast<Index>(weights.size())});
  return to_safetensors(
      {.tensors = parameter_tensors(checkpoint.config.experiment, "", weights),
       .metadata = {{"format", "pt"},
                    {"config", to_json(checkpoint.config)},
                    {"timeFrequencies", time_frequencies(checkpoint.config.experiment)}}});
}

}  // namespace

int export_files(const ExportOptions& options, const CommonOptions& common) {
  if (!check_extensions(options.files, ".json .safetensors .npy")) return bad_usage;
  const auto source = read_source(options.source);
  if (!source) return bad_usage;
  for (const std::string& file : options.files) {
    const std::string extension = extension_of(file);
    if (extension == ".json") {
      if (!write_output(file, to_json(source->config) + "\n", common)) return failure;
      continue;
    }
    if (!source->checkpoint) {
      print_error(file + ": there are no weights without a checkpoint");
      return bad_usage;
    }
    const auto bytes = weights_file(*source->checkpoint, options.raw, extension == ".safetensors");
    if (!bytes) {
      print_problems(bytes.problems());
      return failure;
    }
    if (!write_output(file, bytes.value(), common)) return failure;
  }
  if (options.files.empty()) print_line(to_json(source->config));
  return success;
}

}  // namespace flowmatch::cli
