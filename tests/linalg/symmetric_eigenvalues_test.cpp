#include "repscope/error.hpp"
#include "repscope/linalg/symmetric_eigenvalues.hpp"
#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numbers>
#include <numeric>
#include <span>
#include <vector>

namespace symmetric_eigenvalues_test {

using repscope::thread_pool;

template <typename T>
std::vector<double> eigenvalues(const std::vector<double>& matrix, std::size_t order, thread_pool& pool) {
    const std::vector<T> lower(matrix.begin(), matrix.end());
    return repscope::eigenvalues_of_symmetric<T>("test", lower, order, pool);
}

// Q diag(values) Q^T, Q a product of three reflections of random directions; the part above the diagonal is
// NaN.
std::vector<double> rotated(const std::vector<double>& values, std::uint64_t seed) {
    const std::size_t n = values.size();
    std::vector<double> matrix(n * n);
    for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] = values[i];
    repscope::random_stream random(seed, 7);
    for (int round = 0; round < 3; ++round) {
        std::vector<double> v(n), w(n);
        double square = 0;
        for (double& x : v) {
            x = random.normal();
            square += x * x;
        }
        for (double& x : v) x *= std::numbers::sqrt2 / std::sqrt(square);
        double inner = 0;
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) w[i] += matrix[i * n + j] * v[j];
            inner += v[i] * w[i];
        }
        for (std::size_t i = 0; i < n; ++i) w[i] -= inner / 2 * v[i];
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) matrix[i * n + j] -= v[i] * w[j] + w[i] * v[j];
    }
    for (std::size_t i = 0; i < n; ++i)
        std::fill(matrix.begin() + static_cast<std::ptrdiff_t>(i * n + i + 1),
                  matrix.begin() + static_cast<std::ptrdiff_t>((i + 1) * n),
                  std::numeric_limits<double>::quiet_NaN());
    return matrix;
}

// The largest difference, in roundings of T of the largest value.
template <typename T>
double error_of(const std::vector<double>& values, std::vector<double> expected) {
    REQUIRE(values.size() == expected.size());
    std::sort(expected.begin(), expected.end());
    CHECK(std::is_sorted(values.begin(), values.end()));
    double error = 0, largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        error = std::max(error, std::abs(values[i] - expected[i]));
        largest = std::max(largest, std::abs(expected[i]));
    }
    return error / largest / static_cast<double>(std::numeric_limits<T>::epsilon());
}

// The reduction by way of a band, also of orders that are reduced directly.
template <typename T>
std::vector<double> eigenvalues_by_band(const std::vector<double>& matrix, std::size_t order,
                                        thread_pool& pool) {
    const std::vector<T> lower(matrix.begin(), matrix.end());
    std::vector<std::size_t> rows(order);
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    repscope::detail::tridiagonal_elements elements{std::vector<double>(order), std::vector<double>(order)};
    constexpr int exponent = 8; // the sizes of elements become at most 1
    repscope::detail::reduce_by_band(lower.data(), order, rows, std::ldexp(T(1), -exponent), pool, elements);
    REQUIRE(repscope::detail::find_tridiagonal_eigenvalues(elements.diagonal, elements.beside));
    for (double& value : elements.diagonal) value = std::ldexp(value, exponent);
    return elements.diagonal;
}

std::vector<double> spectrum(std::size_t order, int kind) {
    const auto size = static_cast<double>(order);
    std::vector<double> result(order);
    for (std::size_t i = 0; i < order; ++i) {
        const auto k = static_cast<double>(i);
        if (kind == 0) result[i] = (k - size / 3) / 2;                   // both signs
        if (kind == 1) result[i] = std::pow(1e-12, k / size);            // graded
        if (kind == 2) result[i] = i % 3 == 0 ? 1 : i % 3 == 1 ? -2 : 0; // repeated
        if (kind == 3) result[i] = i < 1 + order / 4 ? 1 + k : 0;        // without full rank
    }
    return result;
}

