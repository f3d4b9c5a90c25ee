#include "flowmatch/io/checkpoint.h"

#include "flowmatch/io/file.h"
#include "support/files.h"
#include "support/problems.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::fields_of;
using flowmatch::testing::for_each_damage;
using flowmatch::testing::normal_numbers;
using flowmatch::testing::normal_points;
using flowmatch::testing::only;
using flowmatch::testing::TemporaryFolder;

/// 3-5-4-2: 20 + 24 + 10 parameters.
constexpr Index kParameters = 54;

Checkpoint made_up(double ema_decay = 0.99) {
  Checkpoint checkpoint{.config = *preset_from_name("quick"), .state = {}};
  checkpoint.config.experiment.hidden = {5, 4};
  checkpoint.config.experiment.training.ema_decay = ema_decay;
  checkpoint.config.experiment.training.seed = 0xfedcba9876543210U;
  TrainerState& state = checkpoint.state;
  state.parameters = normal_numbers(kParameters, 1);
  if (ema_decay > 0) state.ema = normal_numbers(kParameters, 2);
  state.first_moment = normal_numbers(kParameters, 3);
  state.second_moment = normal_numbers(kParameters, 4);
  state.steps_done = 1234;
  return checkpoint;
}

std::string bytes_of(const Checkpoint& checkpoint) {
  auto bytes = to_bytes(checkpoint);
  REQUIRE(bytes.ok());
  return std::move(bytes).value();
}

/// The checkpoint's file with a change to what it holds.
std::string changed(const std::function<void(TensorFile&)>& change) {
  auto content = parse_safetensors(bytes_of(made_up())).value();
  change(content);
  auto bytes = to_safetensors(content);
  REQUIRE(bytes.ok());
  return std::move(bytes).value();
}

std::string problem_of(const std::string& file) {
  return only(parse_checkpoint(file).problems());
}

TEST_CASE("a training state comes back from its checkpoint to the bit") {
  Checkpoint checkpoint = made_up(GENERATE(0.0, 0.99));
  TrainerState& state = checkpoint.state;
  state.parameters[0] = -0.0F;
  state.parameters[1] = std::numeric_limits<float>::denorm_min();
  state.parameters[2] = -std::numeric_limits<float>::max();
  state.diverged = GENERATE(false, true);
  const auto back = parse_checkpoint(bytes_of(checkpoint));
  REQUIRE(back.ok());
  CHECK(back.value().state == state);
  // Equal numbers may differ in their bits: the two zeros do.
  CHECK(std::memcmp(back.value().state.parameters.data(), state.parameters.data(),
                    kParameters * sizeof(float)) == 0);
  CHECK(to_json(back.value().config) == to_json(checkpoint.config));
  CHECK(bytes_of(back.value()) == bytes_of(checkpoint));
}

TEST_CASE("a checkpoint holds networks of any depth and data of any dimension") {
  Checkpoint checkpoint = made_up(0);
  checkpoint.config.experiment.data = correlated_mixture(3);
  checkpoint.config.experiment.hidden = GENERATE(std::vector<Index>{}, std::vector<Index>(8, 2));
  const auto& hidden = checkpoint.config.experiment.hidden;
  const Index count = hidden.empty() ? 3 * 4 + 3 : (2 * 4 + 2) + 7 * (2 * 2 + 2) + (3 * 2 + 3);
  checkpoint.state.parameters = normal_numbers(count, 1);
  checkpoint.state.first_moment = normal_numbers(count, 2);
  checkpoint.state.second_moment = normal_numbers(count, 3);
  const auto back = parse_checkpoint(bytes_of(checkpoint));
  REQUIRE(back.ok());
  CHECK(back.value().state == checkpoint.state);
  const auto mixture = [](const Checkpoint& of) {
    return std::get<GaussianMixtureConfig>(of.config.experiment.data);
  };
  CHECK(mixture(back.value()).means == mixture(checkpoint).means);
}

