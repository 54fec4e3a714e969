#include "repscope/linalg/products.hpp"

#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace products_test {

using repscope::eigen_products;
using repscope::factor;

namespace {

template <typename T>
std::vector<T> random_values(std::size_t count, std::uint32_t stream) {
    repscope::random_stream random(1, stream);
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(random.normal());
    return values;
}

/// C = alpha op(A) op(B) + beta C by its definition, in double, with padding between rows that must survive.
template <factor A, factor B, typename T>
void check_gemm(std::size_t m, std::size_t n, std::size_t k, T alpha, T beta) {
    CAPTURE(m);
    CAPTURE(n);
    CAPTURE(k);
    const std::size_t a_stride = (A == factor::transposed ? m : k) + 3;
    const std::size_t b_stride = (B == factor::transposed ? k : n) + 1;
    const std::size_t c_stride = n + 2;
    const auto a = random_values<T>((A == factor::transposed ? k : m) * a_stride, 1);
    const auto b = random_values<T>((B == factor::transposed ? n : k) * b_stride, 2);
    const auto before = random_values<T>(m * c_stride, 3);
    auto c = before;
    eigen_products::gemm<A, B>(m, n, k, alpha, a.data(), a_stride, b.data(), b_stride, beta, c.data(),
                               c_stride);
    double worst = 0.0;
    for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < c_stride; ++j) {
            double expected = before[i * c_stride + j];
            if (j < n) {
                expected *= static_cast<double>(beta);
                for (std::size_t l = 0; l < k; ++l) {
                    const double left = A == factor::transposed ? a[l * a_stride + i] : a[i * a_stride + l];
                    const double right = B == factor::transposed ? b[j * b_stride + l] : b[l * b_stride + j];
                    expected += static_cast<double>(alpha) * left * right;
                }
            }
            worst = std::max(worst, std::abs(expected - static_cast<double>(c[i * c_stride + j])));
        }
    }
    const double scale = static_cast<double>(k + 1);
    CHECK(worst <= 8.0 * scale * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

template <factor A, typename T>
void check_syrk(std::size_t n, std::size_t k) {
    const std::size_t a_stride = (A == factor::transposed ? n : k) + 3;
    const std::size_t c_stride = n + 2;
    const auto a = random_values<T>((A == factor::transposed ? k : n) * a_stride, 1);
    const auto before = random_values<T>(n * c_stride, 3);
    auto c = before;
    eigen_products::syrk_add<A>(n, k, a.data(), a_stride, c.data(), c_stride);
    double worst = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < c_stride; ++j) {
            double expected = before[i * c_stride + j];
            if (j <= i) {
                for (std::size_t l = 0; l < k; ++l) {
                    const auto at = [&](std::size_t row) -> double {
                        return A == factor::transposed ? a[l * a_stride + row] : a[row * a_stride + l];
                    };
                    expected += at(i) * at(j);
                }
            }
            worst = std::max(worst, std::abs(expected - static_cast<double>(c[i * c_stride + j])));
        }
    }
    const double scale = static_cast<double>(k + 1);
    CHECK(worst <= 8.0 * scale * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

} // namespace

TEST_CASE_TEMPLATE("gemm is the product of its definition", T, float, double) {
    using enum factor;
    const std::size_t extents[][3] = {{1, 1, 1},    {3, 5, 2},   {32, 49, 27},
                                      {17, 1, 130}, {1, 40, 33}, {70, 65, 300}};
    for (const auto& e : extents) {
        for (const T beta : {T(0), T(1), T(-0.5)}) {
            check_gemm<as_is, as_is, T>(e[0], e[1], e[2], T(1), beta);
            check_gemm<as_is, transposed, T>(e[0], e[1], e[2], T(0.75), beta);
            check_gemm<transposed, as_is, T>(e[0], e[1], e[2], T(-2), beta);
        }
    }
}

TEST_CASE("gemm does not read the result when beta is 0") {
    const std::vector<double> a{1, 2, 3, 4};
    std::vector<double> c(4, std::numeric_limits<double>::quiet_NaN());
    eigen_products::gemm<factor::as_is, factor::as_is>(2, 2, 2, 1.0, a.data(), 2, a.data(), 2, 0.0, c.data(),
                                                       2);
    CHECK(c == std::vector<double>{7, 10, 15, 22});
}

TEST_CASE("an empty product is zero") {
    std::vector<double> c{1, 2, 3, 4};
    eigen_products::gemm<factor::as_is, factor::as_is>(2, 2, 0, 1.0, c.data(), 1, c.data(), 2, 1.0, c.data(),
                                                       2);
    CHECK(c == std::vector<double>{1, 2, 3, 4});
    eigen_products::syrk_add<factor::as_is>(2, 0, c.data(), 1, c.data(), 2);
    CHECK(c == std::vector<double>{1, 2, 3, 4});
}

TEST_CASE_TEMPLATE("syrk_add adds to the lower triangle and leaves the rest", T, float, double) {
    for (const std::size_t n : {1U, 5U, 64U, 131U}) {
        for (const std::size_t k : {1U, 7U, 100U}) {
            check_syrk<factor::transposed, T>(n, k);
            check_syrk<factor::as_is, T>(n, k);
        }
    }
}

} // namespace products_test
