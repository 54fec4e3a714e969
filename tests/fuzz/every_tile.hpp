#pragma once

#include "repscope/io/block_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace repscope_fuzz {

/// Reads what a file claims to hold, as far as that is little, as programs do: a block at a time, from the
/// back as well, in the layouts that its rank allows.
inline void read_every_tile(const repscope::io::stored_array& array) {
    using repscope::layout;
    constexpr std::size_t most = std::size_t{1} << 16U;
    for (const layout axes : {layout::unstated, layout::nu, layout::nhwc, layout::ntd, layout::nup}) {
        if (axes != layout::unstated && rank_of(axes) != array.header.shape.size()) continue;
        try {
            const repscope::io::block_reader reader(array, axes);
            if (reader.samples() > most || reader.units() * reader.positions() > most / reader.samples())
                continue;
            repscope::io::read_buffer buffer;
            std::vector<float> floats;
            std::vector<double> doubles;
            const std::size_t half = (reader.samples() + 1) / 2;
            (void)reader.read_tile(0, half, buffer, floats);
            (void)reader.read_tile(half, reader.samples() - half, buffer, doubles);
            (void)reader.read_tile(0, reader.samples(), buffer, doubles);
            reader.verify();
        } catch (const repscope::format_error&) {
        }
    }
}

} // namespace repscope_fuzz
