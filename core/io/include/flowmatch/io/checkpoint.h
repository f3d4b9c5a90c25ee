// A training run in one file: its configuration and all of its state, so that it goes on from there
// as if it had never stopped. The file is in the safetensors format:
//
//   __metadata__  format "flowmatch", formatVersion, config (see config_json.h), stepsDone,
//   diverged layers.N.weight, layers.N.bias   the parameters, under the names that they have in
//   PyTorch in a
//                 module whose `layers` is torch.nn.Sequential(Linear, activation, Linear, ...)
//   ema.layers.N.weight, ...                the averaged parameters, where averaging is on
//   adam.first_moment.layers.N.weight, ...  Adam's two moments
//   adam.second_moment.layers.N.weight, ...
//
// and in the metadata, where they apply: stop, what a stopping rule remembers; reflow, whose pairs
// the run was trained on.
//
// docs/pytorch.md has a loader in Python.
#pragma once

#include "flowmatch/io/config_json.h"
#include "flowmatch/io/safetensors.h"
#include "flowmatch/problem.h"
#include "flowmatch/stopping.h"
#include "flowmatch/trainer_state.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flowmatch {

/// Version of the names and their meaning. A file of a newer one is refused.
inline constexpr int kCheckpointVersion = 1;
/// No checkpoint of the largest network has more bytes.
inline constexpr std::uint64_t kMaxCheckpointBytes = std::uint64_t{1} << 28;

/// Where the pairs of a run come from that is trained on another model's. The pairs themselves are
/// not kept: they are made anew from that model.
struct ReflowOrigin {
  Index pairs = 0;            ///< How many, at least 1.
  std::uint64_t teacher = 0;  ///< hash_of() that model's parameters.

  friend bool operator==(const ReflowOrigin&, const ReflowOrigin&) = default;
};

struct Checkpoint {
  RunConfig config;
  TrainerState state;
  StopState stop{};  ///< Of a configuration without a rule, a new one.
  std::optional<ReflowOrigin> reflow =
      std::nullopt;  ///< None: the run was trained on the data itself.
};

/// A hash (FNV-1a, 64 bits) of the parameters that learned_field() is made from.
std::uint64_t hash_of(const Checkpoint& checkpoint);

/// The bytes of a file. Problems: validate(config); a state that does not belong to it, by its
/// lengths or steps; numbers that are not finite.
Result<std::string> to_bytes(const Checkpoint& checkpoint);

/// Reads a file's bytes: what to_bytes() was given, to the bit. Its problems are those of
/// parse_safetensors() and of to_bytes(), a file that is no checkpoint or of a newer version,
/// tensors that are missing, of another shape than the configuration says, or too many.
Result<Checkpoint> parse_checkpoint(std::string_view file);

/// The same with a file, written whole or not at all (see file.h).
Problems save_checkpoint(const std::string& path, const Checkpoint& checkpoint);
Result<Checkpoint> load_checkpoint(const std::string& path);

/// The field that a run has learned so far, by the averaged parameters where there are such, as
/// a sampler asks for it, or the one of the checkpoint's own configuration. Precondition: the
/// sampler is valid for that configuration.
std::shared_ptr<const Field> learned_field(const Checkpoint& checkpoint);
std::shared_ptr<const Field> learned_field(const Checkpoint& checkpoint,
                                           const SamplerConfig& sampler);

/// The frequencies of a network's time features as a JSON array, in turns for a time of 1, which a
/// checkpoint and an export have in their metadata: a reader need not know how they are drawn.
std::string time_frequencies(const ExperimentConfig& config);

/// A network's parameters as tensors, a weight and a bias for each layer, their names with `prefix`
/// before them: what a checkpoint holds of each of its arrays, and an export holds alone.
/// Precondition: `parameters` are those of the network of `config`, which is valid.
std::vector<Tensor> parameter_tensors(const ExperimentConfig& config, std::string_view prefix,
                                      std::span<const float> parameters);

}  // namespace flowmatch
