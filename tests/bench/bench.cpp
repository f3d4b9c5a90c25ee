// The compiled half of `npm run bench`: what the core takes for its work, natively and in
// WebAssembly.
//
//   flowmatch_bench SUITE THREADS MILLISECONDS [NAME]
//
// SUITE is one of peak, kernels, step, sampling, scaling, coupling, generative, memory (memory.h).
// Each measurement, or each that has NAME in its own, is repeated for about so many milliseconds
// after a warm-up, and printed as a line of JSON: its name, the threads, the median and the least
// milliseconds of one run and the useful arithmetic of a run in floating-point operations (products
// only: what the activations, random numbers and updates take is time, not work). Where there is
// such arithmetic, also the peak: the operations a second that the same threads did on registers
// alone, measured in turns with the runs, for a shared machine may be twice as fast a second later.
// Measuring in turns with others, and tables, are bench.mjs's.
//
// The suite `networks` measures nothing: it prints what `step` and `sampling` do, a network a line,
// for the other libraries in peers/ to do the same under the same names.
#include "flowmatch/cnf.h"
#include "flowmatch/coupling.h"
#include "flowmatch/experiment.h"
#include "flowmatch/flow.h"
#include "flowmatch/gaussian_mixture.h"
#include "flowmatch/instruction_set.h"
#include "flowmatch/learned_field.h"
#include "flowmatch/maximum_likelihood.h"
#include "flowmatch/normalizing_flow.h"
#include "kernels/dense.h"
#include "kernels/elementwise.h"
#include "memory.h"
#include "peak.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace flowmatch;

/// What the program was asked for.
struct Request {
  std::string suite;
  int threads;
  double milliseconds;
  std::string part_of_name;  ///< Only what has this in its name is measured.
};

double now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(since).count();
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Operations a second that all threads of the pool do on registers alone, now.
double peak_rate(ThreadPool& pool) {
  // A millisecond or two: much more than it takes to wake a thread, or than a browser's clock
  // shows.
  constexpr std::int64_t kRounds = 100'000;
  const double begin = now();
  pool.parallel_for(pool.size(), [](Index /*task*/, int /*worker*/) {
    volatile float sink = bench::multiply_adds(kRounds);
    static_cast<void>(sink);
  });
  const auto operations =
      static_cast<double>(pool.size() * kRounds * bench::operations_per_round());
  return operations / (now() - begin) * 1e3;
}

/// Runs `work`, which uses no other threads than the pool's, again and again, and prints the median
/// time of a run.
template <class Work>
void measure(const Request& request, ThreadPool& pool, const std::string& name, double operations,
             const Work& work) {
  if (name.find(request.part_of_name) == std::string::npos) return;
  // WebAssembly starts in a slow build, and is replaced when it has run often enough.
  const double warm = now() + request.milliseconds / 4;
  do {
    work();
    peak_rate(pool);
  } while (now() < warm);
  // What is shorter than the clock is sharp is run several times between two looks at it.
  double single = now();
  work();
  single = now() - single;
  const int runs = std::clamp(static_cast<int>(0.2 / std::max(single, 1e-6)), 1, 1000);
  // Of what takes longer than all measurements should, one more run has to do.
  const std::size_t least = single > request.milliseconds ? 1 : 3;
  std::vector<double> times;
  std::vector<double> peaks;
  constexpr double kPeakInterval = 30;
  double next_peak = now();
  const double end = next_peak + request.milliseconds;
  do {
    if (now() >= next_peak) {
      peaks.push_back(peak_rate(pool));
      // The first work after it finds its data where it left them.
      work();
      next_peak = now() + kPeakInterval;
    }
    const double begin = now();
    for (int run = 0; run < runs; ++run) work();
    times.push_back((now() - begin) / runs);
  } while (now() < end || times.size() < least);
  const double best = *std::min_element(times.begin(), times.end());
  std::printf(R"({"suite":"%s","name":"%s","threads":%d,"milliseconds":%.6g,"best":%.6g,)"
              R"("operations":%.6g,"peak":%.6g})"
              "\n",
              request.suite.c_str(), name.c_str(), request.threads, median(times), best, operations,
              median(peaks));
  std::fflush(stdout);
}

struct Network {
  const char* name;
  std::vector<Index> hidden;
  Index batch_size;
  Schedule schedule;
  double ema_decay;
};

