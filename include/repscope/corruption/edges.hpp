#pragma once

#include "repscope/corruption/border.hpp"
#include "repscope/corruption/scratch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace repscope {
inline namespace v0 {
namespace corruption {
namespace detail {

/// Edges of a grey image of bytes: 1 at an edge, else 0.
///
/// Gradients by Sobel's 3 x 3 differences, the outermost pixels going on beyond the edges; their strength
/// |dx| + |dy|; kept where it is the largest across the edge, by quarters of a half turn, and above `low`;
/// edges begin where it is above `high` and follow neighbours. Canny 1986, in OpenCV's integers.
inline void find_edges(const std::uint8_t* image, std::size_t height, std::size_t width, std::int32_t low,
                       std::int32_t high, scratch& memory, std::uint8_t* edges) {
    const scratch::frame frame(memory);
    const std::size_t area = height * width;
    const std::size_t stride = width + 2;
    auto* dx = memory.take<std::int32_t>(area);
    auto* dy = memory.take<std::int32_t>(area);
    // With a border of zeros.
    auto* strength = memory.take<std::int32_t>((height + 2) * stride);
    std::memset(strength, 0, (height + 2) * stride * sizeof(std::int32_t));
    auto* lines = memory.take<std::uint8_t>(3 * stride);
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t k = 0; k < 3; ++k) {
            std::uint8_t* line = lines + k * stride;
            const std::size_t from = k == 0   ? (y == 0 ? 0 : y - 1)
                                     : k == 1 ? y
                                              : (std::min)(y + 1, height - 1);
            std::memcpy(line + 1, image + from * width, width);
            line[0] = line[1];
            line[width + 1] = line[width];
        }
        const std::uint8_t* a = lines;
        const std::uint8_t* b = lines + stride;
        const std::uint8_t* c = lines + 2 * stride;
        for (std::size_t x = 0; x < width; ++x) {
            const std::int32_t across = (a[x + 2] - a[x]) + 2 * (b[x + 2] - b[x]) + (c[x + 2] - c[x]);
            const std::int32_t down = (c[x] + 2 * c[x + 1] + c[x + 2]) - (a[x] + 2 * a[x + 1] + a[x + 2]);
            dx[y * width + x] = across;
            dy[y * width + x] = down;
            strength[(y + 1) * stride + x + 1] = (across < 0 ? -across : across) + (down < 0 ? -down : down);
        }
    }
    // 0: may be an edge when it touches one, 1: none, 2: an edge; with a border of none.
    auto* state = memory.take<std::uint8_t>((height + 2) * stride);
    std::memset(state, 1, (height + 2) * stride);
    auto* stack = memory.take<std::size_t>(area);
    std::size_t waiting = 0;
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            const std::size_t at = (y + 1) * stride + x + 1;
            const std::int32_t m = strength[at];
            if (m <= low) continue;
            const std::int32_t sx = dx[y * width + x];
            const std::int32_t sy = dy[y * width + x];
            const std::int64_t flat = sx < 0 ? -sx : sx;
            const std::int64_t steep = static_cast<std::int64_t>(sy < 0 ? -sy : sy) << 15;
            const std::int64_t tangent = flat * 13573; // tan 22.5 degrees, in 15 bits
            bool largest = false;
            if (steep < tangent) {
                largest = m > strength[at - 1] && m >= strength[at + 1];
            } else if (steep > tangent + (flat << 16)) {
                largest = m > strength[at - stride] && m >= strength[at + stride];
            } else if ((sx ^ sy) < 0) {
                largest = m > strength[at - stride + 1] && m > strength[at + stride - 1];
            } else {
                largest = m > strength[at - stride - 1] && m > strength[at + stride + 1];
            }
            if (!largest) continue;
            state[at] = m > high ? 2 : 0;
            if (m > high) stack[waiting++] = at;
        }
    }
    while (waiting > 0) {
        const std::size_t at = stack[--waiting];
        const std::size_t around[8] = {at - stride - 1, at - stride,     at - stride + 1, at - 1,
                                       at + 1,          at + stride - 1, at + stride,     at + stride + 1};
        for (const std::size_t next : around) {
            if (state[next] != 0) continue;
            state[next] = 2;
            stack[waiting++] = next;
        }
    }
    for (std::size_t y = 0; y < height; ++y)
        for (std::size_t x = 0; x < width; ++x)
            edges[y * width + x] = state[(y + 1) * stride + x + 1] == 2 ? 1 : 0;
}

/// Distance of every pixel to the nearest edge pixel, in 16-bit fixed point: sums of steps to the 16 pixels
/// around, of lengths 1, 1.4 and 2.1969. Borgefors 1986, "Distance transformations in digital images".
inline void edge_distances(const std::uint8_t* edges, std::size_t height, std::size_t width, scratch& memory,
                           std::int32_t* distances) {
    constexpr std::int32_t straight = 65536;
    constexpr std::int32_t diagonal = 91750;
    constexpr std::int32_t knight = 143976;
    constexpr std::int32_t far = 1 << 29;
    const scratch::frame frame(memory);
    const auto stride = static_cast<std::ptrdiff_t>(width) + 4;
    const std::size_t cells = (height + 4) * static_cast<std::size_t>(stride);
    auto* field = memory.take<std::int32_t>(cells);
    for (std::size_t i = 0; i < cells; ++i) field[i] = far;
    for (std::size_t y = 0; y < height; ++y) {
        std::int32_t* at = field + (static_cast<std::ptrdiff_t>(y) + 2) * stride + 2;
        // What comes from the rows above does not wait for what comes along the row.
        std::int32_t* above = distances + y * width;
        for (std::size_t x = 0; x < width; ++x) {
            const std::int32_t* p = at + x;
            const std::int32_t far_step = (std::min)((std::min)(p[-2 * stride - 1], p[-2 * stride + 1]),
                                                     (std::min)(p[-stride - 2], p[-stride + 2]));
            const std::int32_t near_step = (std::min)(p[-stride - 1], p[-stride + 1]);
            const std::int32_t least =
                (std::min)((std::min)(far_step + knight, near_step + diagonal), p[-stride] + straight);
            above[x] = edges[y * width + x] != 0 ? 0 : least;
        }
        for (std::size_t x = 0; x < width; ++x)
            at[x] = (std::min)((std::min)(above[x], at[static_cast<std::ptrdiff_t>(x) - 1] + straight), far);
    }
    for (std::size_t y = height; y-- > 0;) {
        std::int32_t* at = field + (static_cast<std::ptrdiff_t>(y) + 2) * stride + 2;
        std::int32_t* below = distances + y * width;
        for (std::size_t x = 0; x < width; ++x) {
            const std::int32_t* p = at + x;
            const std::int32_t far_step = (std::min)((std::min)(p[2 * stride - 1], p[2 * stride + 1]),
                                                     (std::min)(p[stride - 2], p[stride + 2]));
            const std::int32_t near_step = (std::min)(p[stride - 1], p[stride + 1]);
            const std::int32_t least =
                (std::min)((std::min)(far_step + knight, near_step + diagonal), p[stride] + straight);
            below[x] = (std::min)(p[0], least);
        }
        for (std::size_t x = width; x-- > 0;) {
            at[x] = (std::min)(below[x], at[x + 1] + straight);
            below[x] = at[x];
        }
    }
}

} // namespace detail
} // namespace corruption
} // namespace v0
} // namespace repscope
