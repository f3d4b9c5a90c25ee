#include "flowmatch/exact_field.h"
#include "flowmatch/flow.h"
#include "flowmatch/io/checkpoint.h"
#include "flowmatch/io/file.h"
#include "flowmatch/io/npy.h"
#include "flowmatch/likelihood.h"
#include "flowmatch/reflow.h"
#include "flowmatch/version.h"
#include "program.h"
#include "support/files.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <limits>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using Catch::Matchers::WithinAbs;
using flowmatch::testing::Ended;
using flowmatch::testing::Program;
using flowmatch::testing::run;
using flowmatch::testing::TemporaryFolder;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

/// A run that takes milliseconds.
Words tiny(const std::string& out, const Words& more = {}) {
  Words words{"train", "--set", "hidden=[8]", "--set", "batchSize=32", "--steps", "20",
              "--out", out,     "--seed",     "5",     "--threads",    "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string bytes_of(const std::string& path) {
  auto bytes = read_file(path, 1 << 28);
  REQUIRE(bytes.ok());
  return std::move(bytes).value();
}

Json only_line(const Ended& ended) {
  CAPTURE(ended.output, ended.errors);
  REQUIRE(ended.code == 0);
  return Json::parse(ended.output);
}

TEST_CASE("the command says what it can do") {
  const Ended help = run({"--help"});
  CHECK(help.code == 0);
  CHECK(help.errors.empty());
  for (const std::string command : {"train", "sample", "density", "eval", "bench", "export"}) {
    CHECK_THAT(help.output, ContainsSubstring("\n  " + command + " "));
    const Ended of_command = run({command, "--help"});
    CHECK(of_command.code == 0);
    CHECK_THAT(of_command.output, ContainsSubstring("--json"));
  }
  CHECK_THAT(help.output, ContainsSubstring("Exit codes"));
  CHECK(run({"--version"}).output == std::string(version()) + "\n");
}

TEST_CASE("usage that is wrong is said on the standard error, with exit code 2") {
  const auto check = [](const Words& words, const std::string& message) {
    const Ended ended = run(words);
    CAPTURE(words);
    CHECK(ended.code == 2);
    CHECK(ended.output.empty());
    CHECK_THAT(ended.errors, StartsWith("flowmatch: error: "));
    CHECK_THAT(ended.errors, ContainsSubstring(message));
  };
  check({}, "subcommand is required");
  check({"tarin"}, "there is no subcommand tarin");
  check({"train", "--stepz", "3"}, "--stepz");
  check({"train", "--threads", "0"}, "--threads");
  check({"train", "--preset", "fast"}, "preset is fast, must be one of quick, blog");
  check({"train", "--set", "batchSize=0"},
        "batchSize is 0, must be a whole number from 1 to 65536");
  check({"train", "--set", "data.radios=3"},
        "data.radios is 3, must be absent: there is no such setting");
  check({"train", "--set", "sampler.solver=eul\"er"}, "sampler.solver is eul\"er, must be one of");
  check({"train", "--set", "steps"}, "--set is steps, must be key=value");
  check({"train", "--steps", "0"}, "steps is 0");
  check({"train", "--out", "model.pt"}, "the file is model.pt, must be one whose name ends in");
  check({"train", "--resume", "absent.safetensors"}, "absent.safetensors is No such file");
  check({"train", "--resume", "x.safetensors", "--steps", "3"}, "--resume");
  check({"train", "--config", "absent.json"}, "absent.json is No such file");
  check({"sample", "--out", "x.gif"}, "the file is x.gif");
  check({"sample"}, "--out is required");
  check({"sample", "--field", "learned", "--out", "x.npy"}, "must be exact where no checkpoint");
  check({"sample", "--field", "both", "--out", "x.npy"}, "--field is both");
  check({"density", "--time", "2"}, "--time");
  check({"export", "--out", "x.safetensors"}, "there are no weights without a checkpoint");
}

TEST_CASE("what is wrong in a configuration file is named with the file") {
  const TemporaryFolder folder;
  const std::string path = folder.file("run.json");
  REQUIRE(write_file(path, R"({"hidden": [8, "x"], "stepz": 3})").empty());
  const Ended ended = run({"train", "--config", path});
  CHECK(ended.code == 2);
  CHECK(ended.errors == "flowmatch: error: " + path +
                            ": hidden[1] is x, must be a whole number\n"
                            "flowmatch: error: " +
                            path + ": stepz is 3, must be absent: there is no such setting\n");
}

TEST_CASE("training leaves a checkpoint of the whole run, and its losses") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run.safetensors");
  const Ended ended = run(tiny(out, {"--loss", folder.file("loss.csv"), "--loss",
                                     folder.file("loss.npy"), "--loss", folder.file("loss.png")}));
  CAPTURE(ended.errors);
  REQUIRE(ended.code == 0);
  CHECK(ended.output.empty());
  // No terminal: lines, and nothing that moves a cursor.
  CHECK(ended.errors.find('\r') == std::string::npos);
  CHECK_THAT(ended.errors, StartsWith("network 3-8-2, 50 parameters; batch 32; cond_ot; 1 thread"));
  CHECK_THAT(ended.errors, ContainsSubstring("\nstep 20/20  loss "));
  CHECK_THAT(ended.errors, ContainsSubstring("  floor 9.8"));

  const auto checkpoint = load_checkpoint(out);
  REQUIRE(checkpoint.ok());
  CHECK(checkpoint.value().state.steps_done == 20);
  CHECK(checkpoint.value().config.experiment.training.seed == 5);

  // The same run by the library.
  ThreadPool pool(1);
  auto experiment = Experiment::make(checkpoint.value().config.experiment, pool);
  REQUIRE(experiment.ok());
  std::vector<float> losses(20);
  REQUIRE(experiment.value()->trainer().step(losses) == 20);
  CHECK(experiment.value()->trainer().state() == checkpoint.value().state);

  const auto written = parse_npy(bytes_of(folder.file("loss.npy")));
  REQUIRE(written.ok());
  CHECK(std::get<std::vector<float>>(written.value().values) == losses);
  const std::string csv = bytes_of(folder.file("loss.csv"));
  CHECK_THAT(csv, StartsWith("step,loss\n1,"));
  CHECK(std::ranges::count(csv, '\n') == 21);
  CHECK_THAT(bytes_of(folder.file("loss.png")), StartsWith("\x89PNG"));
}