/// The networks of the comparison: the blog's, one that learns its example in seconds, a wide one.
std::vector<Network> networks() {
  return {{"blog", {1024, 16}, 1000, Schedule::sqrt, 0},
          {"small", {64, 64, 64}, 256, Schedule::cond_ot, 0.999},
          {"wide", {256, 256, 256}, 1024, Schedule::cond_ot, 0.999}};
}

std::vector<Index> widths(const std::vector<Index>& hidden) {
  std::vector<Index> all{3};
  all.insert(all.end(), hidden.begin(), hidden.end());
  all.push_back(2);
  return all;
}

/// The sampling of a network that others are compared with.
constexpr Index kParticles = 1000;
constexpr SolverConfig kSampler{.solver = Solver::euler, .steps = 299};

std::string sampling_name(const Network& network) {
  return std::string(network.name) + ", 1,000 points, Euler 299";
}

/// Floating-point operations of the products of one training step: forwards, backwards to the
/// weights and, but for the first layer, backwards to the inputs.
double step_operations(const std::vector<Index>& hidden, Index batch_size) {
  const auto sizes = widths(hidden);
  double sum = 0;
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    sum += static_cast<double>(sizes[l] * sizes[l + 1]) * (l == 0 ? 4 : 6);
  }
  return sum * static_cast<double>(batch_size);
}

double evaluation_operations(const std::vector<Index>& hidden) {
  const auto sizes = widths(hidden);
  double sum = 0;
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    sum += 2 * static_cast<double>(sizes[l] * sizes[l + 1]);
  }
  return sum;
}

double sampling_operations(const std::vector<Index>& hidden, const SolverConfig& solver,
                           Index particles) {
  return static_cast<double>(particles * solver.steps) * evaluations_per_step(solver.solver) *
         evaluation_operations(hidden);
}

ExperimentConfig config_of(const Network& network) {
  ExperimentConfig config;
  config.schedule = network.schedule;
  config.hidden = network.hidden;
  config.training.batch_size = network.batch_size;
  config.training.steps = kMaxSteps;
  config.training.learning_rate = 1e-3;
  config.training.learning_rate_decay = LearningRateDecay::constant;
  config.training.ema_decay = network.ema_decay;
  return config;
}

std::unique_ptr<Experiment> make(const ExperimentConfig& config, ThreadPool& pool) {
  auto made = Experiment::make(config, pool);
  if (!made) std::abort();
  return std::move(made).value();
}

void measure_peak(const Request& request) {
  constexpr std::int64_t kRounds = 2000;
  ThreadPool pool(1);
  volatile float sink = 0;
  measure(request, pool, "multiply-add",
          static_cast<double>(kRounds * bench::operations_per_round()),
          [&] { sink = bench::multiply_adds(kRounds); });
}

