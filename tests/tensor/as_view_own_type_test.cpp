#include "repscope/tensor/as_view.hpp"

#include "support/views.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace somebody {

// Resembles no type that the library recognizes: rows of 16-byte aligned floats, so the row length is padded.
struct padded_matrix {
    std::size_t row_count = 0;
    std::size_t column_count = 0;
    std::vector<float> storage;
    [[nodiscard]] std::size_t row_length() const { return (column_count + 3) / 4 * 4; }
};

// Half of a float: its upper 16 bits, as in bfloat16. Real numbers need not be of a built-in type.
struct tiny_float {
    std::uint16_t bits = 0;
    explicit operator float() const {
        std::uint32_t wide = std::uint32_t{bits} << 16;
        float value = 0;
        static_assert(sizeof value == sizeof wide);
        __builtin_memcpy(&value, &wide, sizeof value);
        return value;
    }
};

struct tiny_tensor {
    std::array<tiny_float, 4> values;
};

} // namespace somebody

template <>
struct repscope::tensor_traits<somebody::padded_matrix> {
    static repscope::tensor_view<const float, 2> view(const somebody::padded_matrix& m) {
        return {m.storage.data(),
                {m.row_count, m.column_count},
                {static_cast<std::ptrdiff_t>(m.row_length()), 1}};
    }
};

template <>
struct repscope::tensor_traits<somebody::tiny_tensor> {
    static repscope::tensor_view<const somebody::tiny_float, 2> view(const somebody::tiny_tensor& t) {
        return {t.values.data(), {2, 2}};
    }
};

using repscope::as_view;
using repscope::tensor_view;
using repscope_test::contents;

TEST_CASE("a custom type becomes a tensor through tensor_traits") {
    const somebody::padded_matrix matrix{2, 3, {1, 2, 3, -1, 4, 5, 6, -1}};
    static_assert(repscope::tensor_like<somebody::padded_matrix>);
    static_assert(repscope::static_rank<somebody::padded_matrix> == 2);
    const auto view = as_view(matrix);
    static_assert(std::is_same_v<decltype(view), const tensor_view<const float, 2>>);
    CHECK(view.extents() == std::array<std::size_t, 2>{2, 3});
    CHECK(view.strides() == std::array<std::ptrdiff_t, 2>{4, 1});
    CHECK(contents(view) == std::vector<double>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("a temporary of a custom type may own memory and cannot be viewed") {
    using matrix = somebody::padded_matrix;
    static_assert(!repscope_test::can_be_viewed<matrix> && !repscope_test::can_be_viewed_as_rank<matrix, 2>);
    CHECK(repscope_test::can_be_viewed<const matrix&>);
}

TEST_CASE("an element may be a class that converts to float") {
    const somebody::tiny_tensor tensor{{{{0x3F80}, {0x4000}, {0xBF80}, {0x0000}}}};
    CHECK(contents(as_view(tensor)) == std::vector<double>{1, 2, -1, 0});
    static_assert(std::is_same_v<repscope::element_type_of<somebody::tiny_tensor>, somebody::tiny_float>);
}

// Which recognizer a type meets first is a promise, so that a type that two of them would take reads the same
// in every version: own trait, mdspan-like, Eigen-like, xtensor-like, contiguous range.
namespace ambiguous {

struct as_range {
    std::vector<float> values{1, 2, 3, 4};
    [[nodiscard]] const float* data() const { return values.data(); }
    [[nodiscard]] std::size_t size() const { return values.size(); }
    [[nodiscard]] const float* begin() const { return data(); }
    [[nodiscard]] const float* end() const { return data() + size(); }
};

struct xtensor_and_range : as_range {
    std::array<std::size_t, 2> sizes{2, 2};
    std::array<std::ptrdiff_t, 2> steps{2, 1};
    [[nodiscard]] const std::array<std::size_t, 2>& shape() const { return sizes; }
    [[nodiscard]] const std::array<std::ptrdiff_t, 2>& strides() const { return steps; }
    [[nodiscard]] std::size_t data_offset() const { return 0; }
};

struct eigen_and_xtensor : xtensor_and_range {
    [[nodiscard]] std::ptrdiff_t rows() const { return 4; }
    [[nodiscard]] std::ptrdiff_t cols() const { return 1; }
    [[nodiscard]] std::ptrdiff_t rowStride() const { return 1; }
    [[nodiscard]] std::ptrdiff_t colStride() const { return 4; }
};

struct mdspan_and_eigen : eigen_and_xtensor {
    static constexpr std::size_t rank() { return 3; }
    [[nodiscard]] std::size_t extent(std::size_t axis) const { return axis == 1 ? 4 : 1; }
    [[nodiscard]] std::ptrdiff_t stride(std::size_t) const { return 1; }
    [[nodiscard]] const float* data_handle() const { return data(); }
};

struct everything : mdspan_and_eigen {};

} // namespace ambiguous

template <>
struct repscope::tensor_traits<ambiguous::everything> {
    static repscope::tensor_view<const float, 4> view(const ambiguous::everything& x) {
        return {x.data(), {1, 2, 1, 2}};
    }
};

TEST_CASE("of two recognizers that take a type the promised one wins") {
    using kind = repscope::detail::tensor_kind;
    using repscope::detail::kind_of;
    static_assert(kind_of<ambiguous::as_range>() == kind::range);
    static_assert(kind_of<ambiguous::xtensor_and_range>() == kind::static_xtensor);
    static_assert(kind_of<ambiguous::eigen_and_xtensor>() == kind::eigen);
    static_assert(kind_of<ambiguous::mdspan_and_eigen>() == kind::mdspan);
    static_assert(kind_of<ambiguous::everything>() == kind::traits);
    const ambiguous::as_range range;
    CHECK(as_view(range).extents() == std::array<std::size_t, 1>{4});
    const ambiguous::everything all;
    CHECK(as_view(all).extents() == std::array<std::size_t, 4>{1, 2, 1, 2});
    const ambiguous::mdspan_and_eigen mdspan;
    CHECK(as_view(mdspan).extents() == std::array<std::size_t, 3>{1, 4, 1});
    const ambiguous::eigen_and_xtensor eigen;
    CHECK(as_view(eigen).extents() == std::array<std::size_t, 2>{4, 1});
    const ambiguous::xtensor_and_range xtensor;
    CHECK(as_view(xtensor).extents() == std::array<std::size_t, 2>{2, 2});
}
