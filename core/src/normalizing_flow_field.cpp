#include "flowmatch/normalizing_flow_field.h"

#include "coupling_layers.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace flowmatch {

namespace {

/// s / (exp(s) - 1).
float shift_rate(float s) {
  return s == 0 ? 1.0F : s / std::expm1(s);
}

/// What of the shift is taken off while tau goes on by `step`: (1 - exp(-s step)) / (exp(s) - 1).
float shift_share(float s, float step) {
  return s == 0 ? step : -std::expm1(-s * step) / std::expm1(s);
}

/// tau at the part u of a coupling's time: the integral of 6 u (1 - u).
double clock(double u) {
  return u * u * (3 - 2 * u);
}

class NormalizingFlowEvaluator final : public FieldEvaluator {
 public:
  NormalizingFlowEvaluator(const NormalizingFlowConfig& config, std::span<const float> parameters)
      : config_(config), parameters_(parameters), panel_(config) {}

  void velocity(double t, const ConstPointsRef& x, PointsRef out) override {
    evaluate(t, x, out, nullptr);
  }

  void velocity_and_divergence(double t, const ConstPointsRef& x, const ConstPointsRef& /*probes*/,
                               PointsRef out, ValuesRef divergence) override {
    evaluate(t, x, out, &divergence);
  }

  Index follow(double from, double to, PointsRef x) override {
    const auto couplings = static_cast<double>(config_.couplings);
    double now = from * couplings;
    const double end = to * couplings;
    const bool forwards = end > now;
    Index begun = 0;
    while (now != end) {
      const double part =
          std::clamp(forwards ? std::floor(now) : std::ceil(now) - 1, 0.0, couplings - 1);
      const double next = forwards ? std::min(end, part + 1) : std::max(end, part);
      // Times may miss where a coupling begins by a rounding.
      constexpr double kRounding = 1e-9;
      if (std::abs(now - (forwards ? part : part + 1)) < kRounding) ++begun;
      undo(config_.couplings - 1 - static_cast<Index>(part), clock(next - part) - clock(now - part),
           x);
      now = next;
    }
    return begun;
  }

 private:
  /// Moves x by the linear ODE of a coupling while tau goes on by `step`.
  void undo(Index coupling, double step, PointsRef& x) {
    const Halves c = halves_of(config_, coupling);
    const auto bound = static_cast<float>(config_.max_log_scale);
    const auto share = static_cast<float>(step);
    for (Index first = 0; first < x.rows(); first += CouplingPanel::rows()) {
      const Index rows = std::min(CouplingPanel::rows(), x.rows() - first);
      panel_.load(x, first, rows);
      panel_.condition(parameters_, coupling);
      for (Index i = 0; i < c.moved_count; ++i) {
        const float* const raw = panel_.raw(i);
        const float* const shift = panel_.shift(i);
        float* const moved = panel_.coordinate(c.moved + i);
        for (Index r = 0; r < CouplingPanel::rows(); ++r) {
          const float s = bounded(raw[r], bound);
          moved[r] = moved[r] * std::exp(-s * share) - shift[r] * shift_share(s, share);
        }
      }
      panel_.store(x, first, rows);
    }
  }

  void evaluate(double t, const ConstPointsRef& x, PointsRef out, ValuesRef* divergence) {
    const Index couplings = config_.couplings;
    const double progress = t * static_cast<double>(couplings);
    const Index part = std::clamp(static_cast<Index>(progress), Index{0}, couplings - 1);
    const double u = progress - static_cast<double>(part);
    const auto speed = static_cast<float>(static_cast<double>(couplings) * 6 * u * (1 - u));
    const Index coupling = couplings - 1 - part;
    const Halves c = halves_of(config_, coupling);
    const auto bound = static_cast<float>(config_.max_log_scale);

    out.setZero();
    if (divergence != nullptr) divergence->setZero();
    for (Index first = 0; first < x.rows(); first += CouplingPanel::rows()) {
      const Index rows = std::min(CouplingPanel::rows(), x.rows() - first);
      panel_.load(x, first, rows);
      panel_.condition(parameters_, coupling);
      for (Index i = 0; i < c.moved_count; ++i) {
        const float* const raw = panel_.raw(i);
        const float* const shift = panel_.shift(i);
        const float* const moved = panel_.coordinate(c.moved + i);
        for (Index r = 0; r < rows; ++r) {
          const float s = bounded(raw[r], bound);
          out(first + r, c.moved + i) = -speed * (s * moved[r] + shift[r] * shift_rate(s));
          if (divergence != nullptr) (*divergence)[first + r] -= static_cast<double>(speed * s);
        }
      }
    }
  }

  const NormalizingFlowConfig& config_;
  std::span<const float> parameters_;
  CouplingPanel panel_;
};

}  // namespace

NormalizingFlowField::NormalizingFlowField(std::shared_ptr<const NormalizingFlowModel> model,
                                           std::vector<float> parameters)
    : model_(std::move(model)), parameters_(std::move(parameters)) {
  assert(static_cast<Index>(parameters_.size()) == model_->parameter_count());
}

std::unique_ptr<FieldEvaluator> NormalizingFlowField::evaluator(Index /*max_rows*/) const {
  return std::make_unique<NormalizingFlowEvaluator>(model_->config(), parameters_);
}

}  // namespace flowmatch
