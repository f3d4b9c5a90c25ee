// A run's configuration as JSON, with the names that the page's links and the JavaScript bindings
// use. A checkpoint holds it, the command `flowmatch` reads it:
//
//   {
//     "preset": "quick",
//     "data": {"components": 11, "radius": 10, "standardDeviation": 1}, "source": null,
//     "method": "flow_matching", "cnfSolver": "rk4", "cnfSteps": 8,
//     "couplingLayers": 8, "maxLogScale": 2,
//     "schedule": "cond_ot", "hidden": [64, 64, 64], "activation": "silu",
//     "timeFeatures": {"kind": "plain"}, "labels": false, "labelDropout": 0.1,
//     "batchSize": 256, "steps": 5000, "learningRate": 0.003, "learningRateDecay": "cosine",
//     "stop": {"metric": "sliced_w2", "below": 0.3, "every": 250, "patience": 4, "count": 1000},
//     "emaDecay": 0.999, "adam": {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-08}, "seed": 1,
//     "sampler": {"field": "learned", "guidance": {"label": -1, "scale": 0}, "solver": "midpoint",
//                 "steps": 50, "particles": 2000, "probes": 0, "seed": 1, "tStart": 0, "tEnd": 1}
//   }
//
// A key that is absent is as the preset has it, and the preset, where absent, is "quick". Other
// data than a ring is a set by its name, {"dataSet": "moons", "noise": 0.1}, any mixture,
// {"weights": [..], "means": [[..], ..], "covariances": [[[..], ..], ..]}, or points themselves,
// {"points": [[..], ..], "labels": [..], "smoothing": 0.1}. A source is written as data are; null,
// or none, is N(0, I).
#pragma once

#include "flowmatch/experiment.h"
#include "flowmatch/likelihood.h"
#include "flowmatch/solver.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flowmatch {

/// How a cloud is moved by one of the fields of an experiment.
struct SamplerConfig {
  FieldChoice field = FieldChoice::learned;
  GuidanceConfig guidance;  ///< Of a conditional model; by default all of the data is sampled.
  std::optional<Schedule> schedule;  ///< Of the field; none: that of the training.
  SolverConfig solver{.solver = Solver::midpoint, .steps = 50};
  Index particles = 2000;  ///< 1 to kMaxParticles.
  Index probes = 0;        ///< For likelihoods: see LikelihoodConfig.
  std::uint64_t seed = 1;  ///< Of the noise that the cloud starts from.
};

/// What of a sampler decides the field.
FieldOptions field_options(const SamplerConfig& sampler);

/// Most numbers of points that a document may hold: more belong in a file of their own.
inline constexpr Index kMaxInlineNumbers = 200'000;

inline constexpr Index kMaxParticles = 10'000'000;

/// An experiment and how to sample from it: all that a link to the page holds, but for how it is
/// looked at.
struct RunConfig {
  ExperimentConfig experiment;
  SamplerConfig sampler;
};

/// Of the sampler alone: which labels there are is known of a RunConfig.
Problems validate(const SamplerConfig& config);
/// The sampler's problems have fields that begin with "sampler.".
Problems validate(const RunConfig& config);

inline constexpr std::array<std::string_view, 2> kPresetNames{"quick", "blog"};

/// The page's presets: quick_config() or blog_config() with its sampler, and the seeds at 1.
std::optional<RunConfig> preset_from_name(std::string_view name);

/// Reads a document. Problems: no JSON, keys that there are not, values of a wrong type, and those
/// of validate(); a field is named by its path, such as "data.radius" or "hidden[2]".
Result<RunConfig> run_config_from_json(std::string_view text);

/// The document with every key written out, so that it means the same under other defaults. Reading
/// it gives the same configuration, to the bit.
std::string to_json(const RunConfig& config);
/// The document of a source alone: equal for those that are equal.
std::string to_json(const std::optional<DataConfig>& source);

std::string_view name(FieldChoice choice);

}  // namespace flowmatch
