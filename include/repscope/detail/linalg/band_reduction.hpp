#pragma once

#include "repscope/detail/linalg/panel_reflections.hpp"
#include "repscope/detail/linalg/strip_product.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Reduces a symmetric matrix to a band of 32 elements on each side of the diagonal, with the same
/// eigenvalues, 32 columns at a time.
///
/// The reflections of a panel of columns are applied to the rest A of the matrix from both sides at once: A
/// becomes A - V W^T - W V^T, with W = A V T - V (T^T V^T A V T) / 2. Only the lower triangle is read. Blocks
/// of rows are tasks, and depend on the order of the matrix alone. Source: Bischof, Lang and Sun 2000
/// (successive band reduction).
template <typename T>
class band_reduction {
  public:
    /// Columns that must be allocated for each row of the matrix. The distance of rows is an odd number of
    /// cache lines, so that the elements of a column are in different sets of the cache.
    [[nodiscard]] static constexpr std::size_t row_stride(std::size_t order) noexcept {
        constexpr std::size_t line = 64 / sizeof(T);
        return (block_count(order + width, line) | 1U) * line;
    }

    /// Elements right of the diagonal that are read or written, within the row.
    static constexpr std::size_t columns_above = 128;

    /// `matrix`: (order, row_stride(order)), row-major, elements of at most 1 in size. On return elements
    /// (i, j), i - 32 <= j <= i, are the band; the others are not specified.
    band_reduction(T* matrix, std::size_t order, thread_pool& pool)
        : matrix_(matrix), stride_(row_stride(order)), pool_(pool) {
        if (order <= width + 1) return;
        const std::size_t rows = order - width;
        vectors_.resize(rows * width);
        products_.resize(rows * width);
        left_.resize(rows * 2 * width);
        right_.resize(block_count(rows, width) * 2 * square);
        // The number of blocks is not monotonic, because the last rows have smaller ones.
        parts_.resize(
            (std::max)(block_count(rows, max_edge), block_count((std::min)(rows, short_rows), short_edge)) *
            2 * square);
        for (std::size_t first = 0; first + width < order; first += width) {
            rows_ = order - first - width;
            rest_ = matrix_ + (first + width) * stride_ + first + width;
            reflect(rest_ - width);
            if (rows_ == 1) return;
            edge_ = edge_of(rows_);
            update();
        }
    }

  private:
    static constexpr std::size_t width = strip_width, square = width * width, max_edge = 96;
    static constexpr std::size_t short_rows = 768, short_edge = 48;

    /// Rows of a task.
    [[nodiscard]] static std::size_t edge_of(std::size_t rows) noexcept {
        return rows <= short_rows ? short_edge : max_edge;
    }

    /// Reflects the panel left of the rest.
    void reflect(T* panel) {
        for (std::size_t r = 0; r < rows_; ++r)
            std::copy_n(panel + r * stride_, width, vectors_.data() + r * width);
        T triangle[square];
        reflect_panel(vectors_.data(), rows_, triangle);
        for (std::size_t r = 0; r < (std::min)(rows_, width); ++r)
            std::copy_n(triangle + r * width, width, panel + r * stride_);
    }

    void update() {
        const std::size_t blocks = block_count(rows_, edge_);
        pool_.for_each(blocks, [this](std::size_t block) { multiply(block); });
        // The sums of the parts, in order.
        T* const gram = parts_.data();
        T* const inner = gram + square;
        for (std::size_t block = 1; block < blocks; ++block) {
            const T* part = parts_.data() + block * 2 * square;
            for (std::size_t k = 0; k < 2 * square; ++k) gram[k] += part[k];
        }
        T middle[square];
        invert_reflections(gram, inverse_);
        add_strip_product<T>(width, width, inner, width, 1, inverse_, 1, 0, middle, width);
        add_strip_product<T>(width, width, inverse_, 1, width, middle, T(-0.5), 0, inner_, width);
        pool_.for_each(blocks, [this](std::size_t block) { arrange(block); });
        // The longest rows first.
        pool_.for_each(blocks, [this, blocks](std::size_t task) { subtract(blocks - 1 - task); });
    }

