// The command `flowmatch`: its options, and nothing of what they do.
#include "commands.h"
#include "flowmatch/io/config_json.h"
#include "flowmatch/thread_pool.h"
#include "flowmatch/version.h"
#include "report.h"

#include <CLI/CLI.hpp>

#include <exception>
#include <functional>
#include <limits>
#include <string>

namespace {

using namespace flowmatch;
using namespace flowmatch::cli;

constexpr const char* kFooter =
    "\nA configuration is a JSON document with the names of the page's settings;\n"
    "`flowmatch export` prints one. Every setting can be changed by --set.\n"
    "\n"
    "Exit codes: 0 done; 1 the work failed (training diverged, a file could not be\n"
    "written); 2 options, configuration or input files are not as they should be;\n"
    "130 interrupted by Ctrl-C (training keeps a checkpoint).\n";

/// One subcommand and what it does.
class Commands {
 public:
  Commands() : app_("Flow matching: trains a model, samples from it, and says how good it is.") {
    app_.name("flowmatch");
    app_.set_version_flag("--version", std::string(flowmatch::version()), "Print the version");
    app_.require_subcommand(1);
    app_.footer(kFooter);
    // Of an option that is given twice the last one counts, as a script that adds to another's
    // expects.
    app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    add_train();
    add_sample();
    add_density();
    add_evaluate();
    add_bench();
    add_export();
  }

  int run(int argc, char** argv) {
    const std::string first = argc > 1 ? argv[1] : "";
    const auto is_first = [&](CLI::App* command) { return command->get_name() == first; };
    if (!first.empty() && first.front() != '-' && app_.get_subcommands(is_first).empty()) {
      print_error("there is no subcommand " + first + " (see flowmatch --help)");
      return bad_usage;
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // Also what is no error: that help was asked for.
      if (error.get_exit_code() == 0) {
        app_.exit(error);
        return success;
      }
      print_error(std::string(error.what()) + " (see flowmatch --help)");
      return bad_usage;
    }
    return work_();
  }

 private:
  CLI::App* add(const std::string& name, const std::string& description,
                std::function<int()> work) {
    CLI::App* command = app_.add_subcommand(name, description);
    command->callback([this, work = std::move(work)] { work_ = work; });
    command->add_flag("--json", common_.json, "Print results as JSON, one object a line");
    command->add_flag("-q,--quiet", common_.quiet, "Say nothing but results and errors");
    command->add_option("--threads", common_.threads, "Threads (default: all processors)")
        ->check(CLI::Range(1, ThreadPool::kMaxThreads));
    return command;
  }

