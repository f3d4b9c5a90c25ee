#include "flowmatch/trainer.h"

#include "coupled_batches.h"
#include "descent.h"
#include "state_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace flowmatch {

namespace {

/// Rows of a shard are a multiple of this, and at least twice it, so that kernels run on full
/// tiles.
constexpr Index kShardRowMultiple = 32;

double norm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

/// Checks that an array of a state has the size of the trainer's own, and only finite numbers.
void check_array(ProblemList& problems, std::string_view field, std::span<const float> values,
                 std::size_t size) {
  if (values.size() != size) {
    problems.add(field, std::to_string(values.size()) + " numbers",
                 std::to_string(size) + " numbers");
    return;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (!std::isfinite(values[i])) {
      problems.add(std::string(field) + "[" + std::to_string(i) + "]",
                   format_number(static_cast<double>(values[i])), "a finite number");
      return;
    }
  }
}

}  // namespace

/// Working memory of one thread.
struct Trainer::Worker {
  Worker(const Model& model, Index rows)
      : workspace(model.workspace(WorkspaceUse::training)),
        t(rows),
        x0(rows, model.dimension()),
        x1(rows, model.dimension()),
        x_t(rows, model.dimension()),
        target(rows, model.dimension()),
        weights(static_cast<std::size_t>(rows)),
        labels(model.labels() > 0 ? static_cast<std::size_t>(rows) : 0) {}

  std::unique_ptr<ModelWorkspace> workspace;
  Eigen::VectorXf t;
  Points x0;
  Points x1;
  Points x_t;
  Points target;
  std::vector<float> weights;
  std::vector<std::int32_t> labels;
};

/// One part of every batch and its gradient.
struct Trainer::Shard {
  Index first_row;
  Index rows;
  std::vector<float> gradient;
  double squared_error = 0;
};

Problems validate(const TrainerConfig& config) {
  ProblemList problems;
  problems.check_integer("batchSize", static_cast<double>(config.batch_size), 1,
                         static_cast<double>(kMaxBatchSize));
  problems.check_integer("steps", static_cast<double>(config.steps), 1,
                         static_cast<double>(kMaxSteps));
  problems.check_above("learningRate", config.learning_rate, 0, 1);
  problems.check_integer("warmupSteps", static_cast<double>(config.warmup_steps), 0,
                         static_cast<double>(kMaxSteps));
  problems.check_range("gradientClip", config.gradient_clip, 0, kMaxGradientClip);
  problems.check_below("emaDecay", config.ema_decay, 0, 1);
  problems.append("adam", validate(config.adam));
  problems.append("timeLaw", validate(config.time_law));
  problems.append("lossWeighting", validate(config.loss_weighting));
  problems.append("coupling", validate(config.coupling));
  problems.check_integer("couplingBatches", static_cast<double>(config.coupling_batches), 1,
                         static_cast<double>(kMaxCouplingBatches));
  problems.check_range("labelDropout", config.label_dropout, 0, 1);
  if (problems.empty() && config.coupling.coupling != Coupling::independent &&
      config.batch_size * config.coupling_batches > kMaxCouplingRows) {
    problems.add("couplingBatches",
                 std::to_string(config.coupling_batches) + " batches of " +
                     std::to_string(config.batch_size) + " points",
                 "at most " + std::to_string(kMaxCouplingRows) + " points to be paired at once");
  }
  return std::move(problems).take();
}

AdamStep adam_step(const TrainerConfig& config, Index step, std::span<const float> gradient) {
  const double factor =
      learning_rate_factor(config.learning_rate_decay, step, config.steps, config.warmup_steps);
  return {.step = step,
          .learning_rate = config.learning_rate * factor,
          .ema_decay = ema_decay_at(config.ema_decay, step),
          .gradient_scale = config.gradient_clip == 0
                                ? 1
                                : clipping_factor(norm(gradient), config.gradient_clip)};
}

Trainer::Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Distribution> data,
                 AffinePath path, const TrainerConfig& config, ThreadPool& pool)
    : Trainer(std::move(model),
              std::make_shared<const IndependentPairs>(
                  std::make_shared<const StandardNormal>(data->dimension()), data),
              path, config, pool) {}

Trainer::Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Pairs> pairs,
                 AffinePath path, const TrainerConfig& config, ThreadPool& pool)
    : model_(std::move(model)),
      pairs_(std::move(pairs)),
      path_(path),
      config_(config),
      pool_(pool),
      parameters_(static_cast<std::size_t>(model_->parameter_count())),
      adam_(config.adam, model_->parameter_count()) {
  assert(validate(config).empty());
  assert(model_->dimension() == pairs_->dimension());
  assert(model_->labels() == 0 || model_->labels() == pairs_->labels());
  model_->initialise(config.seed, parameters_);
  if (config.ema_decay > 0) ema_ = parameters_;
  const Index rows = shard_rows(config.batch_size, kShardRowMultiple, 2 * kShardRowMultiple);
  for (Index first = 0; first < config.batch_size; first += rows) {
    shards_.push_back({.first_row = first,
                       .rows = std::min(rows, config.batch_size - first),
                       .gradient = std::vector<float>(parameters_.size())});
  }
  for (int worker = 0; worker < pool.size(); ++worker) {
    workers_.push_back(std::make_unique<Worker>(*model_, rows));
  }
  if (config.coupling.coupling != Coupling::independent) {
    coupled_ = CoupledBatches::make(config, pairs_, pool);
  }
}

