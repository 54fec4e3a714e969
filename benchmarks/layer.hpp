#pragma once

#include <repscope/tensor/tensor_view.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace benchmarks {

/// Activations of a layer, (samples, units, rows, columns), from a fixed seed.
struct layer {
    std::array<std::size_t, 4> extents;
    std::vector<float> values;

    [[nodiscard]] repscope::tensor_view<const float, 4> view() const { return {values.data(), extents}; }
    [[nodiscard]] std::size_t bytes() const { return values.size() * sizeof(float); }
};

/// Numbers in [-2, 2) with a triangular distribution.
class triangle_numbers {
  public:
    [[nodiscard]] float operator()() { return uniform() + uniform(); }

  private:
    [[nodiscard]] float uniform() {
        state_ = state_ * 1664525U + 1013904223U;
        return static_cast<float>(static_cast<std::int32_t>(state_)) * 0x1p-31F;
    }
    std::uint32_t state_ = 1;
};

inline layer filled(const std::array<std::size_t, 4>& extents, auto&& value_of_unit) {
    layer x{extents, std::vector<float>(extents[0] * extents[1] * extents[2] * extents[3])};
    const std::size_t positions = extents[2] * extents[3];
    triangle_numbers numbers;
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        x.values[i] = value_of_unit(i / positions % extents[1], numbers());
    }
    return x;
}

/// Activations behind a ReLU.
inline layer rectified_layer(const std::array<std::size_t, 4>& extents) {
    return filled(extents, [](std::size_t, float value) { return std::max(0.0F, value); });
}

/// Activations with a variance that falls from unit to unit as 1 / k.
inline layer falling_layer(std::size_t samples, std::size_t units) {
    std::vector<float> scales(units);
    for (std::size_t u = 0; u < units; ++u) scales[u] = 1 / std::sqrt(static_cast<float>(u + 1));
    return filled({samples, units, 1, 1},
                  [&](std::size_t unit, float value) { return 0.3F + value * scales[unit]; });
}

/// Labels of `samples` samples in which each class occurs equally often.
inline std::vector<int> cyclic_labels(std::size_t samples, std::size_t classes) {
    std::vector<int> labels(samples);
    for (std::size_t n = 0; n < samples; ++n) labels[n] = static_cast<int>(n * 7919 % classes);
    return labels;
}

/// The layer of the latest `extents`: layers are large, so that one at a time is held.
inline const layer& held_layer(const std::array<std::size_t, 4>& extents, auto&& make) {
    static layer held;
    if (held.extents != extents) {
        held = {};
        held = make();
    }
    return held;
}

} // namespace benchmarks