TEST_CASE("a conditional network and its time features come back from a checkpoint") {
  ThreadPool pool(1);
  RunConfig config = *preset_from_name("quick");
  config.experiment.hidden = {8};
  config.experiment.labels = true;
  config.experiment.time_features = {.kind = TimeFeatureKind::fourier, .count = 6, .seed = 5};
  config.experiment.training.steps = 10;
  config.sampler.guidance = {.label = 3, .scale = 0.5};
  config.sampler.schedule = Schedule::cosine;
  const auto experiment = Experiment::make(config.experiment, pool);
  REQUIRE(experiment.ok());
  std::vector<float> losses(10);
  experiment.value()->trainer().step(losses);
  const auto bytes = bytes_of({.config = config, .state = experiment.value()->trainer().state()});
  const auto back = parse_checkpoint(bytes);
  REQUIRE(back.ok());
  const Points x = normal_points(7, 2, 1);
  const FieldOptions options = field_options(config.sampler);
  CHECK(velocities(*learned_field(back.value()), 0.3, x) ==
        velocities(*experiment.value()->field(FieldChoice::learned, options), 0.3, x));
  SamplerConfig all = config.sampler;
  all.guidance = {};
  all.schedule.reset();
  CHECK(velocities(*learned_field(back.value(), all), 0.3, x) ==
        velocities(*experiment.value()->field(FieldChoice::learned), 0.3, x));
  const auto content = parse_safetensors(bytes).value();
  // x, the features of t, eleven classes and none.
  CHECK(content.find("layers.0.weight")->shape == std::vector<std::uint64_t>{8, 2 + 6 + 12});
  const std::string& frequencies = content.metadata.at("timeFrequencies");
  CHECK(std::ranges::count(frequencies, ',') == 2);
  CHECK(time_frequencies(preset_from_name("quick")->experiment) == "[]");
}

TEST_CASE("a run by another method comes back from a checkpoint, and goes on to the bit") {
  const Method method = GENERATE(Method::cnf, Method::normalizing_flow);
  ThreadPool pool(1);
  RunConfig config = *preset_from_name("quick");
  config.experiment.method = method;
  config.experiment.hidden = {5, 4};
  config.experiment.cnf_steps = 2;
  config.experiment.coupling_layers = 3;
  config.experiment.training.steps = 10;
  const auto experiment = Experiment::make(config.experiment, pool);
  REQUIRE(experiment.ok());
  std::vector<float> losses(4);
  experiment.value()->trainer().step(losses);
  const auto bytes = bytes_of({.config = config, .state = experiment.value()->trainer().state()});
  const auto back = parse_checkpoint(bytes);
  REQUIRE(back.ok());
  CHECK(to_json(back.value().config) == to_json(config));
  const Points x = normal_points(7, 2, 1);
  CHECK(velocities(*learned_field(back.value()), 0.3, x) ==
        velocities(*experiment.value()->field(FieldChoice::learned), 0.3, x));

  const auto resumed = Experiment::make(back.value().config.experiment, pool);
  REQUIRE(resumed.value()->restore(back.value().state, back.value().stop).empty());
  resumed.value()->trainer().step(losses);
  experiment.value()->trainer().step(losses);
  CHECK(resumed.value()->trainer().state_hash() == experiment.value()->trainer().state_hash());

  const auto content = parse_safetensors(bytes).value();
  using Shape = std::vector<std::uint64_t>;
  if (method == Method::cnf) {
    CHECK(content.find("layers.0.weight")->shape == Shape{5, 3});
    CHECK(content.find("layers.4.bias")->shape == Shape{2});
  } else {
    // Each coupling keeps one coordinate and moves the other by r and t of it.
    CHECK(content.find("couplings.0.layers.0.weight")->shape == Shape{5, 1});
    CHECK(content.find("ema.couplings.2.layers.4.weight")->shape == Shape{2, 4});
    CHECK(content.find("layers.0.weight") == nullptr);
  }
}

