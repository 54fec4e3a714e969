#pragma once

#include "repscope/attack/norm_ball.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

/// A network of one hidden layer and its images, given by formulas: those of reference/replay_reference.py.
namespace logit_check {

using namespace repscope;
using attack::norm;

inline constexpr std::size_t channels = 2, height = 4, width = 5, size = channels * height * width,
                             hidden = 12, class_count = 6;

template <typename Scalar>
struct logit_network {
    std::vector<double> in = std::vector<double>(hidden * size),
                        out = std::vector<double>(class_count * hidden);
    std::function<void(const tensor_view<const Scalar, 4>&)> seen = [](const auto&) {};

    logit_network() {
        for (std::size_t k = 0; k < hidden; ++k) {
            const auto row = static_cast<double>(k);
            for (std::size_t i = 0; i < size; ++i) {
                const auto column = static_cast<double>(i);
                in[k * size + i] = std::sin(1 + 7.3 * row + 3.1 * column + 0.7 * row * column);
            }
            for (std::size_t c = 0; c < class_count; ++c) {
                const auto other = static_cast<double>(c);
                out[c * hidden + k] = std::sin(2 + 5.7 * other + 1.9 * row + 0.3 * other * row);
            }
        }
    }

    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>&) const { return class_count; }
    void logits(const tensor_view<const Scalar, 4>& x, const tensor_view<Scalar, 2>& to) {
        for (std::size_t n = 0; n < x.extent(0); ++n) write_logits(hidden_values(x, n), n, to);
    }
    template <typename Upstream>
    void logit_vjp(const tensor_view<const Scalar, 4>& x, const Upstream& upstream_of,
                   const tensor_view<Scalar, 4>& gradient) {
        seen(x);
        std::vector<Scalar> z(class_count), upstream(class_count);
        const tensor_view<Scalar, 2> row(z.data(), {1, class_count});
        for (std::size_t n = 0; n < x.extent(0); ++n) { // pieces of one sample
            const std::vector<double> h = hidden_values(x, n);
            write_logits(h, 0, row);
            upstream_of(n, tensor_view<const Scalar, 2>(row),
                        tensor_view<Scalar, 2>(upstream.data(), {1, class_count}));
            std::vector<double> back(hidden);
            for (std::size_t k = 0; k < hidden; ++k) {
                for (std::size_t c = 0; c < class_count; ++c) {
                    back[k] += out[c * hidden + k] * static_cast<double>(upstream[c]);
                }
                back[k] *= 1 - h[k] * h[k];
            }
            for (std::size_t i = 0; i < size; ++i) {
                double g = 0;
                for (std::size_t k = 0; k < hidden; ++k) g += back[k] * in[k * size + i];
                gradient(n, i / 20, i / 5 % 4, i % 5) = static_cast<Scalar>(g);
            }
        }
    }

  private:
    [[nodiscard]] std::vector<double> hidden_values(const tensor_view<const Scalar, 4>& x,
                                                    std::size_t n) const {
        std::vector<double> h(hidden);
        for (std::size_t k = 0; k < hidden; ++k) {
            for (std::size_t i = 0; i < size; ++i) {
                h[k] += in[k * size + i] * (static_cast<double>(x(n, i / 20, i / 5 % 4, i % 5)) - 0.5);
            }
            h[k] = std::tanh(h[k]);
        }
        return h;
    }
    void write_logits(const std::vector<double>& h, std::size_t n, const tensor_view<Scalar, 2>& to) const {
        for (std::size_t c = 0; c < class_count; ++c) {
            double z = 0;
            for (std::size_t k = 0; k < hidden; ++k) z += out[c * hidden + k] * h[k];
            to(n, c) = static_cast<Scalar>(z);
        }
    }
};

/// Images and the classes that the network predicts.
template <typename Scalar>
struct logit_inputs {
    std::vector<Scalar> pixels;
    std::vector<int> labels;

    explicit logit_inputs(std::size_t images) : pixels(images * size), labels(images) {
        for (std::size_t n = 0; n < images; ++n) {
            const auto row = static_cast<double>(n);
            for (std::size_t i = 0; i < size; ++i) {
                const auto column = static_cast<double>(i);
                const double value = 0.5 + 0.6 * std::sin(1 + 13.7 * row + 2.3 * column + 0.9 * row * column);
                pixels[n * size + i] = static_cast<Scalar>(std::clamp(value, 0.0, 1.0));
            }
        }
        logit_network<Scalar> network;
        std::vector<Scalar> z(images * class_count);
        network.logits(x(), {z.data(), {images, class_count}});
        for (std::size_t n = 0; n < images; ++n) {
            const auto row = z.begin() + static_cast<std::ptrdiff_t>(n * class_count);
            labels[n] = static_cast<int>(std::max_element(row, row + class_count) - row);
        }
    }
    [[nodiscard]] tensor_view<const Scalar, 4> x() const {
        return {pixels.data(), {labels.size(), channels, height, width}};
    }
};

inline double eps_of(norm kind) { return kind == norm::linf ? 0.0185 : kind == norm::l2 ? 0.078 : 0.23; }

/// Distance of a point to its image in a norm.
template <typename Scalar>
double distance(norm kind, const Scalar* point, const Scalar* clean) {
    std::vector<double> delta(size);
    for (std::size_t i = 0; i < size; ++i) {
        delta[i] = static_cast<double>(point[i]) - static_cast<double>(clean[i]);
    }
    return attack::norm_of(kind, delta);
}

/// Whether all points of a result are inside ball and box, to 1e-7.
template <typename Result, typename Scalar>
bool inside(const Result& found, const logit_inputs<Scalar>& data, norm kind, double eps) {
    for (std::size_t n = 0; n < data.labels.size(); ++n) {
        const Scalar* const point = found.adversarial.data_handle() + n * size;
        for (std::size_t i = 0; i < size; ++i) {
            if (!(point[i] >= Scalar(0) && point[i] <= Scalar(1))) return false;
        }
        if (!(distance(kind, point, data.pixels.data() + n * size) <= eps + 1e-7)) return false;
    }
    return true;
}

} // namespace logit_check
