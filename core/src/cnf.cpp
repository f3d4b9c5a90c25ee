#include "flowmatch/cnf.h"

#include "change_of_variables.h"
#include "network_pass.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

/// An explicit Runge-Kutta method in which a stage needs no slope but the one before:
///   x_i = x + h node_i k_(i-1),  k_i = v(x_i, t + h node_i),  x + h sum of weight_i k_i.
struct Method {
  Solver solver;
  Index stages;
  std::array<double, 4> node;
  std::array<double, 4> weight;
};

constexpr std::array kMethods{
    Method{Solver::euler, 1, {0}, {1}}, Method{Solver::midpoint, 2, {0, 0.5}, {0, 1}},
    Method{Solver::heun, 2, {0, 1}, {0.5, 0.5}},
    Method{Solver::rk4, 4, {0, 0.5, 0.5, 1}, {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6}}};

/// The method of a solver, or null.
const Method* method_of(Solver solver) {
  for (const Method& method : kMethods) {
    if (method.solver == solver) return &method;
  }
  return nullptr;
}

/// What the last steps may keep for the way back, in bytes: all that the default network leaves in
/// eight steps of RK4, about a fifth faster than if it were all evaluated again.
constexpr Index kKeptBytes = 8 * 1024 * 1024;

MlpConfig network_of(const CnfConfig& config) {
  return {.dimension = config.dimension, .hidden = config.hidden, .activation = config.activation};
}

template <class Scalar>
class CnfWorkspace final : public ChangeOfVariables<Scalar> {
 public:
  explicit CnfWorkspace(const CnfConfig& config)
      : ChangeOfVariables<Scalar>(config.dimension),
        dimension_(config.dimension),
        steps_(config.solver_steps),
        method_(*method_of(config.solver)),
        network_(network_layers(config.dimension + 1, config.hidden, config.dimension, 0),
                 config.activation, config.dimension),
        starts_(this->state_.size() * static_cast<std::size_t>(config.solver_steps)),
        stage_slope_(this->state_.size()),
        sum_(this->state_.size()) {
    const auto layers = network_layers(config.dimension + 1, config.hidden, config.dimension, 0);
    const Index step_bytes = method_.stages * NetworkPass<Scalar>::bytes(layers, config.dimension);
    kept_ = std::clamp(kKeptBytes / step_bytes, Index{1}, steps_);
    for (Index i = 0; i < kept_ * method_.stages; ++i) {
      // Where the divergence has no weight nobody needs it.
      const bool counts = weight(i % method_.stages) > 0;
      passes_.push_back(
          std::make_unique<NetworkPass<Scalar>>(network_, counts ? config.dimension : 0));
      if (!counts) continue;
      for (Index d = 0; d < dimension_; ++d) {
        for (Index r = 0; r < kPassRows; ++r) passes_.back()->input_tangent(d, d, r) = 1;
      }
    }
  }

 private:
  [[nodiscard]] double node(Index stage) const {
    return method_.node[static_cast<std::size_t>(stage)];
  }
  [[nodiscard]] double weight(Index stage) const {
    return method_.weight[static_cast<std::size_t>(stage)];
  }
  /// Backwards in time.
  [[nodiscard]] double step_size() const { return -1 / static_cast<double>(steps_); }
  [[nodiscard]] Scalar* start(Index step) {
    return starts_.data() + static_cast<std::size_t>(step) * this->state_.size();
  }
  NetworkPass<Scalar>& pass(Index step, Index stage) {
    return *passes_[static_cast<std::size_t>(step % kept_ * method_.stages + stage)];
  }

  void use(std::span<const Scalar> parameters) override { network_.use(parameters); }

  /// Evaluates the stages of a step that starts at start(step).
  void evaluate(Index step) {
    const double h = step_size();
    const double t = 1 + h * static_cast<double>(step);
    const Scalar* x = start(step);
    for (Index i = 0; i < method_.stages; ++i) {
      NetworkPass<Scalar>& now = pass(step, i);
      const auto reach = static_cast<Scalar>(h * node(i));
      const auto time = static_cast<Scalar>(t + h * node(i));
      for (Index d = 0; d < dimension_; ++d) {
        for (Index r = 0; r < kPassRows; ++r) {
          const Scalar slope = i == 0 ? Scalar{0} : pass(step, i - 1).output(d, r);
          now.input(d, r) = x[d * kPassRows + r] + reach * slope;
        }
      }
      for (Index r = 0; r < kPassRows; ++r) now.input(dimension_, r) = time;
      now.forward();
    }
  }

