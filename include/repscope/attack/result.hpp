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
    best,         ///< one that fools the model before one that does not, then as `largest_loss`
    last,         ///< the last one: every sample uses the whole budget of steps
    largest_loss, ///< the one of the largest loss, the start among them (targeted: the smallest); the first
                  ///< of equals. Its label may be right where an iterate of smaller loss was misclassified
};

/// What an attack found, one entry per sample.
template <typename Scalar>
struct result {
    array<Scalar, 4> adversarial;  ///< of the shape of the inputs, inside ball (linf: to rounding) and box
    std::vector<double> loss;      ///< of the adversarial inputs, as the model gives it
    std::vector<int> predicted;    ///< the class the model gives them
    std::vector<bool> success;     ///< whether that is not the label (targeted: is the target)
    std::vector<std::size_t> ball; ///< which ball the perturbation is in: 0, for `msd` its place in the set
    double eps = 0;                ///< of that ball, the largest of `msd`
    double step_size = 0;          ///< 0 for `fgsm` and `msd`
    std::uint64_t forward_passes = 0;  ///< samples that went through the model
    std::uint64_t backward_passes = 0; ///< and those whose gradient was asked for

    /// Share of all samples that still have their label (targeted: that do not have the target): with labels
    /// it is the accuracy under attack, samples that were wrong from the start counted as wrong. NaN without
    /// samples.
    [[nodiscard]] double robust_accuracy() const noexcept {
        std::size_t held = 0;
        for (const bool fooled : success) held += fooled ? 0 : 1;
        return static_cast<double>(held) / static_cast<double>(success.size());
    }
};

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
