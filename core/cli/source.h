// From the options of the command line to a configuration, a checkpoint and a thread pool, with
// what is wrong reported.
#pragma once

#include "commands.h"
#include "flowmatch/io/checkpoint.h"
#include "flowmatch/io/config_json.h"
#include "flowmatch/thread_pool.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flowmatch::cli {

struct Source {
  RunConfig config;
  /// Where the options name one. Its own configuration is that without changes.
  std::optional<Checkpoint> checkpoint;
};

/// Reads what the options name. Nothing: it could not be read, which has been said.
std::optional<Source> read_source(const SourceOptions& options);

/// The field to sample from, with its name; null: there is none, which has been said. Where the
/// options name none it is the learned one if there is a checkpoint, and the exact one otherwise.
struct ChosenField {
  std::shared_ptr<const Field> field;
  FieldChoice choice = FieldChoice::exact;
};
ChosenField choose_field(const Source& source, std::string_view name);

/// Adds what the options say of a class to the changes of the configuration. Without a checkpoint
/// there is no model that could know none.
void apply_guidance(const GuidanceOptions& guidance, SourceOptions& source);

/// As many threads as asked for, or as the machine has.
int thread_count(const CommonOptions& common);

/// The end of a path from its last dot, ".png", in lower case.
std::string extension_of(const std::string& path);

/// Whether all files have one of the extensions, which are separated by spaces; says which has not.
bool check_extensions(const std::vector<std::string>& files, std::string_view allowed);

/// Writes a file and says what is wrong, or, unless the common options ask for quiet, that it is
/// done.
bool write_output(const std::string& path, std::string_view bytes, const CommonOptions& common);

}  // namespace flowmatch::cli
