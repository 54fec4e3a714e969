#pragma once

#include <repscope/analysis/measure_set.hpp>

#include <cstddef>
#include <vector>

namespace program {

/// The approximate cost of a layer in seconds: the part that several threads share, and the rest.
struct layer_cost {
    double shared = 0.0;
    double alone = 0.0;
    /// Bytes that it needs at least while it is measured.
    std::size_t bytes = 0;
};

/// In which order layers are measured: first some one after the other, each by all threads; then the others
/// at the same time, a thread each.
struct schedule {
    std::vector<std::size_t> one_by_one;
    std::vector<std::size_t> side_by_side; ///< the longest first
};

/// The schedule that ends first, among those in which layers that are measured at the same time fit into
/// `memory` together.
schedule plan(const std::vector<layer_cost>& costs, std::size_t threads, std::size_t memory);

/// An estimate: reading, unpacking where `in_order`, and for the measures that need them products of `units`
/// x `units`, and eigenvalues.
layer_cost estimate(double file_bytes, std::size_t rows, std::size_t units, bool in_order,
                    repscope::analysis::measure_set measures = repscope::analysis::default_measures);

} // namespace program
