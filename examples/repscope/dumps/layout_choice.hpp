#pragma once

#include "dumps/layer_pattern.hpp"

#include <repscope/tensor/layout.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace program {

/// What the axes of a file mean. Rank 2 is (samples, units); of rank 3 and 4 the one of `stated` with that
/// rank, else rank 4 is nchw when the last two extents are equal and the second differs from them.
///
/// Throws `usage_error` when the shape can be read in several ways and none is stated, `data_error` for rank
/// 0, 1 and above 4, which names the option that leaves layer `name` out, and when there are no samples,
/// units or positions.
repscope::layout choose_layout(std::span<const std::size_t> shape,
                               const std::vector<repscope::layout>& stated, const std::string& file,
                               const std::string& name);

/// The end of an error: which option leaves this layer out.
std::string leave_out_hint(const std::string& layer);

/// The layouts that are stated for a layer: those whose pattern its name is like, of which one must have the
/// rank of `shape` (`usage_error` otherwise); without such, those that are stated for all.
std::vector<repscope::layout> layouts_for(const std::string& name, std::span<const std::size_t> shape,
                                          const std::vector<layer_value>& stated, const std::string& file);

} // namespace program
