#include "flowmatch/reflow.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace flowmatch {

Reflow::Reflow(std::shared_ptr<const Field> field, const SolverConfig& solver,
               const Distribution& source, Index count, std::uint64_t seed, ThreadPool& pool)
    : Reflow({{.field = std::move(field), .share = 1}}, solver, source, count, seed, pool) {
  labelled_ = false;
}

Reflow::Reflow(std::vector<ReflowClass> classes, const SolverConfig& solver,
               const Distribution& source, Index count, std::uint64_t seed, ThreadPool& pool)
    : classes_(std::move(classes)),
      labelled_(true),
      solver_(solver),
      pool_(pool),
      x0_(count, source.dimension()),
      x1_(count, source.dimension()) {
  assert(count >= 1 && !classes_.empty());
  source.sample({seed, Purpose::reflow, 0}, 0, x0_);
  labels_.reserve(static_cast<std::size_t>(count));
  begin_part();
}

/// The next class that any points belong to: up to each class there are as many as its share and
/// those before it come to, rounded, so that the sum is right whatever the shares are.
void Reflow::begin_part() {
  part_.reset();  // Before the next one is made, so that there is never room for two.
  for (; class_ < classes_.size(); ++class_) {
    shared_out_ += classes_[class_].share;
    const bool is_last = class_ + 1 == classes_.size();
    const auto until =
        is_last ? x0_.rows()
                : std::min(x0_.rows(), static_cast<Index>(std::llround(
                                           shared_out_ * static_cast<double>(x0_.rows()))));
    if (until <= moved_) continue;
    labels_.resize(static_cast<std::size_t>(until), static_cast<std::int32_t>(class_));
    part_ = std::make_unique<Flow>(classes_[class_].field, solver_,
                                   x0_.middleRows(moved_, until - moved_), 1, pool_);
    return;
  }
}

bool Reflow::advance(double milliseconds) {
  if (done()) return true;
  if (!part_->advance(milliseconds)) return false;
  x1_.middleRows(moved_, part_->particles()) = part_->frame(1);
  moved_ += part_->particles();
  ++class_;
  begin_part();
  return done();
}

double Reflow::progress() const {
  const double in_part = done() ? 0 : part_->progress() * static_cast<double>(part_->particles());
  return (static_cast<double>(moved_) + in_part) / static_cast<double>(x0_.rows());
}

std::shared_ptr<const GivenPairs> Reflow::pairs() const {
  assert(done());
  Points x0 = x0_;
  Points x1 = x1_;
  std::vector<std::int32_t> labels = labels_;
  Index kept = 0;
  for (Index i = 0; i < x1.rows(); ++i) {
    if (!x1.row(i).allFinite()) continue;
    x0.row(kept) = x0.row(i);
    x1.row(kept) = x1.row(i);
    labels[static_cast<std::size_t>(kept)] = labels[static_cast<std::size_t>(i)];
    ++kept;
  }
  if (kept == 0) return nullptr;
  if (!labelled_) return std::make_shared<const GivenPairs>(x0.topRows(kept), x1.topRows(kept));
  labels.resize(static_cast<std::size_t>(kept));
  return std::make_shared<const GivenPairs>(x0.topRows(kept), x1.topRows(kept), std::move(labels),
                                            static_cast<Index>(classes_.size()));
}

}  // namespace flowmatch
