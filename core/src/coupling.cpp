#include "flowmatch/coupling.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

namespace flowmatch {

namespace {

Index rows_if(bool needed, Index max_rows) {
  return needed ? max_rows : 0;
}

}  // namespace

std::string_view name(Coupling coupling) {
  switch (coupling) {
    case Coupling::independent:
      return "independent";
    case Coupling::optimal_transport:
      return "ot";
    case Coupling::sinkhorn:
      return "sinkhorn";
  }
  return "";
}

std::optional<Coupling> coupling_from_name(std::string_view text) {
  for (const Coupling coupling : kCouplings) {
    if (name(coupling) == text) return coupling;
  }
  return std::nullopt;
}

Problems validate(const CouplingConfig& config) {
  ProblemList problems;
  problems.append("sinkhorn", validate(config.sinkhorn));
  return std::move(problems).take();
}

BatchCoupling::BatchCoupling(const CouplingConfig& config, Index max_rows, Index dimension)
    : config_(config),
      costs_(GroundCost::squared_distance,
             rows_if(config.coupling != Coupling::independent, max_rows),
             rows_if(config.coupling != Coupling::independent, max_rows), dimension),
      transposed_(GroundCost::squared_distance,
                  rows_if(config.coupling == Coupling::sinkhorn, max_rows),
                  rows_if(config.coupling == Coupling::sinkhorn, max_rows), dimension),
      assignment_(rows_if(config.coupling == Coupling::optimal_transport, max_rows)),
      sinkhorn_(config.sinkhorn, rows_if(config.coupling == Coupling::sinkhorn, max_rows),
                rows_if(config.coupling == Coupling::sinkhorn, max_rows)),
      shuffled_(static_cast<std::size_t>(max_rows)),
      rows_(shuffled_.size()),
      sources_(shuffled_.size()),
      columns_(shuffled_.size()) {
  assert(validate(config).empty());
}

double BatchCoupling::pair(const ConstPointsRef& x0, const ConstPointsRef& x1,
                           std::span<const std::int32_t> labels1, const RandomStream& stream,
                           std::span<Index> partner) {
  assert(x0.rows() == x1.rows() && x0.cols() == x1.cols());
  assert(static_cast<Index>(partner.size()) == x1.rows() && partner.size() <= rows_.size());
  if (config_.coupling == Coupling::independent) {
    for (std::size_t i = 0; i < partner.size(); ++i) partner[i] = static_cast<Index>(i);
  } else if (config_.label_aware) {
    pair_within_labels(x0, x1, labels1, stream, partner);
  } else {
    group_ = partner.size();
    for (std::size_t i = 0; i < group_; ++i) rows_[i] = sources_[i] = static_cast<Index>(i);
    pair_group(x0, x1, stream, partner);
  }
  return pairing_cost(x0, x1, partner);
}

void BatchCoupling::pair_within_labels(const ConstPointsRef& x0, const ConstPointsRef& x1,
                                       std::span<const std::int32_t> labels1,
                                       const RandomStream& stream, std::span<Index> partner) {
  assert(labels1.size() == partner.size());
  // Rows of x0 need not be alike (they may be a data set in some order): a random permutation gives
  // them labels that know nothing of where they are. Fisher and Yates' shuffle.
  const RandomStream labels{stream.seed, Purpose::coupling_labels, stream.step};
  for (std::size_t i = 0; i < partner.size(); ++i) {
    const std::uint64_t word = labels.words(static_cast<std::uint32_t>(i))[0];
    const auto other = static_cast<std::size_t>(word * (i + 1) >> 32);
    shuffled_[i] = shuffled_[other];
    shuffled_[other] = static_cast<Index>(i);
  }
  constexpr Index kUnpaired = -1;
  std::fill(partner.begin(), partner.end(), kUnpaired);
  for (std::size_t first = 0; first < partner.size(); ++first) {
    if (partner[first] != kUnpaired) continue;
    group_ = 0;
    for (std::size_t i = first; i < partner.size(); ++i) {
      if (labels1[i] != labels1[first]) continue;
      rows_[group_] = static_cast<Index>(i);
      sources_[group_++] = shuffled_[i];
    }
    pair_group(x0, x1, stream, partner);
  }
}

void BatchCoupling::pair_group(const ConstPointsRef& x0, const ConstPointsRef& x1,
                               const RandomStream& stream, std::span<Index> partner) {
  if (group_ == 0) return;
  const std::span<const Index> rows{rows_.data(), group_};
  const std::span<const Index> sources{sources_.data(), group_};
  const std::span<Index> columns{columns_.data(), group_};
  costs_.set(x1, rows, x0, sources);
  if (config_.coupling == Coupling::optimal_transport) {
    // Where a cost is not finite this is the identity.
    assignment_.solve(costs_, columns);
  } else {
    transposed_.set(x0, sources, x1, rows);
    sinkhorn_.solve(costs_, transposed_);
    for (std::size_t k = 0; k < group_; ++k) {
      const std::uint32_t word = stream.words(static_cast<std::uint32_t>(rows[k]))[0];
      columns[k] = sinkhorn_.sample_row(costs_, static_cast<Index>(k), (word + 0.5) * 0x1p-32);
    }
  }
  for (std::size_t k = 0; k < group_; ++k) {
    partner[static_cast<std::size_t>(rows[k])] = sources[static_cast<std::size_t>(columns[k])];
  }
}

double pairing_cost(const ConstPointsRef& x0, const ConstPointsRef& x1,
                    std::span<const Index> partner) {
  if (partner.empty()) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < partner.size(); ++i) {
    for (Index k = 0; k < x1.cols(); ++k) {
      const double difference = static_cast<double>(x1(static_cast<Index>(i), k)) -
                                static_cast<double>(x0(partner[i], k));
      sum += difference * difference;
    }
  }
  return sum / static_cast<double>(partner.size());
}

}  // namespace flowmatch
