#include "repscope/moments/blocked_class_sums.hpp"

#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/slice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace blocked_class_sums_test {

namespace {

using repscope::as_view;
using repscope::blocked_class_sums;

constexpr std::size_t samples = 200, units = 70, classes = 3;

std::vector<float> activations() {
    repscope::random_stream random(1, 51);
    std::vector<float> x(samples * units);
    for (float& v : x) v = static_cast<float>(random.normal());
    return x;
}

std::vector<int> labels() {
    std::vector<int> y(samples);
    for (std::size_t i = 0; i < samples; ++i) y[i] = static_cast<int>(i * i % 7 % classes);
    return y;
}

bool same(const blocked_class_sums& a, const blocked_class_sums& b, double tolerance = 0) {
    for (std::size_t block = 0; block < a.blocks(); ++block) {
        for (std::size_t c = 0; c < classes; ++c) {
            if (a.count(block, c) != b.count(block, c)) return false;
            for (std::size_t u = 0; u < units; ++u) {
                if (std::abs(a.sums(block, c)[u] - b.sums(block, c)[u]) > tolerance) return false;
            }
        }
    }
    return true;
}

} // namespace

TEST_CASE("sums of the blocks written out, for any threads and calls") {
    const auto x = activations();
    const auto y = labels();
    blocked_class_sums state(units, classes, {.blocks = 10});
    state.update(as_view(x, {samples, units}), y);
    for (std::size_t block = 0; block < 10; ++block) {
        for (std::size_t c = 0; c < classes; ++c) {
            std::uint64_t count = 0;
            std::vector<double> sums(units);
            for (std::size_t i = 0; i < samples; ++i) {
                if (repscope::sample_block(i, 10) != block || static_cast<std::size_t>(y[i]) != c) continue;
                ++count;
                for (std::size_t u = 0; u < units; ++u) sums[u] += static_cast<double>(x[i * units + u]);
            }
            REQUIRE(state.count(block, c) == count);
            REQUIRE(std::equal(sums.begin(), sums.end(), state.sums(block, c).begin()));
        }
    }
    CHECK(state.samples() == samples);
    blocked_class_sums pieces(units, classes, {.blocks = 10});
    const auto view = as_view(x, {samples, units});
    for (std::size_t first = 0; first < samples; first += 67) {
        const std::size_t count = std::min<std::size_t>(67, samples - first);
        pieces.update(repscope::samples(view, first, count),
                      std::vector<int>(y.data() + first, y.data() + first + count), {.threads = 3});
    }
    CHECK(same(state, pieces));
}

TEST_CASE("shards with a first index merge into the whole, and a state is read back from its bytes") {
    const auto x = activations();
    const auto y = labels();
    const auto view = as_view(x, {samples, units});
    blocked_class_sums whole(units, classes), first(units, classes), second(units, classes);
    whole.update(view, y);
    second.update(repscope::samples(view, 120, 80), std::vector<int>(y.begin() + 120, y.end()),
                  {.first_index = 120});
    first.update(repscope::samples(view, 0, 120), std::vector<int>(y.begin(), y.begin() + 120));
    second.merge(first);
    CHECK(same(whole, second, 1e-12));
    // Samples that are left out do not move the others to other blocks.
    blocked_class_sums even(units, classes), odd(units, classes);
    for (auto* state : {&even, &odd}) {
        std::vector<std::size_t> places;
        std::vector<float> rows;
        std::vector<int> own;
        for (std::size_t i = state == &odd ? 1 : 0; i < samples; i += 2) {
            places.push_back(i);
            own.push_back(y[i]);
            for (std::size_t u = 0; u < units; ++u) rows.push_back(x[i * units + u]);
        }
        state->update(as_view(rows, {places.size(), units}), own, {.places = places});
    }
    even.merge(odd);
    CHECK(same(whole, even, 1e-12));

    repscope::byte_writer out;
    whole.save(out);
    repscope::byte_reader in(out.bytes());
    CHECK(same(blocked_class_sums::load(in), whole));
    for (const std::size_t size : {std::size_t{3}, std::size_t{40}, out.bytes().size() - 1}) {
        repscope::byte_reader cut(std::span(out.bytes()).first(size));
        CHECK_THROWS_AS((void)blocked_class_sums::load(cut), repscope::format_error);
    }
}

TEST_CASE("an error names bad input, and the state is unchanged") {
    auto x = activations();
    const auto y = labels();
    blocked_class_sums state(units, classes);
    state.update(as_view(x, {samples, units}), y);
    const blocked_class_sums before = state;
    x[3 * units + 5] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH_AS(state.update(as_view(x, {samples, units}), y),
                         "repscope::blocked_class_sums::update: expected finite activations, got infinity in "
                         "sample 203, unit 5",
                         repscope::value_error);
    // More than one chunk of values: what the first ones added is taken back.
    std::vector<float> large(70000 * units, 1.0F);
    large[69999 * units] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(state.update(as_view(large, {70000, units}), std::vector<int>(70000)),
                    repscope::value_error);
    CHECK_THROWS_AS(state.update(as_view(x, {samples, units}), std::vector<int>(samples, 3)),
                    repscope::value_error);
    CHECK_THROWS_AS(state.update(as_view(x, {units, samples}), y), repscope::shape_error);
    CHECK(same(state, before));
    CHECK_THROWS_AS(state.merge(blocked_class_sums(units, classes, {.blocks = 10})), repscope::shape_error);
    CHECK_THROWS_AS(state.merge(blocked_class_sums(units, classes, {.rectify = true})),
                    repscope::value_error);
    CHECK_THROWS_AS(blocked_class_sums(units, classes, {.blocks = 1}), repscope::value_error);
    CHECK_THROWS_WITH_AS(
        blocked_class_sums(1000, 100, {.max_bytes = 1U << 20U}),
        "repscope::blocked_class_sums: 20 blocks of 100 classes and 1000 units need 16 MiB, allowed "
        "are 1 MiB",
        repscope::value_error);
}

} // namespace blocked_class_sums_test