void measure_kernels(const Request& request) {
  constexpr Index kRows = 128;
  ThreadPool pool(1);
  const Index panel_rows = kernels::panel_rows();
  for (const Network& network : networks()) {
    const auto sizes = widths(network.hidden);
    for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
      const kernels::DenseShape shape{.outputs = sizes[l + 1],
                                      .inputs = sizes[l],
                                      .panel_rows = panel_rows,
                                      .panels = kRows / panel_rows,
                                      .input_stride = sizes[l] * panel_rows + 128,
                                      .output_stride = sizes[l + 1] * panel_rows + 128};
      const auto inputs = static_cast<std::size_t>(shape.panels * shape.input_stride);
      const auto outputs = static_cast<std::size_t>(shape.panels * shape.output_stride);
      const std::vector<float> weight(static_cast<std::size_t>(shape.outputs * shape.inputs),
                                      0.01F);
      const std::vector<float> bias(static_cast<std::size_t>(shape.outputs), 0.1F);
      const std::vector<float> x(inputs, 0.5F);
      std::vector<float> slope(inputs, 1.0F);
      std::vector<float> packed(weight.size());
      kernels::pack_for_backward(shape.outputs, shape.inputs, weight.data(), packed.data());
      std::vector<float> y(outputs);
      std::vector<float> derivative(outputs);
      const std::vector<float> dy(outputs, 1e-3F);
      std::vector<float> d_weight(weight.size());
      std::vector<float> d_bias(bias.size());
      const double operations = 2.0 * static_cast<double>(shape.outputs * shape.inputs * kRows);
      const std::string size =
          std::to_string(shape.inputs) + " -> " + std::to_string(shape.outputs);
      const bool hidden = l + 2 < sizes.size();
      const bool again = l > 0 && l + 1 < sizes.size() - 1 && sizes[l] == sizes[l - 1];
      if (again) continue;
      measure(request, pool, "forward " + size, operations, [&] {
        kernels::dense_forward(shape, weight.data(), bias.data(), x.data(), y.data());
      });
      if (hidden) {
        measure(request, pool, "forward and SiLU " + size, operations, [&] {
          kernels::dense_forward_activated(shape, Activation::silu, weight.data(), bias.data(),
                                           x.data(), y.data(), nullptr);
        });
        measure(request, pool, "forward and SiLU with derivative " + size, operations, [&] {
          kernels::dense_forward_activated(shape, Activation::silu, weight.data(), bias.data(),
                                           x.data(), y.data(), derivative.data());
        });
      }
      if (l > 0) {
        measure(request, pool, "backward to inputs " + size, operations, [&] {
          std::fill(slope.begin(), slope.end(), 1.0F);
          kernels::dense_backward_input(shape, packed.data(), dy.data(), slope.data());
        });
      }
      measure(request, pool, "backward to weights " + size, operations, [&] {
        kernels::dense_backward_weight(shape, dy.data(), x.data(), kernels::Sum::add,
                                       d_weight.data(), d_bias.data());
      });
    }
  }

  constexpr Index kCount = 20'000;
  constexpr auto kSize = static_cast<std::size_t>(kCount);
  const std::vector<float> gradient(kSize, 0.01F);
  std::vector<float> first_moment(kSize);
  std::vector<float> second_moment(kSize);
  std::vector<float> parameters(kSize);
  std::vector<float> ema(kSize);
  const kernels::AdamScalars scalars{.beta1 = 0.9F,
                                     .beta2 = 0.999F,
                                     .epsilon = 1e-8F,
                                     .step_size = 1e-3F,
                                     .inverse_root_bias2 = 1.0F,
                                     .ema_decay = 0.999F};
  measure(request, pool, "Adam and EMA of 20,000", 0, [&] {
    kernels::adam_update(scalars, kCount, gradient.data(), first_moment.data(),
                         second_moment.data(), parameters.data(), ema.data());
  });
  Points normals(1000, 2);
  std::uint32_t step = 0;
  measure(request, pool, "1,000 x 2 normal numbers", 0,
          [&] { fill_normal({0, Purpose::test, ++step}, 0, normals); });
}

void measure_steps(const Request& request) {
  ThreadPool pool(request.threads);
  for (const Network& network : networks()) {
    const auto experiment = make(config_of(network), pool);
    float loss = 0;
    measure(request, pool, network.name, step_operations(network.hidden, network.batch_size),
            [&] { experiment->trainer().step({&loss, 1}); });
  }
}

void measure_sampling(const Request& request, const std::string& name,
                      const std::vector<Index>& hidden, const SolverConfig& solver, Index particles,
                      ThreadPool& pool) {
  ExperimentConfig config;
  config.hidden = hidden;
  const auto experiment = make(config, pool);
  const Points noise = starting_noise(particles, 2, 0);
  measure(request, pool, name, sampling_operations(hidden, solver, particles),
          [&] { integrate(experiment->field(FieldChoice::learned), solver, noise, pool); });
}

