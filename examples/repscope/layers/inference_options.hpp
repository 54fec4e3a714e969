#pragma once

#include <cstddef>
#include <cstdint>

namespace program {

/// How tr S^2, on which a participation ratio rests, is computed: exactly, from a sketch, or exactly while
/// samples or units are at most 8192.
enum class trace_method { exact, sketch, automatic };

/// Which p-values decide how many units are selective: those of `selectivity_p_values`, or of shuffled
/// labels, which take further passes over the samples.
enum class null_method { saddlepoint, permutation };

/// `--inference`: estimates with their intervals.
struct inference_options {
    bool wanted = false;
    std::uint64_t first_index = 0; ///< place of the file's first sample in the whole data set
    trace_method method = trace_method::exact;
    null_method null = null_method::saddlepoint;
    std::size_t permutations = 999; ///< of every unit; units at the floor get more
};

/// Whether a layer of this size is sketched.
bool is_sketched(std::size_t rows, std::size_t units, const inference_options& options);

} // namespace program
