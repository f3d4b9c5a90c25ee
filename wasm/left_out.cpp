// What the small module leaves out. Its bindings never ask for any of this: see is_basic(). The
// library's own definitions lie in an archive, from which nothing is taken that is defined here,
// and so neither what only they need: data sets, sources other than N(0, I), classes, assignment,
// Sinkhorn, Dormand-Prince, SDEs, maximum likelihood, sampling under another schedule.
//
// A function that is missing here makes the module larger, and one too many does not link.
#include <flowmatch/coupling.h>
#include <flowmatch/experiment.h>
#include <flowmatch/flow.h>
#include <flowmatch/generative_model.h>
#include <flowmatch/guidance.h>
#include <flowmatch/maximum_likelihood.h>
#include <flowmatch/sde.h>
#include <flowmatch/source.h>
#include <flowmatch/target.h>

#include <coupled_batches.h>
#include <paired_mixture.h>
#include <principal_axes.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace flowmatch {

// Of data it has mixtures, without classes.

Problems validate(const DataConfig& config) {
  return validate(std::get<GaussianMixtureConfig>(config));
}

Index dimension_of(const DataConfig& config) {
  return std::get<GaussianMixtureConfig>(config).means.front().size();
}

Index label_count(const DataConfig& /*config*/) {
  return 0;
}

std::vector<double> label_shares(const DataConfig& /*config*/) {
  std::abort();
}

Result<Target> make_target(const DataConfig& config, std::int32_t /*label*/) {
  auto made = GaussianMixture::make(std::get<GaussianMixtureConfig>(config));
  if (!made) return made.problems();
  Target target;
  target.exact = std::make_shared<const GaussianMixture>(std::move(made).value());
  target.distribution = target.modes = target.exact;
  return target;
}

Problems validate_source(const std::optional<DataConfig>& /*config*/, Index /*dimension*/) {
  std::abort();
}

Result<Source> make_source(const std::optional<DataConfig>& /*config*/, Index dimension) {
  return Source{.distribution = std::make_shared<const StandardNormal>(dimension),
                .exact = nullptr};
}

std::shared_ptr<const ExactField> make_exact_field(const Source& /*source*/, const Target& target,
                                                   const Schedule& schedule) {
  return std::make_shared<const ExactField>(*target.exact, schedule);
}

std::shared_ptr<const PairedMixture> PairedMixture::make(const GaussianMixture& /*source*/,
                                                         const GaussianMixture& /*target*/,
                                                         const Schedule& /*schedule*/) {
  std::abort();
}

std::unique_ptr<FieldEvaluator> PairedMixture::evaluator() const {
  std::abort();
}

void PairedMixture::log_density(double /*t*/, const ConstPointsRef& /*x*/,
                                ValuesRef /*out*/) const {
  std::abort();
}

double PairedMixture::conditional_variance(double /*t*/, const ConstPointsRef& /*x*/) const {
  std::abort();
}

void PairedMixture::velocity(double /*t*/, const ConstPointsRefOf<double>& /*x*/,
                             PointsRefOf<double> /*out*/) const {
  std::abort();
}

void PairedMixture::divergence(double /*t*/, const ConstPointsRefOf<double>& /*x*/,
                               ValuesRef /*out*/) const {
  std::abort();
}

void PairedMixture::log_density(double /*t*/, const ConstPointsRefOf<double>& /*x*/,
                                ValuesRef /*out*/) const {
  std::abort();
}

void PairedMixture::score(double /*t*/, const ConstPointsRefOf<double>& /*x*/,
                          PointsRefOf<double> /*out*/) const {
  std::abort();
}

std::shared_ptr<const Field> guided_field(const std::shared_ptr<const Model>& model,
                                          const std::vector<float>& parameters,
                                          const GuidanceConfig& /*config*/,
                                          const std::optional<Reading>& reading) {
  return std::make_shared<const LearnedField>(model, parameters, reading);
}

/// It learns by flow matching alone.
std::shared_ptr<const GenerativeModel> make_generative_model(const ExperimentConfig& config) {
  return make_flow_matching_model(config);
}

Problems check_method(const ExperimentConfig& /*config*/) {
  std::abort();
}

Problems check_other_schedule(const Schedule& /*schedule*/, const ExperimentConfig& /*config*/) {
  std::abort();
}

std::optional<double> least_maximum_likelihood_loss(const Distribution& /*data*/) {
  std::abort();
}

/// Fields are looked at as they are trained: all of the data, under the schedule of the training.
const Experiment::View& Experiment::view(const FieldOptions& /*options*/) const {
  return whole_;
}

Rescheduling::Rescheduling(const Reading& reading)
    : reading_(reading), identity_(true), least_sigma_(0) {}

Rescheduling::Coefficients Rescheduling::at(double /*t*/) const {
  std::abort();
}

/// Of the covariances of a ring, which are multiples of the identity.
PrincipalAxes principal_axes(const Eigen::MatrixXd& matrix) {
  return {.axes = Eigen::MatrixXd::Identity(matrix.rows(), matrix.cols()),
          .variances = matrix.diagonal()};
}

Problems validate(const GuidanceConfig& /*config*/, Index /*labels*/) {
  std::abort();
}

GuidedField::GuidedField(std::shared_ptr<const Field> /*conditional*/,
                         std::shared_ptr<const Field> /*unconditional*/, double /*scale*/) {
  std::abort();
}

bool GuidedField::has_divergence() const {
  std::abort();
}

std::unique_ptr<FieldEvaluator> GuidedField::evaluator(Index /*max_rows*/) const {
  std::abort();
}

std::string_view name(Coupling /*coupling*/) {
  std::abort();
}

/// Of a configuration that is the standard one.
Problems validate(const CouplingConfig& /*config*/) {
  return {};
}

std::unique_ptr<CoupledBatches> CoupledBatches::make(const TrainerConfig& /*config*/,
                                                     std::shared_ptr<const Pairs> /*pairs*/,
                                                     ThreadPool& /*pool*/) {
  std::abort();
}

void CoupledBatches::prepare(Index /*step*/) {
  std::abort();
}

void CoupledBatches::copy(Index /*step*/, Index /*first_row*/, PointsRef /*x0*/, PointsRef /*x1*/,
                          std::span<std::int32_t> /*labels*/) const {
  std::abort();
}

void sde_step(Solver /*solver*/, const SdeConfig& /*config*/, FieldEvaluator& /*field*/,
              double /*t*/, double /*h*/, const ConstPointsRef& /*normal*/, PointsRef /*x*/,
              SolverScratch& /*scratch*/) {
  std::abort();
}

void Flow::prepare_adaptive(Lane& /*lane*/) const {
  std::abort();
}

bool Flow::step_adaptive(Lane& /*lane*/) {
  std::abort();
}

}  // namespace flowmatch
