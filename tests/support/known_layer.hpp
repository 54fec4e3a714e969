#pragma once

#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/selectivity/class_selectivity.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace repscope_test {

/// A small layer of whole numbers between 0 and 100, which every element type from int8 and bfloat16 up holds
/// exactly, with what its statistics are by their definitions. Whatever type carries it must give these.
struct known_layer {
    static constexpr std::size_t samples = 11, units = 4, classes = 3, height = 2, width = 3;

    static constexpr std::size_t label(std::size_t i) { return (i * i + 1) % classes == 1 ? i % 2 : 2; }
    static constexpr int value(std::size_t i, std::size_t u) {
        return static_cast<int>((i * i * (u + 2) + 7 * u * i + 5 * u + (label(i) == u ? 40 : 0)) % 60);
    }
    /// Maps whose mean over the positions is `value`: three pairs at equal distance from it.
    static constexpr int value(std::size_t i, std::size_t u, std::size_t row, std::size_t column) {
        const auto shift =
            static_cast<int>(std::min<std::size_t>(column, static_cast<std::size_t>(value(i, u))));
        return value(i, u) + (row == 0 ? shift : -shift);
    }
    template <typename Label = int>
    static std::vector<Label> labels() {
        std::vector<Label> result;
        for (std::size_t i = 0; i < samples; ++i) result.push_back(static_cast<Label>(label(i)));
        return result;
    }
    /// Calls `set(i, u, value)` for every element, to fill a tensor of any type.
    template <typename Set>
    static void fill(Set&& set) {
        for (std::size_t i = 0; i < samples; ++i) {
            for (std::size_t u = 0; u < units; ++u) set(i, u, value(i, u));
        }
    }
    template <typename Set>
    static void fill_maps(Set&& set) {
        for (std::size_t i = 0; i < samples; ++i) {
            for (std::size_t u = 0; u < units; ++u) {
                for (std::size_t p = 0; p < height * width; ++p) {
                    set(i, u, p / width, p % width, value(i, u, p / width, p % width));
                }
            }
        }
    }

    static double index(std::size_t u) {
        std::array<double, classes> sums{}, counts{};
        for (std::size_t i = 0; i < samples; ++i) {
            sums[label(i)] += value(i, u);
            counts[label(i)] += 1;
        }
        double largest = 0, total = 0;
        for (std::size_t c = 0; c < classes; ++c) {
            largest = std::max(largest, sums[c] / counts[c]);
            total += sums[c] / counts[c];
        }
        const double rest = (total - largest) / (classes - 1);
        return (largest - rest) / (largest + rest + 1e-6);
    }

    /// Over all quadruples of different samples, of kernels of differences: no mean, no matrix.
    static double participation_ratio_unbiased() {
        double numerator = 0, denominator = 0;
        for (std::size_t i = 0; i < samples; ++i)
            for (std::size_t j = 0; j < samples; ++j)
                for (std::size_t k = 0; k < samples; ++k)
                    for (std::size_t l = 0; l < samples; ++l) {
                        if (i == j || i == k || i == l || j == k || j == l || k == l) continue;
                        numerator += product(i, j, i, j) * product(k, l, k, l);
                        denominator += product(i, j, k, l) * product(i, j, k, l);
                    }
        return numerator / denominator;
    }
    /// (tr C)^2 / tr C^2 of the covariance written out.
    static double participation_ratio() {
        double trace = 0, squares = 0;
        for (std::size_t u = 0; u < units; ++u) {
            for (std::size_t v = 0; v < units; ++v) {
                double covariance = 0;
                for (std::size_t i = 0; i < samples; ++i)
                    for (std::size_t j = 0; j < samples; ++j)
                        covariance += (value(i, u) - value(j, u)) * (value(i, v) - value(j, v));
                squares += covariance * covariance;
                if (u == v) trace += covariance;
            }
        }
        return trace * trace / squares;
    }

  private:
    /// (x_i - x_j) . (x_k - x_l)
    static double product(std::size_t i, std::size_t j, std::size_t k, std::size_t l) {
        double sum = 0;
        for (std::size_t u = 0; u < units; ++u)
            sum += (value(i, u) - value(j, u)) * (value(k, u) - value(l, u));
        return sum;
    }
};

/// The results of the library for dense rows of double. Other types must give the same bits.
struct plain_statistics {
    std::vector<double> index;
    double participation_ratio = 0;
    double participation_ratio_unbiased = 0;

    static const plain_statistics& get() {
        static const plain_statistics result = [] {
            std::vector<double> values;
            known_layer::fill([&](std::size_t, std::size_t, int value) { values.push_back(value); });
            const auto x = repscope::as_view(values, {known_layer::samples, known_layer::units});
            return plain_statistics{repscope::class_selectivity(x, known_layer::labels()).index,
                                    repscope::participation_ratio(x),
                                    repscope::participation_ratio_unbiased(x)};
        }();
        return result;
    }
};

template <typename Activations, typename Labels>
void check_selectivity(const Activations& x, const Labels& labels) {
    CHECK(repscope::class_selectivity(x, labels).index == plain_statistics::get().index);
}

/// Every one-call form on `x`, (samples, units) or (samples, units, height, width) of a known layer.
template <typename Activations>
void check_layer(const Activations& x) {
    check_selectivity(x, known_layer::labels());
    CHECK(repscope::participation_ratio(x) == plain_statistics::get().participation_ratio);
    CHECK(repscope::participation_ratio_unbiased(x) == plain_statistics::get().participation_ratio_unbiased);
}

} // namespace repscope_test
