#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/class_sums.hpp"

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace class_moments_test {

namespace {

using repscope::as_view;
using repscope::class_moments;
using repscope::class_sums;

constexpr std::size_t n = 700;
constexpr std::size_t units = 13;
constexpr std::size_t positions = 6;
constexpr std::size_t classes = 5;

struct data {
    std::vector<float> x;
    std::vector<std::int64_t> y;
    explicit data(double offset = 0) {
        repscope::random_stream random(3, 1);
        for (std::size_t k = 0; k < n * units * positions; ++k) {
            x.push_back(static_cast<float>(offset + random.normal()));
        }
        for (std::size_t i = 0; i < n; ++i) y.push_back(static_cast<std::int64_t>(random.below(classes - 1)));
    }
    [[nodiscard]] auto view(std::size_t first = 0, std::size_t count = n) const {
        return repscope::tensor_view<const float, 4>(x.data() + first * units * positions,
                                                     {count, units, 2, 3});
    }
    [[nodiscard]] std::span<const std::int64_t> labels(std::size_t first = 0, std::size_t count = n) const {
        return std::span(y).subspan(first, count);
    }
    [[nodiscard]] long double value(std::size_t i, std::size_t u, bool rectify) const {
        long double sum = 0;
        for (std::size_t p = 0; p < positions; ++p) {
            const float a = x[(i * units + u) * positions + p];
            sum += static_cast<long double>(rectify && a < 0 ? 0 : a);
        }
        return sum / positions;
    }
};

template <typename State>
std::vector<double> numbers_of(const State& state) {
    std::vector<double> all;
    for (std::size_t c = 0; c < classes; ++c) {
        for (std::size_t u = 0; u < units; ++u) {
            all.push_back(state.sum(c, u));
            if constexpr (std::is_same_v<State, class_moments>) all.push_back(state.m2(c, u));
        }
    }
    return all;
}

} // namespace

TEST_CASE("sums and squares against plain loops in long double") {
    for (const double offset : {0.0, 1000.0}) {
        for (const bool rectify : {false, true}) {
            const data d(offset);
            class_sums sums(units, classes, {.rectify = rectify});
            sums.update(d.view(), d.labels());
            class_moments moments(units, classes, {.rectify = rectify});
            moments.update(d.view(), d.labels());
            CHECK(sums.samples() == n);
            CHECK(sums.count(classes - 1) == 0); // a class without samples
            for (std::size_t u = 0; u < units; ++u) {
                long double total = 0;
                for (std::size_t i = 0; i < n; ++i) total += d.value(i, u, rectify);
                long double spread = 0;
                for (std::size_t i = 0; i < n; ++i) spread += std::pow(d.value(i, u, rectify) - total / n, 2);
                CHECK(moments.unit_mean(u) == doctest::Approx(static_cast<double>(total / n)).epsilon(1e-12));
                CHECK(moments.unit_variance(u) ==
                      doctest::Approx(static_cast<double>(spread / (n - 1))).epsilon(1e-11));
                for (std::size_t c = 0; c + 1 < classes; ++c) {
                    long double sum = 0;
                    long double count = 0;
                    for (std::size_t i = 0; i < n; ++i) {
                        if (d.y[i] != static_cast<std::int64_t>(c)) continue;
                        sum += d.value(i, u, rectify);
                        count += 1;
                    }
                    long double squares = 0;
                    for (std::size_t i = 0; i < n; ++i) {
                        if (d.y[i] == static_cast<std::int64_t>(c)) {
                            squares += std::pow(d.value(i, u, rectify) - sum / count, 2);
                        }
                    }
                    const auto mean = static_cast<double>(sum / count);
                    CHECK(std::abs(sums.mean(c, u) - mean) <= 1e-12 * std::max(1.0, std::abs(mean)));
                    CHECK(std::abs(moments.mean(c, u) - mean) <= 1e-12 * std::max(1.0, std::abs(mean)));
                    CHECK(moments.m2(c, u) == doctest::Approx(static_cast<double>(squares)).epsilon(1e-11));
                }
            }
        }
    }
}

TEST_CASE_TEMPLATE("the same bits for any number of threads, 1e-12 for any split and order", State,
                   class_sums, class_moments) {
    const data d(10);
    State one(units, classes);
    one.update(d.view(), d.labels());
    const auto expected = numbers_of(one);
    for (const int threads : {2, 3, 8}) {
        State many(units, classes);
        many.update(d.view(), d.labels(), {.threads = threads});
        CHECK(numbers_of(many) == expected);
    }
    State a(units, classes);
    State b(units, classes);
    State c(units, classes);
    a.update(d.view(0, 17), d.labels(0, 17));
    b.update(d.view(17, 500), d.labels(17, 500));
    c.update(d.view(517, n - 517), d.labels(517, n - 517));
    c.merge(a);
    c.merge(b);
    const auto merged = numbers_of(c);
    for (std::size_t k = 0; k < merged.size(); ++k) {
        CHECK(std::abs(merged[k] - expected[k]) <= 1e-12 * std::max(1.0, std::abs(expected[k])));
    }
}

TEST_CASE("samples of one position, few and many classes, against plain loops in long double") {
    constexpr std::size_t samples = 3001;
    repscope::random_stream random(5, 2);
    for (const std::uint32_t many : {3U, 200U}) { // 200: fewer lanes than threads
        std::vector<float> x;
        std::vector<int> y;
        for (std::size_t k = 0; k < samples * units; ++k) x.push_back(static_cast<float>(random.normal()));
        for (std::size_t i = 0; i < samples; ++i) y.push_back(static_cast<int>(random.below(many)));
        const repscope::tensor_view<const float, 2> view(x.data(), {samples, units});
        for (const bool rectify : {false, true}) {
            class_sums sums(units, many, {.rectify = rectify});
            class_moments moments(units, many, {.rectify = rectify});
            sums.update(view, y, {.threads = 3});
            moments.update(view, y, {.threads = 3});
            class_moments alone(units, many, {.rectify = rectify});
            alone.update(view, y);
            for (std::size_t c = 0; c < many; ++c) {
                for (std::size_t u = 0; u < units; ++u) {
                    long double sum = 0, squares = 0;
                    for (std::size_t i = 0; i < samples; ++i) {
                        const float a = x[i * units + u];
                        const auto value = static_cast<long double>(rectify && a < 0 ? 0 : a);
                        if (y[i] == static_cast<int>(c)) sum += value;
                        if (y[i] == static_cast<int>(c)) squares += value * value;
                    }
                    const auto expected = static_cast<double>(sum);
                    const auto m2 =
                        static_cast<double>(squares - sum * sum / static_cast<long double>(sums.count(c)));
                    CHECK(std::abs(sums.sum(c, u) - expected) <= 1e-11);
                    CHECK(std::abs(moments.sum(c, u) - expected) <= 1e-11);
                    CHECK(std::abs(moments.m2(c, u) - m2) <= 1e-11 * (1 + m2));
                    CHECK(moments.m2(c, u) == alone.m2(c, u));
                }
            }
        }
    }
}

TEST_CASE("a source that fails in the middle ends the update, on any number of threads") {
    constexpr std::size_t samples = 5000; // several blocks
    const std::vector<float> x(samples * units, 1.0F);
    std::vector<int> y;
    for (std::size_t i = 0; i < samples; ++i) y.push_back(static_cast<int>(i % classes));
    const auto fetch = [&](std::size_t first, std::size_t count, std::size_t) {
        return repscope::tile<float>{x.data() + first * units, count, units, 1};
    };
    for (const int threads : {1, 2, 5}) {
        class_sums state(units, classes);
        state.update_blocks(samples, 1, y, threads, fetch);
        const auto before = numbers_of(state);
        std::atomic<int> calls = 0;
        const auto failing = [&](std::size_t first, std::size_t count, std::size_t worker) {
            if (first > 1500) throw repscope::format_error("cut");
            ++calls;
            return fetch(first, count, worker);
        };
        CHECK_THROWS_AS(state.update_blocks(samples, 1, y, threads, failing), repscope::format_error);
        CHECK(calls > 0);
        CHECK(numbers_of(state) == before);
        CHECK(state.samples() == samples);
    }
}

TEST_CASE_TEMPLATE("saved and loaded", State, class_sums, class_moments) {
    const data d(2);
    State state(units, classes, {.rectify = true});
    state.update(d.view(), d.labels());
    repscope::byte_writer out;
    state.save(out);
    repscope::byte_reader in(out.bytes());
    const State loaded = State::load(in);
    CHECK(in.left() == 0);
    CHECK(numbers_of(loaded) == numbers_of(state));
    CHECK(loaded.counts() == state.counts());
    CHECK(loaded.options() == state.options());
    for (const std::size_t cut : {std::size_t{3}, std::size_t{17}, out.bytes().size() - 1}) {
        repscope::byte_reader damaged(std::span(out.bytes()).first(cut));
        CHECK_THROWS_AS((void)State::load(damaged), repscope::format_error);
    }
}

TEST_CASE_TEMPLATE("an error names bad input, and the state is unchanged", State, class_sums, class_moments) {
    data d;
    State state(units, classes);
    state.update(d.view(0, 100), d.labels(0, 100));
    const auto before = numbers_of(state);
    d.y[3] = 5;
    CHECK_THROWS_AS(state.update(d.view(), d.labels()), repscope::value_error);
    d.y[3] = -1;
    CHECK_THROWS_AS(state.update(d.view(), d.labels()), repscope::value_error);
    d.y[3] = 0;
    CHECK_THROWS_AS(state.update(d.view(), d.labels(0, 5)), repscope::shape_error);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        data spoilt;
        spoilt.x[(650 * units + 7) * positions + 2] = bad;
        for (const int threads : {1, 3}) {
            try {
                state.update(spoilt.view(), spoilt.labels(), {.threads = threads});
                FAIL("not refused");
            } catch (const repscope::value_error& e) {
                const std::string what = e.what();
                CAPTURE(what);
                CHECK(what.find("sample 750, unit 7, position 2") !=
                      std::string::npos); // 100 were there before
            }
            CHECK(numbers_of(state) == before);
            CHECK(state.samples() == 100);
        }
    }
    State rectified(units, classes, {.rectify = true});
    CHECK_THROWS_AS(state.merge(rectified), repscope::value_error);
    State wider(units + 1, classes);
    CHECK_THROWS_AS(state.merge(wider), repscope::shape_error);
    CHECK_THROWS_AS(State(0, 3), repscope::value_error);
}

} // namespace class_moments_test
