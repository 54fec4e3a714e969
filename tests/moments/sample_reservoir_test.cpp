// A random subset of the samples, which depends on their indices alone.

#include "repscope/moments/sample_reservoir.hpp"

#include "repscope/bytes.hpp"
#include "repscope/detail/common/fold_hash.hpp"
#include "repscope/error.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace sample_reservoir_test {

namespace {

using repscope::as_view;
using repscope::reservoir_samples;
using repscope::sample_reservoir;

constexpr std::size_t units = 3;

/// Row i is (i, i + .25, -i), its label i mod 5.
struct rows {
    std::vector<float> values;
    std::vector<int> labels;

    explicit rows(std::size_t samples) {
        for (std::size_t i = 0; i < samples; ++i) {
            const auto x = static_cast<float>(i);
            values.insert(values.end(), {x, x + .25F, -x});
            labels.push_back(static_cast<int>(i % 5));
        }
    }
    void add(sample_reservoir& to, std::size_t first, std::size_t count,
             repscope::reservoir_update_options options = {}) const {
        if (!options.first_index) options.first_index = first;
        to.update(as_view(std::span(values).subspan(first * units, count * units), {count, units}),
                  std::span(labels).subspan(first, count), options);
    }
};

void check_equal(const reservoir_samples& a, const reservoir_samples& b) {
    CHECK(a.index == b.index);
    CHECK(a.labels == b.labels);
    CHECK(a.values == b.values);
}

} // namespace

TEST_CASE("a reservoir keeps all samples until it is full") {
    const rows data(7);
    sample_reservoir state(units, 10);
    data.add(state, 0, 7);
    const reservoir_samples kept = state.sorted();
    CHECK(state.samples() == 7);
    CHECK(state.size() == 7);
    CHECK(kept.index == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6});
    CHECK(kept.values == std::vector<double>(data.values.begin(), data.values.end()));
    CHECK(kept.labels == std::vector<std::int32_t>(data.labels.begin(), data.labels.end()));
}

TEST_CASE("order, calls, threads and merges do not change a reservoir") {
    const rows data(1000);
    sample_reservoir whole(units, 64);
    data.add(whole, 0, 1000);
    const reservoir_samples expected = whole.sorted();
    REQUIRE(expected.index.size() == 64);
    for (std::size_t k = 0; k < 64; ++k) {
        const auto i = static_cast<std::size_t>(expected.index[k]);
        CHECK(expected.values[k * units] == static_cast<double>(i));
        CHECK(expected.labels[k] == static_cast<int>(i % 5));
    }
    sample_reservoir backward(units, 64);
    for (std::size_t first = 1000; first > 0; first -= 100)
        data.add(backward, first - 100, 100, {.threads = 3});
    check_equal(backward.sorted(), expected);

    sample_reservoir first(units, 64), second(units, 64);
    data.add(second, 300, 700);
    data.add(first, 0, 300);
    first.merge(second);
    CHECK(first.samples() == 1000);
    check_equal(first.sorted(), expected);

    // Places, as of data that omit the odd samples.
    std::vector<std::size_t> even(500);
    std::vector<float> values;
    std::vector<int> labels;
    for (std::size_t k = 0; k < 500; ++k) {
        even[k] = 2 * k;
        values.insert(values.end(), &data.values[2 * k * units], &data.values[2 * k * units] + units);
        labels.push_back(data.labels[2 * k]);
    }
    sample_reservoir part(units, 1000);
    part.update(as_view(values, {500, units}), labels, {.places = even});
    CHECK(part.sorted().index[7] == 14);
}

TEST_CASE("samples are kept with equal probability, and apart from the folds") {
    // Of 4000 blocks of 50 indices, how often each place of a block is among the 10 that are kept.
    std::array<double, 50> counts{};
    std::array<double, 5> folds{};
    const rows data(50);
    for (std::uint64_t block = 0; block < 4000; ++block) {
        sample_reservoir state(units, 10);
        data.add(state, 0, 50, {.first_index = 50 * block});
        for (const std::uint64_t index : state.sorted().index) {
            counts[index - 50 * block] += 1;
            folds[repscope::sample_block(index, 5)] += 1;
        }
    }
    // 800 on average, with a standard deviation of 25; 8000 with one of at most 80.
    for (const double count : counts) CHECK(std::abs(count - 800) < 125);
    for (const double count : folds) CHECK(std::abs(count - 8000) < 400);
}

TEST_CASE("a reservoir is saved and loaded") {
    const rows data(200);
    sample_reservoir state(units, 20);
    data.add(state, 0, 100);
    repscope::byte_writer out;
    state.save(out);
    const std::vector<std::byte> bytes = out.take();
    repscope::byte_reader in(bytes);
    sample_reservoir loaded = sample_reservoir::load(in);
    CHECK(in.left() == 0);
    check_equal(loaded.sorted(), state.sorted());
    CHECK(loaded.samples() == 100);
    data.add(loaded, 100, 100);
    data.add(state, 100, 100);
    check_equal(loaded.sorted(), state.sorted());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        repscope::byte_reader cut(std::span<const std::byte>(bytes.data(), size));
        CHECK_THROWS_AS((void)sample_reservoir::load(cut), repscope::format_error);
    }
    std::vector<std::byte> changed = bytes;
    changed[7] = std::byte{0x7f}; // units
    repscope::byte_reader damaged(changed);
    CHECK_THROWS_AS((void)sample_reservoir::load(damaged), repscope::format_error);
}

TEST_CASE("what a reservoir refuses leaves it unchanged") {
    const rows data(30);
    sample_reservoir state(units, 20);
    data.add(state, 0, 30);
    const reservoir_samples before = state.sorted();
    std::vector<float> bad(2 * units);
    const std::vector<int> labels{0, 1}, negative{0, -1};
    CHECK_THROWS_AS(state.update(as_view(bad, {2, units}), negative), repscope::value_error);
    bad[4] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(state.update(as_view(bad, {2, units}), labels, {.first_index = 100}),
                    repscope::value_error);
    CHECK_THROWS_AS(state.update(as_view(bad, {3, 2})), repscope::shape_error);
    CHECK_THROWS_AS(state.merge(sample_reservoir(4, 20)), repscope::shape_error);
    CHECK_THROWS_AS(state.merge(sample_reservoir(units, 21)), repscope::value_error);
    sample_reservoir same(units, 20);
    data.add(same, 0, 30);
    CHECK_THROWS_AS(state.merge(same), repscope::value_error); // the same samples
    CHECK_THROWS_AS(sample_reservoir(0, 3), repscope::value_error);
    CHECK_THROWS_AS(sample_reservoir(3, 0), repscope::value_error);
    check_equal(state.sorted(), before);
    CHECK(state.samples() == 30);
}

} // namespace sample_reservoir_test