  /// The options that say which configuration. `checkpoint`: the name of the option for one, which
  /// may be the first argument.
  static void add_source(CLI::App* command, SourceOptions& source, const std::string& checkpoint,
                         const std::string& description) {
    if (!checkpoint.empty()) command->add_option(checkpoint, source.checkpoint, description);
    command->add_option("-c,--config", source.config, "A configuration in JSON; - for stdin");
    command->add_option("--preset", source.preset, "quick (the default) or blog");
    command->add_option("--data", source.data,
                        "The data: a set, such as moons, or a CSV file of points, with a header or "
                        "not");
    command->add_option("--source", source.source,
                        "What X_0 is drawn from instead of N(0, I): a set, such as "
                        "eight_gaussians, or a CSV file; normal: N(0, I)");
    command
        ->add_option("--set", source.changes,
                     "Change a setting: KEY=VALUE, such as data.radius=3 or hidden=[64,64]")
        ->take_all()
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  static void add_files(CLI::App* command, const std::string& names,
                        std::vector<std::string>& files, const std::string& description) {
    command->add_option(names, files, description)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  void add_train() {
    CLI::App* command = add("train", "Train a model and keep a checkpoint",
                            [this] { return train(train_, common_); });
    add_source(command, train_.source, "--resume", "Go on from this checkpoint");
    command->get_option("--resume")
        ->excludes("--config")
        ->excludes("--preset")
        ->excludes("--set")
        ->excludes("--data")
        ->excludes("--source");
    command->add_option("--seed", train_.source.seed, "Seed of the weights and batches")
        ->excludes("--resume");
    command->add_option("--steps", train_.steps, "Steps of the whole run")->excludes("--resume");
    command->add_option("--until", train_.until, "Stop after this step, to go on later")
        ->check(CLI::Range(Index{0}, kMaxSteps));
    command->add_option("-o,--out", train_.out, "The checkpoint")->capture_default_str();
    command->add_option("--reflow", train_.reflow,
                        "Train on the pairs of this checkpoint's model, with its configuration "
                        "where no other is named");
    command->add_option("--pairs", train_.pairs, "How many pairs of --reflow")
        ->check(CLI::Range(Index{1}, kMaxParticles))
        ->excludes("--resume")
        ->capture_default_str();
    command
        ->add_option("--save-every", train_.save_every,
                     "Also write the checkpoint after every so many steps")
        ->check(CLI::Range(Index{1}, kMaxSteps));
    add_files(command, "--loss", train_.loss_files,
              "Write the loss of each step: .csv, .npy, or a picture, .png");
  }

  void add_sample() {
    CLI::App* command = add("sample", "Move noise to samples along a field",
                            [this] { return sample(sample_, common_); });
    add_source(command, sample_.source, "checkpoint", "A checkpoint; without, the exact field");
    add_field(command, sample_.field, sample_.source);
    add_guidance(command, sample_.guidance);
    command->add_option("-n,--count", sample_.count, "How many samples");
    command->add_option("--frames", sample_.frames, "Keep the way of each, at so many moments")
        ->check(CLI::Range(1, 10000));
    add_window(command, sample_.window);
    add_files(command, "-o,--out", sample_.files, "Write samples: .npy, .csv, or a picture, .png");
    command->get_option("--out")->required();
  }

  void add_density() {
    CLI::App* command = add("density", "Compute the log-density on a grid, and its likelihood",
                            [this] { return density(density_, common_); });
    add_source(command, density_.source, "checkpoint", "A checkpoint; without, the exact field");
    add_field(command, density_.field, density_.source);
    command->add_option("-t,--time", density_.time, "Time, 0 is noise and 1 is data")
        ->check(CLI::Range(0.0, 1.0));
    command->add_option("--resolution", density_.resolution, "Cells along each side")
        ->check(CLI::Range(1, 4000))
        ->capture_default_str();
    command->add_option("-n,--count", density_.count, "Samples to find likely; 0: none")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    add_window(command, density_.window);
    add_files(command, "-o,--out", density_.files,
              "Write the log-density: .npy, .csv; or the density as a picture, .png");
  }

  void add_evaluate() {
    CLI::App* command = add("eval", "Compare samples with the truth, beside the floor",
                            [this] { return evaluate(evaluate_, common_); });
    add_source(command, evaluate_.source, "checkpoint", "A checkpoint; without, the exact field");
    add_field(command, evaluate_.field, evaluate_.source);
    add_guidance(command, evaluate_.guidance);
    command->add_option("-n,--count", evaluate_.count, "How many samples")
        ->check(CLI::Range(2, 100000))
        ->capture_default_str();
    command
        ->add_option("--likelihood", evaluate_.likelihood_count,
                     "How many samples of the target to find likely; 0: none")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    command
        ->add_option("--exact", evaluate_.exact_count,
                     "How many samples for exact W1 and W2, MMD and straightness, whose cost grows "
                     "with their square and more; 0: none")
        ->check(CLI::Range(0, 10000))
        ->capture_default_str();
  }

  void add_bench() {
    CLI::App* command = add("bench", "Measure a training step and sampling on this machine",
                            [this] { return bench(bench_, common_); });
    add_source(command, bench_.source, "", "");
    command->add_option("--seconds", bench_.seconds, "Of each measurement")
        ->check(CLI::Range(0.0, 600.0))
        ->capture_default_str();
  }

  void add_export() {
    CLI::App* command = add("export", "Write a configuration, or a network's weights",
                            [this] { return export_files(export_, common_); });
    add_source(command, export_.source, "checkpoint", "A checkpoint");
    command->add_flag("--raw", export_.raw, "The weights as trained last, not their average");
    add_files(command, "-o,--out", export_.files,
              ".json: the configuration; .safetensors: the weights, named as PyTorch names them; "
              ".npy: the weights as one array. Without, the configuration is printed");
  }

  static void add_field(CLI::App* command, std::string& field, SourceOptions& source) {
    command->add_option("--field", field, "exact or learned");
    command->add_option("--seed", source.noise_seed, "Seed of the noise");
  }

  static void add_guidance(CLI::App* command, GuidanceOptions& guidance) {
    command->add_option("--label", guidance.label, "Only this class, from 0; -1: all");
    command->add_option("--guidance", guidance.scale,
                        "How far away from all other classes (default: 0)");
  }

  static void add_window(CLI::App* command, double& window) {
    command->add_option("--window", window, "Half the width of what is seen (default: the data)")
        ->check(CLI::Range(1e-6, 1e9));
  }

  CLI::App app_;
  CommonOptions common_;
  TrainOptions train_;
  SampleOptions sample_;
  DensityOptions density_;
  EvaluateOptions evaluate_;
  BenchOptions bench_;
  ExportOptions export_;
  std::function<int()> work_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    return Commands().run(argc, argv);
  } catch (const std::exception& error) {
    // Memory that there is not.
    print_error(error.what());
    return failure;
  }
}
