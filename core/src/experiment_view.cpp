// One class of an experiment's data, or another schedule, beside the whole of it.
#include "flowmatch/experiment.h"

#include <utility>

namespace flowmatch {

const Experiment::View& Experiment::view(const FieldOptions& options) const {
  const std::int32_t label = options.guidance.label;
  const Schedule seen = options.schedule.value_or(config_.schedule);
  if (label == kNoLabel && seen == config_.schedule) return whole_;
  if (other_ && other_->label == label && other_->schedule == seen) return *other_;
  Target target = label == kNoLabel ? whole_.target : make_target(config_.data, label).value();
  auto exact = make_exact_field(source_, target, seen);
  auto exact_of_all = exact;
  if (label != kNoLabel) {
    exact_of_all =
        seen == config_.schedule ? whole_.exact : make_exact_field(source_, whole_.target, seen);
  }
  other_ = View{.label = label,
                .schedule = seen,
                .target = std::move(target),
                .exact = std::move(exact),
                .exact_of_all = std::move(exact_of_all)};
  return *other_;
}

}  // namespace flowmatch
