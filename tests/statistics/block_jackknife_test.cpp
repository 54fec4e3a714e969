#include "repscope/statistics/block_jackknife.hpp"

#include "repscope/error.hpp"
#include "repscope/statistics/mean_interval.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace block_jackknife_test {

using repscope::block_jackknife;

// Sum and number of values; its measures are the mean and its square.
struct sum_state {
    double sum = 0;
    std::uint64_t count = 0;
    [[nodiscard]] std::uint64_t samples() const { return count; }
    void merge(const sum_state& other) {
        sum += other.sum;
        count += other.count;
    }
};

TEST_CASE("the jackknife over blocks of one sample is Student's interval of a mean") {
    const std::vector<double> values{3, 1, 4, 1, 5, 9, 2, 6};
    std::vector<sum_state> blocks;
    for (const double value : values) blocks.push_back({value, 1});
    const auto got = block_jackknife(std::span<const sum_state>(blocks), [](const sum_state& state) {
        const double mean = state.sum / static_cast<double>(state.count);
        return std::array{mean, mean * mean};
    });
    REQUIRE(got.size() == 2);
    const auto expected = repscope::mean_interval(values);
    CHECK(got[0].estimate == doctest::Approx(31.0 / 8).epsilon(1e-15));
    CHECK(got[0].range.low == doctest::Approx(expected.range.low).epsilon(1e-12));
    CHECK(got[0].range.high == doctest::Approx(expected.range.high).epsilon(1e-12));
    CHECK(got[1].estimate == doctest::Approx(31.0 * 31 / 64).epsilon(1e-15));
}

TEST_CASE("blocks of unequal size, undefined replicates and errors") {
    // The mean over blocks of 1 and 3 samples: replicates 6 and 2, value 3. h = 4 and 4 / 3; deviations from
    // the mean of pseudo-values, below: 3 (3 - 6) = -9 and (1 / 3) (3 - 2) = 1 / 3.
    const std::vector<double> replicates{6, 2};
    const std::vector<std::uint64_t> sizes{1, 3};
    const double shift = .75 * -3 + .25 * 1; // sum of (1 - share) (value - replicate)
    const double first = 3 * -3 - shift, second = 1.0 / 3 - shift;
    const auto got = block_jackknife(3, replicates, sizes);
    CHECK(got.error ==
          doctest::Approx(std::sqrt((first * first / 3 + second * second * 3) / 2)).epsilon(1e-14));
    const std::vector<double> undefined{6, NAN};
    CHECK(std::isnan(block_jackknife(3, undefined, sizes).error));
    CHECK(std::isnan(block_jackknife(3, undefined, sizes).range.low));
    CHECK(block_jackknife(3, undefined, sizes).estimate == 3);
    CHECK_THROWS_AS((void)block_jackknife(3, replicates, std::span(sizes).first(1)), repscope::shape_error);
    CHECK_THROWS_AS((void)block_jackknife(3, std::span(replicates).first(1), std::span(sizes).first(1)),
                    repscope::value_error);
    CHECK_THROWS_AS((void)block_jackknife(3, replicates, std::vector<std::uint64_t>{0, 4}),
                    repscope::value_error);
    CHECK_THROWS_AS((void)block_jackknife(3, replicates, sizes, 1), repscope::value_error);
}

} // namespace block_jackknife_test
