#pragma once

#include <cstddef>
#include <utility>
#include <vector>

/// How the networks of a study are trained, for every purpose.
namespace program::recipe {

inline constexpr std::size_t batch_size = 128;
inline constexpr double peak_rate = 0.05;
inline constexpr double momentum = 0.9;
inline constexpr double weight_decay = 1e-4;
inline constexpr std::size_t warmup = 100;

/// Means and deviations of the pixels of Fashion-MNIST (1 channel) and CIFAR-10 (3).
inline std::pair<std::vector<double>, std::vector<double>> pixel_statistics(std::size_t channels) {
    if (channels == 1) return {{0.2860}, {0.3530}};
    return {{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}};
}

} // namespace program::recipe
