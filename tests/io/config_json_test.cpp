#include "flowmatch/io/config_json.h"

#include "flowmatch/io/file.h"
#include "support/problems.h"
#include "support/samples.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace flowmatch;
using flowmatch::testing::correlated_mixture;
using flowmatch::testing::fields_of;
using flowmatch::testing::only;

using Fields = std::vector<std::string>;

RunConfig read(std::string_view text) {
  auto config = run_config_from_json(text);
  INFO(text);
  REQUIRE(config.ok());
  return std::move(config).value();
}

std::string problem_of(std::string_view text) {
  return only(run_config_from_json(text).problems());
}

GaussianMixtureConfig& mixture_of(RunConfig& config) {
  return std::get<GaussianMixtureConfig>(config.experiment.data);
}

bool same(const DataConfig& a, const DataConfig& b) {
  const auto& left = std::get<GaussianMixtureConfig>(a);
  const auto& right = std::get<GaussianMixtureConfig>(b);
  return left.weights == right.weights && left.means == right.means &&
         left.covariances == right.covariances;
}

TEST_CASE("an empty document is the quick preset") {
  const RunConfig config = read("{}");
  CHECK(to_json(config) == to_json(*preset_from_name("quick")));
  CHECK(same(config.experiment.data, quick_config().data));
  CHECK(config.experiment.hidden == quick_config().hidden);
  CHECK(config.sampler.solver.solver == Solver::midpoint);
  CHECK(config.sampler.solver.steps == 50);
  CHECK(config.sampler.particles == 2000);
  // The page's default seeds.
  CHECK(config.experiment.training.seed == 1);
  CHECK(config.sampler.seed == 1);
}

TEST_CASE("a data set comes back with its own parameters") {
  for (const DataSet set : kDataSets) {
    CAPTURE(name(set));
    RunConfig config = *preset_from_name("quick");
    DataSetConfig data = default_config(set);
    data.scale = 1.0 / 3;
    config.experiment.data = data;
    const RunConfig back = read(to_json(config));
    const auto& read_back = std::get<DataSetConfig>(back.experiment.data);
    CHECK(read_back.set == set);
    for (const DataSetParameter& parameter : parameters(set)) {
      CHECK(read_back.*(parameter.value) == data.*(parameter.value));
    }
  }
  CHECK(std::get<DataSetConfig>(read(R"({"data": {"dataSet": "moons"}})").experiment.data).noise ==
        default_config(DataSet::moons).noise);
  CHECK(problem_of(R"({"data": {"dataSet": "moon"}})")
            .starts_with("data.dataSet is moon, must be "
                         "one of ring, eight_gaussians"));
  CHECK(problem_of(R"({"data": {"dataSet": "moons", "turns": 2}})")
            .starts_with("data.turns is 2, must be absent"));
  CHECK(
      problem_of(R"({"data": {"dataSet": "moons", "noise": -1}})").starts_with("data.noise is -1"));
}

TEST_CASE("what the family offers is chosen by its names") {
  const RunConfig config = read(R"({
    "schedule": {"schedule": "polynomial", "exponent": 3},
    "prediction": "x1",
    "timeLaw": {"law": "logit_normal", "logitMean": 0.5},
    "lossWeighting": {"weighting": "min_snr", "gamma": 7},
    "coupling": {"coupling": "sinkhorn", "regularisation": 0.1},
    "couplingBatches": 2,
    "warmupSteps": 100, "gradientClip": 1, "weightDecay": 0.01,
    "sampler": {"solver": "dopri5", "rtol": 1e-4}})");
  CHECK(config.experiment.schedule == Schedule{.kind = Schedule::Kind::polynomial, .exponent = 3});
  CHECK(config.experiment.prediction == Prediction::x1);
  const TrainerConfig& training = config.experiment.training;
  CHECK(training.time_law.law == TimeLaw::logit_normal);
  CHECK(training.time_law.logit_mean == 0.5);
  CHECK(training.loss_weighting.gamma == 7);
  CHECK(training.coupling.coupling == Coupling::sinkhorn);
  CHECK(training.coupling.sinkhorn.regularisation == 0.1);
  CHECK(training.coupling_batches == 2);
  CHECK(training.warmup_steps == 100);
  CHECK(training.gradient_clip == 1);
  CHECK(training.adam.weight_decay == 0.01);
  CHECK(config.sampler.solver.solver == Solver::dopri5);
  CHECK(config.sampler.solver.rtol == 1e-4);
  const RunConfig back = read(to_json(config));
  CHECK(to_json(back) == to_json(config));
  CHECK(read(R"({"schedule": "cosine"})").experiment.schedule == Schedule::cosine);
  CHECK(problem_of(R"({"schedule": {"schedule": "vp", "betaMin": -1}})")
            .starts_with("schedule.betaMin is -1"));
  CHECK(problem_of(R"({"coupling": {"coupling": "optimal"}})") ==
        "coupling.coupling is optimal, must be one of independent, ot, sinkhorn");
}

