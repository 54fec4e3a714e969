#pragma once

#include "layers/report.hpp"
#include "render/gnuplot.hpp"

#include <repscope/geometry/linear_cka_matrix.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace program {

/// Linear CKA of each layer with each other layer, or with each layer of the dump of --compare, for a random
/// subset of the samples.
struct similarity_matrix {
    std::size_t samples = 0;
    std::size_t all_samples = 0;     ///< those that were measured
    std::vector<std::string> layers; ///< of rows and columns
    bool is_compared = false;        ///< the columns are those of the perturbed dump
    repscope::linear_cka_matrix_result cka;
};

/// Computes the matrix from the Gram matrices of the layers, which it frees.
similarity_matrix similarity_of_layers(std::vector<layer_report>& layers, repscope::thread_pool& pool);

/// "60 samples", or "40 of 60 samples, chosen at random".
std::string samples_of_similarity(const similarity_matrix& matrix);

/// The unbiased CKA as tables of numbered columns, at most 100 characters wide.
std::string similarity_tables(const similarity_matrix& matrix, bool is_markdown);

/// A row per pair: layer, other, cka, cka_unbiased.
std::string similarity_csv(const similarity_matrix& matrix);

/// The unbiased CKA as a heat map.
plot similarity_figure(const similarity_matrix& matrix);

} // namespace program