    [[nodiscard]] std::size_t size_of(std::size_t block) const noexcept {
        return (std::min)(edge_, rows_ - block * edge_);
    }

    /// Computes the rows of A V of a block, and its part of V^T V and V^T A V.
    void multiply(std::size_t block) {
        const std::size_t begin = block * edge_, size = size_of(block);
        T* const product = products_.data() + begin * width;
        T diagonal[max_edge * max_edge];
        const T* from = rest_ + begin * stride_ + begin;
        for (std::size_t i = 0; i < size; ++i) {
            for (std::size_t j = 0; j <= i; ++j)
                diagonal[i * max_edge + j] = diagonal[j * max_edge + i] = from[i * stride_ + j];
        }
        add_strip_product<T>(size, size, diagonal, max_edge, 1, vectors_.data() + begin * width, 1, 0,
                             product, width);
        for (std::size_t other = 0; other < block_count(rows_, edge_); ++other) {
            if (other == block) continue;
            const std::size_t start = other * edge_, depth = size_of(other);
            const T* strip = vectors_.data() + start * width;
            if (other < block)
                add_strip_product<T>(size, depth, rest_ + begin * stride_ + start, stride_, 1, strip, 1, 1,
                                     product, width);
            else
                add_strip_product<T>(size, depth, rest_ + start * stride_ + begin, 1, stride_, strip, 1, 1,
                                     product, width);
        }
        T* const gram = parts_.data() + block * 2 * square;
        const T* own = vectors_.data() + begin * width;
        add_strip_product<T>(width, size, own, 1, width, own, 1, 0, gram, width);
        add_strip_product<T>(width, size, own, 1, width, product, 1, 0, gram + square, width);
    }

    /// Computes the rows of W of a block, and writes [V W] and the transpose of [W V] for the products.
    void arrange(std::size_t block) {
        const std::size_t begin = block * edge_, size = size_of(block);
        T outer[max_edge * width];
        const T* const own = vectors_.data() + begin * width;
        add_strip_product<T>(size, width, products_.data() + begin * width, width, 1, inverse_, 1, 0, outer,
                             width);
        add_strip_product<T>(size, width, own, width, 1, inner_, 1, 1, outer, width);
        for (std::size_t i = 0; i < size; ++i) {
            T* to = left_.data() + (begin + i) * 2 * width;
            std::copy_n(own + i * width, width, to);
            std::copy_n(outer + i * width, width, to + width);
            const std::size_t row = begin + i;
            T* column = right_.data() + row / width * 2 * square + row % width;
            for (std::size_t k = 0; k < width; ++k) {
                column[k * width] = outer[i * width + k];
                column[square + k * width] = own[i * width + k];
            }
        }
        if (begin + size < rows_ || rows_ % width == 0) return;
        T* last = right_.data() + rows_ / width * 2 * square;
        for (std::size_t k = 0; k < 2 * width; ++k)
            std::fill(last + k * width + rows_ % width, last + (k + 1) * width, T(0));
    }

    /// Subtracts V W^T + W V^T from the rows of a block.
    void subtract(std::size_t block) {
        const std::size_t begin = block * edge_, size = size_of(block);
        for (std::size_t column = 0; column < begin + size; column += width) {
            add_strip_product<T>(size, 2 * width, left_.data() + begin * 2 * width, 2 * width, 1,
                                 right_.data() + column / width * 2 * square, -1, 1,
                                 rest_ + begin * stride_ + column, stride_);
        }
    }

    T* matrix_;
    std::size_t stride_;
    thread_pool& pool_;
    T* rest_ = nullptr; ///< the part of the matrix below and right of the panel
    std::size_t rows_ = 0, edge_ = 0;
    std::vector<T> vectors_;  ///< V, (rows, 32)
    std::vector<T> products_; ///< A V, (rows, 32)
    std::vector<T> left_;     ///< [V W], (rows, 64)
    std::vector<T> right_;    ///< the transpose of [W V] in strips (64, 32)
    std::vector<T> parts_;    ///< V^T V and V^T A V of each block of rows
    T inverse_[square], inner_[square];
};

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
