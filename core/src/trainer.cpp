#include "flowmatch/trainer.h"

#include "kernels/elementwise.h"
#include "state_hash.h"

#include <algorithm>
#include <array>
#include <atomic>
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

/// A batch has at most this many shards: more would cost memory and summing, fewer would leave
/// threads of a larger machine idle.
constexpr Index kMaxShards = 8;
/// Rows of a shard are a multiple of this, and at least twice it, so that kernels run on full
/// tiles.
constexpr Index kShardRowMultiple = 32;
/// Parameters that one task of the update covers. Fixed, because the last few of a range take a
/// path with other rounding: ranges must not depend on the number of threads.
constexpr Index kUpdateRange = 8192;

Index shard_rows(Index batch_size) {
  const Index even = (batch_size + kMaxShards - 1) / kMaxShards;
  const Index rounded = (even + kShardRowMultiple - 1) / kShardRowMultiple * kShardRowMultiple;
  return std::max(rounded, 2 * kShardRowMultiple);
}

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

/// The next batches, paired. Pairing a batch is one task for one thread, which takes longer than a
/// training step: several sets of batches are paired at once, as many as keep 8 threads busy unless
/// their points are so many that a step would be held up for seconds.
struct Trainer::CoupledBatches {
  static constexpr Index kMaxSets = 8;
  static constexpr Index kMaxRows = 4096;

  /// One set: rows batches_per_set * batch_size of each.
  struct Set {
    Points x0;
    Points x1;
    std::vector<std::int32_t> labels;
    std::vector<Index> partner;
  };

  CoupledBatches(const TrainerConfig& config, Index dimension, int threads)
      : batches_per_set(config.coupling_batches),
        rows(config.coupling_batches * config.batch_size) {
    const auto size = static_cast<std::size_t>(rows);
    sets.resize(static_cast<std::size_t>(std::clamp<Index>(kMaxRows / rows, 1, kMaxSets)));
    for (Set& set : sets) {
      set = {.x0 = Points(rows, dimension),
             .x1 = Points(rows, dimension),
             .labels = std::vector<std::int32_t>(size),
             .partner = std::vector<Index>(size)};
    }
    for (int thread = 0; thread < threads; ++thread) {
      couplings.push_back(std::make_unique<BatchCoupling>(config.coupling, rows, dimension));
    }
  }

  /// The set that a step is in, of all sets of the run.
  [[nodiscard]] Index set_of(Index step) const { return step / batches_per_set; }
  /// Whether the sets that are there are those for the step.
  [[nodiscard]] bool has(Index step) const {
    return first_set >= 0 && set_of(step) >= first_set &&
           set_of(step) < first_set + static_cast<Index>(sets.size());
  }

  Index batches_per_set;
  Index rows;
  std::vector<Set> sets;
  /// One for each worker.
  std::vector<std::unique_ptr<BatchCoupling>> couplings;
  Index first_set = -1;  ///< The set in sets[0]; -1: none yet.
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
  const Index rows = shard_rows(config.batch_size);
  for (Index first = 0; first < config.batch_size; first += rows) {
    shards_.push_back({.first_row = first,
                       .rows = std::min(rows, config.batch_size - first),
                       .gradient = std::vector<float>(parameters_.size())});
  }
  for (int worker = 0; worker < pool.size(); ++worker) {
    workers_.push_back(std::make_unique<Worker>(*model_, rows));
  }
  if (config.coupling.coupling != Coupling::independent) {
    coupled_ = std::make_unique<CoupledBatches>(config, model_->dimension(), pool.size());
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
    const Index set_number = coupled_->set_of(steps_done_);
    const auto& set = coupled_->sets[static_cast<std::size_t>(set_number - coupled_->first_set)];
    const Index batch = steps_done_ - set_number * coupled_->batches_per_set;
    const Index from = batch * config_.batch_size + first_row;
    worker.x1.topRows(rows) = set.x1.middleRows(from, rows);
    for (Index i = 0; i < rows; ++i) {
      worker.x0.row(i) = set.x0.row(set.partner[static_cast<std::size_t>(from + i)]);
    }
    std::copy_n(set.labels.begin() + from, labels.size(), labels.begin());
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

/// Draws and pairs the sets from that of the next step on.
void Trainer::couple() {
  CoupledBatches& coupled = *coupled_;
  coupled.first_set = coupled.set_of(steps_done_);
  // Which coupling a worker has does not matter: each set is paired from its own points alone.
  const auto pair = [&](Index index, BatchCoupling& coupling) {
    auto& set = coupled.sets[static_cast<std::size_t>(index)];
    const auto number = static_cast<std::uint32_t>(coupled.first_set + index);
    pairs_->sample(config_.seed, number, 0, set.x0, set.x1, set.labels);
    coupling.pair(set.x0, set.x1, set.labels, {config_.seed, Purpose::coupling, number},
                  set.partner);
  };
  pool_.parallel_for(static_cast<Index>(coupled.sets.size()), [&](Index index, int worker) {
    pair(index, *coupled.couplings[static_cast<std::size_t>(worker)]);
  });
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
  const Index count = model_->parameter_count();
  const Index ranges = (count + kUpdateRange - 1) / kUpdateRange;
  Index done = 0;
  for (float& loss : losses) {
    if (finished() || diverged_) break;
    if (coupled_ != nullptr && !coupled_->has(steps_done_)) couple();

    pool_.parallel_for(static_cast<Index>(shards_.size()), [&](Index index, int worker) {
      Shard& shard = shards_[static_cast<std::size_t>(index)];
      shard.squared_error = run_shard(index, *workers_[static_cast<std::size_t>(worker)]);
    });
    double squared_error = 0;
    for (const Shard& shard : shards_) squared_error += shard.squared_error;
    loss = static_cast<float>(squared_error / terms);

    // All sums before the first update: a step that diverges leaves the weights as they were.
    std::vector<float>& gradient = shards_.front().gradient;
    std::atomic<bool> squarable{true};
    pool_.parallel_for(ranges, [&](Index range, int /*worker*/) {
      const Index first = range * kUpdateRange;
      std::array<const float*, kMaxShards> parts{};
      for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
        parts[shard] = shards_[shard].gradient.data() + first;
      }
      if (!kernels::sum_parts(std::min(kUpdateRange, count - first),
                              std::span(parts).first(shards_.size()), gradient.data() + first)) {
        squarable = false;
      }
    });
    if (!std::isfinite(loss) || !squarable) {
      diverged_ = true;
      break;
    }

    const AdamStep scalars = adam_step(config_, steps_done_, gradient);
    pool_.parallel_for(ranges, [&](Index range, int /*worker*/) {
      const Index first = range * kUpdateRange;
      adam_.update(first, std::min(first + kUpdateRange, count), scalars, gradient, parameters_,
                   ema_);
    });
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
  if (coupled_ != nullptr) coupled_->first_set = -1;
  return {};
}

std::uint64_t Trainer::state_hash() const {
  return flowmatch::state_hash(steps_done_, parameters_, ema_, adam_);
}

}  // namespace flowmatch