TEST_CASE("the method is chosen by its name, with settings of its own") {
  const RunConfig cnf = read(R"({"method": "cnf", "cnfSolver": "midpoint", "cnfSteps": 5,
                                 "sampler": {"probes": 3}})");
  CHECK(cnf.experiment.method == Method::cnf);
  CHECK(cnf.experiment.cnf_solver == Solver::midpoint);
  CHECK(cnf.experiment.cnf_steps == 5);
  CHECK(cnf.sampler.probes == 3);
  CHECK(to_json(read(to_json(cnf))) == to_json(cnf));
  const RunConfig flow =
      read(R"({"method": "normalizing_flow", "couplingLayers": 12, "maxLogScale": 3})");
  CHECK(flow.experiment.method == Method::normalizing_flow);
  CHECK(flow.experiment.coupling_layers == 12);
  CHECK(flow.experiment.max_log_scale == 3);
  CHECK(to_json(read(to_json(flow))) == to_json(flow));
  CHECK(problem_of(R"({"method": "gan"})") ==
        "method is gan, must be one of flow_matching, cnf, normalizing_flow");
  CHECK(problem_of(R"({"method": "cnf", "labels": true})") ==
        "labels is true, must be false where the method is cnf");
  CHECK(problem_of(R"({"method": "cnf", "sampler": {"solver": "stochastic_heun"}})")
            .starts_with("sampler.solver is stochastic_heun, must be a solver of the ODE"));
  CHECK(problem_of(R"({"method": "cnf", "sampler": {"schedule": "cosine"}})")
            .starts_with("sampler.schedule is cosine, must be cond_ot"));
  CHECK(problem_of(R"({"sampler": {"probes": -1}})") ==
        "sampler.probes is -1, must be a whole number from 0 to 1024");
}

TEST_CASE("a conditional model, its time features and what is sampled of it are in a document") {
  const RunConfig config = read(R"({
    "labels": true, "labelDropout": 0.2,
    "timeFeatures": {"kind": "fourier", "count": 16, "scale": 2, "seed": 7},
    "coupling": {"coupling": "ot", "labelAware": true},
    "sampler": {"guidance": {"label": 10, "scale": -1.5}}})");
  CHECK(config.experiment.labels);
  CHECK(config.experiment.training.label_dropout == 0.2);
  CHECK(config.experiment.time_features.kind == TimeFeatureKind::fourier);
  CHECK(config.experiment.time_features.count == 16);
  CHECK(config.experiment.time_features.scale == 2);
  CHECK(config.experiment.time_features.seed == 7);
  CHECK(config.experiment.training.coupling.label_aware);
  CHECK(config.sampler.guidance.label == 10);
  CHECK(config.sampler.guidance.scale == -1.5);
  CHECK(to_json(read(to_json(config))) == to_json(config));

  CHECK(problem_of(R"({"labels": 1})") == "labels is 1, must be true or false");
  CHECK(problem_of(R"({"labels": true, "data": {"dataSet": "swiss_roll"}})") ==
        "labels is true, must be false where the data has no labels");
  CHECK(problem_of(R"({"timeFeatures": {"kind": "sine"}})") ==
        "timeFeatures.kind is sine, must be one of plain, sinusoidal, fourier");
  CHECK(problem_of(R"({"labels": true, "sampler": {"guidance": {"label": 11}}})") ==
        "sampler.guidance.label is 11, must be a whole number from -1 to 10");
  CHECK(problem_of(R"({"sampler": {"guidance": {"label": 1}}})") ==
        "sampler.guidance.label is 1, must be -1 (none) where the model is told no labels");
  CHECK(problem_of(R"({"sampler": {"guidance": {"scale": 1e9}}})")
            .starts_with("sampler.guidance.scale is 1e+09"));
}

