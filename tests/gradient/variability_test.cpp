#include "repscope/gradient/variability.hpp"

#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/array.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace variability_test {

using namespace repscope;

namespace {

/// Mean and standard deviation, divisor n - 1.
std::array<double, 2> mean_and_sd(const std::vector<double>& values) {
    double mean = 0, squares = 0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    return {mean, std::sqrt(squares / static_cast<double>(values.size() - 1))};
}

} // namespace

TEST_CASE("variability by its definitions, with zeros, dead units and a silent sample") {
    constexpr std::size_t n = 30, units = 6, dead = 2, silent = 7;
    random_stream random(9, 1);
    array<double, 2> r({n, units});
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t u = 0; u < units; ++u) {
            const double value = 1 + static_cast<double>(u) + random.uniform();
            r(i, u) = u == dead || i == silent || random.below(5) == 0 ? 0 : value;
        }
    }
    gradient_moments moments(units);
    moments.update(r);
    const auto found = gradient_variability(moments);

    double cv_samples = 0, cv_nonzero = 0, mean = 0, sd = 0, zeros = 0;
    for (std::size_t u = 0; u < units; ++u) {
        if (u == dead) continue;
        std::vector<double> all, positive;
        for (std::size_t i = 0; i < n; ++i) {
            all.push_back(r(i, u));
            if (r(i, u) > 0) positive.push_back(r(i, u));
            zeros += r(i, u) == 0 ? 1 : 0;
        }
        const auto [m, s] = mean_and_sd(all);
        const auto [m_positive, s_positive] = mean_and_sd(positive);
        mean += m / 5;
        sd += s / 5;
        cv_samples += s / m / 5;
        cv_nonzero += s_positive / m_positive / 5;
    }
    std::vector<double> of_samples;
    for (std::size_t i = 0; i < n; ++i) {
        if (i == silent) continue;
        std::vector<double> live;
        for (std::size_t u = 0; u < units; ++u) {
            if (u != dead) live.push_back(r(i, u));
        }
        const auto [m, s] = mean_and_sd(live);
        of_samples.push_back(s / m);
    }
    CHECK(found.cv_samples == doctest::Approx(cv_samples).epsilon(1e-12));
    CHECK(found.cv_samples_nonzero == doctest::Approx(cv_nonzero).epsilon(1e-12));
    CHECK(found.mean == doctest::Approx(mean).epsilon(1e-12));
    CHECK(found.sd == doctest::Approx(sd).epsilon(1e-12));
    CHECK(found.zero_fraction == doctest::Approx(zeros / (5 * n)).epsilon(1e-12));
    CHECK(found.cv_units == doctest::Approx(mean_and_sd(of_samples)[0]).epsilon(1e-12));
    CHECK(found.cv_units_error ==
          doctest::Approx(mean_and_sd(of_samples)[1] / std::sqrt(29.0)).epsilon(1e-12));
    CHECK(found.dead_units == 1);
    CHECK(found.units == units);
    CHECK(found.images == n);
}

TEST_CASE("stated errors are the spread over repetitions") {
    // One unit, exact norms: the error of the CV of 100 samples, over 400 sets of them.
    std::vector<double> cvs, means, cv_errors, mean_errors;
    for (std::uint32_t repetition = 0; repetition < 400; ++repetition) {
        random_stream random(3, 2, repetition);
        array<double, 2> r({100, 1});
        for (std::size_t i = 0; i < 100; ++i) r(i, 0) = std::exp(0.4 * random.normal());
        gradient_moments moments(1);
        moments.update(r);
        const auto found = gradient_variability(moments);
        cvs.push_back(found.cv_samples);
        cv_errors.push_back(found.cv_samples_error);
        means.push_back(found.mean);
        mean_errors.push_back(found.mean_error);
    }
    CHECK(mean_and_sd(cv_errors)[0] == doctest::Approx(mean_and_sd(cvs)[1]).epsilon(0.15));
    CHECK(mean_and_sd(mean_errors)[0] == doctest::Approx(mean_and_sd(means)[1]).epsilon(0.1));
}

TEST_CASE("constant and empty gradients have no variability") {
    gradient_moments moments(3);
    const auto none = gradient_variability(moments);
    CHECK(std::isnan(none.cv_samples));
    CHECK(std::isnan(none.cv_units));
    CHECK(std::isnan(none.mean));
    CHECK(none.dead_units == 3);
    moments.update(array<double, 2>({1, 3}, {0.1, 0.1, 0.1}));
    const auto one = gradient_variability(moments);
    CHECK(std::isnan(one.cv_samples));
    CHECK(std::isnan(one.cv_samples_error));
    CHECK(one.cv_units == doctest::Approx(0).epsilon(1e-7));
    CHECK(one.mean == doctest::Approx(0.1));
    for (int i = 0; i < 5; ++i) moments.update(array<double, 2>({1, 3}, {0.1, 0.1, 0.1}));
    const auto equal = gradient_variability(moments);
    CHECK(equal.cv_samples == 0);
    CHECK(equal.sd == 0);
    CHECK(equal.zero_fraction == 0);
    gradient_moments dead(2);
    dead.update(array<double, 2>({2, 2}));
    CHECK(gradient_variability(dead).dead_units == 2);
    CHECK(std::isnan(gradient_variability(dead).zero_fraction));
}

TEST_CASE("the mean over layers skips missing values") {
    const double nan = std::nan("");
    const std::array<gradient_variability_result, 3> layers{
        gradient_variability_result{.cv_samples = 1, .cv_units = 2, .units = 4, .dead_units = 1, .images = 9},
        gradient_variability_result{
            .cv_samples = 2, .cv_units = nan, .units = 5, .dead_units = 0, .images = 7},
        gradient_variability_result{
            .cv_samples = 6, .cv_units = 4, .units = 6, .dead_units = 2, .images = 8}};
    const auto mean = mean_over_layers(layers);
    CHECK(mean.cv_samples == 3);
    CHECK(mean.cv_units == 3);
    CHECK(mean.units == 15);
    CHECK(mean.dead_units == 3);
    CHECK(mean.images == 7);
    CHECK(std::isnan(mean_over_layers({}).cv_samples));
}

} // namespace variability_test
