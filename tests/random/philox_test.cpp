#include "repscope/random/philox.hpp"
#include "repscope/random/streams.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>

namespace philox_test {

using repscope::philox4x32;
namespace streams = repscope::streams;
using words = std::array<std::uint32_t, 4>;

TEST_CASE("Philox4x32-10 gives the published known answers") {
    // Random123's known-answer file: all zero, all one, digits of pi.
    static_assert(philox4x32({0, 0, 0, 0}, {0, 0}) == words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    constexpr std::uint32_t ones = 0xffffffff;
    CHECK(philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
          words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a seed is the key, low half first") {
    CHECK(repscope::key_of(0x299f31d0a4093822) == repscope::philox_key{0xa4093822, 0x299f31d0});
}

TEST_CASE("stream ids are purpose, a, b in 8, 12 and 12 bits") {
    using streams::purpose;
    static_assert(streams::id(purpose::init) == 0);
    CHECK(streams::id(purpose::shuffle, 0, 0) == 0x01000000);
    CHECK(streams::id(purpose::corruption, 0xabc, 5) == 0x03abc005);
    CHECK(streams::id(purpose::permutation, 4095, 4095) == 0x08ffffff);
    CHECK_THROWS_AS((void)streams::id(purpose::init, 4096), repscope::value_error);
    CHECK_THROWS_WITH_AS((void)streams::id(purpose::init, 1, 5000),
                         "repscope::streams::id: expected indices below 4096, got 1 and 5000",
                         repscope::value_error);
}

TEST_CASE("purposes keep their numbers") {
    using streams::purpose;
    CHECK(static_cast<int>(purpose::init) == 0);
    CHECK(static_cast<int>(purpose::shuffle) == 1);
    CHECK(static_cast<int>(purpose::augment) == 2);
    CHECK(static_cast<int>(purpose::corruption) == 3);
    CHECK(static_cast<int>(purpose::attack_start) == 4);
    CHECK(static_cast<int>(purpose::attack_l1_k) == 5);
    CHECK(static_cast<int>(purpose::probe) == 6);
    CHECK(static_cast<int>(purpose::sketch) == 7);
    CHECK(static_cast<int>(purpose::permutation) == 8);
    CHECK(static_cast<int>(purpose::fold) == 9);
}

} // namespace philox_test
