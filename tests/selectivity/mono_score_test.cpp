#include "repscope/selectivity/mono_score.hpp"

#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/as_view.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace mono_score_test {

using repscope::as_view;
using repscope::class_moments;

namespace {

std::vector<double> scores(const std::vector<double>& x, std::size_t units, const std::vector<int>& y,
                           std::size_t classes) {
    class_moments state(units, classes);
    state.update(as_view(x, {y.size(), units}), y);
    return repscope::mono_score(state);
}

} // namespace

TEST_CASE("the class form of the monosemanticity score is a weighted share of pairs") {
    constexpr std::size_t samples = 90, units = 6, classes = 4;
    repscope::random_stream random(2, 9);
    std::vector<double> x;
    std::vector<int> y;
    for (std::size_t i = 0; i < samples; ++i) {
        y.push_back(static_cast<int>(i * i % 3)); // class 2 has no samples
        for (std::size_t u = 0; u < units; ++u) {
            const double gain = y.back() == static_cast<int>(u % 3) ? static_cast<double>(u) : 0;
            x.push_back(std::max(0.0, random.normal() + gain));
        }
    }
    const std::vector<double> got = scores(x, units, y, classes);
    for (std::size_t u = 0; u < units; ++u) {
        double same = 0, all = 0;
        for (std::size_t i = 0; i < samples; ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                const double weight = x[i * units + u] * x[j * units + u];
                all += weight;
                if (y[i] == y[j]) same += weight;
            }
        }
        CHECK(std::abs(got[u] - same / all) < 1e-12);
    }
}

TEST_CASE("exact scores, and units without a pair of responses") {
    // Units: one class only; responses 1, 2 in class 0 and 3 in class 1; one response; none; negative.
    const std::vector<double> x{.1, 1, 0,   0, -1, //
                                .3, 2, 0.7, 0, -1, //
                                0,  3, 0,   0, 1,  //
                                0,  0, 0,   0, 1};
    const std::vector<double> got = scores(x, 5, {0, 0, 1, 1}, 2);
    CHECK(got[0] == doctest::Approx(1).epsilon(1e-14));
    CHECK(got[1] == doctest::Approx(2.0 / 11).epsilon(1e-14));
    CHECK(std::isnan(got[2]));
    CHECK(std::isnan(got[3]));
    CHECK(std::isnan(got[4]));
}

} // namespace mono_score_test
