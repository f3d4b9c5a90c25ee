#include "flowmatch/training_config.h"

#include <cmath>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

double norm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

}  // namespace

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

}  // namespace flowmatch
