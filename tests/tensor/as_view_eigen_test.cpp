#include "repscope/tensor/as_view.hpp"

#include "support/views.hpp"

#include <doctest/doctest.h>

#include <Eigen/Core>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace as_view_eigen_test {

using repscope::as_view;
using repscope::tensor_like;
using repscope::tensor_view;
using repscope_test::contents;

namespace {

using extents = std::array<std::size_t, 2>;
using strides = std::array<std::ptrdiff_t, 2>;

// 10 i + j at (i, j), so that a value identifies its place.
template <typename Matrix>
void number_elements(Matrix& m) {
    for (Eigen::Index i = 0; i < m.rows(); ++i) {
        for (Eigen::Index j = 0; j < m.cols(); ++j) {
            m(i, j) = static_cast<typename Matrix::Scalar>(static_cast<float>(10 * i + j));
        }
    }
}

template <typename Scalar>
using column_major = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
template <typename Scalar>
using row_major = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

} // namespace

TEST_CASE_TEMPLATE("Eigen matrices of either storage order", Scalar, float, double, Eigen::half,
                   Eigen::bfloat16, std::int8_t, std::uint8_t, int) {
    column_major<Scalar> columns(3, 4);
    number_elements(columns);
    const auto by_columns = as_view(columns);
    static_assert(std::is_same_v<decltype(by_columns), const tensor_view<const Scalar, 2>>);
    CHECK(by_columns.extents() == extents{3, 4});
    CHECK(by_columns.strides() == strides{1, 3});
    CHECK(by_columns.data_handle() == columns.data());
    const std::vector<double> expected{0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23};
    CHECK(contents(by_columns) == expected);

    const row_major<Scalar> rows = columns;
    const auto by_rows = as_view(rows);
    CHECK(by_rows.strides() == strides{4, 1});
    CHECK(contents(by_rows) == expected);
}

TEST_CASE_TEMPLATE("Eigen blocks, maps, references and transposes look into the same memory", Matrix,
                   column_major<float>, row_major<double>) {
    using Scalar = typename Matrix::Scalar;
    Matrix m(4, 5);
    number_elements(m);

    const auto block = m.block(1, 2, 2, 3);
    CHECK(as_view(block).extents() == extents{2, 3});
    CHECK(as_view(block).strides() == as_view(m).strides());
    CHECK(contents(as_view(block)) == std::vector<double>{12, 13, 14, 22, 23, 24});

    const auto transpose = m.transpose();
    CHECK(as_view(transpose).extents() == extents{5, 4});
    CHECK(as_view(transpose)(4, 3) == Scalar{34});

    const Eigen::Ref<const Matrix> reference = m.topRows(2);
    CHECK(as_view(reference).data_handle() == m.data());
    CHECK(contents(as_view(reference)) == std::vector<double>{0, 1, 2, 3, 4, 10, 11, 12, 13, 14});

    const Eigen::Map<const Matrix> map(m.data(), 4, 5);
    CHECK(contents(as_view(map)) == contents(as_view(m)));

    const auto array = m.array();
    CHECK(contents(as_view(array)) == contents(as_view(m)));

    const auto slice = m(Eigen::seq(1, 2), Eigen::seq(1, 3));
    CHECK(contents(as_view(slice)) == std::vector<double>{11, 12, 13, 21, 22, 23});
}