TEST_CASE("a run that is stopped and resumed is the uninterrupted one, to the bit") {
  const TemporaryFolder folder;
  const std::string whole = folder.file("whole.safetensors");
  const std::string part = folder.file("part.safetensors");
  REQUIRE(run(tiny(whole)).code == 0);
  REQUIRE(run(tiny(part, {"--until", "7", "--save-every", "3"})).code == 0);
  CHECK(load_checkpoint(part).value().state.steps_done == 7);
  const Ended resumed = run({"train", "--resume", part, "--out", part, "--threads", "2"});
  CAPTURE(resumed.errors);
  REQUIRE(resumed.code == 0);
  CHECK_THAT(resumed.errors, ContainsSubstring("goes on after step 7"));
  CHECK((bytes_of(part) == bytes_of(whole)));
}

TEST_CASE("a run is not resumed until a step that is done") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run.safetensors");
  REQUIRE(run(tiny(out, {"--until", "9", "--quiet"})).code == 0);
  const std::string before = bytes_of(out);
  const Ended ended = run({"train", "--resume", out, "--out", out, "--until", "8"});
  CHECK(ended.code == 2);
  CHECK_THAT(ended.errors, ContainsSubstring("--until is 8, must be at least 9"));
  CHECK(bytes_of(out) == before);
}

TEST_CASE("Ctrl-C ends training cleanly, with a checkpoint to go on from") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run.safetensors");
  Program program(tiny(out, {"--json", "--steps", "1000000"}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (program.output().find("\"start\"") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  program.send(SIGINT);
  CHECK(program.wait() == 130);
  CHECK_THAT(program.output(), ContainsSubstring(R"("interrupted":true)"));
  const auto checkpoint = load_checkpoint(out);
  REQUIRE(checkpoint.ok());
  const Index done = checkpoint.value().state.steps_done;
  CHECK(done < 1000000);

  // From there it goes on as if nothing had happened.
  const Index until = done + 20;
  REQUIRE(run({"train", "--resume", out, "--out", out, "--until", std::to_string(until)}).code ==
          0);
  if (until < 20000) {
    const std::string whole = folder.file("whole.safetensors");
    REQUIRE(run(tiny(whole, {"--steps", "1000000", "--until", std::to_string(until)})).code == 0);
    CHECK((bytes_of(out) == bytes_of(whole)));
  }
}

TEST_CASE("with --json training is told in objects, one a line") {
  const TemporaryFolder folder;
  const Ended ended = run(tiny(folder.file("run.safetensors"), {"--json"}));
  REQUIRE(ended.code == 0);
  CHECK(ended.errors.empty());
  std::istringstream lines(ended.output);
  std::vector<Json> events;
  for (std::string line; std::getline(lines, line);) events.push_back(Json::parse(line));
  REQUIRE(events.size() >= 3);
  CHECK(events.front()["event"] == "start");
  CHECK(events.front()["config"]["hidden"] == Json{8});
  CHECK(events.front()["parameters"] == 50);
  const Json& progress = events[events.size() - 2];
  CHECK(progress["event"] == "progress");
  CHECK(progress["step"] == 20);
  CHECK_THAT(progress["irreducibleLoss"].get<double>(), WithinAbs(9.85, 0.2));
  CHECK(progress["loss"].get<double>() > 20);
  const Json& end = events.back();
  CHECK(end["event"] == "end");
  CHECK(end["finished"] == true);
  CHECK(end["diverged"] == false);
  CHECK(end["interrupted"] == false);
  CHECK(end["checkpoint"] == folder.file("run.safetensors"));
}

TEST_CASE("on a terminal progress is a bar that is drawn over") {
  const TemporaryFolder folder;
  const Ended ended = run(tiny(folder.file("run.safetensors")), Program::Error::terminal);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.errors, ContainsSubstring("\r\x1b[K[========================] step 20/20"));
  CHECK_THAT(ended.errors, ContainsSubstring("steps/s  0:00 left"));
}

TEST_CASE("training that diverges is a failure, and keeps the last finite weights") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run.safetensors");
  // Eight layers whose weights grow by 1 a step: soon the square of the output is no float.
  const Words changes{"--set",   "learningRate=1",
                      "--set",   "data.radius=1e6",
                      "--set",   "activation=relu",
                      "--set",   "hidden=[64,64,64,64,64,64,64,64]",
                      "--set",   "learningRateDecay=constant",
                      "--steps", "3000",
                      "--quiet"};
  const Ended ended = run(tiny(out, changes));
  CAPTURE(ended.errors);
  CHECK(ended.code == 1);
  CHECK_THAT(ended.errors, ContainsSubstring("training diverged after step "));
  const auto checkpoint = load_checkpoint(out);
  REQUIRE(checkpoint.ok());
  CHECK(checkpoint.value().state.diverged);
  const Ended resumed = run({"train", "--resume", out});
  CHECK(resumed.code == 1);
  CHECK_THAT(resumed.errors, ContainsSubstring("has diverged and cannot go on"));
}

