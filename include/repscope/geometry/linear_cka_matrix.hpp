#pragma once

#include "repscope/geometry/linear_cka.hpp"
#include "repscope/moments/scatter_matrix.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Linear CKA of pairs of layers, (rows, columns), row-major.
struct linear_cka_matrix_result {
    std::size_t rows = 0, columns = 0;   ///< number of layers of `x` and of `y`
    std::vector<double> plain, unbiased; ///< with and without the bias of small samples
};

/// Computes linear CKA of each layer of `x` with each layer of `y`, from Gram matrices of the same samples in
/// the same order (`gram_matrix`). Of `x` with itself each pair is computed once.
///
/// Throws as `linear_cka` of two Gram matrices. The result has the same bits for any number of threads.
/// O(rows x columns x samples^2).
[[nodiscard]] inline linear_cka_matrix_result linear_cka_matrix(std::span<const scatter_matrix> x,
                                                                std::span<const scatter_matrix> y,
                                                                const thread_source& threads = 1) {
    linear_cka_matrix_result result;
    result.rows = x.size();
    result.columns = y.size();
    result.plain.resize(result.rows * result.columns);
    result.unbiased.resize(result.rows * result.columns);
    const bool is_symmetric = x.data() == y.data() && x.size() == y.size();
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (std::size_t i = 0; i < result.rows; ++i) {
        for (std::size_t j = is_symmetric ? i : 0; j < result.columns; ++j) pairs.emplace_back(i, j);
    }
    const scoped_pool pool(threads);
    pool->for_each(pairs.size(), [&](std::size_t task) {
        const std::size_t i = pairs[task].first, j = pairs[task].second;
        const linear_cka_result cka = linear_cka(x[i], y[j]);
        result.plain[i * result.columns + j] = cka.plain;
        result.unbiased[i * result.columns + j] = cka.unbiased;
        if (!is_symmetric) return;
        result.plain[j * result.columns + i] = cka.plain;
        result.unbiased[j * result.columns + i] = cka.unbiased;
    });
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