TEST_CASE("a model is sampled under the schedule of its training, or another") {
  CHECK(read(R"({"schedule": "sqrt"})").sampler.solver.sde.schedule == Schedule::sqrt);
  const RunConfig config = read(R"({"schedule": "sqrt", "sampler": {
    "schedule": {"schedule": "vp", "betaMax": 10}, "solver": "euler_maruyama", "diffusion": 0.5}})");
  CHECK(config.experiment.schedule == Schedule::sqrt);
  REQUIRE(config.sampler.schedule.has_value());
  CHECK(config.sampler.schedule->kind == Schedule::Kind::vp);
  CHECK(config.sampler.schedule->beta_max == 10);
  CHECK(config.sampler.solver.sde.schedule == *config.sampler.schedule);
  CHECK(config.sampler.solver.sde.diffusion.scale == 0.5);
  CHECK(to_json(read(to_json(config))) == to_json(config));
  CHECK_FALSE(read(R"({"sampler": {"schedule": null}})").sampler.schedule.has_value());
  CHECK(problem_of(R"({"sampler": {"schedule": {"schedule": "vp", "betaMin": -1}}})")
            .starts_with("sampler.schedule.betaMin is -1"));
  CHECK(problem_of(R"({"sampler": {"schedule": 3}})").starts_with("sampler.schedule is 3"));
}

TEST_CASE("given points come back to the bit, and bad ones are named by their place") {
  RunConfig config = *preset_from_name("quick");
  EmpiricalConfig points{.points = flowmatch::testing::normal_points(5, 3, 1),
                         .labels = {0, 1, 0, 1, 1},
                         .smoothing = 0.1};
  config.experiment.data = points;
  const RunConfig back = read(to_json(config));
  const auto& again = std::get<EmpiricalConfig>(back.experiment.data);
  CHECK(again.points == points.points);
  CHECK(again.labels == points.labels);
  CHECK(again.smoothing == points.smoothing);
  CHECK(to_json(back) == to_json(config));
  CHECK(std::get<EmpiricalConfig>(read(R"({"data": {"points": [[1, 2]]}})").experiment.data)
            .labels.empty());

  CHECK(problem_of(R"({"data": {"points": [[1, 2], [3]]}})") ==
        "data.points[1] is 1 numbers, must be 2, as the first point has");
  CHECK(problem_of(R"({"data": {"points": [[1, "x"]]}})") ==
        "data.points[0][1] is x, must be a number");
  CHECK(problem_of(R"({"data": {"points": [[1, 2e6]]}})").starts_with("data.points[0][1] is 2"));
  CHECK(fields_of(run_config_from_json(R"({"data": {"points": []}})").problems()) ==
        Fields{"data.points", "data.dimension"});
  CHECK(problem_of(R"({"data": {"points": [[1]], "labels": [0, 1]}})")
            .starts_with("data.labels is 2 labels"));
  CHECK(problem_of(R"({"data": {"points": [[1]], "radius": 1}})")
            .starts_with("data.radius is 1, must be absent"));
  std::string many = R"({"data": {"points": [[0, 0])";
  for (Index i = 0; i < kMaxInlineNumbers / 2; ++i) many += ",[0,0]";
  CHECK(problem_of(many + "]}}") ==
        "data.points is 100001 x 2 numbers, must be at most 200000 in a configuration");
}

