#include "repscope/moments/value_histogram.hpp"

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace value_histogram_test {

using repscope::as_view;
using repscope::value_histogram;

namespace {

std::vector<std::byte> saved(const value_histogram& state) {
    repscope::byte_writer out;
    state.save(out);
    return out.take();
}

value_histogram loaded(const std::vector<std::byte>& bytes) {
    repscope::byte_reader in(bytes, "state");
    return value_histogram::load(in);
}

// Values of many sizes and both signs, zeros among them.
std::vector<double> wide(std::size_t count, bool has_negative) {
    repscope::random_stream random(3, 1);
    std::vector<double> x(count);
    for (double& v : x) {
        v = std::exp(8 * random.normal());
        if (random.u32() % 4 == 0) v = 0;
        if (has_negative && random.u32() % 3 == 0) v = -v;
    }
    return x;
}

} // namespace

TEST_CASE("every value is within half the width of its bin, or small compared with the largest") {
    for (const bool has_negative : {false, true}) {
        constexpr std::size_t n = 500, units = 70;
        const auto x = wide(n * units, has_negative);
        value_histogram state(units);
        state.update(as_view(x, {n, units}));
        CHECK(state.samples() == n);
        for (std::size_t u = 0; u < units; ++u) {
            std::vector<double> column;
            for (std::size_t i = 0; i < n; ++i) column.push_back(x[i * units + u]);
            std::sort(column.begin(), column.end());
            const double largest = std::max(column.back(), -column.front());
            const auto d = state.distribution(u);
            REQUIRE(std::is_sorted(d.value.begin(), d.value.end()));
            std::size_t next = 0;
            for (std::size_t b = 0; b < d.value.size(); ++b) {
                REQUIRE(d.width[b] <= std::abs(d.value[b]) / 32);
                for (std::size_t k = 0; k < static_cast<std::size_t>(d.count[b]); ++k, ++next) {
                    const double off = std::abs(column[next] - d.value[b]);
                    const bool close =
                        d.value[b] == 0 ? off <= largest * 0x1p-15 : off <= d.width[b] / 2 * (1 + 1e-12);
                    REQUIRE(close);
                }
            }
            REQUIRE(next == n);
        }
    }
}

TEST_CASE("order, portions, threads and merges do not change a bit of a histogram") {
    constexpr std::size_t n = 300, units = 40;
    for (const bool has_negative : {false, true}) {
        auto x = wide(n * units, false);
        if (has_negative) x[n * units - 5] = -3; // in the last sample only
        value_histogram whole(units);
        whole.update(as_view(x, {n, units}), {.threads = 3});
        std::vector<double> reversed;
        for (std::size_t i = n; i-- > 0;)
            reversed.insert(reversed.end(), x.begin() + static_cast<std::ptrdiff_t>(i * units),
                            x.begin() + static_cast<std::ptrdiff_t>((i + 1) * units));
        value_histogram other(units);
        for (std::size_t first = 0; first < n; first += 50)
            other.update(as_view(reversed.data() + first * units, {std::size_t{50}, units}));
        CHECK(saved(other) == saved(whole));
        value_histogram front(units), back(units);
        front.update(as_view(x.data(), {std::size_t{120}, units}));
        back.update(as_view(x.data() + 120 * units, {std::size_t{180}, units}));
        value_histogram swapped = back;
        swapped.merge(front);
        front.merge(back);
        CHECK(saved(front) == saved(whole));
        CHECK(saved(swapped) == saved(whole));
        CHECK(saved(loaded(saved(whole))) == saved(whole));
    }
}

TEST_CASE("maps, rectified values and other types are counted as their spatial means") {
    const std::vector<float> maps{1, 3, -1, 3, 4, -4, 5, 5}; // two samples, two channels, two positions
    value_histogram plain(2), rectified(2, {.rectify = true});
    plain.update(as_view(maps, {2, 2, 1, 2}));
    rectified.update(as_view(maps, {2, 2, 1, 2}));
    const auto means = [](const value_histogram& state, std::size_t u) {
        std::vector<double> values;
        for (const double v : state.distribution(u).value) values.push_back(std::round(v * 8) / 8);
        return values;
    };
    CHECK(means(plain, 0) == std::vector<double>{0, 2});
    CHECK(means(plain, 1) == std::vector<double>{1, 5.125}); // the middle of 5 .. 5.125, rounded up
    CHECK(means(rectified, 0) == std::vector<double>{2});
    CHECK(means(rectified, 1) == std::vector<double>{1.5, 5.125});
    CHECK_THROWS_AS(plain.merge(rectified), repscope::value_error);
    CHECK_THROWS_AS(plain.merge(value_histogram(3)), repscope::shape_error);
    CHECK_THROWS_AS(value_histogram(0), repscope::value_error);
}

TEST_CASE("values that are not finite, and the largest finite ones") {
    const double most = std::numeric_limits<double>::max();
    const std::vector<double> x{most, -most, 0, std::numeric_limits<double>::denorm_min()};
    value_histogram state(2);
    state.update(as_view(x, {2, 2}));
    CHECK(state.distribution(0).value.back() > most * (1 - 0x1p-5));
    CHECK(state.distribution(1).value.front() < -most * (1 - 0x1p-5));
    CHECK(state.distribution(1).value.back() == 0);
    const auto before = saved(state);
    const std::vector<double> spoiled{1, 2, 3, std::nan("")};
    CHECK_THROWS_WITH_AS(
        state.update(as_view(spoiled, {2, 2})),
        "repscope::value_histogram::update: expected finite activations, got NaN in sample 3, "
        "unit 1",
        repscope::value_error);
    CHECK_THROWS_AS(state.update(as_view(spoiled, {1, 4})), repscope::shape_error);
    CHECK(saved(state) == before);
}

TEST_CASE("a value that is not finite or below 0 is found at any place, and -0 is not below 0") {
    constexpr std::size_t units = 77; // not a multiple of any vector
    const std::vector<double> positive(units, 2.0);
    value_histogram of_positive(units);
    of_positive.update(as_view(positive, {1, units}));
    for (std::size_t place = 0; place < units; ++place) {
        CAPTURE(place);
        value_histogram state(units);
        std::vector<double> x = positive;
        x[place] = -std::numeric_limits<double>::infinity();
        CHECK_THROWS_AS(state.update(as_view(x, {1, units})), repscope::value_error);
        x[place] = -0.5;
        state.update(as_view(x, {1, units}));
        const auto of_place = state.distribution(place);
        REQUIRE(of_place.value.size() == 1);
        CHECK(std::abs(of_place.value[0] + 0.5) <= of_place.width[0] / 2);
        CHECK(saved(state).size() == saved(of_positive).size());
        CHECK(saved(state) != saved(of_positive));
    }
    value_histogram of_zero(units), of_minus_zero(units);
    const std::vector<double> zeros(units, 0.0), minus_zeros(units, -0.0);
    of_zero.update(as_view(zeros, {1, units}));
    of_minus_zero.update(as_view(minus_zeros, {1, units}));
    CHECK(saved(of_zero) == saved(of_minus_zero));
}

TEST_CASE("a damaged state is refused") {
    value_histogram state(3);
    const auto x = wide(30, true);
    state.update(as_view(x, {10, 3}));
    const auto good = saved(state);
    for (std::size_t size = 0; size < good.size(); size += 7) {
        auto cut = good;
        cut.resize(size);
        CHECK_THROWS_AS((void)loaded(cut), repscope::format_error);
    }
    auto fewer = good;
    fewer[10] = std::byte{9}; // of ten samples
    CHECK_THROWS_AS((void)loaded(fewer), repscope::format_error);
}

TEST_CASE("binned values are fitted to exact moments") {
    repscope::random_stream random(1, 1);
    for (const double offset : {0.0, 10.0, 1000.0}) {
        constexpr std::size_t n = 400;
        std::vector<double> x(n);
        double mean = 0, variance = 0;
        for (double& v : x) v = std::max(0.0, offset + random.normal());
        for (const double v : x) mean += v / n;
        for (const double v : x) variance += (v - mean) * (v - mean) / (n - 1);
        value_histogram state(1);
        state.update(as_view(x, {n, 1}));
        auto d = state.distribution(0);
        repscope::detail::fit_moments(d, mean, variance);
        double samples = 0, fitted_mean = 0, fitted_variance = 0;
        for (std::size_t i = 0; i < d.value.size(); ++i) {
            samples += d.count[i];
            fitted_mean += d.value[i] * d.count[i] / n;
        }
        for (std::size_t i = 0; i < d.value.size(); ++i)
            fitted_variance += d.count[i] * (d.value[i] - fitted_mean) * (d.value[i] - fitted_mean) / (n - 1);
        CHECK(samples == n);
        CHECK(std::abs(fitted_mean / mean - 1) < 1e-3);
        CHECK(std::abs(fitted_variance / variance - 1) < .02);
    }
}

} // namespace value_histogram_test
