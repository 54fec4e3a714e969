#pragma once

#include "repscope/tensor/array.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Which iterate of a run an attack returns.
enum class iterate {
    best,         ///< a misclassified iterate if there is one, otherwise as `largest_loss`
    last,         ///< the last iterate: every sample uses all steps
    largest_loss, ///< the iterate with the largest loss, including the start (targeted: the smallest); the
                  ///< first of equal ones. Its label may be right although an iterate of smaller loss was
                  ///< misclassified
};

/// The result of an attack, one entry per sample.
template <typename Scalar>
struct result {
    array<Scalar, 4> adversarial; ///< of the shape of the inputs, inside ball (linf: to rounding) and box
    std::vector<double> loss;     ///< loss of the adversarial inputs, computed by the model
    std::vector<int> predicted;   ///< predicted class of the adversarial inputs
    std::vector<bool>
        success; ///< whether the prediction differs from the label (targeted: equals the target)
    std::vector<std::size_t> ball; ///< index of the perturbation's ball: 0, or for `msd` its index in the set
    double eps = 0;                ///< of that ball, the largest one for `msd`
    double step_size = 0;          ///< 0 for `fgsm` and `msd`
    std::uint64_t forward_passes = 0;  ///< number of samples in forward passes
    std::uint64_t backward_passes = 0; ///< number of samples in backward passes

    /// Share of all samples that are predicted as their label (targeted: not as the target). With labels this
    /// is the accuracy under attack; samples that were misclassified before the attack count as wrong. NaN
    /// without samples.
    [[nodiscard]] double robust_accuracy() const noexcept {
        std::size_t held = 0;
        for (const bool fooled : success) held += fooled ? 0 : 1;
        return static_cast<double>(held) / static_cast<double>(success.size());
    }
};

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