TEST_CASE("what the page saves is what the command reads") {
  // Written by tests/web/run-config.test.ts.
  const auto text = read_file(FLOWMATCH_TEST_DATA "/page_config.json", 1 << 16);
  REQUIRE(text.ok());
  const RunConfig config = read(text.value());
  const ExperimentConfig& experiment = config.experiment;
  const auto& moons = std::get<DataSetConfig>(experiment.data);
  CHECK(moons.set == DataSet::moons);
  CHECK(moons.noise == 0.1);
  CHECK(moons.shift_y == 0.5);
  CHECK(moons.scale == 2);
  CHECK(experiment.schedule == Schedule{.kind = Schedule::Kind::polynomial, .exponent = 3});
  CHECK(experiment.prediction == Prediction::x1);
  CHECK(experiment.hidden == std::vector<Index>{32, 16});
  CHECK(experiment.time_features.kind == TimeFeatureKind::fourier);
  CHECK(experiment.time_features.scale == 0.01);
  CHECK(experiment.time_features.seed == 5);
  CHECK(experiment.stop == StopConfig{.metric = StopMetric::energy_distance,
                                      .below = 0.02,
                                      .every = 100,
                                      .patience = 3,
                                      .count = 500});
  CHECK(experiment.labels);
  const TrainerConfig& training = experiment.training;
  CHECK(training.coupling.coupling == Coupling::sinkhorn);
  CHECK(training.coupling.label_aware);
  CHECK(training.label_dropout == 0.2);
  CHECK(training.adam.weight_decay == 0.01);
  CHECK(training.steps == 300);
  CHECK(training.seed == 7);
  const SamplerConfig& sampler = config.sampler;
  CHECK(sampler.guidance.label == 1);
  CHECK(sampler.guidance.scale == 1.5);
  CHECK(sampler.solver.solver == Solver::euler_maruyama);
  CHECK(sampler.solver.steps == 60);
  CHECK(sampler.solver.rtol == 1e-4);
  CHECK(sampler.solver.sde.diffusion.scale == 0.5);
  REQUIRE(sampler.schedule.has_value());
  CHECK(sampler.schedule->beta_max == 10);
  CHECK(sampler.particles == 500);
  CHECK(sampler.probes == 4);
  CHECK(sampler.seed == 3);
}

TEST_CASE("the written document has the names of the page's links and bindings") {
  CHECK(to_json(*preset_from_name("blog")) == R"({
  "data": {
    "components": 11,
    "radius": 10.0,
    "standardDeviation": 1.0
  },
  "source": null,
  "method": "flow_matching",
  "cnfSolver": "rk4",
  "cnfSteps": 8,
  "couplingLayers": 8,
  "maxLogScale": 2.0,
  "schedule": {
    "schedule": "sqrt",
    "exponent": 2.0,
    "betaMin": 0.1,
    "betaMax": 20.0
  },
  "prediction": "velocity",
  "hidden": [
    1024,
    16
  ],
  "activation": "silu",
  "timeFeatures": {
    "kind": "plain",
    "count": 32,
    "scale": 1.0,
    "seed": 0
  },
  "labels": false,
  "stop": {
    "metric": "none",
    "below": 0.0,
    "every": 250,
    "patience": 0,
    "count": 1000
  },
  "batchSize": 1000,
  "steps": 5000,
  "learningRate": 0.001,
  "learningRateDecay": "constant",
  "warmupSteps": 0,
  "gradientClip": 0.0,
  "timeLaw": {
    "law": "uniform",
    "logitMean": 0.0,
    "logitScale": 1.0,
    "logNoiseMean": -1.2,
    "logNoiseScale": 1.2,
    "fixedTime": 0.0
  },
  "lossWeighting": {
    "weighting": "constant",
    "gamma": 5.0
  },
  "coupling": {
    "coupling": "independent",
    "labelAware": false,
    "regularisation": 0.05
  },
  "couplingBatches": 1,
  "labelDropout": 0.1,
  "emaDecay": 0.0,
  "adam": {
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-08
  },
  "seed": 1,
  "weightDecay": 0.0,
  "sampler": {
    "solver": "euler",
    "steps": 299,
    "tStart": 0.0,
    "tEnd": 1.0,
    "rtol": 1e-05,
    "atol": 1e-05,
    "maxSteps": 1000,
    "diffusion": 1.0,
    "field": "learned",
    "guidance": {
      "label": -1,
      "scale": 0.0
    },
    "schedule": null,
    "particles": 1000,
    "probes": 0,
    "seed": 1
  }
})");
}

