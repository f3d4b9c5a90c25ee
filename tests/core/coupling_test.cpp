#include "flowmatch/coupling.h"

#include "support/allocations.h"
#include "support/samples.h"
#include "support/statistics.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <vector>

namespace {

using namespace flowmatch;
using Catch::Matchers::WithinRel;
using flowmatch::testing::Estimate;
using flowmatch::testing::kSigmas;
using flowmatch::testing::normal_points;

std::vector<Index> partners(const CouplingConfig& config, const Points& x0, const Points& x1,
                            const std::vector<std::int32_t>& labels = {}, std::uint32_t step = 0,
                            double* cost = nullptr) {
  BatchCoupling coupling(config, x1.rows(), x1.cols());
  std::vector<Index> partner(static_cast<std::size_t>(x1.rows()), -1);
  const double mean = coupling.pair(x0, x1, labels, {1, Purpose::coupling, step}, partner);
  if (cost != nullptr) *cost = mean;
  return partner;
}

bool is_permutation(std::vector<Index> rows) {
  std::sort(rows.begin(), rows.end());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != static_cast<Index>(i)) return false;
  }
  return true;
}

/// Two classes, left and right: odd rows around (3, 0), even rows around (-3, 0).
struct LeftAndRight {
  explicit LeftAndRight(Index rows, std::uint64_t seed = 2)
      : x1(normal_points(rows, 2, seed, 0.5F)), labels(static_cast<std::size_t>(rows)) {
    for (Index i = 0; i < rows; ++i) {
      labels[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i % 2);
      x1(i, 0) += i % 2 == 1 ? 3.0F : -3.0F;
    }
  }
  Points x1;
  std::vector<std::int32_t> labels;
};

TEST_CASE("couplings have names") {
  for (const Coupling coupling : kCouplings) {
    CHECK(coupling_from_name(name(coupling)) == coupling);
  }
  CHECK(name(Coupling::independent) == "independent");
  CHECK(name(Coupling::optimal_transport) == "ot");
  CHECK(name(Coupling::sinkhorn) == "sinkhorn");
  CHECK_FALSE(coupling_from_name("optimal_transport").has_value());
}

TEST_CASE("the independent coupling pairs row with row") {
  const Points x0 = normal_points(9, 3, 1);
  const Points x1 = normal_points(9, 3, 2);
  double cost = 0;
  const auto partner = partners({}, x0, x1, {}, 0, &cost);
  for (std::size_t i = 0; i < partner.size(); ++i) CHECK(partner[i] == static_cast<Index>(i));
  CHECK_THAT(cost, WithinRel(static_cast<double>((x1 - x0).squaredNorm()) / 9, 1e-6));
}

TEST_CASE("optimal transport pairs each row once, at the least cost of all permutations") {
  for (const Index size : {1, 2, 5, 7}) {
    const Points x0 = normal_points(size, 2, 1);
    const Points x1 = normal_points(size, 2, 2, 2);
    double cost = 0;
    const auto partner = partners({.coupling = Coupling::optimal_transport}, x0, x1, {}, 0, &cost);
    CHECK(is_permutation(partner));
    CHECK(cost == pairing_cost(x0, x1, partner));
    std::vector<Index> any(partner);
    std::sort(any.begin(), any.end());
    double best = std::numeric_limits<double>::infinity();
    do {
      best = std::min(best, pairing_cost(x0, x1, any));
    } while (std::next_permutation(any.begin(), any.end()));
    CHECK_THAT(cost, WithinRel(best, 1e-6));
  }
}

