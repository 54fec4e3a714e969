#include "repscope/linalg/cholesky.hpp"
#include "repscope/linalg/reflections.hpp"
#include "repscope/linalg/symmetric_eigen.hpp"
#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace decompositions_test {

using repscope::thread_pool;

std::vector<double> random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
    repscope::random_stream random(seed, 3);
    std::vector<double> result(rows * columns);
    for (double& value : result) value = random.normal();
    return result;
}

// a (rows, columns) times its transpose.
std::vector<double> products_of_rows(const std::vector<double>& a, std::size_t rows, std::size_t columns) {
    std::vector<double> result(rows * rows);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < rows; ++j)
            for (std::size_t k = 0; k < columns; ++k)
                result[i * rows + j] += a[i * columns + k] * a[j * columns + k];
    return result;
}

TEST_CASE("a Cholesky factor has the products of the matrix, also without full rank, for any threads") {
    for (const std::size_t rank : {300U, 40U}) {
        constexpr std::size_t order = 300;
        const std::vector<double> root = random_matrix(order, rank, rank);
        const std::vector<double> matrix = products_of_rows(root, order, rank);
        std::vector<std::vector<double>> factors;
        for (const std::size_t threads : {1U, 2U, 3U}) {
            thread_pool pool(threads);
            factors.push_back(matrix);
            CHECK(repscope::factorize_cholesky(order, factors.back().data(), 1e-9, pool) == rank);
            // The part above the diagonal is not written.
            for (std::size_t i = 0; i < order; ++i) {
                for (std::size_t j = i + 1; j < order; ++j) {
                    REQUIRE(factors.back()[i * order + j] == matrix[i * order + j]);
                    factors.back()[i * order + j] = 0;
                }
            }
            CHECK(factors.back() == factors.front());
        }
        const std::vector<double> product = products_of_rows(factors[0], order, order);
        double worst = 0;
        for (std::size_t k = 0; k < product.size(); ++k)
            worst = std::max(worst, std::abs(product[k] - matrix[k]));
        CHECK(worst < 1e-9);
        if (rank < order) continue;
        std::vector<double> solved = random_matrix(2, order, 9);
        const std::vector<double> right = solved;
        repscope::solve_lower(order, factors[0].data(), 2, solved.data());
        worst = 0;
        for (std::size_t r = 0; r < 2; ++r) {
            for (std::size_t i = 0; i < order; ++i) {
                double sum = 0;
                for (std::size_t j = 0; j <= i; ++j) sum += factors[0][i * order + j] * solved[r * order + j];
                worst = std::max(worst, std::abs(sum - right[r * order + i]));
            }
        }
        CHECK(worst < 1e-9);
    }
}

TEST_CASE("rotated rows become triangular and keep their products") {
    constexpr std::size_t rows = 30, columns = 40, pivots = 20;
    const std::vector<double> matrix = random_matrix(rows, columns, 4);
    std::vector<std::vector<double>> rotated;
    for (const std::size_t threads : {1U, 2U, 3U}) {
        thread_pool pool(threads);
        rotated.push_back(matrix);
        repscope::make_lower_triangular(rotated.back().data(), rows, columns, pivots, pool);
        CHECK(rotated.back() == rotated.front());
    }
    for (std::size_t i = 0; i < pivots; ++i)
        for (std::size_t j = i + 1; j < columns; ++j) REQUIRE(rotated[0][i * columns + j] == 0);
    const auto before = products_of_rows(matrix, rows, columns);
    const auto after = products_of_rows(rotated[0], rows, columns);
    for (std::size_t k = 0; k < before.size(); ++k) REQUIRE(std::abs(before[k] - after[k]) < 1e-12 * columns);
}

TEST_CASE("singular values: of products, of a transpose, of matrices without full rank, for any threads") {
    thread_pool one(1), three(3);
    const std::vector<double> matrix = random_matrix(90, 70, 8);
    const auto values = repscope::singular_values("test", matrix, 90, 70, one);
    REQUIRE(values.size() == 70);
    CHECK(repscope::singular_values("test", matrix, 90, 70, three) == values);
    std::vector<double> transposed(matrix.size());
    for (std::size_t i = 0; i < 90; ++i)
        for (std::size_t j = 0; j < 70; ++j) transposed[j * 90 + i] = matrix[i * 70 + j];
    const auto squares =
        repscope::eigen_of_symmetric("test", products_of_rows(transposed, 70, 90), 70).values;
    for (std::size_t k = 0; k < 70; ++k) REQUIRE(std::abs(values[k] * values[k] - squares[69 - k]) < 1e-11);
    const auto same = repscope::singular_values("test", transposed, 70, 90, one);
    for (std::size_t k = 0; k < 70; ++k) REQUIRE(std::abs(values[k] - same[k]) < 1e-13);

    // u v^T has the singular value |u| |v| and zeros.
    std::vector<double> single(12);
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 4; ++j)
            single[i * 4 + j] = (static_cast<double>(i) + 1) * (j == 0 ? 2.0 : j == 3 ? -1.0 : 0.0);
    const auto rank_one = repscope::singular_values("test", single, 3, 4, one);
    CHECK(rank_one[0] == doctest::Approx(std::sqrt(14.0 * 5)).epsilon(1e-14));
    CHECK(rank_one[1] < 1e-14);
    CHECK(rank_one[2] < 1e-14);
    CHECK(repscope::singular_values("test", std::vector<double>(6), 2, 3, one) == std::vector<double>(2));
    CHECK(repscope::singular_values("test", {-3.0}, 1, 1, one)[0] == doctest::Approx(3));
}

} // namespace decompositions_test