TEST_CASE("Eigen maps with strides, negative ones too") {
    std::array<double, 12> memory{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    using any_stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>; // (outer, inner)
    const Eigen::Map<const Eigen::MatrixXd, 0, any_stride> wide(memory.data(), 2, 3, any_stride(4, 2));
    CHECK(as_view(wide).strides() == strides{2, 4});
    CHECK(contents(as_view(wide)) == std::vector<double>{0, 4, 8, 2, 6, 10});

    const Eigen::Map<const Eigen::MatrixXd, 0, any_stride> back(memory.data() + 11, 2, 3, any_stride(-4, -2));
    CHECK(as_view(back).strides() == strides{-2, -4});
    CHECK(contents(as_view(back)) == std::vector<double>{11, 7, 3, 9, 5, 1});
}

TEST_CASE("Eigen vectors are rank 2, and rank 1 on request") {
    Eigen::VectorXf column(3);
    column << 1, 2, 3;
    CHECK(as_view(column).extents() == extents{3, 1});
    CHECK(as_view<1>(column).extents() == std::array<std::size_t, 1>{3});
    CHECK(contents(as_view<1>(column)) == std::vector<double>{1, 2, 3});

    const Eigen::RowVector4i row(5, 6, 7, 8);
    CHECK(as_view(row).extents() == extents{1, 4});
    CHECK(contents(as_view<1>(row)) == std::vector<double>{5, 6, 7, 8});

    Eigen::MatrixXd m(3, 4);
    number_elements(m);
    const auto middle_row = m.row(1);
    CHECK(as_view<1>(middle_row).strides() == std::array<std::ptrdiff_t, 1>{3});
    CHECK(contents(as_view<1>(middle_row)) == std::vector<double>{10, 11, 12, 13});
    const auto middle_column = m.col(2);
    CHECK(contents(as_view<1>(middle_column)) == std::vector<double>{2, 12, 22});
    const auto diagonal = m.diagonal();
    CHECK(as_view<1>(diagonal).strides() == std::array<std::ptrdiff_t, 1>{4});
    CHECK(contents(as_view<1>(diagonal)) == std::vector<double>{0, 11, 22});

    CHECK_THROWS_AS(static_cast<void>(as_view<1>(m)), repscope::shape_error);
    static_assert(repscope::labels_like<Eigen::VectorXi> && !repscope::labels_like<Eigen::VectorXf>);
}

TEST_CASE("fixed-size and empty Eigen matrices") {
    const Eigen::Matrix<float, 2, 3, Eigen::RowMajor> fixed{{1, 2, 3}, {4, 5, 6}};
    CHECK(contents(as_view(fixed)) == std::vector<double>{1, 2, 3, 4, 5, 6});
    const Eigen::MatrixXf empty(0, 3);
    CHECK(as_view(empty).extents() == extents{0, 3});
    CHECK(as_view(empty).empty());
}

TEST_CASE("Eigen's expressions, complex matrices and temporaries are not viewed") {
    const Eigen::MatrixXf m(2, 2);
    static_assert(!tensor_like<decltype(m + m)> && !tensor_like<decltype(2 * m)>);
    static_assert(!tensor_like<decltype(m.array().abs())> && !tensor_like<decltype(m.cast<double>())>);
    static_assert(!tensor_like<decltype(m.reverse())> && !tensor_like<decltype((m + m).transpose())>);
    static_assert(!tensor_like<decltype((m + m).topRows(1))> && !tensor_like<decltype(m * m)>);
    static_assert(!tensor_like<decltype(m(std::vector<int>{0}, Eigen::all))>);
    static_assert(!tensor_like<decltype(m(Eigen::seq(0, 1, 2), Eigen::all))>);
    static_assert(!tensor_like<Eigen::MatrixXcf> && !tensor_like<Eigen::VectorXcd>);

    using repscope_test::can_be_viewed;
    static_assert(can_be_viewed<Eigen::MatrixXf&> && !can_be_viewed<Eigen::MatrixXf>);
    // A Ref may hold a copy, and a Block cannot be told from a Matrix by its members: name them first.
    static_assert(!can_be_viewed<Eigen::Ref<const Eigen::MatrixXf>>);
    static_assert(!repscope_test::can_be_viewed_as_rank<Eigen::VectorXf, 1>);
    CHECK(can_be_viewed<const Eigen::Map<const Eigen::MatrixXf>&>);
}

} // namespace as_view_eigen_test