TEST_CASE("a checkpoint that cannot be written is a failure") {
  const TemporaryFolder folder;
  const Ended ended = run(tiny(folder.file("absent/run.safetensors"), {"--quiet"}));
  CHECK(ended.code == 1);
  CHECK_THAT(ended.errors, ContainsSubstring("must be a file that can be written"));
}

TEST_CASE("a damaged checkpoint is refused with its name and what is wrong") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run.safetensors");
  REQUIRE(run(tiny(out, {"--until", "0"})).code == 0);
  REQUIRE(write_file(out, bytes_of(out).substr(0, 2000)).empty());
  const Ended ended = run({"eval", out});
  CHECK(ended.code == 2);
  CHECK_THAT(ended.errors, StartsWith("flowmatch: error: " + out + ": file is "));
  CHECK_THAT(ended.errors, ContainsSubstring("it is truncated"));
}

TEST_CASE("samples are those of the library, in each kind of file") {
  const TemporaryFolder folder;
  const std::string npy = folder.file("samples.npy");
  const Ended ended =
      run({"sample", "--count", "50", "--seed", "9", "--set", "sampler.steps=10", "--out", npy,
           "--out", folder.file("samples.csv"), "--out", folder.file("samples.png"), "--json"});
  const Json said = only_line(ended);
  CHECK(said["field"] == "exact");
  CHECK(said["functionEvaluations"] == 20);
  CHECK(said["acceptedSteps"] == 10);
  CHECK(said["rejectedSteps"] == 0);
  CHECK(said["givenUp"] == 0);
  const auto array = parse_npy(bytes_of(npy));
  REQUIRE(array.ok());
  CHECK(array.value().shape == std::vector<Index>{50, 2});

  ThreadPool pool(1);
  const auto field = std::make_shared<const ExactField>(
      *make_target(quick_config().data).value().exact, Schedule::cond_ot);
  const Points expected =
      integrate(field, {.solver = Solver::midpoint, .steps = 10}, starting_noise(50, 2, 9), pool);
  const auto& values = std::get<std::vector<float>>(array.value().values);
  CHECK((Eigen::Map<const Points>(values.data(), 50, 2) == expected));
  const std::string csv = bytes_of(folder.file("samples.csv"));
  CHECK_THAT(csv, StartsWith("x0,x1\n"));
  CHECK(std::ranges::count(csv, '\n') == 51);
  CHECK_THAT(bytes_of(folder.file("samples.png")), StartsWith("\x89PNG"));
}

TEST_CASE("sampling says what the solver did, and what it gave up is a failure") {
  const TemporaryFolder folder;
  const std::string npy = folder.file("samples.npy");
  const Words adaptive{"sample", "--count", "50", "--out", npy, "--set", "sampler.solver=dopri5"};
  const Ended text = run(adaptive);
  CHECK(text.code == 0);
  CHECK_THAT(text.errors, ContainsSubstring(" steps accepted and "));
  Words json = adaptive;
  json.push_back("--json");
  const Json said = only_line(run(json));
  CHECK(said["acceptedSteps"].get<double>() > 5);
  CHECK(said["rejectedSteps"].get<double>() >= 0);
  json.insert(json.end(), {"--set", "sampler.maxSteps=2"});
  const Ended ended = run(json);
  CHECK(ended.code == 1);
  CHECK(Json::parse(ended.output)["givenUp"] == 50);
  CHECK_THAT(ended.errors, ContainsSubstring("50 of 50 points were given up"));
}

TEST_CASE("trajectories keep the moments on the way") {
  const TemporaryFolder folder;
  const std::string npy = folder.file("ways.npy");
  REQUIRE(
      run({"sample", "-n", "6", "--frames", "4", "-o", npy, "-o", folder.file("ways.csv")}).code ==
      0);
  const auto array = parse_npy(bytes_of(npy));
  REQUIRE(array.ok());
  CHECK(array.value().shape == std::vector<Index>{5, 6, 2});
  const Points start = starting_noise(6, 2, 1);
  const auto& values = std::get<std::vector<float>>(array.value().values);
  CHECK((Eigen::Map<const Points>(values.data(), 6, 2) == start));
  CHECK_THAT(bytes_of(folder.file("ways.csv")), StartsWith("t,particle,x0,x1\n0,0,"));
}

