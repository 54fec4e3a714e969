#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

// Square matrices in extended precision, and functions of symmetric ones by Jacobi's rotations.

namespace repscope_test {

using real = long double;

struct square_matrix {
    std::size_t order = 0;
    std::vector<real> at;

    explicit square_matrix(std::size_t size) : order(size), at(size * size) {}
    real& operator()(std::size_t i, std::size_t j) { return at[i * order + j]; }
    real operator()(std::size_t i, std::size_t j) const { return at[i * order + j]; }
    [[nodiscard]] real trace() const {
        real sum = 0;
        for (std::size_t i = 0; i < order; ++i) sum += (*this)(i, i);
        return sum;
    }
    [[nodiscard]] real square_sum() const {
        real sum = 0;
        for (const real value : at) sum += value * value;
        return sum;
    }
};

inline square_matrix operator*(const square_matrix& a, const square_matrix& b) {
    square_matrix c(a.order);
    for (std::size_t i = 0; i < a.order; ++i)
        for (std::size_t k = 0; k < a.order; ++k)
            for (std::size_t j = 0; j < a.order; ++j) c(i, j) += a(i, k) * b(k, j);
    return c;
}

// Diagonalizes `a` in place; the columns of the result are its eigenvectors.
inline square_matrix jacobi(square_matrix& a) {
    const std::size_t n = a.order;
    square_matrix v(n);
    for (std::size_t i = 0; i < n; ++i) v(i, i) = 1;
    for (int sweep = 0; sweep < 30; ++sweep) {
        for (std::size_t p = 0; p < n; ++p) {
            for (std::size_t q = p + 1; q < n; ++q) {
                if (a(p, q) == 0) continue;
                const real theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
                const real t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
                const real c = 1 / std::sqrt(t * t + 1), s = t * c;
                for (std::size_t k = 0; k < n; ++k) {
                    const real x = a(k, p), y = a(k, q);
                    a(k, p) = c * x - s * y;
                    a(k, q) = s * x + c * y;
                }
                for (std::size_t k = 0; k < n; ++k) {
                    const real x = a(p, k), y = a(q, k);
                    a(p, k) = c * x - s * y;
                    a(q, k) = s * x + c * y;
                }
                for (std::size_t k = 0; k < n; ++k) {
                    const real x = v(k, p), y = v(k, q);
                    v(k, p) = c * x - s * y;
                    v(k, q) = s * x + c * y;
                }
            }
        }
    }
    return v;
}

// The matrix with the same eigenvectors and `function` of the eigenvalues.
template <typename Function>
square_matrix function_of(square_matrix a, Function&& function) {
    const square_matrix v = jacobi(a);
    square_matrix result(a.order);
    for (std::size_t k = 0; k < a.order; ++k)
        for (std::size_t i = 0; i < a.order; ++i)
            for (std::size_t j = 0; j < a.order; ++j) result(i, j) += v(i, k) * function(a(k, k)) * v(j, k);
    return result;
}

} // namespace repscope_test
