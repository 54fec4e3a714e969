#pragma once

#include "repscope/version.hpp"

#include <cstddef>
#include <memory>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// The rows of a chunk, reused from one chunk to the next: fresh pages cost as much as a good part of the
/// products.
struct row_buffer {
    std::unique_ptr<double[]> rows;
    std::unique_ptr<float[]> narrow_rows;
    std::size_t size = 0;
    std::size_t narrow_size = 0;

    void hold(std::size_t doubles, std::size_t floats) {
        // Not initialized: every element is written before it is read.
        if (doubles > size) {
            rows = std::make_unique_for_overwrite<double[]>(doubles);
            size = doubles;
        }
        if (floats > narrow_size) {
            narrow_rows = std::make_unique_for_overwrite<float[]>(floats);
            narrow_size = floats;
        }
    }
};

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