TEST_CASE("Sinkhorn's pairs cost more than the optimal ones and less than independent ones") {
  const Points x0 = normal_points(60, 2, 1);
  const LeftAndRight data(60);
  double independent = 0;
  double optimal = 0;
  partners({}, x0, data.x1, {}, 0, &independent);
  partners({.coupling = Coupling::optimal_transport}, x0, data.x1, {}, 0, &optimal);
  Estimate cost;
  for (std::uint32_t step = 0; step < 20; ++step) {
    double drawn = 0;
    partners({.coupling = Coupling::sinkhorn, .sinkhorn = {.regularisation = 0.2}}, x0, data.x1, {},
             step, &drawn);
    cost.add(drawn);
  }
  CHECK(cost.mean() > 1.02 * optimal);
  CHECK(cost.mean() < 0.9 * independent);
}

/// The mean first coordinate of the source points paired with data of label 1.
Estimate source_of_right(const CouplingConfig& config) {
  constexpr Index kRows = 32;
  BatchCoupling coupling(config, kRows, 2);
  std::vector<Index> partner(kRows);
  Estimate mean;
  for (std::uint32_t step = 0; step < 100; ++step) {
    const Points x0 = normal_points(kRows, 2, 1000 + step);
    const LeftAndRight data(kRows, 5000 + step);
    coupling.pair(x0, data.x1, data.labels, {3, Purpose::coupling, step}, partner);
    for (std::size_t i = 1; i < partner.size(); i += 2) {
      mean.add(static_cast<double>(x0(partner[i], 0)));
    }
  }
  return mean;
}

TEST_CASE(
    "a coupling that is blind to labels biases the source of a label, an aware one does not") {
  const Coupling coupling = GENERATE(Coupling::optimal_transport, Coupling::sinkhorn);
  const SinkhornConfig sinkhorn{.regularisation = 0.2, .tolerance = 0.01};
  const Estimate blind =
      source_of_right({.coupling = coupling, .label_aware = false, .sinkhorn = sinkhorn});
  // All of the right half goes right: the mean of half a normal distribution is sqrt(2 / pi).
  CHECK(blind.mean() > 0.7);
  const Estimate aware =
      source_of_right({.coupling = coupling, .label_aware = true, .sinkhorn = sinkhorn});
  CAPTURE(aware.mean(), aware.error());
  // Sinkhorn's draws with replacement within a batch scatter by up to the root of 2 more.
  CHECK(std::abs(aware.mean()) < kSigmas * 1.5 * aware.error());
  CHECK(aware.error() < 0.03);
  // Nor is its variance changed.
  CHECK(std::abs(aware.variance() - 1) < 0.15);
}

TEST_CASE("a label-aware coupling is optimal within each label, for labels given at random") {
  const LeftAndRight data(41);
  const Points x0 = normal_points(41, 2, 1);
  const CouplingConfig config{.coupling = Coupling::optimal_transport, .label_aware = true};
  const auto partner = partners(config, x0, data.x1, data.labels);
  CHECK(is_permutation(partner));
  for (std::size_t label = 0; label < 2; ++label) {
    Points sources(0, 2);
    Points targets(0, 2);
    double cost = 0;
    for (std::size_t i = label; i < partner.size(); i += 2) {
      const auto row = static_cast<Index>(i);
      sources.conservativeResize(sources.rows() + 1, Eigen::NoChange);
      targets.conservativeResize(targets.rows() + 1, Eigen::NoChange);
      sources.bottomRows(1) = x0.row(partner[i]);
      targets.bottomRows(1) = data.x1.row(row);
      cost += static_cast<double>((x0.row(partner[i]) - data.x1.row(row)).squaredNorm());
    }
    double best = 0;
    partners({.coupling = Coupling::optimal_transport}, sources, targets, {}, 0, &best);
    CHECK_THAT(cost / static_cast<double>(sources.rows()), WithinRel(best, 1e-5));
  }
  // Which rows a label gets is drawn anew in each step.
  const auto sources_of = [&](std::uint32_t step) {
    const auto rows = partners(config, x0, data.x1, data.labels, step);
    std::set<Index> sources;
    for (std::size_t i = 0; i < rows.size(); i += 2) sources.insert(rows[i]);
    return sources;
  };
  CHECK(sources_of(0) == sources_of(0));
  CHECK(sources_of(0) != sources_of(1));
}

