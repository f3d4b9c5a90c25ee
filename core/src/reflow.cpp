#include "flowmatch/reflow.h"

#include <cassert>
#include <utility>

namespace flowmatch {

namespace {

Points starts(const Distribution& source, Index count, std::uint64_t seed) {
  Points points(count, source.dimension());
  source.sample({seed, Purpose::reflow, 0}, 0, points);
  return points;
}

}  // namespace

Reflow::Reflow(std::shared_ptr<const Field> field, const SolverConfig& solver,
               const Distribution& source, Index count, std::uint64_t seed, ThreadPool& pool)
    : flow_(std::move(field), solver, starts(source, count, seed), 1, pool) {}

std::shared_ptr<const GivenPairs> Reflow::pairs() const {
  assert(done());
  Points x0 = flow_.frame(0);
  Points x1 = flow_.frame(1);
  Index kept = 0;
  for (Index i = 0; i < x1.rows(); ++i) {
    if (!x1.row(i).allFinite()) continue;
    x0.row(kept) = x0.row(i);
    x1.row(kept) = x1.row(i);
    ++kept;
  }
  if (kept == 0) return nullptr;
  return std::make_shared<const GivenPairs>(x0.topRows(kept), x1.topRows(kept));
}

}  // namespace flowmatch
