#pragma once

#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/layout.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// One run of a copy: to[i] = scale from[i], or to[i] += scale from[i].
template <typename T, bool Add>
void copy_run(const T* from, std::ptrdiff_t from_step, T* to, std::ptrdiff_t to_step, std::size_t count,
              T scale) {
    const auto set = [scale](T& target, T value) {
        if constexpr (Add)
            target += scale * value;
        else
            target = scale * value;
    };
    if (!Add && from_step == 1 && to_step == 1 && scale == T(1)) {
        std::memcpy(to, from, count * sizeof(T));
    } else if (from_step == 1 && to_step == 1) {
        for (std::size_t i = 0; i < count; ++i) set(to[i], from[i]);
    } else if (Add && to_step == 0) {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            sum += static_cast<double>(from[static_cast<std::ptrdiff_t>(i) * from_step]);
        }
        *to += scale * static_cast<T>(sum);
    } else {
        for (std::size_t i = 0; i < count; ++i) {
            set(to[static_cast<std::ptrdiff_t>(i) * to_step],
                from[static_cast<std::ptrdiff_t>(i) * from_step]);
        }
    }
}

/// The elements of a tensor that are copied or added to those of another one.
struct copied_part {
    layout from, to;
};

/// to = scale from, or to += scale from.
template <typename T>
class strided_copy {
  public:
    strided_copy() = default;
    /// The loops follow a tensor that does not repeat its elements.
    strided_copy(const layout& from, const layout& to, T scale) : swapped_(has_repeats(from)), scale_(scale) {
        const layout& lead = swapped_ ? to : from;
        const layout& other = swapped_ ? from : to;
        loops_ = loop_nest<2>({&lead, &other});
        at_ = {lead.offset, other.offset};
    }

    void run(const T* from, T* to, bool add) const {
        if (add) {
            walk<true>(from, to);
        } else {
            walk<false>(from, to);
        }
    }

  private:
    template <bool Add>
    void walk(const T* from, T* to) const {
        const std::size_t source = swapped_ ? 1 : 0, target = 1 - source;
        loops_.run(at_, [&](const std::array<std::ptrdiff_t, 2>& at, std::size_t count,
                            const std::array<std::ptrdiff_t, 2>& steps) {
            copy_run<T, Add>(from + at[source], steps[source], to + at[target], steps[target], count, scale_);
        });
    }

    loop_nest<2> loops_;
    std::array<std::ptrdiff_t, 2> at_{};
    bool swapped_ = false;
    T scale_ = 1;
};

template <typename T>
void fill_layout(const layout& view, T* to, T value) {
    const loop_nest<1> loops({&view});
    loops.run({view.offset}, [&](const std::array<std::ptrdiff_t, 1>& at, std::size_t count,
                                 const std::array<std::ptrdiff_t, 1>& steps) {
        for (std::size_t i = 0; i < count; ++i) {
            to[at[0] + static_cast<std::ptrdiff_t>(i) * steps[0]] = value;
        }
    });
}

/// A copy, a broadcast, or a sum of parts of the inputs, times a constant: concat, pad, expand, gather,
/// reduce_mean and copies between layouts. Its derivatives are the same map and its transpose.
template <typename T>
class linear_map final : public node_kernel<T> {
  public:
    /// `parts[i]`: those of input i, in the common output.
    struct description {
        std::vector<std::vector<copied_part>> parts;
        std::vector<layout> inputs;
        layout output;
        double scale = 1;
        double fill = 0;            ///< of elements of the output that no part covers
        bool covers_output = false; ///< each element is written exactly once
        bool covers_input = false;  ///< each element of each input is read exactly once
    };

    explicit linear_map(description what) : what_(std::move(what)) {
        for (const auto& parts : what_.parts) {
            auto& forward = forward_.emplace_back();
            auto& backward = backward_.emplace_back();
            for (const copied_part& part : parts) {
                forward.emplace_back(part.from, part.to, static_cast<T>(what_.scale));
                backward.emplace_back(part.to, part.from, static_cast<T>(what_.scale));
            }
        }
    }

    void forward(const node_memory<T>& at, std::size_t, std::size_t) const override {
        apply(at.in, at.out, static_cast<T>(what_.fill));
    }
    void backward(std::size_t input, const node_memory<T>&, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        if (!accumulate && !what_.covers_input) fill_layout(what_.inputs[input], in_gradient, T(0));
        for (const auto& part : backward_[input]) {
            part.run(out_gradient, in_gradient, accumulate || !what_.covers_input);
        }
    }
    void tangent(const node_memory<T>&, const T* const* in, T* out) const override {
        const bool all = std::all_of(in, in + forward_.size(), [](const T* one) { return one != nullptr; });
        if (all) return apply(in, out, T(0));
        fill_layout(what_.output, out, T(0));
        add(in, out);
    }

  private:
    void apply(const T* const* in, T* out, T fill) const {
        if (!what_.covers_output) fill_layout(what_.output, out, fill);
        if (what_.covers_output || what_.fill != 0) {
            for (std::size_t i = 0; i < forward_.size(); ++i) {
                for (const auto& part : forward_[i]) part.run(in[i], out, false);
            }
        } else {
            add(in, out);
        }
    }
    void add(const T* const* in, T* out) const {
        for (std::size_t i = 0; i < forward_.size(); ++i) {
            if (in[i] == nullptr) continue;
            for (const auto& part : forward_[i]) part.run(in[i], out, true);
        }
    }

    description what_;
    std::vector<std::vector<strided_copy<T>>> forward_, backward_;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
