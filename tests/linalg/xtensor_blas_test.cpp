#include <xtensor-blas/xblas.hpp>

#include "repscope/linalg/backend/xtensor_blas.hpp"

#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace xtensor_blas_test {

// Eigen's products are compared with their definition in products_test.cpp; here another backend with
// Eigen's.
using repscope::eigen_products;
using repscope::factor;
using repscope::xtensor_blas;

namespace {

template <typename T>
std::vector<T> random_values(std::size_t count, std::uint32_t stream) {
    repscope::random_stream random(5, stream);
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(random.normal());
    return values;
}

template <typename T>
double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    }
    return worst;
}

} // namespace

TEST_CASE_TEMPLATE("the products of a BLAS are those of Eigen", T, float, double) {
    constexpr std::size_t m = 9, n = 14, k = 23, padding = 3;
    const double tolerance = 8.0 * k * static_cast<double>(std::numeric_limits<T>::epsilon());
    const auto check_gemm = [&]<factor A, factor B>(T alpha, T beta) {
        const std::size_t a_stride = (A == factor::transposed ? m : k) + padding;
        const std::size_t b_stride = (B == factor::transposed ? k : n) + padding;
        const auto a = random_values<T>((A == factor::transposed ? k : m) * a_stride, 1);
        const auto b = random_values<T>((B == factor::transposed ? n : k) * b_stride, 2);
        auto expected = random_values<T>(m * (n + padding), 3);
        auto c = expected;
        eigen_products::gemm<A, B>(m, n, k, alpha, a.data(), a_stride, b.data(), b_stride, beta,
                                   expected.data(), n + padding);
        xtensor_blas::gemm<A, B>(m, n, k, alpha, a.data(), a_stride, b.data(), b_stride, beta, c.data(),
                                 n + padding);
        CHECK(largest_difference(c, expected) <= tolerance);
    };
    check_gemm.template operator()<factor::as_is, factor::as_is>(T(1), T(0));
    check_gemm.template operator()<factor::as_is, factor::transposed>(T(0.5), T(1));
    check_gemm.template operator()<factor::transposed, factor::as_is>(T(-2), T(-0.5));

    const auto check_syrk = [&]<factor A>() {
        const std::size_t stride = (A == factor::transposed ? n : k) + padding;
        const auto a = random_values<T>((A == factor::transposed ? k : n) * stride, 1);
        auto expected = random_values<T>(n * (n + padding), 4);
        auto c = expected;
        eigen_products::syrk_add<A>(n, k, a.data(), stride, expected.data(), n + padding);
        xtensor_blas::syrk_add<A>(n, k, a.data(), stride, c.data(), n + padding);
        CHECK(largest_difference(c, expected) <= tolerance);
    };
    check_syrk.template operator()<factor::as_is>();
    check_syrk.template operator()<factor::transposed>();
}

TEST_CASE("extents beyond the BLAS's index type are refused") {
    if (std::numeric_limits<xt::blas_index_t>::max() < std::numeric_limits<std::ptrdiff_t>::max()) {
        constexpr std::size_t huge = std::size_t{1} << 40U;
        const double a = 1;
        double c = 1;
        CHECK_THROWS_AS(
            (xtensor_blas::gemm<factor::as_is, factor::as_is>(1, 1, 1, 1.0, &a, huge, &a, 1, 0.0, &c, 1)),
            repscope::value_error);
    }
}

} // namespace xtensor_blas_test
