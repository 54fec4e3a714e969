#include "repscope/tensor/slice.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <doctest/doctest.h>
#include <numeric>
#include <vector>

namespace slice_test {

using repscope::sample;
using repscope::samples;
using repscope::tensor_view;

namespace {

constexpr std::array<int, 6> constant{0, 1, 2, 3, 4, 5};
static_assert(sample(tensor_view<const int, 2>(constant.data(), {2, 3}), 1)(2) == 5);
static_assert(samples(tensor_view<const int, 2>(constant.data(), {3, 2}), 1, 2)(1, 0) == 4);
static_assert(std::same_as<decltype(sample(tensor_view<double, 4>(), 0)), tensor_view<double, 3>>);

} // namespace

TEST_CASE("a sample and a run of samples, of any strides") {
    std::vector<int> numbers(120);
    std::iota(numbers.begin(), numbers.end(), 0);
    for (const bool column_major : {false, true}) {
        const std::array<std::size_t, 3> extents{5, 4, 6};
        const tensor_view<const int, 3> whole(numbers.data(), extents,
                                              column_major ? repscope::column_major_strides(extents)
                                                           : repscope::row_major_strides(extents));
        const auto run = samples(whole, 2, 3);
        CHECK(run.extents() == std::array<std::size_t, 3>{3, 4, 6});
        for (std::size_t i = 0; i < 3; ++i) {
            const auto one = sample(run, i);
            CHECK(one.extents() == std::array<std::size_t, 2>{4, 6});
            for (std::size_t j = 0; j < 4; ++j) {
                for (std::size_t k = 0; k < 6; ++k) {
                    CHECK(run(i, j, k) == whole(i + 2, j, k));
                    CHECK(one(j, k) == whole(i + 2, j, k));
                }
            }
        }
    }
}

TEST_CASE("samples of a reversed view, and no samples") {
    const tensor_view<const int, 2> reversed(constant.data() + 4, {3, 2}, {-2, 1});
    CHECK(sample(reversed, 2)(1) == 1);
    CHECK(samples(reversed, 1, 2)(0, 0) == 2);
    CHECK(samples(reversed, 1, 0).empty());
    CHECK(samples(reversed, 3, 0).empty());
}

TEST_CASE("a slice of mutable elements writes through") {
    std::vector<int> numbers(6);
    const tensor_view<int, 2> view(numbers.data(), {3, 2});
    sample(samples(view, 1, 2), 1)(0) = 8;
    CHECK(numbers == std::vector<int>{0, 0, 0, 0, 8, 0});
}

} // namespace slice_test
