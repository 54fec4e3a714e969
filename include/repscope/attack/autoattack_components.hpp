#pragma once

#include "repscope/attack/norm_ball.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// An attack of `autoattack`.
enum class component_kind {
    apgd_ce,  ///< `apgd` with the cross-entropy
    apgd_dlr, ///< `apgd` with the difference of logits ratio
    apgd_t,   ///< `apgd` with its targeted form
    fab,      ///< `fab` towards the nearest class
    fab_t,    ///< `fab` towards one class after the other
    square    ///< `square`
};

/// "apgd-ce", "apgd-dlr", "apgd-t", "fab", "fab-t" or "square".
[[nodiscard]] constexpr std::string_view to_string(component_kind kind) noexcept {
    constexpr std::string_view names[]{"apgd-ce", "apgd-dlr", "apgd-t", "fab", "fab-t", "square"};
    return names[static_cast<std::size_t>(kind)];
}

/// One attack of the list of `autoattack`, with its budget.
struct autoattack_component {
    component_kind kind = component_kind::apgd_ce; ///< the attack
    std::size_t steps = 100;                       ///< queries of `square`
    std::size_t restarts = 1;                      ///< number of restarts
    std::size_t targets = 9; ///< of the targeted attacks, at most all classes but the label

    friend bool operator==(const autoattack_component&, const autoattack_component&) = default;
};

/// The components of the standard evaluation: APGD with the cross-entropy, targeted APGD, targeted FAB and
/// Square; 100 steps and 9 targets, and 5,000 queries. In l1, APGD has 5 restarts and 5 targets. Croce and
/// Hein 2020 (arXiv 2003.01690).
[[nodiscard]] inline std::vector<autoattack_component> standard_components(norm ball) {
    const bool l1 = ball == norm::l1;
    return {{component_kind::apgd_ce, 100, l1 ? 5U : 1U, 9},
            {component_kind::apgd_t, 100, 1, l1 ? 5U : 9U},
            {component_kind::fab_t, 100, 1, 9},
            {component_kind::square, 5000, 1, 9}};
}

/// The components of the longer evaluation: APGD with the cross-entropy and with the DLR, and untargeted FAB,
/// with 5 restarts each, Square, then targeted APGD and FAB with 9 targets.
[[nodiscard]] inline std::vector<autoattack_component> plus_components() {
    return {{component_kind::apgd_ce, 100, 5, 9}, {component_kind::apgd_dlr, 100, 5, 9},
            {component_kind::fab, 100, 5, 9},     {component_kind::square, 5000, 1, 9},
            {component_kind::apgd_t, 100, 1, 9},  {component_kind::fab_t, 100, 1, 9}};
}

/// A reason to distrust a result of `autoattack`.
enum class autoattack_warning_kind {
    randomized_model, ///< two calls on the same images gave other logits or classes
    probabilities,    ///< all outputs are in [0, 1] and sum to 1: probabilities and not logits
    zero_gradient,    ///< the gradient of the DLR is exactly 0 at the start
    masked_gradients, ///< Square lowered the robust accuracy by more than .002 after gradient attacks
    few_classes       ///< fewer classes than the targets or the loss need
};

/// A warning of `autoattack`.
struct autoattack_warning {
    autoattack_warning_kind kind = autoattack_warning_kind::randomized_model; ///< the reason
    std::size_t samples = 0; ///< number of samples concerned; of `few_classes`, the number of classes

    friend bool operator==(const autoattack_warning&, const autoattack_warning&) = default;
};

/// The warning in one line.
[[nodiscard]] inline std::string to_string(const autoattack_warning& warning) {
    const std::string count = std::to_string(warning.samples);
    switch (warning.kind) {
    case autoattack_warning_kind::randomized_model:
        return "two calls of the model gave different logits for " + count +
               " samples: a randomized model needs an attack on its mean";
    case autoattack_warning_kind::probabilities:
        return "the outputs of the model are probabilities: attacks need logits";
    case autoattack_warning_kind::zero_gradient:
        return "the gradient is exactly 0 at the start for " + count + " samples";
    case autoattack_warning_kind::masked_gradients:
        return "Square fools " + count + " samples that attacks with gradients do not: gradients are masked";
    case autoattack_warning_kind::few_classes:
        break;
    }
    return "the model has " + count +
           " classes: targets are all classes but the label; a DLR without enough classes is replaced";
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