TEST_CASE("the learned field of a checkpoint is sampled, evaluated and exported") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run.safetensors");
  REQUIRE(run(tiny(out)).code == 0);
  const Json said =
      only_line(run({"sample", out, "-n", "10", "-o", folder.file("x.npy"), "--json"}));
  CHECK(said["field"] == "learned");
  const Json learned = only_line(run({"eval", out, "--count", "300", "--json"}));
  const Json exact = only_line(run({"eval", out, "--count", "300", "--field", "exact", "--json"}));
  CHECK(learned["energyDistance"].get<double>() > 2);
  CHECK(exact["energyDistance"].get<double>() < 0.5);
  CHECK(exact["energyDistanceFloor"].get<double>() > 0);
  CHECK(exact["modeShares"].size() == 11);
  CHECK_THAT(run({"eval", "--count", "100"}).output, ContainsSubstring("energy distance"));

  const std::string weights = folder.file("weights.safetensors");
  const std::string flat = folder.file("weights.npy");
  const std::string json = folder.file("run.json");
  REQUIRE(run({"export", out, "-o", weights, "-o", flat, "-o", json}).code == 0);
  const Checkpoint checkpoint = load_checkpoint(out).value();
  const auto tensors = parse_safetensors(bytes_of(weights));
  REQUIRE(tensors.ok());
  CHECK(tensors.value().tensors.size() == 4);
  REQUIRE(tensors.value().find("layers.2.bias") != nullptr);
  CHECK(float_values(*tensors.value().find("layers.2.bias")) ==
        std::vector(checkpoint.state.ema.end() - 2, checkpoint.state.ema.end()));
  CHECK(std::get<std::vector<float>>(parse_npy(bytes_of(flat)).value().values) ==
        checkpoint.state.ema);
  REQUIRE(run({"export", out, "-o", flat, "--raw"}).code == 0);
  CHECK(std::get<std::vector<float>>(parse_npy(bytes_of(flat)).value().values) ==
        checkpoint.state.parameters);

  // The configuration that was exported trains the same network.
  const std::string again = folder.file("again.safetensors");
  REQUIRE(run({"train", "--config", json, "--out", again}).code == 0);
  CHECK((bytes_of(again) == bytes_of(out)));
}

TEST_CASE("a class of a conditional model is sampled, and compared with that class") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run.safetensors");
  REQUIRE(run(tiny(out, {"--set", "labels=true", "--set", "data.components=4"})).code == 0);
  const std::string npy = folder.file("x.npy");
  const Json said = only_line(
      run({"sample", out, "--label", "2", "--guidance", "1.5", "-n", "10", "-o", npy, "--json"}));
  CHECK(said["label"] == 2);
  CHECK(said["guidance"] == 1.5);
  const Json of_class =
      only_line(run({"eval", out, "--label", "2", "--field", "exact", "--count", "300", "--json"}));
  CHECK(of_class["modeShares"] == Json::array({1.0}));
  CHECK(of_class["energyDistance"].get<double>() < 0.2);
  // Without a checkpoint the exact field has classes all the same.
  const Json exact = only_line(run({"eval", "--set", "data.components=4", "--label", "2",
                                    "--guidance", "0", "--count", "300", "--json"}));
  CHECK(exact["energyDistance"] == of_class["energyDistance"]);

  const auto refused = [](const Words& words, const std::string& message) {
    const Ended ended = run(words);
    CHECK(ended.code == 2);
    CHECK_THAT(ended.errors, ContainsSubstring(message));
  };
  refused({"eval", out, "--label", "4"}, "sampler.guidance.label is 4, must be a whole number");
  const std::string plain = folder.file("plain.safetensors");
  REQUIRE(run(tiny(plain)).code == 0);
  refused({"eval", plain, "--label", "0"}, "where the model is told no labels");
  refused({"eval", plain, "--label", "0", "--set", "labels=true"},
          "where the model is told no labels");
}

TEST_CASE("the data may be a file of points, which the checkpoint then holds") {
  const TemporaryFolder folder;
  const std::string csv = folder.file("points.csv");
  REQUIRE(write_file(csv, "x,y,label\n0,0,0\n4,4,1\n0,1,0\n4,5,1\n").empty());
  const std::string out = folder.file("run.safetensors");
  REQUIRE(
      run(tiny(out, {"--data", csv, "--set", "labels=true", "--set", "data.smoothing=0.1"})).code ==
      0);
  const Checkpoint checkpoint = load_checkpoint(out).value();
  const auto& data = std::get<EmpiricalConfig>(checkpoint.config.experiment.data);
  CHECK(data.points.rows() == 4);
  CHECK(data.labels == std::vector<std::int32_t>{0, 1, 0, 1});
  CHECK(data.smoothing == 0.1);
  const Json exact =
      only_line(run({"eval", out, "--field", "exact", "--label", "1", "--count", "300", "--json"}));
  CHECK(exact["energyDistance"].get<double>() < 0.05);

  REQUIRE(write_file(csv, "x,y\n1,2\n3,four\n").empty());
  const Ended ended = run({"eval", "--data", csv});
  CHECK(ended.code == 2);
  CHECK_THAT(ended.errors, StartsWith("flowmatch: error: " + csv + ": line 3, column 2"));
  CHECK(run({"eval", "--data", "absent.csv"}).code == 2);
}

TEST_CASE("the configuration is printed where nothing else is asked for") {
  const Ended ended = run({"export", "--preset", "blog", "--set", "seed=7"});
  CHECK(ended.code == 0);
  const auto config = run_config_from_json(ended.output);
  REQUIRE(config.ok());
  CHECK(config.value().experiment.training.seed == 7);
  CHECK(config.value().experiment.hidden == std::vector<Index>{1024, 16});
}

