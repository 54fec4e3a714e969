#pragma once

#include "repscope/detail/target/eigen_warnings.hpp"
#include "repscope/version.hpp"

REPSCOPE_BEGIN_EIGEN
#include <Eigen/Core>
REPSCOPE_END_EIGEN

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Whether a factor of a product is used in its stored form or transposed.
enum class factor { as_is, transposed };

/// Matrix products on raw memory, the only interface of the library to a linear algebra package.
///
/// Every matrix is row-major: element (i, j) is at `pointer[i * stride + j]`, the stride being at least the
/// number of columns. (A column-major matrix is the row-major one of its transpose.) The result must not
/// overlap a factor. Arguments are not checked; only `std::bad_alloc` is thrown.
///
/// * `gemm<A, B>(m, n, k, alpha, a, a_stride, b, b_stride, beta, c, c_stride)`: C = alpha op(A) op(B) + beta
///   C, where op(A) is (m, k), op(B) is (k, n) and C is (m, n). In memory, `a` is (m, k), or (k, m) when
///   transposed; `b` is (k, n), or (n, k) when transposed. C is not read when beta is 0. 2 m n k operations.
/// * `syrk_add<A>(n, k, a, a_stride, c, c_stride)`: C += op(A) op(A)^T in the lower triangle, j <= i, of the
///   (n, n) matrix C; op(A) is (n, k), so `a` is (k, n) in memory when transposed. The part above the
///   diagonal is neither read nor written. n (n + 1) k operations.
/// * `concurrent`: whether products may run on several threads at once. A backend with its own threads sets
/// it to false and is called from one thread at a time.
template <typename B>
concept product_backend = std::is_empty_v<B> &&
    requires(std::size_t n, const float* f, float* rf, const double* d, double* rd) {
    { B::concurrent } -> std::convertible_to<bool>;
    B::template gemm<factor::as_is, factor::transposed>(n, n, n, 1.0F, f, n, f, n, 0.0F, rf, n);
    B::template gemm<factor::transposed, factor::as_is>(n, n, n, 1.0, d, n, d, n, 0.0, rd, n);
    B::template syrk_add<factor::transposed>(n, n, f, n, rf, n);
    B::template syrk_add<factor::as_is>(n, n, d, n, rd, n);
};

/// Eigen's products, one thread each: the default backend.
///
/// The result has the same bits for the same arguments and build. The speed depends on the compiler's tuning
/// flags; see REPSCOPE_ARCH in CMakeLists.txt.
struct eigen_products {
    static constexpr bool concurrent = true; ///< products may run in several threads

    /// C = alpha op(A) op(B) + beta C; see `product_backend`.
    template <factor A, factor B, std::floating_point T>
    static void gemm(std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a, std::size_t a_stride,
                     const T* b, std::size_t b_stride, T beta, T* c, std::size_t c_stride) {
        const auto product = [&](const auto& op_a, const auto& op_b) {
            auto result = map(c, m, n, c_stride);
            // Each form is one call of the product kernel; a separate scaled product would need a temporary.
            if (beta == T(0)) {
                result.noalias() = alpha * op_a * op_b;
                return;
            }
            if (beta != T(1)) result *= beta;
            result.noalias() += alpha * op_a * op_b;
        };
        const auto with_a = [&](const auto& op_a) {
            if constexpr (B == factor::transposed)
                product(op_a, map(b, n, k, b_stride).transpose());
            else
                product(op_a, map(b, k, n, b_stride));
        };
        if constexpr (A == factor::transposed)
            with_a(map(a, k, m, a_stride).transpose());
        else
            with_a(map(a, m, k, a_stride));
    }

    /// Adds op(A) op(A)^T to the lower triangle of C; see `product_backend`.
    template <factor A, std::floating_point T>
    static void syrk_add(std::size_t n, std::size_t k, const T* a, std::size_t a_stride, T* c,
                         std::size_t c_stride) {
        // Eigen would form a reference even for an empty matrix.
        if (n == 0 || k == 0) return;
        auto result = map(c, n, n, c_stride);
        if constexpr (A == factor::transposed)
            result.template selfadjointView<Eigen::Lower>().rankUpdate(map(a, k, n, a_stride).transpose());
        else
            result.template selfadjointView<Eigen::Lower>().rankUpdate(map(a, n, k, a_stride));
    }

  private:
    // A map has no alignment requirement and is never stored, so only the speed depends on the vector width
    // of the build.
    template <typename T>
    [[nodiscard]] static auto map(T* data, std::size_t rows, std::size_t columns, std::size_t stride) {
        using scalar = std::remove_const_t<T>;
        using matrix = Eigen::Matrix<scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        using mapped = std::conditional_t<std::is_const_v<T>, const matrix, matrix>;
        return Eigen::Map<mapped, Eigen::Unaligned, Eigen::OuterStride<>>(
            data, static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns),
            Eigen::OuterStride<>(static_cast<Eigen::Index>(stride)));
    }
};

static_assert(product_backend<eigen_products>);

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