TEST_CASE("every field is read from its key") {
  const RunConfig config = read(R"({
    "data": {"components": 3, "radius": 2.5, "standardDeviation": 0.3},
    "schedule": "sqrt", "hidden": [7, 5], "activation": "gelu", "batchSize": 12, "steps": 34,
    "learningRate": 0.25, "learningRateDecay": "constant", "emaDecay": 0.5,
    "adam": {"beta1": 0.1, "beta2": 0.2, "epsilon": 0.3}, "seed": 18446744073709551615,
    "timeLaw": {"law": "fixed", "fixedTime": 0.25},
    "stop": {"metric": "sliced_w2", "below": 0.5, "every": 20, "patience": 3, "count": 300},
    "sampler": {"field": "exact", "solver": "rk4", "steps": 6, "particles": 78, "seed": 9,
                "tStart": 1, "tEnd": 0.5}})");
  const ExperimentConfig& experiment = config.experiment;
  CHECK(same(experiment.data, ring_mixture(3, 2.5, 0.3)));
  CHECK(experiment.schedule == Schedule::sqrt);
  CHECK(experiment.hidden == std::vector<Index>{7, 5});
  CHECK(experiment.activation == Activation::gelu);
  CHECK(experiment.training.batch_size == 12);
  CHECK(experiment.training.steps == 34);
  CHECK(experiment.training.learning_rate == 0.25);
  CHECK(experiment.training.learning_rate_decay == LearningRateDecay::constant);
  CHECK(experiment.training.ema_decay == 0.5);
  CHECK(experiment.training.adam.beta1 == 0.1);
  CHECK(experiment.training.adam.beta2 == 0.2);
  CHECK(experiment.training.adam.epsilon == 0.3);
  CHECK(experiment.training.seed == std::numeric_limits<std::uint64_t>::max());
  CHECK(experiment.training.time_law == TimeLawConfig{.law = TimeLaw::fixed, .fixed_time = 0.25});
  CHECK(
      experiment.stop ==
      StopConfig{
          .metric = StopMetric::sliced_w2, .below = 0.5, .every = 20, .patience = 3, .count = 300});
  CHECK(config.sampler.field == FieldChoice::exact);
  CHECK(config.sampler.solver.solver == Solver::rk4);
  CHECK(config.sampler.solver.steps == 6);
  CHECK(config.sampler.solver.t_start == 1);
  CHECK(config.sampler.solver.t_end == 0.5);
  CHECK(config.sampler.particles == 78);
  CHECK(config.sampler.seed == 9);
  // And written back, and read again.
  CHECK(to_json(read(to_json(config))) == to_json(config));
}

TEST_CASE("a preset is the base of what a document changes") {
  const RunConfig config = read(R"({"steps": 10, "preset": "blog"})");
  RunConfig expected = *preset_from_name("blog");
  expected.experiment.training.steps = 10;
  CHECK(to_json(config) == to_json(expected));
  CHECK(problem_of(R"({"preset": "fast"})") == "preset is fast, must be one of quick, blog");
  CHECK(problem_of(R"({"preset": 1})") == "preset is 1, must be one of quick, blog");
  CHECK_FALSE(preset_from_name("").has_value());
  for (const auto name : kPresetNames) CHECK(validate(*preset_from_name(name)).empty());
}

TEST_CASE("a configuration comes back from its document to the bit") {
  RunConfig config = *preset_from_name("quick");
  config.experiment.hidden = {};
  // Numbers without a short decimal form.
  config.experiment.training.learning_rate = 0.1 + 0.2;
  config.experiment.training.adam.epsilon = 1e-37 * (1 + 0x1p-50);
  config.experiment.training.seed = (std::uint64_t{1} << 63) + 1;
  SECTION("a ring") {
    config.experiment.data = ring_mixture(7, 1.0 / 3, 0.1);
    CHECK(to_json(config).find("standardDeviation") != std::string::npos);
  }
  SECTION("a ring at the origin") {
    config.experiment.data = ring_mixture(1, 0, 1e-4);
  }
  SECTION("a mixture") {
    config.experiment.data = correlated_mixture(3);
    CHECK(to_json(config).find("standardDeviation") == std::string::npos);
  }
  SECTION("a ring with one weight of its own") {
    mixture_of(config).weights[3] = 2;
    CHECK(to_json(config).find("standardDeviation") == std::string::npos);
  }
  SECTION("a ring with one covariance of its own") {
    mixture_of(config).covariances[3](0, 0) = 2;
  }
  const RunConfig back = read(to_json(config));
  CHECK(same(back.experiment.data, config.experiment.data));
  CHECK(back.experiment.hidden.empty());
  CHECK(back.experiment.training.learning_rate == config.experiment.training.learning_rate);
  CHECK(back.experiment.training.adam.epsilon == config.experiment.training.adam.epsilon);
  CHECK(back.experiment.training.seed == config.experiment.training.seed);
  CHECK(to_json(back) == to_json(config));
}

