#pragma once

#include "repscope/net/feature_maps.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Whether batch norm uses the statistics of the batch (training) or the running ones (inference).
enum class mode { training, inference };

/// The arguments of a pass that every layer receives.
struct pass {
    thread_pool& pool;          ///< the threads
    std::size_t samples = 0;    ///< number of samples
    mode how = mode::inference; ///< statistics of batch norm
    /// The taps contain gradients before the backward pass begins, which adds to them.
    bool tapped = false;
};

namespace detail {

/// Samples are divided into lanes by their number alone. A lane is the unit of work of a thread. Sums over
/// samples are computed within lanes and then over lanes in order, so no result depends on the threads.
inline constexpr std::size_t max_lanes = 16;

[[nodiscard]] inline std::size_t lane_count(std::size_t samples) noexcept {
    return (std::min)(samples, max_lanes);
}

/// Calls `body(lane, first, last, worker)` for every lane of samples [first, last).
template <typename Body>
inline void for_each_lane(const pass& run, Body&& body) {
    const std::size_t lanes = lane_count(run.samples);
    run.pool.for_each(lanes, [&](std::size_t lane, std::size_t worker) {
        body(lane, run.samples * lane / lanes, run.samples * (lane + 1) / lanes, worker);
    });
}

/// Calls `body(row pointers..., numbers per row)` for every row of maps of one shape.
template <typename Body, typename First, typename... Maps>
inline void for_rows(std::size_t first, std::size_t last, Body&& body, const First& map,
                     const Maps&... maps) {
    for (std::size_t n = first; n < last; ++n) {
        for (std::size_t y = 0; y < map.shape.h; ++y) body(map.row_length(), map.at(n, y), maps.at(n, y)...);
    }
}

template <typename T>
inline void fill_zero(const feature_map_view<T>& map, std::size_t first, std::size_t last) {
    for_rows(
        first, last, [](std::size_t count, T* row) { std::memset(row, 0, count * sizeof(T)); }, map);
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
