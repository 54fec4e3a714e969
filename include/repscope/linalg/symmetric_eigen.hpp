#pragma once

#include "repscope/detail/target/eigen_warnings.hpp"
#include "repscope/error.hpp"

REPSCOPE_BEGIN_EIGEN
#include <Eigen/Eigenvalues>
REPSCOPE_END_EIGEN

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Eigenvalues and eigenvectors of a symmetric matrix.
struct symmetric_eigen {
    /// Ascending.
    std::vector<double> values;
    /// (order, order), row-major; row k is the unit eigenvector of value k.
    std::vector<double> vectors;
};

/// Computes the eigenvalues and eigenvectors of the symmetric matrix whose lower triangle, j <= i, is in
/// `lower`, row-major (order, order). `eigenvalues_of_symmetric` is faster for the values alone.
///
/// Throws `value_error` in the name of `function` if the solver does not converge. O(order^3). The function
/// is a template so that only files that call it instantiate Eigen's solver.
template <typename = void>
[[nodiscard]] symmetric_eigen eigen_of_symmetric(std::string_view function, std::span<const double> lower,
                                                 std::size_t order) {
    symmetric_eigen result;
    if (order == 0) return result;
    using matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const auto size = static_cast<Eigen::Index>(order);
    const Eigen::Map<const matrix> map(lower.data(), size, size);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(map);
    if (solver.info() != Eigen::Success)
        errors::throw_value_error(function, "the eigenvalues did not converge");
    result.values.assign(solver.eigenvalues().data(), solver.eigenvalues().data() + order);
    // The columns of a column-major matrix are the rows of a row-major one.
    result.vectors.assign(solver.eigenvectors().data(), solver.eigenvectors().data() + order * order);
    return result;
}

/// Computes the eigenvalues, ascending, of the symmetric tridiagonal matrix with this diagonal and these
/// elements beside it, one fewer. Throws as `eigen_of_symmetric`. O(order^2).
template <typename = void>
[[nodiscard]] std::vector<double> eigenvalues_of_tridiagonal(std::string_view function,
                                                             std::span<const double> diagonal,
                                                             std::span<const double> beside) {
    if (diagonal.empty()) return {};
    const auto size = static_cast<Eigen::Index>(diagonal.size());
    Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(size);
    solver.computeFromTridiagonal(Eigen::Map<const Eigen::VectorXd>(diagonal.data(), size),
                                  Eigen::Map<const Eigen::VectorXd>(beside.data(), size - 1),
                                  Eigen::EigenvaluesOnly);
    if (solver.info() != Eigen::Success)
        errors::throw_value_error(function, "the eigenvalues did not converge");
    return {solver.eigenvalues().data(), solver.eigenvalues().data() + size};
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
