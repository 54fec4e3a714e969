#pragma once

#include "repscope/version.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// Class of the largest logit; of equal ones, the lowest.
[[nodiscard]] inline std::size_t largest_logit(std::span<const double> z) noexcept {
    return static_cast<std::size_t>(std::max_element(z.begin(), z.end()) - z.begin());
}

/// Class of the largest logit besides `label`; of equal ones, the lowest. At least two classes.
[[nodiscard]] inline std::size_t largest_other(std::span<const double> z, std::size_t label) noexcept {
    std::size_t other = label == 0 ? 1 : 0;
    for (std::size_t c = other + 1; c < z.size(); ++c) {
        if (c != label && z[c] > z[other]) other = c;
    }
    return other;
}

/// The `Count` classes of largest logits, in descending order; of equal ones, the lower class first.
template <std::size_t Count>
[[nodiscard]] std::array<std::size_t, Count> top_classes(std::span<const double> z) noexcept {
    std::array<std::size_t, Count> top{};
    std::size_t filled = 0;
    for (std::size_t c = 0; c < z.size(); ++c) {
        std::size_t at = filled;
        while (at > 0 && z[c] > z[top[at - 1]]) --at;
        if (at == Count) continue;
        filled = (std::min)(filled + 1, Count);
        for (std::size_t k = filled - 1; k > at; --k) top[k] = top[k - 1];
        top[at] = c;
    }
    return top;
}

/// All classes in the order of descending logits; of equal ones, the lower class first.
inline void sort_classes(std::span<const double> z, std::vector<int>& classes) {
    classes.resize(z.size());
    for (std::size_t c = 0; c < z.size(); ++c) classes[c] = static_cast<int>(c);
    std::stable_sort(classes.begin(), classes.end(), [&](int a, int b) {
        return z[static_cast<std::size_t>(a)] > z[static_cast<std::size_t>(b)];
    });
}

/// Cross-entropy log sum exp(z) - z_label and its derivative.
inline double cross_entropy(std::span<const double> z, std::size_t label,
                            std::span<double> gradient) noexcept {
    const double largest = z[largest_logit(z)];
    double sum = 0;
    for (std::size_t c = 0; c < z.size(); ++c) sum += gradient[c] = std::exp(z[c] - largest);
    for (double& value : gradient) value /= sum;
    gradient[label] -= 1;
    return std::log(sum) + largest - z[label];
}

/// (z_target - z_label) / (z_(1) - z_(3) + 1e-12), with `target` the largest other logit: the difference of
/// logits ratio. At least three classes.
inline double dlr(std::span<const double> z, std::size_t label, std::span<double> gradient) noexcept {
    const auto top = top_classes<3>(z);
    const std::size_t other = top[0] == label ? top[1] : top[0];
    const double scale = z[top[0]] - z[top[2]] + 1e-12, value = (z[other] - z[label]) / scale;
    std::fill(gradient.begin(), gradient.end(), 0.0);
    gradient[other] += 1 / scale;
    gradient[label] -= 1 / scale;
    gradient[top[0]] -= value / scale;
    gradient[top[2]] += value / scale;
    return value;
}

/// (z_target - z_label) / (z_(1) - (z_(3) + z_(4)) / 2 + 1e-12). At least four classes.
inline double targeted_dlr(std::span<const double> z, std::size_t label, std::size_t target,
                           std::span<double> gradient) noexcept {
    const auto top = top_classes<4>(z);
    const double scale = z[top[0]] - (z[top[2]] + z[top[3]]) / 2 + 1e-12,
                 value = (z[target] - z[label]) / scale;
    std::fill(gradient.begin(), gradient.end(), 0.0);
    gradient[target] += 1 / scale;
    gradient[label] -= 1 / scale;
    gradient[top[0]] -= value / scale;
    gradient[top[2]] += value / (2 * scale);
    gradient[top[3]] += value / (2 * scale);
    return value;
}

/// z_target - z_label.
inline double logit_difference(std::span<const double> z, std::size_t label, std::size_t target,
                               std::span<double> gradient) noexcept {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    gradient[target] += 1;
    gradient[label] -= 1;
    return z[target] - z[label];
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