TEST_CASE("the density is on the grid that was asked for, and has its integral") {
  const TemporaryFolder folder;
  const std::string npy = folder.file("density.npy");
  const Json said = only_line(
      run({"density", "--resolution", "60", "--window", "15", "--time", "0.7", "-o", npy, "-o",
           folder.file("density.png"), "-o", folder.file("density.csv"), "--json"}));
  CHECK_THAT(said["integral"].get<double>(), WithinAbs(1, 1e-3));
  const auto array = parse_npy(bytes_of(npy));
  REQUIRE(array.ok());
  REQUIRE(array.value().shape == std::vector<Index>{60, 60});
  const ExactField field(*make_target(quick_config().data).value().exact, Schedule::cond_ot);
  // The cell of the 12th row and the 45th column: half a unit wide.
  Points point(1, 2);
  point << -15 + 44.5F * 0.5F, -15 + 11.5F * 0.5F;
  Values expected(1);
  field.log_density(0.7, point, expected);
  CHECK_THAT(std::get<std::vector<double>>(array.value().values)[11 * 60 + 44],
             WithinAbs(expected[0], 1e-9));
  CHECK(std::ranges::count(bytes_of(folder.file("density.csv")), '\n') == 3601);
  CHECK_THAT(bytes_of(folder.file("density.png")), StartsWith("\x89PNG"));
}

TEST_CASE("the density of a learned field is that of its likelihood, with NLL and KL") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run.safetensors");
  REQUIRE(run({"train", "--set", "hidden=[16]", "--set", "data={\"components\": 1, \"radius\": 1}",
               "--set", "batchSize=64", "--steps", "200", "--quiet", "--out", out})
              .code == 0);
  const std::string npy = folder.file("density.npy");
  const Words density{"density", out,     "--resolution",      "24",    "--window", "6", "-n",
                      "300",     "--set", "sampler.rtol=1e-4", "--json"};
  Words with_files = density;
  for (const std::string& file : {npy, folder.file("d.csv"), folder.file("d.png")}) {
    with_files.insert(with_files.end(), {"-o", file});
  }
  const Json learned = only_line(run(with_files));
  CHECK(learned["field"] == "learned");
  CHECK_THAT(learned["integral"].get<double>(), WithinAbs(1, 0.02));
  CHECK(learned["functionEvaluations"].get<double>() > 10);
  // The entropy of a normal distribution in the plane: 1 + log(2 pi).
  CHECK_THAT(learned["entropy"].get<double>(), WithinAbs(2.8379, 1e-3));
  CHECK(learned["kl"].get<double>() > 0);
  CHECK(learned["kl"].get<double>() < 0.5);
  CHECK_THAT(learned["nll"].get<double>(),
             WithinAbs(learned["entropy"].get<double>() + learned["kl"].get<double>(), 0.3));
  CHECK_THAT(bytes_of(folder.file("d.csv")), StartsWith("x0,x1,logDensity\n-5.75,-5.75,"));
  CHECK_THAT(bytes_of(folder.file("d.png")), StartsWith("\x89PNG"));

  // The same by the library.
  const auto array = parse_npy(bytes_of(npy));
  REQUIRE(array.ok());
  REQUIRE(array.value().shape == std::vector<Index>{24, 24});
  ThreadPool pool(1);
  const Values expected = log_likelihood(
      learned_field(load_checkpoint(out).value()),
      {.solver = {.solver = Solver::dopri5, .rtol = 1e-4}},
      grid_points({.x_low = -6, .x_high = 6, .y_low = -6, .y_high = 6, .columns = 24, .rows = 24}),
      pool);
  const auto& values = std::get<std::vector<double>>(array.value().values);
  CHECK(std::equal(values.begin(), values.end(), expected.begin()));

  Words exact = density;
  exact.insert(exact.end(), {"--field", "exact"});
  const Json truth = only_line(run(exact));
  CHECK(truth["field"] == "exact");
  CHECK(truth["functionEvaluations"] == 0);
  CHECK_THAT(truth["kl"].get<double>(), WithinAbs(0, 1e-3));
  CHECK_THAT(run({"density", out, "--resolution", "4", "-n", "50"}).output,
             ContainsSubstring("KL  "));

  // What the solver gives up is said, and is a failure.
  Words hasty = density;
  hasty.insert(hasty.end(), {"--set", "sampler.maxSteps=1"});
  const Ended ended = run(hasty);
  CHECK(ended.code == 1);
  CHECK(Json::parse(ended.output)["integral"].is_null());
  CHECK_THAT(ended.errors, ContainsSubstring("576 of 576 points were given up"));
  CHECK_THAT(ended.errors, ContainsSubstring("300 of 300 points were given up"));
}

