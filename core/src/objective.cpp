#include "flowmatch/objective.h"

#include <utility>

namespace flowmatch {

Problems validate(const Objective& objective) {
  ProblemList problems;
  problems.append("timeLaw", validate(objective.time_law));
  problems.append("lossWeighting", validate(objective.weighting));
  return std::move(problems).take();
}

}  // namespace flowmatch