TEST_CASE("eigenvalues of rotated spectra are those of the diagonal, for any threads") {
    thread_pool one(1), two(2), three(3);
    const std::size_t last = repscope::detail::max_direct_order;
    for (const std::size_t n :
         {std::size_t{2}, std::size_t{3}, std::size_t{9}, std::size_t{64}, last, last + 1}) {
        for (int kind = 0; kind < 4; ++kind) {
            CAPTURE(n);
            CAPTURE(kind);
            const std::vector<double> expected = spectrum(n, kind), matrix = rotated(expected, n);
            const std::vector<double> values = eigenvalues<double>(matrix, n, one);
            CHECK(error_of<double>(values, expected) < 20 + static_cast<double>(n) / 2);
            if (n <= last) continue;
            CHECK(eigenvalues<double>(matrix, n, two) == values);
            CHECK(eigenvalues<double>(matrix, n, three) == values);
        }
    }
}

TEST_CASE(
    "the reduction by way of a band keeps the eigenvalues, at the edges of its blocks, for any threads") {
    thread_pool one(1), two(2), three(3);
    // Around the width of the band, of two bands, and of a block of rows behind the first panel.
    for (const std::size_t n :
         {1U, 2U, 3U, 5U, 31U, 32U, 33U, 34U, 63U, 65U, 66U, 80U, 81U, 97U, 129U, 161U}) {
        for (int kind = 0; kind < 4; ++kind) {
            CAPTURE(n);
            CAPTURE(kind);
            const std::vector<double> expected = spectrum(n, kind), matrix = rotated(expected, n);
            const auto size = static_cast<double>(n);
            const std::vector<double> values = eigenvalues_by_band<double>(matrix, n, one);
            CHECK(error_of<double>(values, expected) < 20 + size / 2);
            CHECK(eigenvalues_by_band<double>(matrix, n, three) == values);
            const std::vector<double> from_float = eigenvalues_by_band<float>(matrix, n, one);
            CHECK(error_of<float>(from_float, expected) < 20 + size / 4);
            CHECK(eigenvalues_by_band<float>(matrix, n, two) == from_float);
        }
    }
}

TEST_CASE("eigenvalues of an order with long blocks of rows in the reduction to a band") {
    thread_pool one(1), two(2);
    constexpr std::size_t n = 820;
    const std::vector<double> expected = spectrum(n, 0), matrix = rotated(expected, n);
    const std::vector<double> values = eigenvalues<double>(matrix, n, two);
    CHECK(error_of<double>(values, expected) < 200);
    CHECK(eigenvalues<double>(matrix, n, one) == values);
}

TEST_CASE("eigenvalues of a band of ones are those of its formula") {
    thread_pool pool(2);
    for (const std::size_t n : {2U, 128U, 390U}) {
        std::vector<double> matrix(n * n), expected(n);
        for (std::size_t i = 0; i + 1 < n; ++i) matrix[(i + 1) * n + i] = 1;
        for (std::size_t k = 0; k < n; ++k)
            expected[k] =
                2 * std::cos(std::numbers::pi * static_cast<double>(k + 1) / static_cast<double>(n + 1));
        CHECK(error_of<double>(eigenvalues<double>(matrix, n, pool), expected) < 20);
    }
}

TEST_CASE("eigenvalues of the matrix of ones: the order, and zeros up to the rounding") {
    thread_pool pool(1);
    for (const std::size_t n : {7U, 390U}) {
        std::vector<double> expected(n);
        expected[0] = static_cast<double>(n);
        CHECK(error_of<double>(eigenvalues<double>(std::vector<double>(n * n, 1.0), n, pool), expected) < 20);
    }
}

