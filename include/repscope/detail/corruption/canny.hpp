#pragma once

#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/boundary.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// Edges of a gray image of bytes: 1 at an edge, else 0.
///
/// Gradients by Sobel's 3 x 3 differences, with repeated outermost pixels; strength |dx| + |dy|. A pixel is
/// kept if it is the largest across the edge, by quarters of a half turn, and above `low`. Edges begin at
/// values above `high` and continue to neighbors. Canny 1986, in OpenCV's integers.
inline void find_edges(const std::uint8_t* image, std::size_t height, std::size_t width, std::int32_t low,
                       std::int32_t high, scratch& memory, std::uint8_t* edges) {
    const scratch::frame frame(memory);
    const std::size_t stride = width + 2;
    // Buffers of three rows each: the gradients and, with a border of zeros, their strength.
    auto* dx = memory.take<std::int32_t>(3 * width);
    auto* dy = memory.take<std::int32_t>(3 * width);
    auto* strength = memory.take<std::int32_t>(3 * stride);
    auto* none = memory.take<std::int32_t>(stride);
    std::memset(strength, 0, 3 * stride * sizeof(std::int32_t));
    std::memset(none, 0, stride * sizeof(std::int32_t));
    auto* lines = memory.take<std::uint8_t>(3 * stride);
    const auto differentiate = [&](std::size_t y) {
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
        std::int32_t* to_dx = dx + y % 3 * width;
        std::int32_t* to_dy = dy + y % 3 * width;
        std::int32_t* to = strength + y % 3 * stride + 1;
        for (std::size_t x = 0; x < width; ++x) {
            const std::int32_t across = (a[x + 2] - a[x]) + 2 * (b[x + 2] - b[x]) + (c[x + 2] - c[x]);
            const std::int32_t down = (c[x] + 2 * c[x + 1] + c[x + 2]) - (a[x] + 2 * a[x + 1] + a[x + 2]);
            to_dx[x] = across;
            to_dy[x] = down;
            to[x] = (across < 0 ? -across : across) + (down < 0 ? -down : down);
        }
    };
    // 0: an edge if it touches one, 1: not an edge, 2: an edge; the border is not an edge.
    auto* state = memory.take<std::uint8_t>((height + 2) * stride);
    std::memset(state, 1, (height + 2) * stride);
    std::vector<std::size_t> waiting;
    waiting.reserve(height * width / 16);
    differentiate(0);
    for (std::size_t y = 0; y < height; ++y) {
        if (y + 1 < height) differentiate(y + 1);
        const std::int32_t* above = y == 0 ? none : strength + (y - 1) % 3 * stride;
        const std::int32_t* here = strength + y % 3 * stride;
        const std::int32_t* below = y + 1 == height ? none : strength + (y + 1) % 3 * stride;
        for (std::size_t x = 0; x < width; ++x) {
            const std::int32_t m = here[x + 1];
            if (m <= low) continue;
            const std::int32_t sx = dx[y % 3 * width + x];
            const std::int32_t sy = dy[y % 3 * width + x];
            const std::int64_t flat = sx < 0 ? -sx : sx;
            const std::int64_t steep = static_cast<std::int64_t>(sy < 0 ? -sy : sy) << 15;
            const std::int64_t tangent = flat * 13573; // tan 22.5 degrees, in 15 bits
            bool largest = false;
            if (steep < tangent) {
                largest = m > here[x] && m >= here[x + 2];
            } else if (steep > tangent + (flat << 16)) {
                largest = m > above[x + 1] && m >= below[x + 1];
            } else if ((sx ^ sy) < 0) {
                largest = m > above[x + 2] && m > below[x];
            } else {
                largest = m > above[x] && m > below[x + 2];
            }
            if (!largest) continue;
            const std::size_t at = (y + 1) * stride + x + 1;
            state[at] = m > high ? 2 : 0;
            if (m > high) waiting.push_back(at);
        }
    }
    while (!waiting.empty()) {
        const std::size_t at = waiting.back();
        waiting.pop_back();
        const std::size_t around[8] = {at - stride - 1, at - stride,     at - stride + 1, at - 1,
                                       at + 1,          at + stride - 1, at + stride,     at + stride + 1};
        for (const std::size_t next : around) {
            if (state[next] != 0) continue;
            state[next] = 2;
            waiting.push_back(next);
        }
    }
    for (std::size_t y = 0; y < height; ++y)
        for (std::size_t x = 0; x < width; ++x)
            edges[y * width + x] = state[(y + 1) * stride + x + 1] == 2 ? 1 : 0;
}

/// Distance of every pixel to the nearest edge pixel, in 16-bit fixed point: sums of steps to the 16
/// surrounding pixels, of lengths 1, 1.4 and 2.1969. Borgefors 1986, "Distance transformations in digital
/// images".
inline void edge_distances(const std::uint8_t* edges, std::size_t height, std::size_t width, scratch& memory,
                           std::int32_t* distances) {
    constexpr std::int32_t straight = 65536;
    constexpr std::int32_t diagonal = 91750;
    constexpr std::int32_t knight = 143976;
    constexpr std::int32_t far = 1 << 29;
    const scratch::frame frame(memory);
    // Three rows with a border of two on each side: the row and the two before it in the downward pass, after
    // it in the upward pass.
    const std::size_t stride = width + 4;
    auto* rows = memory.take<std::int32_t>(3 * stride);
    auto* from_rows = memory.take<std::int32_t>(width);
    const auto place = [&](std::size_t y) { return rows + y % 3 * stride + 2; };
    // The terms from the two rows before do not depend on those along the row.
    const auto step_from = [](const std::int32_t* near, const std::int32_t* next, std::size_t x) {
        const std::int32_t* n = near + x;
        const std::int32_t* f = next + x;
        const std::int32_t far_step = (std::min)((std::min)(f[-1], f[1]), (std::min)(n[-2], n[2]));
        const std::int32_t near_step = (std::min)(n[-1], n[1]);
        return (std::min)((std::min)(far_step + knight, near_step + diagonal), n[0] + straight);
    };
    std::fill_n(rows, 3 * stride, far);
    for (std::size_t y = 0; y < height; ++y) {
        std::int32_t* at = place(y);
        const std::int32_t* near = place(y + 2); // y - 1
        const std::int32_t* next = place(y + 1); // y - 2
        for (std::size_t x = 0; x < width; ++x)
            from_rows[x] = edges[y * width + x] != 0 ? 0 : step_from(near, next, x);
        for (std::size_t x = 0; x < width; ++x)
            at[x] =
                (std::min)((std::min)(from_rows[x], at[static_cast<std::ptrdiff_t>(x) - 1] + straight), far);
        std::copy_n(at, width, distances + y * width);
    }
    std::fill_n(rows, 3 * stride, far);
    for (std::size_t y = height; y-- > 0;) {
        std::int32_t* at = place(y);
        const std::int32_t* near = place(y + 1);
        const std::int32_t* next = place(y + 2);
        std::int32_t* down = distances + y * width;
        for (std::size_t x = 0; x < width; ++x) from_rows[x] = (std::min)(down[x], step_from(near, next, x));
        for (std::size_t x = width; x-- > 0;) {
            at[x] = (std::min)(from_rows[x], at[x + 1] + straight);
            down[x] = at[x];
        }
    }
}

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