TEST_CASE("an evaluation prints the likelihood beside the entropy, and counts what was lost") {
  const Json said = only_line(run({"eval", "--count", "100", "--likelihood", "200", "--set",
                                   "data.dataSet=eight_gaussians", "--json"}));
  CHECK(said["likelihoodCount"] == 200);
  CHECK(said["lost"] == 0);
  CHECK_THAT(said["entropy"].get<double>(), WithinAbs(2.6147, 1e-3));
  CHECK(std::abs(said["nll"].get<double>() - said["entropy"].get<double>()) <
        5 * said["nllStandardError"].get<double>());
  CHECK_THAT(said["kl"].get<double>(), WithinAbs(0, 1e-3));
  // Exact distances of fewer samples, each beside its floor; the exact field is near it.
  const Json exact =
      only_line(run({"eval", "--count", "100", "--likelihood", "0", "--exact", "300", "--json"}));
  CHECK(exact["exactCount"] == 300);
  for (const char* key : {"w1", "w2"}) {
    const double floor = exact[std::string(key) + "Floor"].get<double>();
    CHECK(floor > 0);
    CHECK(exact[key].get<double>() > 0.5 * floor);
    CHECK(exact[key].get<double>() < 2 * floor);
  }
  CHECK(exact["w1"].get<double>() <= exact["w2"].get<double>());
  CHECK(std::abs(exact["mmd"].get<double>()) < 0.02);
  CHECK(std::abs(exact["mmdFloor"].get<double>()) < 0.02);
  CHECK(exact["straightness"].get<double>() > 0);
  CHECK(exact["normalisedPathEnergy"].get<double>() >= 0);
  const Json stochastic = only_line(run({"eval", "--count", "100", "--likelihood", "0", "--set",
                                         "sampler.solver=euler_maruyama", "--json"}));
  CHECK(stochastic["exactCount"] == 1000);
  CHECK(stochastic["straightness"].is_null());
  CHECK_FALSE(
      only_line(run({"eval", "--count", "100", "--likelihood", "0", "--exact", "0", "--json"}))
          .contains("w2"));
  const Ended text = run({"eval", "--count", "100", "--likelihood", "50"});
  CHECK_THAT(text.output, ContainsSubstring("W2, exact"));
  CHECK(text.code == 0);
  CHECK_THAT(text.output, ContainsSubstring("NLL  "));
  CHECK_THAT(text.output, ContainsSubstring(", at best "));
  CHECK(run({"eval", "--count", "100", "--likelihood", "0"}).output.find("NLL") ==
        std::string::npos);

  const Ended lost = run({"eval", "--count", "100", "--likelihood", "0", "--set",
                          "sampler.solver=dopri5", "--set", "sampler.maxSteps=1", "--json"});
  CHECK(lost.code == 1);
  CHECK(Json::parse(lost.output)["lost"] == 100);
  CHECK(Json::parse(lost.output)["slicedW2"].is_null());
  CHECK_THAT(lost.errors, ContainsSubstring("100 samples did not come to the end"));
}

TEST_CASE("training stops by its metric, says why, and a resumed run stops at the same step") {
  const TemporaryFolder folder;
  const std::string whole = folder.file("whole.safetensors");
  const Words rule{
      "--set", "stop.metric=loss", "--set",   "stop.every=10", "--set", "stop.patience=1",
      "--set", "stop.below=5",     "--steps", "2000"};
  const Ended ended = run(tiny(whole, rule));
  CAPTURE(ended.errors);
  REQUIRE(ended.code == 0);
  const auto checkpoint = load_checkpoint(whole);
  REQUIRE(checkpoint.ok());
  const Index steps = checkpoint.value().state.steps_done;
  CHECK(steps < 2000);
  CHECK(steps % 10 == 0);
  CHECK(checkpoint.value().stop.reason == StopReason::no_improvement);
  CHECK_THAT(ended.errors,
             ContainsSubstring("stopped after step " + std::to_string(steps) + ": loss is "));
  CHECK_THAT(ended.errors, ContainsSubstring("1 measurements not less than the best"));

  const std::string part = folder.file("part.safetensors");
  Words until = rule;
  until.insert(until.end(), {"--until", "7"});
  REQUIRE(run(tiny(part, until)).code == 0);
  CHECK(load_checkpoint(part).value().stop.losses == 7);
  const Ended resumed = run({"train", "--resume", part, "--out", part, "--json"});
  REQUIRE(resumed.code == 0);
  CHECK_THAT(resumed.output, ContainsSubstring(R"("stopped":"no_improvement")"));
  CHECK((bytes_of(part) == bytes_of(whole)));
  // A run that has stopped goes no further.
  REQUIRE(run({"train", "--resume", part, "--out", part, "--quiet"}).code == 0);
  CHECK((bytes_of(part) == bytes_of(whole)));
}

