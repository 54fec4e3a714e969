#pragma once

#include <repscope/net/models.hpp>
#include <repscope/random/random_stream.hpp>

#include <cstddef>
#include <vector>

namespace benchmarks {

/// The network `small` and a batch of 128 images of 1 x 28 x 28.
struct small_network {
    static constexpr std::size_t batch = 128;
    static constexpr std::size_t side = 28;
    /// Multiply-adds of a forward pass of the batch, and those of its first layer: outputs x inputs.
    static constexpr double first_layer = 128.0 * 196 * 9 * 16;
    static constexpr double forward =
        first_layer + 128.0 * (196. * 144 * 32 + 49. * 288 * 32 + 49. * 288 * 64);

    using network_type = decltype(repscope::net::small_cnn<float>(1, 10, {0.286}, {0.353}));

    network_type network = repscope::net::small_cnn<float>(1, 10, {0.286}, {0.353});
    std::vector<float> pixels = std::vector<float>(batch * side * side);
    std::vector<int> labels = std::vector<int>(batch);

    small_network() {
        network.initialize(1);
        repscope::random_stream random(1, repscope::streams::id(repscope::streams::purpose::probe));
        for (float& value : pixels) value = static_cast<float>(random.uniform());
        for (int& label : labels) label = static_cast<int>(random.below(10));
    }
    [[nodiscard]] repscope::tensor_view<const float, 4> images() const {
        return {pixels.data(), {batch, 1, side, side}};
    }
};

} // namespace benchmarks
