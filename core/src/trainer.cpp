#include "flowmatch/trainer.h"

#include "descent.h"
#include "flowmatch/flow_matching_loss.h"
#include "state_hash.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace flowmatch {

namespace {

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

/// One part of every batch and its gradient.
struct Trainer::Shard {
  Index first_row;
  Index rows;
  std::vector<float> gradient;
  double sum = 0;
};

Trainer::Trainer(std::shared_ptr<const Model> model,
                 const std::shared_ptr<const Distribution>& data, AffinePath path,
                 const TrainerConfig& config, ThreadPool& pool)
    : Trainer(std::move(model),
              std::make_shared<const IndependentPairs>(
                  std::make_shared<const StandardNormal>(data->dimension()), data),
              path, config, pool) {}

Trainer::Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Pairs> pairs,
                 AffinePath path, const TrainerConfig& config, ThreadPool& pool)
    : Trainer(std::make_unique<FlowMatchingLoss>(std::move(model), std::move(pairs), path, config,
                                                 pool),
              pool) {}

Trainer::Trainer(std::unique_ptr<TrainingLoss> loss, ThreadPool& pool)
    : loss_(std::move(loss)),
      pool_(pool),
      parameters_(static_cast<std::size_t>(loss_->parameter_count())),
      adam_(config().adam, loss_->parameter_count()) {
  assert(validate(config()).empty());
  loss_->initialise(parameters_);
  if (config().ema_decay > 0) ema_ = parameters_;
  const Index batch_size = config().batch_size;
  const Index rows = shard_rows(batch_size, loss_->shard_rows());
  for (Index first = 0; first < batch_size; first += rows) {
    shards_.push_back({.first_row = first,
                       .rows = std::min(rows, batch_size - first),
                       .gradient = std::vector<float>(parameters_.size())});
  }
  for (int worker = 0; worker < pool.size(); ++worker) {
    workspaces_.push_back(loss_->workspace(rows));
  }
}

Trainer::~Trainer() = default;

Index Trainer::step(std::span<float> losses) {
  Index done = 0;
  for (float& loss : losses) {
    if (finished() || diverged_) break;
    loss_->prepare(steps_done_);

    pool_.parallel_for(static_cast<Index>(shards_.size()), [&](Index index, int worker) {
      Shard& shard = shards_[static_cast<std::size_t>(index)];
      shard.sum = workspaces_[static_cast<std::size_t>(worker)]->add_rows(
          parameters_, steps_done_, shard.first_row, shard.rows, shard.gradient);
    });
    double sum = 0;
    std::array<float*, kMaxShards> gradients{};
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      sum += shards_[i].sum;
      gradients[i] = shards_[i].gradient.data();
    }
    loss = static_cast<float>(sum / loss_->divisor());
    if (!descend(config(), steps_done_, static_cast<double>(loss),
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
                         static_cast<double>(config().steps));
  if (!problems.empty()) return std::move(problems).take();
  parameters_ = state.parameters;
  ema_ = state.ema;
  adam_.restore(state.first_moment, state.second_moment);
  steps_done_ = state.steps_done;
  diverged_ = state.diverged;
  loss_->forget();
  return {};
}

std::uint64_t Trainer::state_hash() const {
  return flowmatch::state_hash(steps_done_, parameters_, ema_, adam_);
}

}  // namespace flowmatch
