#pragma once

#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/array.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

/// What the tests of attacks share: a model written out, and inputs for it.
namespace attack_check {

using namespace repscope;
using attack::norm;

inline constexpr std::size_t channels = 2, height = 3, width = 4, size = channels * height * width,
                             class_count = 3;

/// A network of one hidden layer, written out: enough curvature for losses to go up and down.
template <typename Scalar>
struct two_layers {
    std::vector<double> in, out; // (hidden, size), (classes, hidden)
    std::function<void(const tensor_view<const Scalar, 4>&)> seen = [](const auto&) {};
    std::size_t calls = 0;

    explicit two_layers(std::size_t hidden = 6) : in(hidden * size), out(class_count * hidden) {
        random_stream random(5, 2);
        for (double& w : in) w = random.normal();
        for (double& w : out) w = random.normal();
    }
    std::size_t classes(const std::array<std::size_t, 4>&) const { return class_count; }
    void operator()(const tensor_view<const Scalar, 4>& x, std::span<const int> labels,
                    std::span<double> losses, std::span<int> predicted,
                    const tensor_view<Scalar, 4>& gradient) {
        ++calls;
        seen(x);
        const std::size_t hidden = in.size() / size;
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            const auto label = static_cast<std::size_t>(labels[n]);
            std::vector<double> h(hidden), dh(hidden);
            for (std::size_t k = 0; k < hidden; ++k) {
                for (std::size_t i = 0; i < size; ++i) {
                    h[k] += in[k * size + i] * (static_cast<double>(x(n, i / 12, i / 4 % 3, i % 4)) - 0.5);
                }
                h[k] = std::tanh(h[k]);
            }
            std::array<double, class_count> z{};
            for (std::size_t j = 0; j < class_count; ++j) {
                for (std::size_t k = 0; k < hidden; ++k) z[j] += out[j * hidden + k] * h[k];
            }
            double sum = 0;
            for (const double value : z) sum += std::exp(value);
            losses[n] = std::log(sum) - z[label];
            predicted[n] = static_cast<int>(std::max_element(z.begin(), z.end()) - z.begin());
            if (gradient.empty()) continue;
            for (std::size_t k = 0; k < hidden; ++k) {
                for (std::size_t j = 0; j < class_count; ++j) {
                    dh[k] += out[j * hidden + k] * (std::exp(z[j]) / sum - (j == label ? 1 : 0));
                }
                dh[k] *= 1 - h[k] * h[k];
            }
            for (std::size_t i = 0; i < size; ++i) {
                double g = 0;
                for (std::size_t k = 0; k < hidden; ++k) g += dh[k] * in[k * size + i];
                gradient(n, i / 12, i / 4 % 3, i % 4) = static_cast<Scalar>(g);
            }
        }
    }
};

template <typename Scalar>
struct inputs {
    std::vector<Scalar> pixels;
    std::vector<int> labels;

    explicit inputs(std::size_t samples) : pixels(samples * size), labels(samples) {
        random_stream random(11, 2);
        // Some of them at the ends of the box.
        for (Scalar& value : pixels) {
            value = static_cast<Scalar>(std::clamp(1.2 * random.uniform() - 0.1, 0.0, 1.0));
        }
        for (int& label : labels) label = static_cast<int>(random.below(class_count));
    }
    tensor_view<const Scalar, 4> x() const {
        return {pixels.data(), {labels.size(), channels, height, width}};
    }
};

template <typename Scalar>
std::vector<double> perturbation(const tensor_view<const Scalar, 4>& from, const array<Scalar, 4>& to,
                                 std::size_t n) {
    std::vector<double> delta;
    for (std::size_t i = 0; i < size; ++i) {
        delta.push_back(static_cast<double>(to(n, i / 12, i / 4 % 3, i % 4)) -
                        static_cast<double>(from(n, i / 12, i / 4 % 3, i % 4)));
    }
    return delta;
}

template <typename Scalar>
bool same(const attack::result<Scalar>& a, const attack::result<Scalar>& b) {
    return a.adversarial.size() == b.adversarial.size() &&
           std::memcmp(a.adversarial.data_handle(), b.adversarial.data_handle(),
                       a.adversarial.size() * sizeof(Scalar)) == 0 &&
           a.loss == b.loss && a.predicted == b.predicted && a.success == b.success && a.ball == b.ball;
}

inline double eps_of(norm kind) { return kind == norm::linf ? 0.1 : kind == norm::l2 ? 0.4 : 1.5; }

} // namespace attack_check
