#pragma once

#include "repscope/moments/class_moments.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/as_view.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

// Samples of several classes, and what the measures of class geometry are made of, written out.

namespace repscope_test {

// Classes of different sizes, one of them without samples; `offset` is added to every value.
struct class_samples {
    static constexpr std::size_t classes = 5;
    std::size_t units;
    std::vector<double> x;
    std::vector<int> y;

    explicit class_samples(double offset, double spread = 1, std::size_t unit_count = 7,
                           const std::vector<std::size_t>& sizes = {40, 3, 0, 25, 11})
        : units(unit_count) {
        repscope::random_stream random(5, 2);
        for (std::size_t c = 0; c < classes; ++c) {
            std::vector<double> mean(units);
            for (double& value : mean) value = 2 * random.normal();
            for (std::size_t i = 0; i < sizes[c]; ++i) {
                y.push_back(static_cast<int>(c));
                for (const double value : mean) x.push_back(offset + value + spread * random.normal());
            }
        }
    }
    [[nodiscard]] repscope::class_moments moments() const {
        repscope::class_moments state(units, classes);
        state.update(repscope::as_view(x, {y.size(), units}), y);
        return state;
    }
};

// The measures written out, from the samples, in extended precision.
struct by_samples {
    using real = long double;
    std::vector<std::vector<real>> means; // of classes with samples
    std::vector<real> counts, spreads;    // mean squared distance from the class mean
    std::vector<real> center;
    real within = 0;

    by_samples(const class_samples& data, bool about_mean_of_classes) {
        const std::size_t units = data.units;
        center.resize(units);
        for (std::size_t c = 0; c < class_samples::classes; ++c) {
            std::vector<real> mean(units);
            real count = 0;
            for (std::size_t i = 0; i < data.y.size(); ++i) {
                if (data.y[i] != static_cast<int>(c)) continue;
                ++count;
                for (std::size_t u = 0; u < units; ++u) mean[u] += data.x[i * units + u];
            }
            if (count == 0) continue;
            for (real& value : mean) value /= count;
            real squares = 0;
            for (std::size_t i = 0; i < data.y.size(); ++i) {
                if (data.y[i] != static_cast<int>(c)) continue;
                for (std::size_t u = 0; u < units; ++u) {
                    const real d = data.x[i * units + u] - mean[u];
                    squares += d * d;
                }
            }
            within += squares / static_cast<real>(data.y.size());
            means.push_back(mean);
            counts.push_back(count);
            spreads.push_back(squares / count);
        }
        for (std::size_t c = 0; c < means.size(); ++c) {
            const real weight = about_mean_of_classes ? 1 / static_cast<real>(means.size())
                                                      : counts[c] / static_cast<real>(data.y.size());
            for (std::size_t u = 0; u < units; ++u) center[u] += weight * means[c][u];
        }
    }
    [[nodiscard]] real product(std::size_t a, std::size_t b) const {
        real sum = 0;
        for (std::size_t u = 0; u < center.size(); ++u)
            sum += (means[a][u] - center[u]) * (means[b][u] - center[u]);
        return sum;
    }
};

inline void check_near(double got, long double expected) {
    CHECK(std::abs(got / static_cast<double>(expected) - 1) < 1e-9);
}

} // namespace repscope_test
