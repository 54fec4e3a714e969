#include <repscope/moments/blocked_class_sums.hpp>
#include <repscope/moments/class_moments.hpp>
#include <repscope/moments/class_sums.hpp>
#include <repscope/random/random_stream.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace renumber_classes_test {

using repscope::tensor_view;

namespace {

constexpr std::size_t units = 5;

struct labeled_rows {
    std::vector<double> values;
    std::vector<std::int32_t> labels;

    labeled_rows(std::size_t samples, std::size_t classes) : values(samples * units), labels(samples) {
        repscope::random_stream draws(7, static_cast<std::uint32_t>(classes));
        for (double& v : values) v = draws.uniform() - 0.25;
        for (std::size_t i = 0; i < samples; ++i)
            labels[i] = static_cast<std::int32_t>((i * i + i / 3) % classes);
    }
    [[nodiscard]] tensor_view<const double, 2> rows(std::size_t first, std::size_t count) const {
        return {values.data() + first * units, {count, units}};
    }
    [[nodiscard]] std::span<const std::int32_t> classes(std::size_t first, std::size_t count) const {
        return std::span(labels).subspan(first, count);
    }
};

} // namespace

TEST_CASE("classes that are added and renumbered between updates keep their counts and sums") {
    const labeled_rows data(900, 3);
    const std::vector<std::size_t> numbers{4, 0, 2}; // of classes 0, 1, 2
    repscope::class_sums sums(units, 3);
    repscope::class_moments moments(units, 3);
    repscope::blocked_class_sums blocks(units, 3);
    sums.update(data.rows(0, 900), data.classes(0, 900));
    moments.update(data.rows(0, 900), data.classes(0, 900));
    blocks.update(data.rows(0, 900), data.classes(0, 900));
    const repscope::class_sums sums_before = sums;
    const repscope::class_moments moments_before = moments;
    const repscope::blocked_class_sums blocks_before = blocks;
    sums.renumber_classes(numbers, 6);
    moments.renumber_classes(numbers, 6);
    blocks.renumber_classes(numbers, 6);
    REQUIRE(sums.classes() == 6);
    REQUIRE(blocks.classes() == 6);
    for (std::size_t c = 0; c < 3; ++c) {
        CHECK(sums.count(numbers[c]) == sums_before.count(c));
        for (std::size_t u = 0; u < units; ++u) {
            CHECK(sums.sum(numbers[c], u) == sums_before.sum(c, u));
            CHECK(moments.mean(numbers[c], u) == moments_before.mean(c, u));
        }
        for (std::size_t b = 0; b < blocks.blocks(); ++b) {
            CHECK(blocks.count(b, numbers[c]) == blocks_before.count(b, c));
            for (std::size_t u = 0; u < units; ++u)
                CHECK(blocks.sums(b, numbers[c])[u] == blocks_before.sums(b, c)[u]);
        }
    }
    for (const std::size_t empty : {1U, 3U, 5U}) CHECK(sums.count(empty) == 0);
    CHECK(sums.samples() == 900);
}

TEST_CASE("with a fixed division the bits of sums do not depend on the number of classes") {
    // Many samples per class and few units: the division of a state of 40 classes has larger blocks.
    const labeled_rows data(4000, 40);
    repscope::class_sums whole(units, 40);
    whole.divide_updates_as(10);
    whole.update(data.rows(0, 4000), data.classes(0, 4000));
    repscope::class_sums wide(units, 4000);
    wide.divide_updates_as(10);
    wide.update(data.rows(0, 4000), data.classes(0, 4000));
    repscope::class_sums plain(units, 4000);
    plain.update(data.rows(0, 4000), data.classes(0, 4000));
    std::size_t different = 0;
    for (std::size_t c = 0; c < 40; ++c) {
        for (std::size_t u = 0; u < units; ++u) {
            CHECK(whole.sum(c, u) == wide.sum(c, u));
            CHECK(plain.sum(c, u) == doctest::Approx(wide.sum(c, u)).epsilon(1e-12));
            if (plain.sum(c, u) != wide.sum(c, u)) ++different;
        }
    }
    CHECK(different > 0);
}

TEST_CASE("numbers of classes that do not fit are refused, and the state is unchanged") {
    const labeled_rows data(90, 3);
    repscope::class_sums sums(units, 3);
    sums.update(data.rows(0, 90), data.classes(0, 90));
    const auto refuse = [&](const std::vector<std::size_t>& numbers, std::size_t classes,
                            const char* message) {
        CHECK_THROWS_WITH_AS(sums.renumber_classes(numbers, classes), message, repscope::value_error);
    };
    refuse({0, 1, 3}, 3, "repscope::renumber_classes: expected different numbers below 3, got 3");
    refuse({0, 1, 1}, 3, "repscope::renumber_classes: expected different numbers below 3, got 1");
    refuse({0, 1, 2, 3}, 4, "repscope::renumber_classes: expected numbers for at most 3 classes, got 4 of 4");
    refuse({0, 1}, 2, "repscope::renumber_classes: expected a number for class 2, which has samples");
    CHECK(sums.classes() == 3);
    CHECK(sums.samples() == 90);
}

} // namespace renumber_classes_test