TEST_CASE("the tensors have PyTorch's names, shapes and order of numbers") {
  const Checkpoint checkpoint = made_up();
  const auto content = parse_safetensors(bytes_of(checkpoint));
  REQUIRE(content.ok());
  std::vector<std::string> names;
  for (const Tensor& tensor : content.value().tensors) names.push_back(tensor.name);
  REQUIRE(names.size() == 24);
  CHECK(std::vector(names.begin(), names.begin() + 7) ==
        std::vector<std::string>{"layers.0.weight", "layers.0.bias", "layers.2.weight",
                                 "layers.2.bias", "layers.4.weight", "layers.4.bias",
                                 "ema.layers.0.weight"});
  const Tensor* weight = content.value().find("layers.2.weight");
  REQUIRE(weight != nullptr);
  CHECK(weight->shape == std::vector<std::uint64_t>{4, 5});
  const auto& parameters = checkpoint.state.parameters;
  CHECK(float_values(*weight) == std::vector(parameters.begin() + 20, parameters.begin() + 40));
  const Tensor* moment = content.value().find("adam.second_moment.layers.4.bias");
  REQUIRE(moment != nullptr);
  const auto& moments = checkpoint.state.second_moment;
  CHECK(float_values(*moment) == std::vector(moments.end() - 2, moments.end()));
}

TEST_CASE("a checkpoint is saved to a file and loaded from it") {
  const TemporaryFolder folder;
  const std::string path = folder.file("run.safetensors");
  REQUIRE(save_checkpoint(path, made_up()).empty());
  const auto loaded = load_checkpoint(path);
  REQUIRE(loaded.ok());
  CHECK(loaded.value().state == made_up().state);
  CHECK(fields_of(load_checkpoint(folder.file("absent")).problems()) ==
        std::vector{folder.file("absent")});
  CHECK(fields_of(save_checkpoint(folder.file("absent/run"), made_up())) ==
        std::vector{folder.file("absent/run")});
}

TEST_CASE("a run that goes on from its checkpoint is the uninterrupted one, bit for bit") {
  RunConfig config = *preset_from_name("quick");
  config.experiment.hidden = {8, 8};
  config.experiment.training.batch_size = 40;
  config.experiment.training.steps = 30;
  config.experiment.training.ema_decay = GENERATE(0.0, 0.9);
  ThreadPool pool(1);
  const auto whole = Experiment::make(config.experiment, pool);
  REQUIRE(whole.ok());
  Trainer& trainer = whole.value()->trainer();
  std::vector<float> losses(11);
  REQUIRE(trainer.step(losses) == 11);
  const std::string bytes = bytes_of({.config = config, .state = trainer.state()});
  std::vector<float> expected(19);
  REQUIRE(trainer.step(expected) == 19);

  const auto checkpoint = parse_checkpoint(bytes);
  REQUIRE(checkpoint.ok());
  ThreadPool other_pool(3);
  const auto resumed = Experiment::make(checkpoint.value().config.experiment, other_pool);
  REQUIRE(resumed.ok());
  resumed.value()->trainer().restore(checkpoint.value().state);
  CHECK(resumed.value()->trainer().steps_done() == 11);
  std::vector<float> after(19);
  REQUIRE(resumed.value()->trainer().step(after) == 19);
  CHECK(after == expected);
  CHECK(resumed.value()->trainer().state_hash() == trainer.state_hash());
  CHECK(resumed.value()->trainer().finished());

  // The field that a checkpoint gives is the one that the run has learned.
  const Points x = normal_points(9, 2, 5);
  const Checkpoint end{.config = config, .state = trainer.state()};
  CHECK(velocities(*learned_field(end), 0.3, x) ==
        velocities(*whole.value()->field(FieldChoice::learned), 0.3, x));
}

