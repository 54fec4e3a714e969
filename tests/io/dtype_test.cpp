#include "repscope/io/dtype.hpp"

#include "npy_bytes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

namespace dtype_test {

using repscope::io::dtype;
using repscope::io::element_format;

namespace {

template <typename Target>
std::vector<Target> decoded(const std::string& bytes, const element_format& format) {
    // From an odd address, as data behind a header of any length may begin.
    std::string shifted = "x" + bytes;
    std::vector<Target> values(bytes.size() / repscope::io::size_of(format.type));
    repscope::io::decode(reinterpret_cast<const std::byte*>(shifted.data() + 1), values.size(), format,
                         values.data());
    return values;
}

/// The value of sign, exponent and fraction by the definition of the binary formats.
double value_of(std::uint32_t bits, int exponent_bits, int fraction_bits) {
    const std::uint32_t fraction = bits & ((1U << fraction_bits) - 1);
    const auto exponent = static_cast<int>((bits >> fraction_bits) & ((1U << exponent_bits) - 1));
    const double sign = (bits >> (exponent_bits + fraction_bits)) != 0 ? -1 : 1;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    if (exponent == (1 << exponent_bits) - 1) {
        return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                             : sign * std::numeric_limits<double>::infinity();
    }
    if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
    return sign * std::ldexp(fraction + std::ldexp(1.0, fraction_bits), exponent - bias - fraction_bits);
}

void check_all_patterns(dtype type, int exponent_bits, int fraction_bits) {
    for (const bool big_endian : {false, true}) {
        std::string bytes;
        for (std::uint32_t bits = 0; bits < 65536; ++bits) {
            bytes += repscope_test::element_bytes(bits, 2, big_endian);
        }
        const auto floats = decoded<float>(bytes, {type, big_endian});
        const auto doubles = decoded<double>(bytes, {type, big_endian});
        std::size_t wrong = 0;
        for (std::uint32_t bits = 0; bits < 65536; ++bits) {
            const double expected = value_of(bits, exponent_bits, fraction_bits);
            const bool same = std::isnan(expected) ? std::isnan(floats[bits]) && std::isnan(doubles[bits])
                                                   : static_cast<double>(floats[bits]) == expected &&
                                                         doubles[bits] == expected;
            const bool same_sign = std::signbit(floats[bits]) == (bits >= 0x8000U);
            if (!same || !same_sign) ++wrong;
        }
        CHECK(wrong == 0);
        // Runs that are not a multiple of any vector.
        for (std::size_t count = 0; count < 70; ++count) {
            const auto run = decoded<float>(bytes.substr(0, 2 * count), {type, big_endian});
            CHECK(std::equal(run.begin(), run.end(), floats.begin()));
            CHECK(run.size() == count);
        }
    }
}

static_assert(repscope::io::detail::float_of_half(0x3c00) == 1.0F);
static_assert(repscope::io::detail::float_of_half(0x0001) == 0x1p-24F);
static_assert(repscope::io::detail::float_of_half(0xfbff) == -65504.0F);
static_assert(repscope::io::dtype_of<double>() == dtype::float64);
static_assert(repscope::io::dtype_of<signed char>() == dtype::int8);
static_assert(repscope::io::dtype_of<unsigned long>() == repscope::io::dtype_of<std::uint64_t>());
static_assert(!repscope::io::dtype_of<bool>());
static_assert(!repscope::io::dtype_of<long double>());

/// Every byte pattern that `values` gives, in both byte orders, into float and double.
template <typename T>
void check_numbers(dtype type, const std::vector<T>& some, bool exact_in_float) {
    // Long enough for whole vector registers and a rest.
    std::vector<T> values;
    while (values.size() < 100) values.insert(values.end(), some.begin(), some.end());
    for (const bool big_endian : {false, true}) {
        std::string bytes;
        for (const T value : values) {
            std::uint64_t bits = 0;
            if constexpr (std::is_same_v<T, float>)
                bits = std::bit_cast<std::uint32_t>(value);
            else if constexpr (std::is_same_v<T, double>)
                bits = std::bit_cast<std::uint64_t>(value);
            else
                bits = static_cast<std::uint64_t>(value);
            bytes += repscope_test::element_bytes(bits, sizeof(T), big_endian);
        }
        const auto doubles = decoded<double>(bytes, {type, big_endian});
        const auto floats = decoded<float>(bytes, {type, big_endian});
        REQUIRE(doubles.size() == values.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            CHECK(doubles[i] == static_cast<double>(values[i]));
            CHECK(floats[i] == static_cast<float>(values[i]));
            if (exact_in_float) CHECK(static_cast<double>(floats[i]) == doubles[i]);
        }
    }
    CHECK(repscope::io::size_of(type) == sizeof(T));
    CHECK(element_format{type, false}.reads_as_float() == exact_in_float);
}

template <typename T>
std::vector<T> around_the_limits() {
    using limits = std::numeric_limits<T>;
    return {T{0}, T{1}, T{2}, T{17}, T{100}, limits::min(), limits::max(), static_cast<T>(limits::max() - 1)};
}

} // namespace

TEST_CASE("halves: every pattern") { check_all_patterns(dtype::float16, 5, 10); }

TEST_CASE("bfloat16: every pattern") { check_all_patterns(dtype::bfloat16, 8, 7); }

TEST_CASE("NaNs of halves keep their payload") {
    const auto values = decoded<float>(std::string("\x01\x7e\x55\xfd", 4), {dtype::float16, false});
    CHECK(std::bit_cast<std::uint32_t>(values[0]) == 0x7fc02000U);
    CHECK((std::bit_cast<std::uint32_t>(values[1]) | 0x00400000U) == 0xffeaa000U);
}

TEST_CASE("integers of every size, to their limits") {
    check_numbers(dtype::int8, around_the_limits<std::int8_t>(), true);
    check_numbers(dtype::uint8, around_the_limits<std::uint8_t>(), true);
    check_numbers(dtype::int16, around_the_limits<std::int16_t>(), true);
    check_numbers(dtype::uint16, around_the_limits<std::uint16_t>(), true);
    check_numbers(dtype::int32, around_the_limits<std::int32_t>(), false);
    check_numbers(dtype::uint32, around_the_limits<std::uint32_t>(), false);
    check_numbers(dtype::int64, around_the_limits<std::int64_t>(), false);
    check_numbers(dtype::uint64, around_the_limits<std::uint64_t>(), false);
    check_numbers(dtype::int16, std::vector<std::int16_t>{-1, -2, -300, 300}, true);
    check_numbers(dtype::int64, std::vector<std::int64_t>{-1, -(std::int64_t{1} << 53U), 123456789012345},
                  false);
}

TEST_CASE("floating-point numbers as they are") {
    check_numbers(dtype::float32, std::vector<float>{0.0F, -0.1F, 1e-45F, 3e38F, -INFINITY, 1.0F / 3}, true);
    check_numbers(dtype::float64, std::vector<double>{0.0, -0.1, 1e-30, 3e38, INFINITY, 1.0 / 3}, false);
    const auto nan = decoded<float>(std::string("\x7f\xc0\x01\x23", 4), {dtype::float32, true});
    CHECK(std::bit_cast<std::uint32_t>(nan[0]) == 0x7fc00123U);
}

TEST_CASE("bool: every byte other than 0 is 1") {
    const std::string bytes("\x00\x01\x02\xff", 4);
    CHECK(decoded<float>(bytes, {dtype::boolean, false}) == std::vector<float>{0, 1, 1, 1});
    CHECK(decoded<double>(bytes, {dtype::boolean, true}) == std::vector<double>{0, 1, 1, 1});
}

TEST_CASE("names as NumPy spells them") {
    CHECK(element_format{dtype::float32, false}.name() == "<f4");
    CHECK(element_format{dtype::float16, true}.name() == ">f2");
    CHECK(element_format{dtype::int64, true}.name() == ">i8");
    CHECK(element_format{dtype::uint8, true}.name() == "|u1");
    CHECK(element_format{dtype::boolean, false}.name() == "|b1");
    CHECK(element_format{dtype::bfloat16, false}.name() == "<bf16");
}

} // namespace dtype_test