void measure_samplers(const Request& request) {
  ThreadPool pool(request.threads);
  for (const Network& network : networks()) {
    measure_sampling(request, sampling_name(network), network.hidden, kSampler, kParticles, pool);
  }
  measure_sampling(request, "3 x 128, 100,000 points, RK4 50", {128, 128, 128},
                   {.solver = Solver::rk4, .steps = 50}, 100'000, pool);
}

/// Cost against batch, width and number of particles.
void measure_scaling(const Request& request) {
  ThreadPool pool(request.threads);
  const auto step = [&](const std::string& name, Index width, Index batch_size) {
    const Network network{"", {width, width, width}, batch_size, Schedule::cond_ot, 0};
    const auto experiment = make(config_of(network), pool);
    float loss = 0;
    measure(request, pool, name, step_operations(network.hidden, batch_size),
            [&] { experiment->trainer().step({&loss, 1}); });
  };
  for (const Index batch : {32, 64, 128, 200, 256, 512, 1000, 1024, 2048, 4096}) {
    step("3 x 64, batch " + std::to_string(batch), 64, batch);
  }
  for (const Index width : {8, 16, 32, 50, 64, 100, 128, 200, 256, 512}) {
    step("3 x " + std::to_string(width) + ", batch 256", width, 256);
  }
  for (const Index particles : {100, 300, 1000, 3000, 10'000, 30'000}) {
    measure_sampling(request, "3 x 64, Euler 50, " + std::to_string(particles) + " particles",
                     {64, 64, 64}, {.solver = Solver::euler, .steps = 50}, particles, pool);
  }
}

/// Pairing batches of a Gaussian with those of a ring of eight, the costs included; a fresh batch
/// each time, for the work depends on the points.
void measure_couplings(const Request& request) {
  ThreadPool pool(1);
  constexpr std::uint32_t kBatches = 16;
  const auto target = GaussianMixture::make(ring_mixture(8, 5, 0.3));
  if (!target) std::abort();
  const auto pairing = [&](const std::string& title, const CouplingConfig& config, Index rows) {
    std::vector<Points> sources;
    std::vector<Points> targets;
    for (std::uint32_t batch = 0; batch < kBatches; ++batch) {
      sources.emplace_back(rows, 2);
      targets.emplace_back(rows, 2);
      fill_normal({1, Purpose::training_source, batch}, 0, sources.back());
      target.value().sample({1, Purpose::training_data, batch}, 0, targets.back());
    }
    BatchCoupling coupling(config, rows, 2);
    std::vector<Index> partner(static_cast<std::size_t>(rows));
    std::uint32_t batch = 0;
    measure(request, pool, title + ", " + std::to_string(rows) + " points", 0, [&] {
      batch = (batch + 1) % kBatches;
      coupling.pair(sources[batch], targets[batch], {}, {1, Purpose::coupling, batch}, partner);
    });
  };
  for (const Index rows : {64, 256, 1024}) {
    pairing("optimal transport", {.coupling = Coupling::optimal_transport}, rows);
  }
  pairing("Sinkhorn", {.coupling = Coupling::sinkhorn}, 256);
}

/// Operations of the products for the likelihood of a batch and its gradient: as step_operations(),
/// but the inputs' slopes are needed too, in all layers.
double likelihood_operations(const std::vector<Index>& sizes, Index batch_size) {
  double sum = 0;
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    sum += 6 * static_cast<double>(sizes[l] * sizes[l + 1]);
  }
  return sum * static_cast<double>(batch_size);
}

/// What a training step costs of flow matching and of the two systems that it replaced, all with
/// about 9,000 parameters: the same data, batch and optimizer.
void measure_generative(const Request& request) {
  constexpr Index kBatch = 256;
  ThreadPool pool(request.threads);
  float loss = 0;
  const Network network{"", {64, 64, 64}, kBatch, Schedule::cond_ot, 0.999};
  const ExperimentConfig config = config_of(network);
  const auto experiment = make(config, pool);
  measure(request, pool, "flow matching, 3 x 64", step_operations(network.hidden, kBatch),
          [&] { experiment->trainer().step({&loss, 1}); });

  const std::shared_ptr<const Distribution> data = experiment->target();
  // Far below what would move the weights: after a million of steps too the work is the same.
  TrainerConfig training = config.training;
  training.learning_rate = 1e-9;
  const auto step = [&](const std::string& name, double operations,
                        std::shared_ptr<const DensityModel> model) {
    Trainer trainer(std::make_unique<MaximumLikelihoodLoss>(std::move(model), data, training),
                    pool);
    measure(request, pool, name, operations, [&] { trainer.step({&loss, 1}); });
    if (trainer.diverged()) std::abort();
  };
  const NormalizingFlowConfig flow{.dimension = 2, .couplings = 8, .hidden = {32, 32}};
  step("normalizing flow, 8 couplings of 2 x 32",
       static_cast<double>(flow.couplings) * likelihood_operations({1, 32, 32, 2}, kBatch),
       std::make_shared<const NormalizingFlowModel>(flow));
  for (const Solver solver : {Solver::midpoint, Solver::rk4}) {
    for (const Index steps : {4, 8, 20}) {
      const auto model = std::make_shared<const CnfModel>(CnfConfig{
          .dimension = 2, .hidden = network.hidden, .solver = solver, .solver_steps = steps});
      // Values and, where the divergence has a weight, two tangents.
      const double passes = solver == Solver::midpoint ? 4.0 : 12.0;
      step("CNF, 3 x 64, " + std::string(name(solver)) + " " + std::to_string(steps) + ", NFE " +
               std::to_string(model->evaluations()),
           static_cast<double>(steps) * passes *
               likelihood_operations(widths(network.hidden), kBatch),
           model);
    }
  }
}

