#include "repscope/io/idx.hpp"

#include "npy_bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

namespace idx_test {

using namespace repscope_test;

namespace {

std::string idx(unsigned type, const std::vector<std::size_t>& shape, std::string_view data) {
    std::string bytes{'\0', '\0', static_cast<char>(type), static_cast<char>(shape.size())};
    for (const std::size_t extent : shape) bytes += element_bytes(extent, 4, true);
    return bytes.append(data);
}

repscope::io::idx_array parsed(std::string_view bytes) {
    return repscope::io::parse_idx(as_bytes(bytes), "train.idx");
}
std::string reason(std::string_view bytes) {
    return refusal([&] { (void)parsed(bytes); });
}

} // namespace

TEST_CASE("IDX arrays of rank 1 to 4") {
    const auto labels = parsed(idx(8, {5}, "\x05\x01\xff\x07\x09"));
    CHECK(labels.shape == std::vector<std::size_t>{5});
    CHECK(labels.values == std::vector<std::uint8_t>{5, 1, 255, 7, 9});
    CHECK(parsed(idx(8, {2, 3, 2}, "abcdefghijkl")).values[11] == 'l');
    CHECK(parsed(idx(8, {1, 2, 3, 2}, "abcdefghijkl")).shape == std::vector<std::size_t>{1, 2, 3, 2});
    // An extent that needs more than one byte.
    CHECK(parsed(idx(8, {66051}, std::string(66051, 'x'))).shape[0] == 0x010203);
}

TEST_CASE("IDX arrays without elements") {
    CHECK(parsed(idx(8, {0}, "")).values.empty());
    CHECK(parsed(idx(8, {0, 28, 28}, "")).shape == std::vector<std::size_t>{0, 28, 28});
    CHECK(parsed(idx(8, {28, 0}, "")).values.empty());
}

TEST_CASE("bytes that are not an IDX array") {
    CHECK(reason("") == "train.idx: not an IDX file: it does not begin with two zero bytes");
    CHECK(reason(std::string(3, '\0')) ==
          "train.idx: not an IDX file: it does not begin with two zero bytes");
    CHECK(reason("\x1f\x8b\x08\x00") == "train.idx: not an IDX file: it does not begin with two zero bytes");
    CHECK(reason(idx(13, {2}, "12345678")) ==
          "train.idx: IDX elements of type 13 are not supported, expected 8 (unsigned bytes)");
    CHECK(reason(idx(8, {}, "")) == "train.idx: expected an IDX array of rank 1 to 4, got 0");
    CHECK(reason(idx(8, {1, 1, 1, 1, 1}, "x")) == "train.idx: expected an IDX array of rank 1 to 4, got 5");
    CHECK(reason(idx(8, {2, 2}, "").substr(0, 11)) == "train.idx: cut within the IDX header");
}

TEST_CASE("the number of bytes equals the product of the extents") {
    CHECK(reason(idx(8, {2, 3}, "12345")) ==
          "train.idx: IDX shape (2, 3) does not take the 5 bytes that the file holds");
    CHECK(reason(idx(8, {2, 3}, "1234567")) ==
          "train.idx: IDX shape (2, 3) does not take the 7 bytes that the file holds");
    for (const std::string data : {"", "1", "12", "123", "123456789012"}) {
        CAPTURE(data);
        CHECK(reason(idx(8, {2, 3}, data)).starts_with("train.idx: IDX shape (2, 3) does not take"));
        CHECK(reason(idx(8, {0, 5}, data)) ==
              (data.empty() ? "nothing thrown"
                            : "train.idx: IDX shape (0, 5) does not take the " + std::to_string(data.size()) +
                                  " bytes that the file holds"));
    }
    // Products of 2^64 and 2^128 elements.
    constexpr std::size_t most = 4294967295U, half = 2147483648U;
    CHECK(
        reason(idx(8, {half, half, 4}, "")).starts_with("train.idx: IDX shape (2147483648, 2147483648, 4)"));
    CHECK(reason(idx(8, {most, most, most, most}, "1")).starts_with("train.idx: IDX shape (4294967295,"));
}

} // namespace idx_test
