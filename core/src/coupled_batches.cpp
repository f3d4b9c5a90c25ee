#include "coupled_batches.h"

#include "flowmatch/training_config.h"

#include <algorithm>
#include <utility>

namespace flowmatch {

namespace {

constexpr Index kMaxSets = 8;
constexpr Index kMaxRows = 4096;

}  // namespace

std::unique_ptr<CoupledBatches> CoupledBatches::make(const TrainerConfig& config,
                                                     std::shared_ptr<const Pairs> pairs,
                                                     ThreadPool& pool) {
  return std::unique_ptr<CoupledBatches>(new CoupledBatches(config, std::move(pairs), pool));
}

CoupledBatches::CoupledBatches(const TrainerConfig& config, std::shared_ptr<const Pairs> pairs,
                               ThreadPool& pool)
    : pairs_(std::move(pairs)),
      pool_(pool),
      seed_(config.seed),
      batch_size_(config.batch_size),
      batches_per_set_(config.coupling_batches) {
  const Index dimension = pairs_->dimension();
  const Index rows = batches_per_set_ * batch_size_;
  const auto size = static_cast<std::size_t>(rows);
  sets_.resize(static_cast<std::size_t>(std::clamp<Index>(kMaxRows / rows, 1, kMaxSets)));
  for (Set& set : sets_) {
    set = {.x0 = Points(rows, dimension),
           .x1 = Points(rows, dimension),
           .labels = std::vector<std::int32_t>(size),
           .partner = std::vector<Index>(size)};
  }
  for (int thread = 0; thread < pool_.size(); ++thread) {
    couplings_.push_back(std::make_unique<BatchCoupling>(config.coupling, rows, dimension));
  }
}

void CoupledBatches::prepare(Index step) {
  first_set_ = set_of(step);
  const auto pair = [&](Index index, BatchCoupling& coupling) {
    Set& set = sets_[static_cast<std::size_t>(index)];
    const auto number = static_cast<std::uint32_t>(first_set_ + index);
    pairs_->sample(seed_, number, 0, set.x0, set.x1, set.labels);
    coupling.pair(set.x0, set.x1, set.labels, {seed_, Purpose::coupling, number}, set.partner);
  };
  pool_.parallel_for(static_cast<Index>(sets_.size()), [&](Index index, int worker) {
    pair(index, *couplings_[static_cast<std::size_t>(worker)]);
  });
}

void CoupledBatches::copy(Index step, Index first_row, PointsRef x0, PointsRef x1,
                          std::span<std::int32_t> labels) const {
  const Index number = set_of(step);
  const Set& set = sets_[static_cast<std::size_t>(number - first_set_)];
  const Index from = (step - number * batches_per_set_) * batch_size_ + first_row;
  x1 = set.x1.middleRows(from, x1.rows());
  for (Index i = 0; i < x0.rows(); ++i) {
    x0.row(i) = set.x0.row(set.partner[static_cast<std::size_t>(from + i)]);
  }
  std::copy_n(set.labels.begin() + from, labels.size(), labels.begin());
}

}  // namespace flowmatch