std::string list(const std::vector<Index>& numbers) {
  std::string text = "[";
  for (const Index number : numbers) {
    if (text.size() > 1) text += ',';
    text += std::to_string(number);
  }
  text += ']';
  return text;
}

/// The losses of a network's first steps, each the average over several seeds: what any other
/// implementation of the same training must see too.
std::vector<double> first_losses(ExperimentConfig config, ThreadPool& pool) {
  constexpr std::size_t kSteps = 30;
  constexpr int kSeeds = 8;
  std::vector<double> average(kSteps);
  std::vector<float> losses(kSteps);
  for (int seed = 0; seed < kSeeds; ++seed) {
    config.training.seed = static_cast<std::uint64_t>(seed);
    make(config, pool)->trainer().step(losses);
    for (std::size_t i = 0; i < kSteps; ++i) average[i] += losses[i] / double{kSeeds};
  }
  return average;
}

void print_networks(const Request& request) {
  ThreadPool pool(request.threads);
  for (const Network& network : networks()) {
    const ExperimentConfig config = config_of(network);
    const AdamConfig& adam = config.training.adam;
    std::printf(R"({"suite":"networks","name":"%s","widths":%s,"batchSize":%td,"schedule":"%s",)"
                R"("sqrtRegularisation":%g,"learningRate":%g,"beta1":%g,"beta2":%g,"epsilon":%g,)",
                network.name, list(widths(network.hidden)).c_str(), network.batch_size,
                std::string(name(network.schedule)).c_str(), kSqrtRegularisation,
                config.training.learning_rate, adam.beta1, adam.beta2, adam.epsilon);
    // The mixture's components are all round, of one size and equally likely.
    std::printf(R"("means":[)");
    const auto& mixture = std::get<GaussianMixtureConfig>(config.data);
    for (const auto& mean : mixture.means) {
      std::printf("%s[%.9g,%.9g]", &mean == &mixture.means.front() ? "" : ",", mean(0), mean(1));
    }
    std::printf(R"(],"standardDeviation":%.9g,"losses":[)",
                std::sqrt(mixture.covariances.front()(0, 0)));
    const std::vector<double> losses = first_losses(config, pool);
    for (const double& loss : losses) {
      std::printf("%s%.4g", &loss == &losses.front() ? "" : ",", loss);
    }
    std::printf(R"(],"operations":%.6g,"sampling":{"name":"%s","points":%td,"steps":%td,)"
                R"("operations":%.6g}})"
                "\n",
                step_operations(network.hidden, network.batch_size), sampling_name(network).c_str(),
                kParticles, kSampler.steps,
                sampling_operations(network.hidden, kSampler, kParticles));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    std::fprintf(stderr,
                 "usage: flowmatch_bench "
                 "networks|peak|kernels|step|sampling|scaling|coupling|generative|memory "
                 "THREADS MILLISECONDS [NAME]\n");
    return 2;
  }
  const Request request{argv[1], std::atoi(argv[2]), std::atof(argv[3]), argc == 5 ? argv[4] : ""};
  if (request.threads < 1 || request.threads > ThreadPool::kMaxThreads ||
      !(request.milliseconds > 0)) {
    std::fprintf(stderr, "THREADS is 1 to %d, MILLISECONDS more than 0\n", ThreadPool::kMaxThreads);
    return 2;
  }
  const std::string_view suite = request.suite;
  if (suite == "networks") {
    print_networks(request);
  } else if (suite == "peak") {
    measure_peak(request);
  } else if (suite == "kernels") {
    measure_kernels(request);
  } else if (suite == "step") {
    measure_steps(request);
  } else if (suite == "sampling") {
    measure_samplers(request);
  } else if (suite == "scaling") {
    measure_scaling(request);
  } else if (suite == "coupling") {
    measure_couplings(request);
  } else if (suite == "generative") {
    measure_generative(request);
  } else if (suite == "memory") {
    bench::measure_memory(request.suite, request.threads);
  } else {
    std::fprintf(stderr, "no suite '%s'\n", argv[1]);
    return 2;
  }
  return 0;
}
