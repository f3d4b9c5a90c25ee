#include "flowmatch/source.h"

#include "smoothed_points.h"

#include <algorithm>
#include <string>
#include <utility>

namespace flowmatch {

namespace {

/// Components that stand for a mixture or a set where both have too many.
constexpr Index kLeast = 48;
static_assert(kLeast * kLeast == kMaxComponentPairs);

using MixturePointer = std::shared_ptr<const GaussianMixture>;

Index components_of(const GaussianMixture& mixture) {
  return static_cast<Index>(mixture.components().size());
}

bool is_isotropic(const GaussianMixture& mixture) {
  return std::ranges::all_of(mixture.components(), &GaussianMixture::Component::isotropic);
}

/// Whether the matrices of all pairs have no more numbers than they may.
bool matrices_fit(const GaussianMixture& source, const GaussianMixture& target) {
  if (is_isotropic(source) && is_isotropic(target)) return true;
  const Index dimension = target.dimension();
  return components_of(source) * components_of(target) * dimension * dimension <= kMaxPairNumbers;
}

/// Points in the place of the mixture that is or stands for a distribution; itself where one of
/// them is beyond what a mixture may have.
MixturePointer fewer(const Distribution& distribution, Index count, MixturePointer mixture) {
  auto made = GaussianMixture::make(clustered_points(distribution, count));
  if (!made) return mixture;
  return std::make_shared<const GaussianMixture>(std::move(made).value());
}

}  // namespace

Problems validate_source(const std::optional<DataConfig>& config, Index dimension) {
  if (!config) return {};
  ProblemList problems;
  problems.append("source", validate(*config));
  if (problems.empty() && dimension != 0 && dimension_of(*config) != dimension) {
    problems.add("source", std::to_string(dimension_of(*config)) + " dimensions",
                 std::to_string(dimension) + ", as the data have");
  }
  return std::move(problems).take();
}

Result<Source> make_source(const std::optional<DataConfig>& config, Index dimension) {
  if (!config) {
    return Source{.distribution = std::make_shared<const StandardNormal>(dimension),
                  .exact = nullptr};
  }
  if (Problems problems = validate_source(config, dimension); !problems.empty()) return problems;
  auto made = make_target(*config);
  if (!made) return made.problems();
  Target& target = made.value();
  return Source{.distribution = std::move(target.distribution), .exact = std::move(target.exact)};
}

std::shared_ptr<const ExactField> make_exact_field(const Source& source, const Target& target,
                                                   const Schedule& schedule) {
  if (source.is_standard_normal()) {
    return std::make_shared<const ExactField>(*target.exact, schedule);
  }
  MixturePointer from = source.exact;
  MixturePointer to = target.exact;
  // Beside a mixture that is as it is.
  const auto allowed = [](const GaussianMixture& other) {
    return std::max(kMaxComponentPairs / components_of(other), kLeast);
  };
  const auto reduce = [&](MixturePointer& mixture, const GaussianMixture& other,
                          const Distribution& distribution) {
    const bool too_many = components_of(*mixture) * components_of(other) > kMaxComponentPairs;
    if (too_many && components_of(*mixture) > allowed(other)) {
      mixture = fewer(distribution, allowed(other), std::move(mixture));
    }
  };
  if (components_of(*from) > components_of(*to)) reduce(from, *to, *source.distribution);
  reduce(to, *from, *target.distribution);
  reduce(from, *to, *source.distribution);
  if (!matrices_fit(*from, *to)) {
    from = fewer(*source.distribution, kLeast, std::move(from));
    to = fewer(*target.distribution, kLeast, std::move(to));
  }
  return std::make_shared<const ExactField>(*to, schedule, std::move(from));
}

}  // namespace flowmatch