TEST_CASE("a state that does not belong to its configuration is not saved") {
  using Fields = std::vector<std::string>;
  const auto with = [](auto&& change) {
    Checkpoint checkpoint = made_up();
    change(checkpoint);
    return fields_of(to_bytes(checkpoint).problems());
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(with([](Checkpoint& c) { c.state.parameters.pop_back(); }) == Fields{"parameters"});
  CHECK(with([](Checkpoint& c) { c.state.ema.clear(); }) == Fields{"ema"});
  CHECK(with([](Checkpoint& c) { c.config.experiment.training.ema_decay = 0; }) == Fields{"ema"});
  CHECK(with([&](Checkpoint& c) { c.state.parameters[7] = nan; }) == Fields{"parameters"});
  CHECK(with([&](Checkpoint& c) { c.state.first_moment[7] = infinity; }) ==
        Fields{"adam.first_moment"});
  CHECK(with([](Checkpoint& c) { c.state.second_moment.push_back(0); }) ==
        Fields{"adam.second_moment"});
  CHECK(with([](Checkpoint& c) { c.state.steps_done = -1; }) == Fields{"stepsDone"});
  CHECK(with([](Checkpoint& c) { c.state.steps_done = 5001; }) == Fields{"stepsDone"});
  CHECK(with([](Checkpoint& c) { c.config.experiment.hidden = {0}; }) == Fields{"hidden[0]"});
}

TEST_CASE("what a stopping rule remembers comes back to the bit, where there is a rule") {
  Checkpoint checkpoint = made_up();
  checkpoint.stop = {.loss_sum = 0.1 + 0.2, .losses = 7, .last = 1.0 / 3, .since_best = 2};
  CHECK(parse_checkpoint(bytes_of(checkpoint)).value().stop == StopState{});
  checkpoint.config.experiment.stop = {.metric = StopMetric::loss, .below = 1};
  CHECK(parse_checkpoint(bytes_of(checkpoint)).value().stop == checkpoint.stop);
  // After a measurement that was not a number.
  checkpoint.stop.last = std::numeric_limits<double>::quiet_NaN();
  checkpoint.stop.best = 1e-300;
  checkpoint.stop.reason = StopReason::no_improvement;
  const StopState back = parse_checkpoint(bytes_of(checkpoint)).value().stop;
  CHECK(back.last != back.last);
  CHECK(back.best == 1e-300);
  CHECK(back.reason == StopReason::no_improvement);
}

TEST_CASE("where the pairs of a run come from comes back") {
  Checkpoint checkpoint = made_up();
  CHECK_FALSE(parse_checkpoint(bytes_of(checkpoint)).value().reflow.has_value());
  checkpoint.reflow = {.pairs = 500, .teacher = 0xfedcba9876543210U};
  CHECK(parse_checkpoint(bytes_of(checkpoint)).value().reflow == checkpoint.reflow);
  // Of the model that is sampled: other averaged weights have another hash, other raw ones not.
  const std::uint64_t hash = hash_of(checkpoint);
  checkpoint.state.parameters[3] += 1;
  CHECK(hash_of(checkpoint) == hash);
  checkpoint.state.ema[3] += 1;
  CHECK(hash_of(checkpoint) != hash);
}

TEST_CASE("metadata that are not what they should be are refused") {
  const auto refused = [](const std::string& key, const std::string& text) {
    CAPTURE(text);
    const std::string file = changed([&](TensorFile& content) { content.metadata[key] = text; });
    CHECK(problem_of(file).starts_with("__metadata__." + key + " is "));
  };
  for (const std::string text :
       {"", "[]", "{}", "{\"pairs\":0,\"teacher\":\"1\"}", "{\"pairs\":5,\"teacher\":1}",
        "{\"pairs\":5,\"teacher\":\"-1\"}", "{\"pairs\":1e30,\"teacher\":\"1\"}"}) {
    refused("reflow", text);
  }
  const auto stop = [](const std::string& losses, const std::string& best,
                       const std::string& reason) {
    return R"({"lossSum":1,"losses":)" + losses + R"(,"last":"infinity","best":)" + best +
           R"(,"sinceBest":0,"reason":)" + reason + "}";
  };
  CHECK(parse_checkpoint(changed([&](TensorFile& content) {
          content.metadata["stop"] = stop("3", "2.5", "\"below\"");
        }))
            .value()
            .stop.reason == StopReason::below);
  refused("stop", "3");
  refused("stop", stop("-1", "2.5", "\"below\""));
  refused("stop", stop("1e99", "2.5", "\"below\""));
  refused("stop", stop("3", "\"nan\"", "\"below\""));
  refused("stop", stop("3", "2.5", "\"bored\""));
}

TEST_CASE("a checkpoint of a newer version is refused with what to do") {
  const auto versioned = [](const std::string& version) {
    return problem_of(
        changed([&](TensorFile& content) { content.metadata["formatVersion"] = version; }));
  };
  CHECK(versioned("2").starts_with(
      "__metadata__.formatVersion is 2, must be at most 1: this checkpoint was made by a newer "
      "version of flowmatch"));
  CHECK(versioned("0").ends_with("must be a whole number from 1"));
  CHECK(versioned("1.5").ends_with("must be a whole number from 1"));
  CHECK(versioned("").ends_with("must be a whole number from 1"));
  CHECK(versioned("99999999999999999999").ends_with("must be a whole number from 1"));
}

TEST_CASE("a file that is no checkpoint of flowmatch says so") {
  CHECK(problem_of(changed([](TensorFile& content) { content.metadata.erase("format"); })) ==
        "__metadata__.format is missing, must be there: this file is no checkpoint of flowmatch");
  CHECK(problem_of(changed([](TensorFile& content) { content.metadata["format"] = "pt"; })) ==
        "__metadata__.format is \"pt\", must be flowmatch: this file is no checkpoint of "
        "flowmatch");
  for (const std::string key : {"formatVersion", "config", "stepsDone", "diverged"}) {
    CHECK(problem_of(changed([&](TensorFile& content) {
            content.metadata.erase(key);
          })).starts_with("__metadata__." + key + " is missing"));
  }
}

TEST_CASE("each part of a checkpoint that does not fit is named") {
  const auto metadata = [](const std::string& key, const std::string& value) {
    return problem_of(changed([&](TensorFile& content) { content.metadata[key] = value; }));
  };
  CHECK(metadata("stepsDone", "-1").starts_with("__metadata__.stepsDone is \"-1\""));
  CHECK(metadata("stepsDone", "5001") ==
        "stepsDone is 5001, must be a whole number from 0 to 5000");
  CHECK(metadata("diverged", "no") == "__metadata__.diverged is \"no\", must be true or false");
  CHECK(metadata("config", "{").starts_with("__metadata__.config.configuration is parse error"));
  CHECK(metadata("config", R"({"steps": 0})").starts_with("__metadata__.config.steps is 0"));
  // A configuration without averaging has no use for the average.
  CHECK(metadata("config", R"({"hidden": [5, 4], "emaDecay": 0})") ==
        "file is 24 tensors, must be 18, as the configuration says");

  CHECK(problem_of(changed([](TensorFile& content) { content.tensors.pop_back(); })) ==
        "adam.second_moment.layers.4.bias is missing, must be a tensor of the configured network");
  CHECK(problem_of(changed([](TensorFile& content) {
          content.tensors.push_back(float_tensor("extra", {0}, {}));
        })) == "file is 25 tensors, must be 24, as the configuration says");
  CHECK(problem_of(changed([](TensorFile& content) { content.tensors[2].shape = {5, 4}; })) ==
        "layers.2.weight is F32 [5,4], must be F32 [4,5], as the configuration says");
  CHECK(problem_of(changed([](TensorFile& content) { content.tensors[1].dtype = Dtype::i32; })) ==
        "layers.0.bias is I32 [5], must be F32 [5], as the configuration says");
  CHECK(problem_of(changed([](TensorFile& content) {
          content.tensors[1] = float_tensor("layers.0.bias", {5}, std::vector<float>(5, NAN));
        })) == "parameters is not finite, must be finite numbers");
}

TEST_CASE("no damage to a checkpoint does more than to have it refused") {
  const std::string file = bytes_of(made_up());
  int refused = 0;
  for_each_damage(file, file.size() - 4 * kParameters * sizeof(float), 600,
                  [&](const std::string& damaged) {
                    const auto read = parse_checkpoint(damaged);
                    if (!read.ok()) {
                      ++refused;
                      CHECK_FALSE(fields_of(read.problems()).empty());
                      return;
                    }
                    // Numbers may have changed, within what a checkpoint may hold.
                    CHECK(to_bytes(read.value()).ok());
                  });
  CHECK(refused > 350);
}

TEST_CASE("the parameters alone are tensors under a prefix") {
  const Checkpoint checkpoint = made_up();
  const auto tensors =
      parameter_tensors(checkpoint.config.experiment, "net.", checkpoint.state.ema);
  REQUIRE(tensors.size() == 6);
  CHECK(tensors[3].name == "net.layers.2.bias");
  std::vector<float> all;
  for (const Tensor& tensor : tensors) {
    const auto values = float_values(tensor);
    all.insert(all.end(), values.begin(), values.end());
  }
  CHECK(all == checkpoint.state.ema);
}

}  // namespace