TEST_CASE("a source is written as data are, and null is N(0, I)") {
  CHECK_FALSE(read("{}").experiment.source.has_value());
  CHECK_FALSE(read(R"({"source": null})").experiment.source.has_value());
  CHECK(to_json(read("{}")).find("\"source\": null") != std::string::npos);

  RunConfig config = *preset_from_name("quick");
  config.experiment.source = correlated_mixture(2);
  CHECK(same(*read(to_json(config)).experiment.source, *config.experiment.source));
  config.experiment.source = ring_mixture(3, 2, 0.5);
  CHECK(same(*read(to_json(config)).experiment.source, *config.experiment.source));
  const RunConfig eight = read(R"({"source": {"dataSet": "eight_gaussians", "noise": 0.5},
                                   "data": {"dataSet": "moons"}})");
  CHECK(std::get<DataSetConfig>(*eight.experiment.source).set == DataSet::eight_gaussians);
  CHECK(std::get<DataSetConfig>(*eight.experiment.source).noise == 0.5);
  CHECK(to_json(read(to_json(eight))) == to_json(eight));
  const RunConfig points = read(R"({"source": {"points": [[1, 2], [3, 4]], "smoothing": 0.5}})");
  CHECK(std::get<EmpiricalConfig>(*points.experiment.source).points(1, 0) == 3);
  CHECK(to_json(read(to_json(points))) == to_json(points));
  CHECK(to_json(eight.experiment.source) != to_json(points.experiment.source));
  CHECK(to_json(std::optional<DataConfig>()) == "null");

  CHECK(problem_of(R"({"source": 3})") == "source is 3, must be an object");
  CHECK(problem_of(R"({"source": {"dataSet": "eight"}})")
            .starts_with("source.dataSet is eight, must be one of ring, eight_gaussians"));
  CHECK(problem_of(R"({"source": {"radius": -1}})").starts_with("source.radius is -1"));
  CHECK(problem_of(R"({"source": {"points": [[1, 2, 3]]}})") ==
        "source is 3 dimensions, must be 2, as the data have");
  CHECK(problem_of(R"({"source": {"dataSet": "moons"}, "prediction": "score"})") ==
        "prediction is score, must be one of velocity, x1, noise where the source is not N(0, I)");
  CHECK(problem_of(R"({"source": {"dataSet": "moons"}, "sampler": {"solver": "euler_maruyama"}})")
            .starts_with("sampler.solver is euler_maruyama, must be a solver of the ODE where the "
                         "source is not N(0, I)"));
}

TEST_CASE("a whole number may be written as JavaScript writes it") {
  CHECK(read(R"({"steps": 1e3})").experiment.training.steps == 1000);
  CHECK(read(R"({"seed": 9007199254740991.0})").experiment.training.seed == 9007199254740991U);
  CHECK(problem_of(R"({"steps": 1.5})") == "steps is 1.5, must be a whole number");
  CHECK(problem_of(R"({"seed": -1})") == "seed is -1, must be a whole number from 0");
  CHECK(problem_of(R"({"seed": -1.0})") == "seed is -1.0, must be a whole number from 0");
  CHECK(problem_of(R"({"seed": 1e300})").starts_with("seed is 1e+300"));
  CHECK(
      problem_of(R"({"steps": 9223372036854775808})").starts_with("steps is 9223372036854775808"));
}

TEST_CASE("text that is no configuration is refused with its place") {
  CHECK(problem_of("").starts_with("configuration is parse error at line 1, column 1"));
  CHECK(problem_of("{\n\"steps\": 10,\n}")
            .starts_with("configuration is parse error at line 3, column 1"));
  CHECK(problem_of("[]") == "configuration is [], must be an object");
  CHECK(problem_of("3") == "configuration is 3, must be an object");
  CHECK(problem_of(R"({"steps": 1, "steps": 2})") ==
        "configuration is \"steps\" given twice, must be a document with every key given once");
  CHECK(problem_of(R"({"learningRate": 1e999})").starts_with("configuration is number overflow"));
  CHECK(problem_of(std::string(1000000, '[')).starts_with("configuration is nested deeper"));
}

