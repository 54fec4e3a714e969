#pragma once

#include "repscope/detail/linalg/panel_reflections.hpp"
#include "repscope/detail/linalg/vector_sums.hpp"
#include "repscope/detail/target/simd.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Reduces a symmetric matrix with 32 elements on each side of the diagonal to a tridiagonal one with the
/// same eigenvalues.
///
/// Sweep s reflects row s behind the diagonal to one element. The reflection fills a triangle outside of the
/// band below; each step of the sweep removes the first column of this triangle and moves the others 32 rows
/// down. Step k of a sweep may follow step k + 1 of the sweep before. So groups of sweeps advance one step
/// behind another, and several groups at once, a fixed number of steps apart. Source: Bischof, Lang and Sun
/// 2000; Haidar, Ltaief and Dongarra 2011.
class band_chase {
  public:
    band_chase(const band_chase&) = delete;
    band_chase& operator=(const band_chase&) = delete;
    explicit band_chase(std::size_t order)
        : order_(order), memory_((order + 3 * width) * (stride + 1) + alignment), band_(aligned(memory_)) {}

    /// Element (row, column), 0 <= row - column <= 32, of the lower triangle.
    void set(std::size_t row, std::size_t column, double value) noexcept {
        *at(column, row) = value;
        if (row - column < width) *at(row, column) = value;
    }

    /// Writes the diagonal, and the elements beside it to `beside` with one element fewer. The band is
    /// consumed. The number of threads changes no bit.
    void run(double* diagonal, double* beside, thread_pool& pool) {
        chase(pool);
        for (std::size_t i = 0; i < order_; ++i) diagonal[i] = *at(i, i);
        for (std::size_t i = 0; i + 1 < order_; ++i) beside[i] = *at(i, i + 1);
    }

  private:
    static constexpr std::size_t width = strip_width;
    using vector = strip_tile<double>::vector;
    static constexpr std::size_t lanes = strip_tile<double>::lanes;

    // A vector of 32 elements is loaded from an aligned place: `shift` elements before it, fewer than a
    // vector, are 0, and as many behind it as make a multiple of a vector.
    static constexpr std::size_t count = width / lanes + 1, span = count * lanes;

    // Element (i, j), -32 < j - i < 64, is at i * stride + j + margin: a block of the matrix is one of a
    // row-major matrix with this stride. Elements that are loaded with a block belong to the same row. An odd
    // number of cache lines, as in `band_reduction`.
    static constexpr std::size_t stride = 120, margin = 40, alignment = 8;
    static_assert(stride + 1 >= 3 * width - 1 + 2 * lanes && margin >= width + lanes);

    [[nodiscard]] static double* aligned(std::vector<double>& memory) noexcept {
        const auto address = reinterpret_cast<std::uintptr_t>(memory.data()) / sizeof(double);
        return memory.data() + (alignment - address % alignment) % alignment;
    }

    [[nodiscard]] double* at(std::size_t row, std::size_t column) noexcept {
        return band_ + row * stride + column + margin;
    }

    /// Steps of sweep s: those that begin at least two rows before the end.
    [[nodiscard]] std::size_t steps_of(std::size_t sweep) const noexcept {
        return sweep + 2 < order_ ? (order_ - 3 - sweep) / width + 1 : 0;
    }

    void chase(thread_pool& pool) {
        if (order_ < 3) return;
        const std::size_t sweeps = order_ - 2;
        // Sweeps of a group, and steps of a task. They set the order of the work, not its result.
        const std::size_t group_size = std::clamp<std::size_t>(steps_of(0) / 8, 4, 16);
        const std::size_t groups = block_count(sweeps, group_size);
        const auto tasks_of = [&](std::size_t group) {
            return block_count(steps_of(group * group_size) + group_size - 1, group_size);
        };
        std::vector<double> memory(sweeps * span + alignment);
        double* const vectors = aligned(memory);
        // Task c of group g follows task c - 1 of the group and task c + 1 of group g - 1.
        std::size_t first = 0;
        for (std::size_t wave = 0; first < groups; ++wave) {
            while (first < groups && wave >= 2 * first && wave - 2 * first >= tasks_of(first)) ++first;
            const std::size_t end = (std::min)(groups, wave / 2 + 1);
            if (first >= end) continue;
            pool.for_each(end - first, [&](std::size_t index) {
                const std::size_t group = first + index, begin = (wave - 2 * group) * group_size;
                for (std::size_t time = begin; time < begin + group_size; ++time) {
                    for (std::size_t k = 0; k < group_size && k <= time; ++k) {
                        const std::size_t sweep = group * group_size + k;
                        if (time - k < steps_of(sweep)) step(sweep, time - k, vectors + sweep * span);
                    }
                }
            });
        }
    }

    /// 32 elements in registers, at an aligned place.
    struct elements {
        vector part[count];

