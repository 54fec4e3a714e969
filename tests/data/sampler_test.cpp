#include "repscope/data/sampler.hpp"

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sampler_test {

using namespace repscope;

TEST_CASE("shuffled_sampler: permutations of the samples one after the other, for any count at a time") {
    const std::vector<std::uint32_t> samples{3, 5, 8, 13, 21};
    std::vector<std::uint32_t> expected;
    for (std::uint32_t round = 0; round < 6; ++round) {
        random_stream random(9, streams::id(streams::purpose::shuffle, 0, 2), round);
        std::vector<std::uint32_t> order(5);
        permutation(order, random);
        for (const std::uint32_t place : order) expected.push_back(samples[place]);
    }
    for (const std::size_t count : {1U, 3U, 5U, 10U, 30U}) {
        data::shuffled_sampler sampler(samples, 9, 2);
        std::vector<std::uint32_t> drawn;
        while (drawn.size() < 30) {
            const auto next = sampler.next(count);
            CHECK(next.size() == count);
            drawn.insert(drawn.end(), next.begin(), next.end());
        }
        CHECK(drawn == expected);
        for (std::size_t round = 0; round < 6; ++round) {
            std::vector<std::uint32_t> sorted(drawn.begin() + static_cast<std::ptrdiff_t>(5 * round),
                                              drawn.begin() + static_cast<std::ptrdiff_t>(5 * round + 5));
            std::sort(sorted.begin(), sorted.end());
            CHECK(sorted == samples);
        }
    }
}

TEST_CASE("shuffled_sampler: seeds and streams differ, bad input is refused") {
    std::vector<std::uint32_t> samples(100);
    for (std::uint32_t i = 0; i < 100; ++i) samples[i] = i;
    const auto drawn = [&](std::uint64_t seed, std::uint32_t stream) {
        return data::shuffled_sampler(samples, seed, stream).next(100);
    };
    CHECK(drawn(1, 0) != drawn(2, 0));
    CHECK(drawn(1, 0) != drawn(1, 1));
    CHECK(data::shuffled_sampler(samples, 1).next(0).empty());
    CHECK_THROWS_AS(data::shuffled_sampler({}, 1), value_error);
    CHECK_THROWS_AS(data::shuffled_sampler(samples, 1, 4096), value_error);
}

} // namespace sampler_test
