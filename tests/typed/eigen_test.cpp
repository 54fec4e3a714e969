#include "support/known_layer.hpp"

#include <doctest/doctest.h>

#include <Eigen/Core>

#include <cstddef>
#include <cstdint>
#include <vector>

using repscope_test::check_layer;
using repscope_test::check_selectivity;
using repscope_test::known_layer;

namespace {

constexpr auto n = static_cast<Eigen::Index>(known_layer::samples);
constexpr auto units = static_cast<Eigen::Index>(known_layer::units);

template <typename Matrix>
Matrix filled() {
    Matrix m(n, units);
    known_layer::fill([&](std::size_t i, std::size_t u, int value) {
        m(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(u)) =
            static_cast<typename Matrix::Scalar>(static_cast<float>(value));
    });
    return m;
}

template <typename Scalar>
using column_major = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
template <typename Scalar>
using row_major = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

} // namespace

TEST_CASE_TEMPLATE("every statistic of Eigen's types", Matrix, column_major<float>, row_major<float>,
                   column_major<double>, row_major<double>) {
    using Scalar = typename Matrix::Scalar;
    const Matrix m = filled<Matrix>();
    check_layer(m);

    Matrix wide = Matrix::Constant(n + 2, units + 3, Scalar(-1));
    wide.block(1, 2, n, units) = m;
    check_layer(wide.block(1, 2, n, units));
    check_layer(Eigen::Ref<const Matrix>(wide.block(1, 2, n, units)));

    const std::vector<Scalar> copy(m.data(), m.data() + m.size());
    check_layer(Eigen::Map<const Matrix>(copy.data(), n, units));

    const Matrix turned = m.transpose();
    check_layer(turned.transpose());

    const Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic> array = m.array();
    check_layer(array);

    const Eigen::Matrix<Scalar, Eigen::Dynamic, static_cast<int>(known_layer::units)> half_fixed = m;
    check_layer(half_fixed);
}

TEST_CASE_TEMPLATE("selectivity of small element types in Eigen's matrices", Scalar, Eigen::half,
                   Eigen::bfloat16, std::int8_t, std::uint8_t) {
    check_selectivity(filled<column_major<Scalar>>(), known_layer::labels());
    check_selectivity(filled<row_major<Scalar>>(), known_layer::labels());
}

TEST_CASE("labels in Eigen's vectors") {
    const Eigen::MatrixXf m = filled<Eigen::MatrixXf>();
    const std::vector<int> labels = known_layer::labels();
    const Eigen::Map<const Eigen::VectorXi> column(labels.data(), n);
    check_selectivity(m, column);
    check_selectivity(m, Eigen::RowVectorXi(column.transpose()));
    Eigen::Matrix<std::int64_t, Eigen::Dynamic, 2> table(n, 2);
    table.col(0).setConstant(77);
    table.col(1) = column.cast<std::int64_t>();
    check_selectivity(m, table.col(1));
}
