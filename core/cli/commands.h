// The subcommands: what each is asked for, as options of the command line are read into, and the
// function that does it and returns how the program ends (see report.h).
#pragma once

#include "flowmatch/points.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flowmatch::cli {

/// Options that all subcommands have.
struct CommonOptions {
  bool json = false;
  bool quiet = false;
  int threads = 0;  ///< 0: as many as the machine runs at once.
};

/// Where the configuration comes from: a checkpoint's, or a preset's or a file's, and what is
/// changed in it.
struct SourceOptions {
  std::string checkpoint;                   ///< A path, or empty.
  std::string config;                       ///< A path of a JSON document, or empty.
  std::string preset;                       ///< A name, or empty.
  std::string data;                         ///< A set, or a path of points in CSV; or empty.
  std::string source;                       ///< The same of X_0, or "normal".
  std::vector<std::string> changes;         ///< Each "key=value", such as "data.radius=3".
  std::optional<std::uint64_t> seed;        ///< Of training.
  std::optional<std::uint64_t> noise_seed;  ///< Of the sampler.
};

struct TrainOptions {
  SourceOptions source;
  std::optional<Index> steps;  ///< Instead of the configuration's.
  std::optional<Index> until;  ///< Stop after that step, with a checkpoint to go on from.
  std::string out = "flowmatch.safetensors";
  std::vector<std::string> loss_files;  ///< .csv, .npy or .png.
  Index save_every = 0;                 ///< Steps between two checkpoints; 0: only at the end.
  /// A checkpoint whose model's pairs to train on; empty: on the data itself.
  std::string reflow;
  Index pairs = 20000;  ///< How many of them.
};
int train(const TrainOptions& options, const CommonOptions& common);

/// Which class is sampled, and how much of it; as the configuration says where there is nothing.
struct GuidanceOptions {
  std::optional<std::int32_t> label;
  std::optional<double> scale;
};

struct SampleOptions {
  SourceOptions source;
  std::string field;  ///< "exact", "learned", or empty: as the configuration says.
  GuidanceOptions guidance;
  std::optional<Index> count;
  Index frames = 0;                ///< Moments to keep beside the start; 0: only the end.
  std::vector<std::string> files;  ///< .npy, .csv or .png.
  double window = 0;               ///< Half the width of the picture; 0: as wide as the data.
};
int sample(const SampleOptions& options, const CommonOptions& common);

struct DensityOptions {
  SourceOptions source;
  std::string field;
  double time = 1;
  Index resolution = 200;
  Index count = 2000;              ///< Samples for the likelihood; 0: none.
  std::vector<std::string> files;  ///< .npy, .csv or .png.
  double window = 0;
};
int density(const DensityOptions& options, const CommonOptions& common);

struct EvaluateOptions {
  SourceOptions source;
  std::string field;
  GuidanceOptions guidance;
  Index count = 10000;
  Index likelihood_count = 2000;  ///< Samples for the likelihood; 0: none.
  Index exact_count = 1000;       ///< Samples for the exact metrics; 0: none.
};
int evaluate(const EvaluateOptions& options, const CommonOptions& common);

struct BenchOptions {
  SourceOptions source;
  double seconds = 2;  ///< Of each measurement.
};
int bench(const BenchOptions& options, const CommonOptions& common);

struct ExportOptions {
  SourceOptions source;
  bool raw = false;                ///< The parameters as they are, not their average.
  std::vector<std::string> files;  ///< .json: the configuration; .safetensors, .npy: the weights.
};
int export_files(const ExportOptions& options, const CommonOptions& common);

}  // namespace flowmatch::cli