  void forward() override {
    for (Index step = 0; step < steps_; ++step) {
      std::copy(this->state_.begin(), this->state_.end(), start(step));
      evaluate(step);
      for (Index i = 0; i < method_.stages; ++i) {
        const NetworkPass<Scalar>& done = pass(step, i);
        if (done.directions() == 0) continue;  // of weight 0
        const double share = step_size() * weight(i);
        for (Index d = 0; d < dimension_; ++d) {
          for (Index r = 0; r < kPassRows; ++r) {
            const auto row = static_cast<std::size_t>(r);
            this->state_[static_cast<std::size_t>(d * kPassRows) + row] +=
                static_cast<Scalar>(share) * done.output(d, r);
            this->log_determinant_[row] +=
                share * static_cast<double>(done.output_tangent(d, d, r));
          }
        }
      }
    }
  }

  void backward(std::span<Scalar> gradient) override {
    for (Index step = steps_ - 1; step >= 0; --step) {
      // The passes of a later step have taken the place of this one's.
      if (step < steps_ - kept_) evaluate(step);
      sum_ = this->slope_;
      for (Index i = method_.stages - 1; i >= 0; --i) {
        NetworkPass<Scalar>& now = pass(step, i);
        const auto share = static_cast<Scalar>(step_size() * weight(i));
        const bool last = i + 1 == method_.stages;
        const auto reach = static_cast<Scalar>(last ? 0 : step_size() * node(i + 1));
        for (Index d = 0; d < dimension_; ++d) {
          for (Index r = 0; r < kPassRows; ++r) {
            const auto at = static_cast<std::size_t>(d * kPassRows + r);
            now.output_slope(d, r) =
                share * this->slope_[at] + (last ? Scalar{0} : reach * stage_slope_[at]);
          }
        }
        for (Index d = 0; d < now.directions(); ++d) {
          for (Index e = 0; e < dimension_; ++e) {
            for (Index r = 0; r < kPassRows; ++r) {
              now.output_tangent_slope(d, e, r) =
                  d == e ? share * this->determinant_slope_[static_cast<std::size_t>(r)]
                         : Scalar{0};
            }
          }
        }
        now.backward(gradient);
        for (Index d = 0; d < dimension_; ++d) {
          for (Index r = 0; r < kPassRows; ++r) {
            const auto at = static_cast<std::size_t>(d * kPassRows + r);
            stage_slope_[at] = now.input_slope(d, r);
            sum_[at] += stage_slope_[at];
          }
        }
      }
      std::swap(this->slope_, sum_);
    }
  }

  Index dimension_;
  Index steps_;
  Index kept_ = 1;  // the passes of so many steps
  const Method& method_;
  Network<Scalar> network_;
  std::vector<std::unique_ptr<NetworkPass<Scalar>>> passes_;
  std::vector<Scalar> starts_;       // of each step
  std::vector<Scalar> stage_slope_;  // of the loss by the stage last gone back through
  std::vector<Scalar> sum_;
};

}  // namespace

Problems validate(const CnfConfig& config) {
  ProblemList problems;
  problems.check_integer("dimension", static_cast<double>(config.dimension), 1,
                         static_cast<double>(kMaxCnfDimension));
  MlpConfig network = network_of(config);
  // The dimension is reported by now; the widths are checked anyhow.
  network.dimension = std::clamp<Index>(network.dimension, 1, kMaxCnfDimension);
  if (method_of(config.solver) == nullptr) {
    // One that has no name is told by its number.
    std::string value(name(config.solver));
    if (value.empty()) value = std::to_string(static_cast<int>(config.solver));
    problems.add("solver", std::move(value), "euler, midpoint, heun or rk4");
  }
  problems.check_integer("solverSteps", static_cast<double>(config.solver_steps), 1,
                         static_cast<double>(kMaxCnfSteps));
  Problems all = std::move(problems).take();
  for (Problem& problem : validate(network)) all.push_back(std::move(problem));
  return all;
}

template <class Scalar>
CnfModelOf<Scalar>::CnfModelOf(const CnfConfig& config)
    : config_(config), network_(std::make_shared<const MlpOf<Scalar>>(network_of(config))) {
  assert(validate(config).empty());
}

template <class Scalar>
Index CnfModelOf<Scalar>::evaluations() const {
  return config_.solver_steps * method_of(config_.solver)->stages;
}

template <class Scalar>
std::unique_ptr<DensityWorkspaceOf<Scalar>> CnfModelOf<Scalar>::workspace() const {
  return std::make_unique<CnfWorkspace<Scalar>>(config_);
}

template class CnfModelOf<float>;
template class CnfModelOf<double>;

}  // namespace flowmatch