        [[nodiscard]] static elements load(const double* from) noexcept {
            elements result;
            unrolled<count>([&](auto g) __attribute__((always_inline)) {
                result.part[g] = load_vector<vector>(from + g * lanes);
            });
            return result;
        }
        void store(double* to) const noexcept {
            unrolled<count>([&](auto g) __attribute__((always_inline)) {
                std::memcpy(to + g * lanes, &part[g], sizeof(vector));
            });
        }
        /// Adds `factor` times `other`.
        void add(double factor, const elements& other) noexcept {
            const auto factors = broadcast<vector>(factor);
            unrolled<count>([&](auto g) __attribute__((always_inline)) {
                part[g] = multiply_add<has_fused>(factors, other.part[g], part[g]);
            });
        }
        [[nodiscard]] elements times(double factor) const noexcept {
            elements result{};
            result.add(factor, *this);
            return result;
        }
        [[nodiscard]] double dot(const elements& other) const noexcept {
            vector sum = part[0] * other.part[0];
            unrolled<count - 1>([&](auto g) __attribute__((always_inline)) {
                sum = multiply_add<has_fused>(part[g + 1], other.part[g + 1], sum);
            });
            return sum_of_vector(sum);
        }
        /// Sets those before and behind the 32 elements to 0.
        void trim(std::size_t shift) noexcept {
            double ends[2 * lanes];
            for (std::size_t k = 0; k < lanes; ++k) {
                ends[k] = k < shift ? 0 : 1;
                ends[lanes + k] = 1 - ends[k];
            }
            part[0] *= load_vector<vector>(ends);
            part[count - 1] *= load_vector<vector>(ends + lanes);
        }
    };

    /// Replaces `x` by the vector of its reflection, and returns the first element that the reflection gives.
    [[nodiscard]] static double reflect(double* x, std::size_t shift) noexcept {
        const double before = x[shift];
        x[shift] = 0;
        const elements others = elements::load(x);
        const reflection<double> r = reflection_of(before, others.dot(others));
        others.times(r.scale).store(x);
        x[shift] = r.scale * r.pivot;
        return r.first;
    }

    /// Applies the reflection of `v` to the block of its 32 rows on the diagonal, D, and from the left to the
    /// 32 columns right of it, B. Then reflects row 0 of B from the right, to one element, and replaces `v`
    /// by the vector of this reflection.
    void step(std::size_t sweep, std::size_t number, double* v) noexcept {
        const std::size_t row = sweep + 1 + number * width, shift = (row + margin) % lanes;
        if (number == 0) {
            std::memcpy(v + shift, at(sweep, sweep + 1), width * sizeof(double));
            *at(sweep, sweep + 1) = reflect(v, shift);
        }
        double* const block = at(row, row);
        // The last column of D was in B of the sweep before, where only one triangle is written.
        for (std::size_t r = 0; r + 1 < width; ++r)
            block[(width - 1) * stride + r] = block[r * stride + width - 1];

        double* const d = block - shift;
        double* const b = d + width;
        const elements left = elements::load(v);
        elements right = product(b, v + shift);
        right.trim(shift);
        // D -= v w^T + w v^T with w = D v - v (v . D v) / 2.
        elements w = product(d, v + shift);
        w.trim(shift);
        w.add(-left.dot(w) / 2, left);
        alignas(64) double factors[span];
        w.store(factors);
        subtract(d, v + shift, w, factors + shift, left);

        elements next = elements::load(b);
        next.add(-v[shift], right);
        next.trim(shift);
        alignas(64) double u[span];
        next.store(u);
        const double first = reflect(u, shift);
        next = elements::load(u);
        dot_rows(b, next, factors);
        const double both = right.dot(next);
        for (std::size_t r = 0; r < width; r += lanes) {
            const vector along = load_vector<vector>(factors + r) - both * load_vector<vector>(v + shift + r);
            std::memcpy(factors + r, &along, sizeof along);
        }
        subtract(b, v + shift, right, factors, next);
        std::fill_n(b + shift, width, 0.0);
        b[shift] = first;
        next.store(v);
    }

    /// The product of the transpose of a block with `factors`.
    [[nodiscard]] static elements product(const double* block, const double* factors) noexcept {
        elements sum{};
        for (std::size_t r = 0; r < width; ++r) sum.add(factors[r], elements::load(block + r * stride));
        return sum;
    }

    /// block -= a b^T + c d^T.
    static void subtract(double* block, const double* a, const elements& b, const double* c,
                         const elements& d) noexcept {
        const elements minus_b = b.times(-1), minus_d = d.times(-1);
        for (std::size_t r = 0; r < width; ++r) {
            elements row = elements::load(block + r * stride);
            row.add(a[r], minus_b);
            row.add(c[r], minus_d);
            row.store(block + r * stride);
        }
    }

    /// Dot products of the rows of a block with u.
    static void dot_rows(const double* block, const elements& u, double* result) noexcept {
        for (std::size_t first = 0; first < width; first += lanes) {
            vector sum[lanes];
            unrolled<lanes>([&](auto r) __attribute__((always_inline)) {
                const double* row = block + (first + r) * stride;
                sum[r] = u.part[0] * load_vector<vector>(row);
                unrolled<count - 1>([&](auto g) __attribute__((always_inline)) {
                    sum[r] = multiply_add<has_fused>(u.part[g + 1],
                                                     load_vector<vector>(row + (g + 1) * lanes), sum[r]);
                });
            });
            vector sums;
            sums_of_vectors(sum, sums);
            std::memcpy(result + first, &sums, sizeof sums);
        }
    }

    std::size_t order_;
    std::vector<double> memory_;
    double* band_; ///< the first aligned element of the memory
};

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
