// How much the loss at each time counts. The best possible model is the same for every weight: what
// the weight decides is which times a model of finite size and training gets right.
#pragma once

#include "flowmatch/path.h"
#include "flowmatch/problem.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace flowmatch {

enum class LossWeighting : std::uint8_t {
  /// 1: the loss of the prediction itself, such as the noise loss of DDPM ("simple", Ho et al.
  /// 2020,
  /// arXiv 2006.11239, equation 14).
  constant,
  /// What makes the squared error of any prediction that of the velocity it is converted to: the
  /// square of conversion(prediction, velocity).of_f. For a prediction of the velocity 1.
  velocity,
  /// Min-SNR-gamma (Hang et al. 2023, arXiv 2303.09556, section 3.4), with SNR = alpha^2 / sigma^2:
  /// min(SNR, gamma) for a prediction of x1, and for the others what makes their loss that of x1:
  /// min(SNR, gamma) / SNR for noise, sigma^2 times that for the score, (alpha / (alpha' sigma -
  /// alpha sigma'))^2 times that for the velocity. On `cosine` the last is 4 / pi^2 times the
  /// paper's min(SNR, gamma) / (SNR + 1) for its v.
  min_snr,
};

inline constexpr std::array kLossWeightings{LossWeighting::constant, LossWeighting::velocity,
                                            LossWeighting::min_snr};

/// The name in configurations and links ("constant", "velocity", "min_snr"), and back.
std::string_view name(LossWeighting weighting);
std::optional<LossWeighting> loss_weighting_from_name(std::string_view name);

struct LossWeightingConfig {
  LossWeighting weighting = LossWeighting::constant;
  double gamma = 5;  ///< Largest SNR that counts in full under `min_snr`, above 0, at most 1000.

  friend bool operator==(const LossWeightingConfig&, const LossWeightingConfig&) = default;
};

Problems validate(const LossWeightingConfig& config);

/// The weight of the squared error of `prediction` at one time: finite and 0 or more at every t in
/// [0, 1], because conversions are (kConversionFloor).
double weight(const LossWeightingConfig& config, Prediction prediction,
              const ScheduleValues& values);

/// out[i] = the weight at t[i], for a model that is trained along `path`. t and out have equal
/// lengths. Does not allocate.
void fill_weights(const LossWeightingConfig& config, const AffinePath& path,
                  std::span<const float> t, std::span<float> out);

}  // namespace flowmatch