Trainer::~Trainer() = default;

/// The pairs of rows [first_row, first_row + rows) of this step's batch, and the labels that the
/// model sees.
void Trainer::draw(Index first_row, Index rows, Worker& worker) {
  const auto step = static_cast<std::uint32_t>(steps_done_);
  const auto labels =
      std::span(worker.labels).first(worker.labels.empty() ? 0 : static_cast<std::size_t>(rows));
  if (coupled_ == nullptr) {
    pairs_->sample(config_.seed, step, first_row, worker.x0.topRows(rows), worker.x1.topRows(rows),
                   labels);
  } else {
    coupled_->copy(steps_done_, first_row, worker.x0.topRows(rows), worker.x1.topRows(rows),
                   labels);
  }
  if (!labels.empty() && config_.label_dropout > 0) {
    const RandomStream dropout{config_.seed, Purpose::label_dropout, step};
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto row = static_cast<std::uint32_t>(first_row) + static_cast<std::uint32_t>(i);
      const auto uniform = static_cast<double>(uniform_from_word(dropout.words(row)[0]));
      if (uniform < config_.label_dropout) labels[i] = kNoLabel;
    }
  }
}

double Trainer::run_shard(Index shard_index, Worker& worker) {
  Shard& shard = shards_[static_cast<std::size_t>(shard_index)];
  const auto step = static_cast<std::uint32_t>(steps_done_);
  const Index rows = shard.rows;
  const auto size = static_cast<std::size_t>(rows);
  const std::span<float> times{worker.t.data(), size};
  fill_times(config_.time_law, path_.schedule(), {config_.seed, Purpose::training_time, step},
             shard.first_row, times);
  draw(shard.first_row, rows, worker);
  path_.interpolate(worker.t.head(rows), worker.x0.topRows(rows), worker.x1.topRows(rows),
                    worker.x_t.topRows(rows), worker.target.topRows(rows));
  std::span<float> weights;
  if (config_.loss_weighting.weighting != LossWeighting::constant) {
    weights = std::span(worker.weights).first(size);
    fill_weights(config_.loss_weighting, path_, times, weights);
  }

  const auto terms = static_cast<double>(config_.batch_size * model_->dimension());
  return worker.workspace->loss_gradient(
      parameters_, worker.t.head(rows), worker.x_t.topRows(rows),
      std::span(worker.labels).first(worker.labels.empty() ? 0 : size), worker.target.topRows(rows),
      weights, static_cast<float>(1 / terms), shard.gradient);
}

Index Trainer::step(std::span<float> losses) {
  const auto terms = static_cast<double>(config_.batch_size * model_->dimension());
  Index done = 0;
  for (float& loss : losses) {
    if (finished() || diverged_) break;
    if (coupled_ != nullptr && !coupled_->has(steps_done_)) coupled_->prepare(steps_done_);

    pool_.parallel_for(static_cast<Index>(shards_.size()), [&](Index index, int worker) {
      Shard& shard = shards_[static_cast<std::size_t>(index)];
      shard.squared_error = run_shard(index, *workers_[static_cast<std::size_t>(worker)]);
    });
    double squared_error = 0;
    for (const Shard& shard : shards_) squared_error += shard.squared_error;
    loss = static_cast<float>(squared_error / terms);

    std::array<float*, kMaxShards> gradients{};
    for (std::size_t i = 0; i < shards_.size(); ++i) gradients[i] = shards_[i].gradient.data();
    if (!descend(config_, steps_done_, static_cast<double>(loss),
                 std::span(gradients).first(shards_.size()), pool_, adam_, parameters_, ema_)) {
      diverged_ = true;
      break;
    }
    ++steps_done_;
    ++done;
  }
  return done;
}

TrainerState Trainer::state() const {
  const auto copy = [](std::span<const float> values) {
    return std::vector<float>(values.begin(), values.end());
  };
  return {.parameters = parameters_,
          .ema = ema_,
          .first_moment = copy(adam_.first_moment()),
          .second_moment = copy(adam_.second_moment()),
          .steps_done = steps_done_,
          .diverged = diverged_};
}

Problems Trainer::restore(const TrainerState& state) {
  ProblemList problems;
  check_array(problems, "parameters", state.parameters, parameters_.size());
  check_array(problems, "ema", state.ema, ema_.size());
  check_array(problems, "firstMoment", state.first_moment, parameters_.size());
  check_array(problems, "secondMoment", state.second_moment, parameters_.size());
  for (std::size_t i = 0; i < state.second_moment.size(); ++i) {
    if (state.second_moment[i] < 0) {
      problems.add("secondMoment[" + std::to_string(i) + "]",
                   format_number(static_cast<double>(state.second_moment[i])), "at least 0");
      break;
    }
  }
  problems.check_integer("stepsDone", static_cast<double>(state.steps_done), 0,
                         static_cast<double>(config_.steps));
  if (!problems.empty()) return std::move(problems).take();
  parameters_ = state.parameters;
  ema_ = state.ema;
  adam_.restore(state.first_moment, state.second_moment);
  steps_done_ = state.steps_done;
  diverged_ = state.diverged;
  if (coupled_ != nullptr) coupled_->forget();
  return {};
}

std::uint64_t Trainer::state_hash() const {
  return flowmatch::state_hash(steps_done_, parameters_, ema_, adam_);
}

}  // namespace flowmatch