TEST_CASE("labels may be any numbers, all different, or all the same") {
  const Points x0 = normal_points(17, 2, 1);
  const Points x1 = normal_points(17, 2, 2);
  const CouplingConfig config{.coupling = Coupling::optimal_transport, .label_aware = true};
  std::vector<std::int32_t> labels(17);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = std::numeric_limits<std::int32_t>::min() + static_cast<std::int32_t>(i);
  }
  CHECK(is_permutation(partners(config, x0, x1, labels)));
  double one_label = 0;
  double blind = 0;
  partners(config, x0, x1, std::vector<std::int32_t>(17, -1), 0, &one_label);
  partners({.coupling = Coupling::optimal_transport}, x0, x1, {}, 0, &blind);
  CHECK_THAT(one_label, WithinRel(blind, 1e-6));
}

TEST_CASE("random labels are a uniform permutation") {
  // With all labels different the partner of a row is a random row.
  constexpr Index kRows = 5;
  const Points x0 = normal_points(kRows, 2, 1);
  const std::vector<std::int32_t> labels{0, 1, 2, 3, 4};
  BatchCoupling coupling({.coupling = Coupling::optimal_transport, .label_aware = true}, kRows, 2);
  std::vector<Index> partner(kRows);
  constexpr int kDraws = 4000;
  PointsOf<double> share = PointsOf<double>::Zero(kRows, kRows);
  for (std::uint32_t step = 0; step < kDraws; ++step) {
    coupling.pair(x0, x0, labels, {9, Purpose::coupling, step}, partner);
    for (Index i = 0; i < kRows; ++i) share(i, partner[static_cast<std::size_t>(i)]) += 1;
  }
  share /= kDraws;
  CHECK((share.array() - 0.2).abs().maxCoeff() < kSigmas * std::sqrt(0.2 * 0.8 / kDraws));
}

TEST_CASE("points that are not finite leave a pairing all the same") {
  const Coupling coupling = GENERATE(Coupling::optimal_transport, Coupling::sinkhorn);
  Points x0 = normal_points(8, 2, 1);
  x0(3, 0) = std::numeric_limits<float>::infinity();
  double cost = 0;
  const auto partner = partners({.coupling = coupling}, x0, normal_points(8, 2, 2), {}, 0, &cost);
  for (const Index row : partner) {
    CHECK(row >= 0);
    CHECK(row < 8);
  }
  if (coupling == Coupling::optimal_transport) CHECK_FALSE(std::isfinite(cost));
}

TEST_CASE("an empty batch has no pairs") {
  for (const Coupling coupling : kCouplings) {
    double cost = -1;
    CHECK(partners({.coupling = coupling}, Points(0, 2), Points(0, 2), {}, 0, &cost).empty());
    CHECK(cost == 0);
  }
}

TEST_CASE("pairing a batch does not allocate") {
  if (!flowmatch::testing::counts_allocations()) SKIP("allocations are not counted here");
  const Points x0 = normal_points(60, 2, 1);
  const LeftAndRight data(60);
  for (const Coupling coupling : kCouplings) {
    for (const bool label_aware : {false, true}) {
      BatchCoupling pairs({.coupling = coupling, .label_aware = label_aware}, 100, 2);
      std::vector<Index> partner(60);
      const auto before = flowmatch::testing::allocation_count();
      pairs.pair(x0, data.x1, data.labels, {1, Purpose::coupling, 0}, partner);
      CHECK(flowmatch::testing::allocation_count() == before);
    }
  }
}

TEST_CASE("a configuration of a coupling names what is wrong with it") {
  CHECK(validate(CouplingConfig{}).empty());
  const Problems problems = validate(CouplingConfig{.sinkhorn = {.regularisation = -1}});
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "sinkhorn.regularisation");
}

}  // namespace
