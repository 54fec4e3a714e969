#include "repscope/moments/activation_counts.hpp"

#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace activation_counts_test {

using repscope::activation_counts;
using repscope::as_view;

namespace {

constexpr std::size_t samples = 400, units = 5, positions = 4, classes = 3;

struct maps {
    std::vector<float> x;
    std::vector<int> y;

    maps() {
        repscope::random_stream random(4, 4);
        for (std::size_t k = 0; k < samples * units * positions; ++k)
            x.push_back(static_cast<float>(random.normal()));
        for (std::size_t i = 0; i < samples; ++i) y.push_back(static_cast<int>(random.below(classes)));
    }
    [[nodiscard]] repscope::tensor_view<const float, 4> view(std::size_t first, std::size_t count) const {
        return {x.data() + first * units * positions, {count, units, 2, 2}};
    }
    [[nodiscard]] std::span<const int> labels(std::size_t first, std::size_t count) const {
        return std::span(y).subspan(first, count);
    }
    /// Counted one by one.
    [[nodiscard]] std::uint64_t active(std::size_t c, std::size_t u, double threshold) const {
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < samples; ++i) {
            double sum = 0;
            for (std::size_t p = 0; p < positions; ++p)
                sum += static_cast<double>(x[(i * units + u) * positions + p]);
            count += y[i] == static_cast<int>(c) && sum / positions > threshold ? 1U : 0U;
        }
        return count;
    }
};

} // namespace

TEST_CASE("active samples are counted per class and unit, for any threads and portions") {
    const maps data;
    for (const double threshold : {0.0, 0.3}) {
        for (const int threads : {1, 3}) {
            activation_counts whole(units, classes, threshold), first(units, classes, threshold),
                second(units, classes, threshold);
            whole.update(data.view(0, samples), data.labels(0, samples), {.threads = threads});
            first.update(data.view(0, 150), data.labels(0, 150));
            second.update(data.view(150, 250), data.labels(150, 250));
            first.merge(second);
            std::uint64_t of_unit = 0;
            for (std::size_t c = 0; c < classes; ++c) {
                for (std::size_t u = 0; u < units; ++u) {
                    const std::uint64_t expected = data.active(c, u, threshold);
                    CHECK(whole.active(c, u) == expected);
                    CHECK(first.active(c, u) == expected);
                    CHECK(whole.frequency(c, u) ==
                          static_cast<double>(expected) / static_cast<double>(whole.count(c)));
                }
                of_unit += data.active(c, 2, threshold);
            }
            CHECK(whole.frequency(2) == static_cast<double>(of_unit) / samples);
        }
    }
}

TEST_CASE("a state of activation counts is saved and loaded, and bad input does not change it") {
    const maps data;
    activation_counts state(units, classes, 0.1);
    state.update(data.view(0, 100), data.labels(0, 100));
    repscope::byte_writer out;
    state.save(out);
    repscope::byte_reader in(out.bytes(), "state");
    const activation_counts loaded = activation_counts::load(in);
    CHECK(loaded.threshold() == 0.1);
    CHECK(loaded.samples() == 100);
    CHECK(loaded.active(1, 3) == state.active(1, 3));
    repscope::byte_reader cut(std::span(out.bytes()).first(out.bytes().size() - 1), "state");
    CHECK_THROWS_AS((void)activation_counts::load(cut), repscope::format_error);

    std::vector<float> bad(2 * units);
    bad.back() = std::numeric_limits<float>::quiet_NaN();
    const std::vector<int> two{0, 1}, outside{0, 3};
    CHECK_THROWS_AS(state.update(as_view(bad, {2, units}), two), repscope::value_error);
    bad.back() = 0;
    CHECK_THROWS_AS(state.update(as_view(bad, {2, units}), outside), repscope::value_error);
    CHECK_THROWS_AS(state.update(as_view(bad, {units, 2}), std::vector<int>(units)), repscope::shape_error);
    CHECK(state.samples() == 100);
    CHECK_THROWS_AS(state.merge(activation_counts(units, classes, 0.2)), repscope::value_error);
    CHECK_THROWS_AS(state.merge(activation_counts(units, 2, 0.1)), repscope::shape_error);
    CHECK_THROWS_AS(activation_counts(1, 2, std::numeric_limits<double>::infinity()), repscope::value_error);
}

} // namespace activation_counts_test
