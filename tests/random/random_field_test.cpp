#include "repscope/random/random_field.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace random_field_test {

// random_stream makes one number after the other, by other code.
TEST_CASE("a field equals the sequence of its stream, bit for bit, for any length") {
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{31}, std::size_t{32}, std::size_t{33}, std::size_t{20000}}) {
        CAPTURE(size);
        const repscope::random_field field(0x123456789abcdefU, 77, 5, 0);
        std::vector<double> uniforms(size);
        field.uniforms(uniforms);
        std::vector<double> normals(size);
        field.normals(normals, 0.0, 1.0);
        repscope::random_stream uniform(0x123456789abcdefU, 77, 5);
        repscope::random_stream normal(0x123456789abcdefU, 77, 5);
        repscope::random_stream word(0x123456789abcdefU, 77, 5);
        std::size_t different = 0;
        for (std::size_t i = 0; i < size; ++i) {
            different += uniforms[i] != uniform.uniform() ? 1U : 0U;
            different += normals[i] != normal.normal() ? 1U : 0U;
        }
        std::size_t seen = 0;
        field.words(size, [&](std::size_t first, const std::uint32_t* words, std::size_t count) {
            CHECK(first == seen);
            for (std::size_t i = 0; i < count; ++i) different += words[i] != word.u32() ? 1U : 0U;
            seen += count;
        });
        CHECK(seen == size);
        CHECK(different == 0);
    }
}

TEST_CASE("the far tail of normals is the quantile's too") {
    // About one in 14,000,000,000,000 is farther out than 7.5; probabilities are put in by hand.
    double values[repscope::detail::uniforms_at_once];
    for (std::size_t i = 0; i < repscope::detail::uniforms_at_once; ++i) values[i] = 0.5;
    values[3] = 1e-14;
    values[17] = 1.0 - 0x1p-53;
    values[20] = 0.0750001;
    values[21] = 0.0749999;
    double expected[repscope::detail::uniforms_at_once];
    for (std::size_t i = 0; i < repscope::detail::uniforms_at_once; ++i)
        expected[i] = repscope::normal_quantile(values[i]);
    repscope::detail::normal_batch batch;
    batch.add(values);
    batch.finish();
    for (std::size_t i = 0; i < repscope::detail::uniforms_at_once; ++i) CHECK(values[i] == expected[i]);
}

TEST_CASE("draws are numbered") {
    double a = 0.0;
    double b = 0.0;
    repscope::random_field(1, 2, 3, 0).uniforms(std::span(&a, 1));
    repscope::random_field(1, 2, 3, 1).uniforms(std::span(&b, 1));
    CHECK(a != b);
    const auto words = repscope::philox4x32({0, 1, 3, 2}, {1, 0});
    CHECK(b == repscope::unit_interval(words[0] | (static_cast<std::uint64_t>(words[1]) << 32U)));
}

TEST_CASE("normals are scaled and shifted") {
    std::vector<double> values(5000);
    std::vector<double> plain(5000);
    repscope::random_field(1, 2, 3, 4).normals(values, 0.6, 0.3);
    repscope::random_field(1, 2, 3, 4).normals(plain, 0.0, 1.0);
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == 0.6 + 0.3 * plain[i]);
}

} // namespace random_field_test
