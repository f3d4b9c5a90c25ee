#include "flowmatch/trainer.h"

#include "kernels/elementwise.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <span>
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

/// FNV-1a over bytes (Fowler, Noll, Vo; parameters of the 64-bit variant).
class Fnv1a {
 public:
  void add(std::int64_t value) { add_bytes(&value, sizeof(value)); }
  void add_values(std::span<const float> values) { add_bytes(values.data(), values.size_bytes()); }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  void add_bytes(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) {
      hash_ = (hash_ ^ bytes[i]) * 0x100000001b3U;
    }
  }
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

}  // namespace

/// Working memory of one thread.
struct Trainer::Worker {
  Worker(const Model& model, Index rows)
      : workspace(model.workspace(WorkspaceUse::training)),
        t(rows),
        x0(rows, model.dimension()),
        x1(rows, model.dimension()),
        x_t(rows, model.dimension()),
        target(rows, model.dimension()) {}

  std::unique_ptr<ModelWorkspace> workspace;
  Eigen::VectorXf t;
  Points x0;
  Points x1;
  Points x_t;
  Points target;
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
  problems.check_below("emaDecay", config.ema_decay, 0, 1);
  problems.append("adam", validate(config.adam));
  return std::move(problems).take();
}

Trainer::Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Distribution> data,
                 AffinePath path, const TrainerConfig& config, ThreadPool& pool)
    : model_(std::move(model)),
      data_(std::move(data)),
      path_(path),
      config_(config),
      pool_(pool),
      parameters_(static_cast<std::size_t>(model_->parameter_count())),
      adam_(config.adam, model_->parameter_count()) {
  assert(validate(config).empty());
  assert(model_->dimension() == data_->dimension());
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
}

Trainer::~Trainer() = default;

double Trainer::run_shard(Index shard_index, Worker& worker) {
  Shard& shard = shards_[static_cast<std::size_t>(shard_index)];
  const auto step = static_cast<std::uint32_t>(steps_done_);
  const Index rows = shard.rows;
  fill_uniform({config_.seed, Purpose::training_time, step}, shard.first_row,
               {worker.t.data(), static_cast<std::size_t>(rows)});
  fill_normal({config_.seed, Purpose::training_source, step}, shard.first_row,
              worker.x0.topRows(rows));
  data_->sample({config_.seed, Purpose::training_data, step}, shard.first_row,
                worker.x1.topRows(rows));
  path_.interpolate(worker.t.head(rows), worker.x0.topRows(rows), worker.x1.topRows(rows),
                    worker.x_t.topRows(rows), worker.target.topRows(rows));

  const auto terms = static_cast<double>(config_.batch_size * model_->dimension());
  return worker.workspace->loss_gradient(parameters_, worker.t.head(rows), worker.x_t.topRows(rows),
                                         worker.target.topRows(rows), static_cast<float>(1 / terms),
                                         shard.gradient);
}

Index Trainer::step(std::span<float> losses) {
  const auto terms = static_cast<double>(config_.batch_size * model_->dimension());
  const Index count = model_->parameter_count();
  const Index ranges = (count + kUpdateRange - 1) / kUpdateRange;
  Index done = 0;
  for (float& loss : losses) {
    if (finished() || diverged_) break;

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

    const double learning_rate =
        config_.learning_rate *
        learning_rate_factor(config_.learning_rate_decay, steps_done_, config_.steps);
    const double ema_decay = ema_decay_at(config_.ema_decay, steps_done_);
    pool_.parallel_for(ranges, [&](Index range, int /*worker*/) {
      const Index first = range * kUpdateRange;
      adam_.update(first, std::min(first + kUpdateRange, count), steps_done_, learning_rate,
                   ema_decay, gradient, parameters_, ema_);
    });
    ++steps_done_;
    ++done;
  }
  return done;
}

std::uint64_t Trainer::state_hash() const {
  Fnv1a hash;
  hash.add(steps_done_);
  hash.add_values(parameters_);
  hash.add_values(ema_);
  hash.add_values(adam_.first_moment());
  hash.add_values(adam_.second_moment());
  return hash.value();
}

}  // namespace flowmatch
