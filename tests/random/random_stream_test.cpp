#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace random_stream_test {

using repscope::random_stream;

TEST_CASE("a stream is the words of consecutive Philox blocks") {
    random_stream random(0x299f31d0a4093822, 17, 4);
    for (std::uint32_t block = 0; block < 3; ++block) {
        for (const std::uint32_t word : repscope::philox4x32({block, 0, 4, 17}, {0xa4093822, 0x299f31d0})) {
            CHECK(random.u32() == word);
        }
    }
    random_stream first_words(5, 6);
    const std::uint64_t low = first_words.u32();
    const std::uint64_t high = first_words.u32();
    CHECK(random_stream(5, 6).u64() == (low | (high << 32U)));
}

TEST_CASE("seed, stream and sample each change the sequence") {
    const std::uint64_t base = random_stream(1, 2, 3).u64();
    CHECK(random_stream(1, 2, 3).u64() == base);
    CHECK(random_stream(1 + (1ULL << 32U), 2, 3).u64() != base);
    CHECK(random_stream(2, 2, 3).u64() != base);
    CHECK(random_stream(1, 3, 3).u64() != base);
    CHECK(random_stream(1, 2, 4).u64() != base);
}

TEST_CASE("a uniform is never 0 and never 1") {
    static_assert(repscope::unit_interval(0) > 0.0);
    static_assert(repscope::unit_interval((std::numeric_limits<std::uint64_t>::max)()) < 1.0);
    CHECK(repscope::unit_interval(0) == 0x1p-53);
    CHECK(repscope::unit_interval((std::numeric_limits<std::uint64_t>::max)()) == 1.0 - 0x1p-53);
    CHECK(repscope::unit_interval(1ULL << 63U) == 0.5 + 0x1p-53);
    // Symmetric about 1/2, so that the normals made from it are symmetric about 0.
    random_stream random(3, 1);
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t bits = random.u64();
        CHECK(repscope::unit_interval(bits) + repscope::unit_interval(~bits) == 1.0);
    }
}

TEST_CASE("uniforms fill the unit interval evenly") {
    random_stream random(11, repscope::streams::id(repscope::streams::purpose::probe));
    constexpr int draws = 100000;
    std::array<int, 100> cells{};
    for (int i = 0; i < draws; ++i) ++cells[static_cast<std::size_t>(random.uniform() * 100.0)];
    double chi_square = 0.0;
    for (const int count : cells) chi_square += std::pow(count - draws / 100.0, 2) / (draws / 100.0);
    CHECK(chi_square < 99.0 + 4.0 * std::sqrt(2.0 * 99.0));
}

TEST_CASE("bounded integers are unbiased where plain scaling is not") {
    // floor(x 3/4) of a 32-bit x hits the multiples of 3 twice as often as the others.
    random_stream random(7, 1);
    constexpr std::uint32_t bound = 3U << 30U;
    std::array<int, 3> residues{};
    constexpr int draws = 30000;
    for (int i = 0; i < draws; ++i) {
        const std::uint32_t value = random.below(bound);
        REQUIRE(value < bound);
        ++residues[value % 3];
    }
    for (const int count : residues) CHECK(std::abs(count - draws / 3) < 4 * 82); // sd 81.6
}

TEST_CASE("bounded integers reach every value below the bound and none above") {
    random_stream random(8, 1);
    std::array<int, 7> counts{};
    for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
    for (const int count : counts) CHECK(std::abs(count - 10000) < 4 * 93);
    CHECK(random.below(1) == 0);
    CHECK_THROWS_WITH_AS((void)random.below(0),
                         "repscope::random_stream::below: expected a bound above 0, got 0",
                         repscope::value_error);
}

TEST_CASE("every permutation is equally likely") {
    random_stream random(9, repscope::streams::id(repscope::streams::purpose::permutation));
    std::array<int, 256> seen{};
    std::array<std::uint32_t, 4> order{};
    constexpr int draws = 24000;
    for (int i = 0; i < draws; ++i) {
        repscope::permutation(order, random);
        ++seen[order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3]];
    }
    std::array<std::uint32_t, 4> sorted{0, 1, 2, 3};
    int permutations = 0;
    do {
        const int count = seen[sorted[0] * 64 + sorted[1] * 16 + sorted[2] * 4 + sorted[3]];
        CHECK(std::abs(count - 1000) < 5 * 31);
        permutations += count;
    } while (std::next_permutation(sorted.begin(), sorted.end()));
    CHECK(permutations == draws);
}

TEST_CASE("shuffle keeps the values, and does not change zero or one value") {
    random_stream random(10, 1);
    std::vector<double> values(1000);
    std::iota(values.begin(), values.end(), 0.0);
    repscope::shuffle(std::span(values), random);
    CHECK(!std::is_sorted(values.begin(), values.end()));
    std::sort(values.begin(), values.end());
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == static_cast<double>(i));
    std::vector<std::uint32_t> none;
    repscope::permutation(none, random);
    std::vector<std::uint32_t> one(1, 5);
    repscope::permutation(one, random);
    CHECK(one[0] == 0);
}

TEST_CASE("normals have the moments and tails of the standard normal") {
    random_stream random(12, 1);
    constexpr int draws = 200000;
    double m1 = 0.0, m2 = 0.0, m3 = 0.0, m4 = 0.0;
    int beyond_2 = 0;
    for (int i = 0; i < draws; ++i) {
        const double z = random.normal();
        m1 += z;
        m2 += z * z;
        m3 += z * z * z;
        m4 += z * z * z * z;
        if (std::abs(z) > 1.959963984540054) ++beyond_2;
    }
    const double n = draws;
    CHECK(std::abs(m1 / n) < 4.0 * std::sqrt(1.0 / n));
    CHECK(std::abs(m2 / n - 1.0) < 4.0 * std::sqrt(2.0 / n));
    CHECK(std::abs(m3 / n) < 4.0 * std::sqrt(15.0 / n));
    CHECK(std::abs(m4 / n - 3.0) < 4.0 * std::sqrt(96.0 / n));
    CHECK(std::abs(beyond_2 / n - 0.05) < 4.0 * std::sqrt(0.05 * 0.95 / n));
}

TEST_CASE("draws are pinned to the bit") {
    random_stream random(42, repscope::streams::id(repscope::streams::purpose::init, 1, 2), 3);
    // From a second implementation, in exact integers.
    CHECK(std::bit_cast<std::uint64_t>(random.uniform()) == 4598500829658637294U);
    CHECK(std::bit_cast<std::uint64_t>(random.normal()) == 4597957446681007793U);
    CHECK(std::bit_cast<std::uint64_t>(random.normal()) == 13830827014931022290U);
    CHECK(random.below(1000003) == 373650);
}

} // namespace random_stream_test