TEST_CASE("rows of zeros beside the diagonal give their element of the diagonal exactly") {
    thread_pool pool(1);
    for (const std::size_t n : {12U, 390U}) {
        std::vector<double> some(n - 4);
        for (std::size_t i = 0; i < some.size(); ++i) some[i] = 1 + static_cast<double>(i);
        const std::vector<double> dense = rotated(some, 5);
        // Silent rows 0, 3 and the last one, and one with an element on the diagonal.
        std::vector<std::size_t> place;
        for (std::size_t i = 0; i < n; ++i)
            if (i != 0 && i != 3 && i != 4 && i != n - 1) place.push_back(i);
        std::vector<double> matrix(n * n);
        for (std::size_t i = 0; i < place.size(); ++i)
            for (std::size_t j = 0; j <= i; ++j) matrix[place[i] * n + place[j]] = dense[i * some.size() + j];
        matrix[4 * n + 4] = 0.3;
        const std::vector<double> values = eigenvalues<double>(matrix, n, pool);
        CHECK(std::count(values.begin(), values.end(), 0.0) == 3);
        CHECK(std::count(values.begin(), values.end(), 0.3) == 1);
        const std::vector<double> alone = eigenvalues<double>(dense, some.size(), pool);
        CHECK(std::equal(alone.begin(), alone.end(), values.begin() + 4));
    }
    CHECK(eigenvalues<double>(std::vector<double>(9), 3, pool) == std::vector<double>(3));
    CHECK(eigenvalues<double>({}, 0, pool).empty());
    CHECK(eigenvalues<double>({-4}, 1, pool) == std::vector<double>{-4});
}

// The number of eigenvalues below x of a tridiagonal matrix: the negative pivots.
std::size_t count_below(const std::vector<double>& diagonal, const std::vector<double>& beside,
                        long double x) {
    std::size_t count = 0;
    long double pivot = 1;
    for (std::size_t i = 0; i < diagonal.size(); ++i) {
        const long double b = i == 0 ? 0.0L : beside[i - 1];
        pivot = diagonal[i] - x - b * b / pivot;
        if (pivot == 0) pivot = -1e-300L;
        count += pivot < 0 ? 1 : 0;
    }
    return count;
}

TEST_CASE("eigenvalues of tridiagonal matrices with elements of any size are where the pivots change sign") {
    const double sizes[] = {0,      1,     -1,     0.5,    1e-8,    -1e-8, 1e-16,
                            -1e-16, 3e-78, 1e-100, 1e-155, -1e-160, 1e-300};
    repscope::random_stream random(3, 3);
    std::size_t wrong = 0;
    for (int round = 0; round < 20000; ++round) {
        std::vector<double> diagonal(2 + static_cast<std::size_t>(random.uniform() * 12)),
            beside(diagonal.size());
        for (auto* values : {&diagonal, &beside})
            for (double& x : *values)
                x = sizes[static_cast<std::size_t>(random.uniform() * static_cast<double>(std::size(sizes)))];
        std::vector<double> values = diagonal, squares = beside;
        REQUIRE(repscope::detail::find_tridiagonal_eigenvalues(values, squares));
        for (std::size_t k = 0; k < values.size(); ++k) {
            if (count_below(diagonal, beside, values[k] - 1e-14L) > k) ++wrong;
            if (count_below(diagonal, beside, values[k] + 1e-14L) <= k) ++wrong;
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("eigenvalues scale by powers of two, to the limits of double") {
    thread_pool pool(1);
    for (const std::size_t n : {20U, 390U}) {
        std::vector<double> some(n);
        for (std::size_t i = 0; i < n; ++i) some[i] = static_cast<double>(i) - 5;
        const std::vector<double> matrix = rotated(some, 11), values = eigenvalues<double>(matrix, n, pool);
        for (const int exponent : {-900, 900}) {
            std::vector<double> scaled = matrix, expected = values;
            for (double& x : scaled) x = std::ldexp(x, exponent);
            for (double& x : expected) x = std::ldexp(x, exponent);
            CHECK(eigenvalues<double>(scaled, n, pool) == expected);
        }
    }
}

TEST_CASE("a matrix with an element that is not finite has no eigenvalues") {
    thread_pool pool(1);
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        for (const std::size_t at : {0U, 4U, 7U}) {
            std::vector<double> matrix{1, 0, 0, 2, 3, 0, 4, 5, 6};
            matrix[at] = bad;
            CHECK_THROWS_AS((void)eigenvalues<double>(matrix, 3, pool), repscope::value_error);
        }
    }
}

} // namespace symmetric_eigenvalues_test
