#include "repscope/io/cifar.hpp"

#include "npy_bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>

namespace cifar_test {

using namespace repscope_test;

namespace {

std::uint8_t pixel(std::size_t image, std::size_t channel, std::size_t row, std::size_t column) {
    return static_cast<std::uint8_t>(image * 101 + channel * 59 + row * 17 + column * 3);
}

std::string records(std::size_t images) {
    std::string bytes;
    for (std::size_t i = 0; i < images; ++i) {
        bytes += static_cast<char>((i * 3 + 9) % 10);
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t y = 0; y < 32; ++y)
                for (std::size_t x = 0; x < 32; ++x) bytes += static_cast<char>(pixel(i, c, y, x));
    }
    return bytes;
}

std::string reason(const std::string& bytes) {
    return refusal([&] { (void)repscope::io::parse_cifar10(as_bytes(bytes), "data_batch_1.bin"); });
}

} // namespace

TEST_CASE("CIFAR-10 records as images and labels") {
    const auto read = repscope::io::parse_cifar10(as_bytes(records(4)), "data_batch_1.bin");
    CHECK(read.labels == std::vector<std::uint8_t>{9, 2, 5, 8});
    REQUIRE(read.pixels.extents() == std::array<std::size_t, 4>{4, 3, 32, 32});
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t y = 0; y < 32; ++y)
                for (std::size_t x = 0; x < 32; ++x)
                    if (read.pixels(i, c, y, x) != pixel(i, c, y, x)) ++wrong;
    CHECK(wrong == 0);
}

TEST_CASE("bytes that are not a CIFAR-10 file") {
    const std::string two = records(2);
    const auto not_whole = [](std::size_t bytes) {
        return "data_batch_1.bin: expected whole CIFAR-10 records of 3073 bytes, got " +
               std::to_string(bytes) + " bytes";
    };
    CHECK(reason("") == not_whole(0));
    CHECK(reason(two.substr(0, 3072)) == not_whole(3072));
    CHECK(reason(two + "x") == not_whole(6147));
    std::string bad = two;
    bad[3073] = 10;
    CHECK(reason(bad) == "data_batch_1.bin: expected labels 0 to 9, got 10 in record 1");
    // The records of CIFAR-100 have two labels.
    CHECK(reason(std::string(2 * 3074, '\0')) == not_whole(6148));
}

} // namespace cifar_test
