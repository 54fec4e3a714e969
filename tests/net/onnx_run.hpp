#pragma once

#include "net/onnx_models.hpp"

#include <repscope/net/graph.hpp>
#include <repscope/net/onnx_network.hpp>
#include <repscope/tensor/tensor_view.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

// Networks of ONNX models that are run on the same inputs.

namespace onnx_runs {

using namespace onnx_models;
using namespace repscope;

inline std::vector<double> inputs(std::size_t count) { return numbers("", {count}, 99).values<double>(); }

/// The logits of a model for samples of these extents, and the activations of its taps, one after the other.
struct result {
    std::vector<double> logits;
    std::vector<std::vector<double>> layers;
    bool fixed_batch = false;
};
/// Runs a model on `inputs`.
inline result run(const onnx_model& model, std::array<std::size_t, 4> extents,
                  const net::onnx_network_options& options = {}) {
    const auto network = net::make_onnx_network<double>(model, options);
    const std::vector<double> x = inputs(extents[0] * extents[1] * extents[2] * extents[3]);
    net::graph<double>::workspace ws;
    result out;
    const auto logits = network.network.forward(
        tensor_view<const double, 4>(x.data(), extents), ws,
        [&](std::size_t, std::string_view, const tensor_view<const double, 4>& activation) {
            out.layers.emplace_back();
            for (std::size_t n = 0; n < activation.extent(0); ++n) {
                for (std::size_t c = 0; c < activation.extent(1); ++c) {
                    for (std::size_t i = 0; i < activation.extent(2); ++i) {
                        for (std::size_t j = 0; j < activation.extent(3); ++j) {
                            out.layers.back().push_back(activation(n, c, i, j));
                        }
                    }
                }
            }
        });
    for (std::size_t n = 0; n < logits.extent(0); ++n) {
        for (std::size_t k = 0; k < logits.extent(1); ++k) out.logits.push_back(logits(n, k));
    }
    out.fixed_batch = network.fixed_batch;
    return out;
}

inline void check_close(const std::vector<double>& got, const std::vector<double>& expected,
                        double limit = 1e-12) {
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - expected[i]) <= limit);
}

} // namespace onnx_runs