TEST_CASE("a student is trained on the pairs of a checkpoint, and resumed with it") {
  const TemporaryFolder folder;
  const std::string teacher = folder.file("teacher.safetensors");
  REQUIRE(run(tiny(teacher, {"--quiet"})).code == 0);
  const Words distil{"train",   "--reflow", teacher, "--pairs",           "500",
                     "--steps", "30",       "--set", "timeLaw.law=fixed", "--threads",
                     "1",       "--quiet"};
  const auto with = [](Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const std::string whole = folder.file("whole.safetensors");
  const Ended ended = run(with(distil, {"--out", whole}));
  CAPTURE(ended.errors);
  REQUIRE(ended.code == 0);
  const auto student = load_checkpoint(whole);
  REQUIRE(student.ok());
  // The teacher's configuration, but for what was changed.
  CHECK(student.value().config.experiment.hidden == std::vector<Index>{8});
  CHECK(student.value().config.experiment.training.seed == 5);
  CHECK(student.value().config.experiment.training.time_law.law == TimeLaw::fixed);
  const auto origin =
      ReflowOrigin{.pairs = 500, .teacher = hash_of(load_checkpoint(teacher).value())};
  CHECK(student.value().reflow == origin);

  // The same run by the library.
  ThreadPool pool(2);
  Reflow reflow(learned_field(load_checkpoint(teacher).value()), {.solver = Solver::dopri5},
                StandardNormal(2), 500, 5, pool);
  reflow.advance(std::numeric_limits<double>::infinity());
  auto experiment = Experiment::make(student.value().config.experiment, reflow.pairs(), pool);
  REQUIRE(experiment.ok());
  std::vector<float> losses(30);
  CHECK(experiment.value()->train(losses) == 30);
  CHECK(experiment.value()->trainer().state() == student.value().state);

  const std::string part = folder.file("part.safetensors");
  REQUIRE(run(with(distil, {"--out", part, "--until", "11"})).code == 0);
  const Ended missing = run({"train", "--resume", part, "--out", part});
  CHECK(missing.code == 2);
  CHECK_THAT(missing.errors, ContainsSubstring("--reflow is missing"));
  const Ended other = run({"train", "--resume", part, "--out", part, "--reflow", whole});
  CHECK(other.code == 2);
  CHECK_THAT(other.errors, ContainsSubstring("must be the checkpoint whose pairs"));
  CHECK(run({"train", "--resume", teacher, "--reflow", teacher}).code == 2);
  REQUIRE(run({"train", "--resume", part, "--out", part, "--reflow", teacher, "--quiet"}).code ==
          0);
  CHECK((bytes_of(part) == bytes_of(whole)));
  CHECK(run({"train", "--reflow", folder.file("absent.safetensors")}).code == 2);
}

TEST_CASE("a conditional run is reflowed class by class") {
  const TemporaryFolder folder;
  const std::string teacher = folder.file("teacher.safetensors");
  REQUIRE(run(tiny(teacher, {"--set", "labels=true", "--quiet"})).code == 0);
  const std::string student = folder.file("student.safetensors");
  Words reflow{"train", "--reflow", teacher, "--pairs", "300", "--out", student, "--quiet"};
  REQUIRE(run(reflow).code == 0);
  CHECK(load_checkpoint(student).value().config.experiment.labels);
  CHECK(
      run({"sample", student, "--label", "1", "--count", "10", "--out", folder.file("samples.npy")})
          .code == 0);

  // Of one without classes none can be made with them.
  REQUIRE(run(tiny(teacher, {"--quiet"})).code == 0);
  reflow.insert(reflow.end(), {"--set", "labels=true"});
  const Ended none = run(reflow);
  CHECK(none.code == 2);
  CHECK_THAT(none.errors, ContainsSubstring("labels"));
  CHECK_THAT(none.errors, ContainsSubstring("belong to no class"));
}

TEST_CASE("a source other than N(0, I) is trained, sampled, evaluated and kept") {
  const TemporaryFolder folder;
  const std::string model = folder.file("eight.safetensors");
  const Ended trained = run(tiny(model, {"--data", "eight_gaussians", "--set", "data.radius=9",
                                         "--source", "eight_gaussians", "--until", "10"}));
  CAPTURE(trained.errors);
  REQUIRE(trained.code == 0);
  REQUIRE(run({"train", "--resume", model, "--out", model, "--quiet"}).code == 0);
  const auto checkpoint = load_checkpoint(model);
  REQUIRE(checkpoint.ok());
  const ExperimentConfig& config = checkpoint.value().config.experiment;
  REQUIRE(config.source.has_value());
  CHECK(std::get<DataSetConfig>(*config.source).set == DataSet::eight_gaussians);
  ThreadPool pool(1);
  auto experiment = Experiment::make(config, pool);
  REQUIRE(experiment.ok());
  std::vector<float> losses(20);
  CHECK(experiment.value()->train(losses) == 20);
  CHECK(experiment.value()->trainer().state() == checkpoint.value().state);

  // The first frame of its samples is the source.
  const std::string ways = folder.file("ways.npy");
  REQUIRE(run({"sample", model, "--count", "50", "--frames", "2", "--seed", "4", "--out", ways,
               "--quiet"})
              .code == 0);
  const Points start = experiment.value()->starts(50, 4);
  const std::string bytes = bytes_of(ways);
  CHECK(bytes.find(std::string(reinterpret_cast<const char*>(start.data()),
                               sizeof(float) * static_cast<std::size_t>(start.size()))) !=
        std::string::npos);

  const Json evaluated =
      only_line(run({"eval", model, "--count", "200", "--likelihood", "50", "--json"}));
  CHECK(std::isfinite(evaluated["nll"].get<double>()));
  const Json exact = only_line(
      run({"eval", model, "--field", "exact", "--count", "500", "--likelihood", "0", "--json"}));
  CHECK(exact["slicedW2"].get<double>() < evaluated["slicedW2"].get<double>());
  for (const std::string field : {"learned", "exact"}) {
    const Json density = only_line(
        run({"density", model, "--field", field, "--resolution", "60", "--count", "20", "--json"}));
    CAPTURE(field);
    CHECK_THAT(density["integral"].get<double>(), WithinAbs(1, 0.1));
  }

  const auto refused = [](const Words& words, const std::string& message) {
    const Ended ended = run(words);
    CAPTURE(words);
    CHECK(ended.code == 2);
    CHECK_THAT(ended.errors, ContainsSubstring(message));
  };
  refused({"sample", model, "--out", ways, "--set", "sampler.solver=euler_maruyama"},
          "sampler.solver is euler_maruyama, must be a solver of the ODE");
  // Not even by another source than the model was trained with.
  refused({"sample", model, "--out", ways, "--source", "normal", "--set",
           "sampler.solver=euler_maruyama"},
          "solver is euler_maruyama");
  refused({"eval", model, "--source", "pinwheel"}, "--likelihood is 2000, must be 0");
  refused({"density", model, "--source", "pinwheel"}, "source is without a log-density");
  refused(tiny(model, {"--source", "absent.csv"}), "absent.csv is No such file");
  refused(tiny(model, {"--source", "moons", "--set", "prediction=score"}), "prediction is score");
  refused({"train", "--resume", model, "--source", "moons"}, "--source");

  // Points of a file; and back to N(0, I).
  const std::string file = folder.file("points.csv");
  REQUIRE(write_file(file, "x,y\n1,2\n3,4\n5,7\n").empty());
  const std::string other = folder.file("points.safetensors");
  REQUIRE(run(tiny(other, {"--source", file, "--quiet"})).code == 0);
  CHECK(std::get<EmpiricalConfig>(*load_checkpoint(other).value().config.experiment.source)
            .points(2, 1) == 7);
  CHECK_THAT(run({"export", other}).output, ContainsSubstring("\"source\": {"));
  CHECK_THAT(run({"export", other, "--source", "normal"}).output,
             ContainsSubstring("\"source\": null"));

  // The pairs of a reflow begin where its teacher does.
  const std::string student = folder.file("student.safetensors");
  REQUIRE(run({"train", "--reflow", model, "--pairs", "100", "--out", student, "--quiet"}).code ==
          0);
  CHECK(load_checkpoint(student).value().config.experiment.source.has_value());
  refused({"train", "--reflow", model, "--pairs", "100", "--out", student, "--preset", "quick"},
          "source is another than that of");
}

TEST_CASE("another method is trained, sampled and evaluated by the same words") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run.safetensors");
  const auto [method, announced] = GENERATE(
      std::pair("cnf",
                "network 3-8-2, 50 parameters; batch 32; maximum likelihood by 4 steps of "
                "midpoint; 1 thread"),
      std::pair("normalizing_flow",
                "3 couplings by networks 1-8-2, 102 parameters; batch 32; maximum likelihood; 1 "
                "thread"));
  CAPTURE(method);
  const std::string setting = "method=" + std::string(method);
  const Ended trained = run(tiny(out, {"--set", setting, "--set", "cnfSolver=midpoint", "--set",
                                       "cnfSteps=4", "--set", "couplingLayers=3"}));
  REQUIRE(trained.code == 0);
  CHECK_THAT(trained.errors, StartsWith(announced));
  // The floor is the entropy of the ring of eleven.
  CHECK_THAT(trained.errors, ContainsSubstring("  floor 5.2"));

  // Half of it, and then the rest.
  const std::string part = folder.file("part.safetensors");
  REQUIRE(run(tiny(part, {"--set", setting, "--set", "cnfSolver=midpoint", "--set", "cnfSteps=4",
                          "--set", "couplingLayers=3", "--until", "9"}))
              .code == 0);
  REQUIRE(run({"train", "--resume", part, "--out", part, "--quiet", "--threads", "1"}).code == 0);
  CHECK(bytes_of(part) == bytes_of(out));

  const Json said = only_line(run({"eval", out, "--count", "100", "--likelihood", "50", "--json"}));
  CHECK(said["field"] == "learned");
  CHECK(said["nll"].get<double>() > said["entropy"].get<double>());
  // Couplings have no way whose straightness would say anything.
  CHECK(said["straightness"].is_null() == (std::string(method) == "normalizing_flow"));
  // Hutchinson's estimate of the same, whose error for fifty points of a young network is small.
  const Json estimated = only_line(run({"eval", out, "--count", "100", "--likelihood", "50",
                                        "--set", "sampler.probes=64", "--json"}));
  CHECK_THAT(estimated["nll"].get<double>(), WithinAbs(said["nll"].get<double>(), 0.5));

  const std::string samples = folder.file("samples.npy");
  REQUIRE(run({"sample", out, "--count", "40", "--out", samples}).code == 0);
  const std::string weights = folder.file("weights.safetensors");
  REQUIRE(run({"export", out, "--out", weights}).code == 0);

  const Ended refused =
      run({"sample", out, "--set", "sampler.solver=euler_maruyama", "--out", samples});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.errors, ContainsSubstring("where the method is " + std::string(method)));
  const Ended reflowed = run({"train", "--reflow", out, "--pairs", "64", "--out", part});
  CHECK(reflowed.code == 2);
  CHECK_THAT(reflowed.errors, ContainsSubstring("must be flow_matching for pairs that are given"));
  CHECK(run({"train", "--reflow", out, "--pairs", "64", "--set", "method=flow_matching", "--out",
             part, "--steps", "5", "--quiet"})
            .code == 0);
}

TEST_CASE("the bench measures a training step and sampling") {
  const Json said = only_line(run({"bench", "--seconds", "0", "--set", "hidden=[8]", "--set",
                                   "sampler.particles=50", "--json"}));
  CHECK(said["millisecondsPerStep"].get<double>() > 0);
  CHECK(said["samplesPerSecond"].get<double>() > 0);
  CHECK(said["parameters"] == 50);
}

}  // namespace