TEST_CASE("a key that there is not is named by its path") {
  CHECK(problem_of(R"({"batchsize": 10})") ==
        "batchsize is 10, must be absent: there is no such setting");
  CHECK(problem_of(R"({"sampler": {"stepz": [1, 2]}})") ==
        "sampler.stepz is [1,2], must be absent: there is no such setting");
  CHECK(problem_of(R"({"adam": {"beta3": 0}})").starts_with("adam.beta3 is 0"));
  CHECK(problem_of(R"({"data": {"radios": ""}})").starts_with("data.radios is \"\""));
  CHECK(problem_of(R"({"data": {"weights": [1], "means": [[0]], "covariances": [[[1]]],
                                "radius": 1}})")
            .starts_with("data.radius is 1, must be absent"));
}

TEST_CASE("a value of a wrong type is named by its path, with what it may be") {
  CHECK(problem_of(R"({"steps": "10"})") == "steps is 10, must be a whole number");
  CHECK(problem_of(R"({"learningRate": null})") == "learningRate is null, must be a number");
  CHECK(problem_of(R"({"schedule": "linear"})") ==
        "schedule is linear, must be one of cond_ot, sqrt, polynomial, cosine, linear_vp, vp");
  CHECK(problem_of(R"({"activation": 1})") ==
        "activation is 1, must be one of silu, tanh, relu, elu, gelu");
  CHECK(problem_of(R"({"hidden": 64})") == "hidden is 64, must be an array");
  CHECK(problem_of(R"({"hidden": [64, "x"]})") == "hidden[1] is x, must be a whole number");
  CHECK(problem_of(R"({"data": 11})") == "data is 11, must be an object");
  CHECK(problem_of(R"({"data": {"components": 2.5}})") ==
        "data.components is 2.5, must be a whole number");
  CHECK(problem_of(R"({"sampler": []})") == "sampler is [], must be an object");
  CHECK(problem_of(R"({"sampler": {"field": "true"}})") ==
        "sampler.field is true, must be one of exact, learned");
  CHECK(problem_of(R"({"data": {"weights": [1], "means": [[0, 0]], "covariances": [[[1, 0]]]}})") ==
        "data.covariances[0] is not square, must be as many rows of numbers as each has");
}

TEST_CASE("values out of range are named as the core names them, all at once") {
  const auto problems = run_config_from_json(R"({
    "batchSize": 0, "hidden": [64, 0], "learningRate": 2, "emaDecay": 1, "adam": {"beta2": 1},
    "sampler": {"particles": 0, "steps": 10001}})")
                            .problems();
  Fields fields = fields_of(problems);
  std::ranges::sort(fields);
  CHECK(fields == Fields{"adam.beta2", "batchSize", "emaDecay", "hidden[1]", "learningRate",
                         "sampler.particles", "sampler.steps"});
  CHECK(problem_of(R"({"batchSize": 0})") ==
        "batchSize is 0, must be a whole number from 1 to 65536");
  CHECK(problem_of(R"({"data": {"components": 0}})") ==
        "data.components is 0, must be a whole number from 1 to 1024");
  CHECK(problem_of(R"({"data": {"radius": -1}})").starts_with("data.radius is -1"));
  CHECK(problem_of(R"({"data": {"standardDeviation": 0}})")
            .starts_with("data.standardDeviation is 0"));
  CHECK(problem_of(R"({"data": {"weights": [-1], "means": [[0]], "covariances": [[[1]]]}})")
            .starts_with("data.weights[0] is -1"));
  CHECK(problem_of(R"({"data": {"weights": [1], "means": [[0]]}})").starts_with("data."));
}

TEST_CASE("all values of a wrong type are reported at once") {
  CHECK(fields_of(run_config_from_json(
                      R"({"steps": [], "data": {"radius": "1"}, "seeds": 1, "hidden": ["a", "b"]})")
                      .problems()) ==
        Fields{"data.radius", "hidden[0]", "hidden[1]", "steps", "seeds"});
}

}  // namespace
