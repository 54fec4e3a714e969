#pragma once

#include "repscope/net/sequential.hpp"
#include "repscope/net/workspace.hpp"
#include "repscope/random/random_stream.hpp"
#include "support/gradient_check.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <vector>

/// One layer between a random input and the random linear functional sum(r out) as its loss.
namespace layer_check {

namespace net = repscope::net;
using repscope::random_stream;

template <typename Layer>
struct bench {
    Layer layer;
    net::feature_map_shape shape;
    repscope::thread_pool pool;
    typename Layer::scratch scratch;
    net::map_buffer<double> in, in_gradient;
    std::vector<double> weights; // r
    net::pass run;

    bench(Layer l, const net::feature_map_shape& extents, net::mode how, std::size_t threads = 1)
        : layer(std::move(l)), shape(extents), pool(threads), run{pool, extents.n, how} {
        in.resize(shape, layer.input_halo());
        in_gradient.resize(shape);
        layer.prepare(scratch, in.view(shape.n), {1, 2}, pool.size());
        random_stream random(3, 7);
        net::initializer init(11);
        layer.initialize(init);
        // Parameters and statistics away from their starting values, so that each of them matters.
        layer.visit_parameters([&](const auto&, std::span<double> values) {
            for (double& value : values) value += 0.3 * random.uniform() + 0.1;
        });
        layer.visit_state([&](const auto&, std::span<double> values) {
            for (double& value : values) value += 0.7 * random.uniform();
        });
        each(in.view(shape.n), [&](double& value) { value = 0.4 + random.normal(); });
        const net::feature_map_shape out = layer.output_shape(shape);
        weights.resize(out.n * out.c * out.h * out.w);
        for (double& value : weights) value = 0.2 + random.normal();
    }

    template <typename Map, typename Body>
    static void each(const Map& map, Body&& body) {
        for (std::size_t n = 0; n < map.shape.n; ++n) {
            for (std::size_t y = 0; y < map.shape.h; ++y) {
                for (std::size_t i = 0; i < map.row_length(); ++i) body(map.at(n, y)[i]);
            }
        }
    }

    double loss() {
        double sum = 0;
        std::size_t i = 0;
        each(layer.forward(in.view(shape.n), scratch, run),
             [&](const double& value) { sum += weights[i++] * value; });
        return sum;
    }

    std::vector<bool> mask() {
        std::vector<bool> signs;
        layer.visit_taps(scratch, shape.n,
                         [&](const auto&, const auto& activation, const auto&, const auto&) {
                             each(activation, [&](const double& value) { signs.push_back(value > 0); });
                         });
        if constexpr (requires { scratch.history; }) { // ReLUs passed on the way to the taps
            for (const auto& layer_history : scratch.history) {
                for (const auto& maps : layer_history) {
                    each(maps.view(shape.n), [&](double& value) { signs.push_back(value > 0); });
                }
            }
        }
        if constexpr (requires { scratch.winner; }) {
            for (std::size_t i = 0; i < scratch.winner.size(); ++i) {
                for (std::size_t bit = 0; bit < 8; ++bit)
                    signs.push_back(((scratch.winner[i] >> bit) & 1U) != 0);
            }
        }
        return signs;
    }

    /// Gradients of parameters and input for the loss.
    std::vector<double> gradients(bool accumulate = false) {
        (void)loss();
        std::size_t i = 0;
        each(net::detail::maps_of(scratch).gradient.view(shape.n),
             [&](double& value) { value = weights[i++]; });
        if constexpr (Layer::tap_count > 1) { // inner taps have a gradient of their own, which is empty here
            run.tapped = false;
        }
        std::vector<double> parameters(layer.parameter_count());
        layer.backward(in.view(shape.n), scratch, run, parameters.data(), in_gradient.view(shape.n),
                       accumulate);
        return parameters;
    }

    /// The whole of a map as one list.
    static std::vector<double> list(const net::feature_map_view<double>& map) {
        std::vector<double> values;
        each(map, [&](double& value) { values.push_back(value); });
        return values;
    }

    void check() {
        const std::vector<double> parameters = gradients();
        const std::vector<double> input = list(in_gradient.view(shape.n));
        std::size_t first = 0;
        layer.visit_parameters([&](const auto& name, std::span<double> values) {
            INFO(name);
            const auto found = gradient_check::compare(
                values, std::span(parameters).subspan(first, values.size()), [&] { return loss(); },
                [&] { return mask(); });
            CHECK(found.error <= 1e-6);
            CHECK(found.kept >= 0.95);
            first += values.size();
        });
        // The input has a border; its numbers are moved into it before every evaluation.
        std::vector<double> values = list(in.view(shape.n));
        const auto found = gradient_check::compare(
            std::span(values), std::span<const double>(input),
            [&] {
                std::size_t i = 0;
                each(in.view(shape.n), [&](double& value) { value = values[i++]; });
                return loss();
            },
            [&] { return mask(); });
        INFO("input");
        CHECK(found.error <= 1e-6);
        CHECK(found.kept >= 0.95);
        CHECK(found.coordinates > 0);

        // Adding to a gradient that is there already, and the input gradient or the parameters alone.
        each(in_gradient.view(shape.n), [](double& value) { value = 2.5; });
        (void)gradients(true);
        const std::vector<double> sum = list(in_gradient.view(shape.n));
        for (std::size_t i = 0; i < sum.size(); ++i) {
            if (!(sum[i] == doctest::Approx(input[i] + 2.5).epsilon(1e-11)))
                FAIL_CHECK("accumulation at " << i);
        }
        check_tangent();
    }

    /// Directional derivatives in inference mode: sum(r J v) = sum(v J^T r).
    void check_tangent() {
        if (run.how == net::mode::training) return;
        (void)gradients();
        random_stream random(5, 5);
        net::map_buffer<double> direction;
        direction.resize(shape, layer.input_halo());
        each(direction.view(shape.n), [&](double& value) { value = random.normal(); });
        double left = 0, right = 0;
        std::size_t i = 0;
        each(layer.tangent(direction.view(shape.n), scratch, run),
             [&](const double& value) { left += weights[i++] * value; });
        const auto gradient = list(in_gradient.view(shape.n)), along = list(direction.view(shape.n));
        for (std::size_t k = 0; k < along.size(); ++k) right += gradient[k] * along[k];
        CHECK(left == doctest::Approx(right).epsilon(1e-10));
    }
};

template <typename Layer>
void check(const Layer& layer, const net::feature_map_shape& shape, net::mode how = net::mode::training) {
    bench<Layer>(layer, shape, how).check();
}

} // namespace layer_check
