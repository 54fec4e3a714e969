#pragma once

#include "repscope/version.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// Where the elements of a tensor are, relative to the memory that contains it.
struct layout {
    std::vector<std::size_t> extents;
    std::vector<std::ptrdiff_t> strides;
    std::ptrdiff_t offset = 0;

    [[nodiscard]] std::size_t rank() const noexcept { return extents.size(); }
    [[nodiscard]] std::size_t size() const noexcept {
        return std::accumulate(extents.begin(), extents.end(), std::size_t{1},
                               [](std::size_t a, std::size_t b) { return a * b; });
    }
};

/// Strides of a dense tensor whose axes, from the outermost, are `order`.
[[nodiscard]] inline layout dense_layout(std::vector<std::size_t> extents,
                                         const std::vector<std::size_t>& order) {
    layout result{std::move(extents), {}, 0};
    result.strides.resize(result.rank());
    std::ptrdiff_t step = 1;
    for (std::size_t i = order.size(); i-- > 0;) {
        result.strides[order[i]] = step;
        step *= static_cast<std::ptrdiff_t>((std::max<std::size_t>)(1, result.extents[order[i]]));
    }
    return result;
}

[[nodiscard]] inline std::vector<std::size_t> row_major_order(std::size_t rank) {
    std::vector<std::size_t> order(rank);
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
}

/// The axes of maps (n, channels, positions...), with the channels of a position adjacent.
[[nodiscard]] inline std::vector<std::size_t> channels_last_order(std::size_t rank) {
    std::vector<std::size_t> order = row_major_order(rank);
    if (rank > 2) std::rotate(order.begin() + 1, order.begin() + 2, order.end());
    return order;
}

/// The axes of `view`, from the largest step to the smallest.
[[nodiscard]] inline std::vector<std::size_t> order_of(const layout& view) {
    std::vector<std::size_t> order = row_major_order(view.rank());
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::abs(view.strides[a]) > std::abs(view.strides[b]);
    });
    return order;
}

/// `view` broadcast to these extents: absent axes and axes of extent 1 have the stride 0.
[[nodiscard]] inline layout broadcast_layout(const layout& view, const std::vector<std::size_t>& extents) {
    layout result{extents, std::vector<std::ptrdiff_t>(extents.size(), 0), view.offset};
    const std::size_t missing = extents.size() - view.rank();
    for (std::size_t axis = 0; axis < view.rank(); ++axis) {
        const bool repeated = view.extents[axis] == 1 && extents[missing + axis] != 1;
        if (!repeated) result.strides[missing + axis] = view.strides[axis];
    }
    return result;
}

/// The layout of the same elements, in row-major order, with other extents; nothing if it needs a copy.
[[nodiscard]] inline std::optional<layout> reshaped_layout(const layout& view,
                                                           const std::vector<std::size_t>& extents) {
    std::vector<std::size_t> from;
    std::vector<std::ptrdiff_t> steps;
    for (std::size_t axis = 0; axis < view.rank(); ++axis) {
        if (view.extents[axis] == 1) continue;
        from.push_back(view.extents[axis]);
        steps.push_back(view.strides[axis]);
    }
    layout result{extents, std::vector<std::ptrdiff_t>(extents.size(), 1), view.offset};
    std::size_t in = 0, out = 0;
    while (in < from.size() && out < extents.size()) {
        std::size_t in_last = in + 1, out_last = out + 1;
        std::size_t in_count = from[in], out_count = extents[out];
        while (in_count != out_count) {
            if (in_count < out_count) {
                if (in_last == from.size()) return std::nullopt;
                in_count *= from[in_last++];
            } else {
                if (out_last == extents.size()) return std::nullopt;
                out_count *= extents[out_last++];
            }
        }
        for (std::size_t axis = in; axis + 1 < in_last; ++axis) {
            if (steps[axis] != steps[axis + 1] * static_cast<std::ptrdiff_t>(from[axis + 1]))
                return std::nullopt;
        }
        std::ptrdiff_t step = steps[in_last - 1];
        for (std::size_t axis = out_last; axis-- > out;) {
            result.strides[axis] = step;
            step *= static_cast<std::ptrdiff_t>(extents[axis]);
        }
        in = in_last;
        out = out_last;
    }
    return result;
}

/// Whether an axis repeats the same elements.
[[nodiscard]] inline bool has_repeats(const layout& view) noexcept {
    for (std::size_t axis = 0; axis < view.rank(); ++axis) {
        if (view.strides[axis] == 0 && view.extents[axis] > 1) return true;
    }
    return false;
}

/// Nested loops over the elements of tensors of equal extents, in a common order, with runs as long as the
/// strides permit.
template <std::size_t Count>
class loop_nest {
  public:
    using offsets = std::array<std::ptrdiff_t, Count>;

    loop_nest() = default;

    /// The axes from `first_axis` on; the loops are ordered by the strides of the first tensor.
    loop_nest(const std::array<const layout*, Count>& tensors, std::size_t first_axis = 0) {
        const layout& lead = *tensors[0];
        for (const std::size_t axis : order_of(lead)) {
            if (axis < first_axis) continue;
            loop next{lead.extents[axis], {}};
            for (std::size_t t = 0; t < Count; ++t) next.steps[t] = tensors[t]->strides[axis];
            if (!loops_.empty() && merges(loops_.back(), next)) {
                loops_.back() = {loops_.back().extent * next.extent, next.steps};
            } else {
                loops_.push_back(next);
            }
        }
        if (loops_.empty()) loops_.push_back({1, {}});
    }

    /// Calls `body(offsets, count, steps)` for each run.
    template <typename Body>
    void run(offsets at, Body&& body) const {
        walk(0, at, body);
    }

  private:
    struct loop {
        std::size_t extent = 1;
        offsets steps{};
    };
    [[nodiscard]] static bool merges(const loop& outer, const loop& inner) noexcept {
        for (std::size_t t = 0; t < Count; ++t) {
            if (outer.steps[t] != inner.steps[t] * static_cast<std::ptrdiff_t>(inner.extent)) return false;
        }
        return true;
    }
    template <typename Body>
    void walk(std::size_t depth, offsets at, Body& body) const {
        const loop& level = loops_[depth];
        if (depth + 1 == loops_.size()) {
            body(at, level.extent, level.steps);
            return;
        }
        for (std::size_t i = 0; i < level.extent; ++i) {
            walk(depth + 1, at, body);
            for (std::size_t t = 0; t < Count; ++t) at[t] += level.steps[t];
        }
    }

    std::vector<loop> loops_;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
