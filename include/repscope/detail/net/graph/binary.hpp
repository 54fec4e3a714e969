#pragma once

#include "repscope/detail/net/graph/elementwise.hpp"
#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/layout.hpp"
#include "repscope/detail/net/graph/linear_map.hpp"
#include "repscope/net/graph_operations.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// A function of two numbers and its derivatives with respect to both.
template <typename T, op::binary_kind Kind>
struct pair_function {
    static constexpr bool is_linear = Kind == op::binary_kind::add || Kind == op::binary_kind::subtract;

    [[nodiscard]] static T value(T a, T b) {
        using enum op::binary_kind;
        if constexpr (Kind == add) return a + b;
        if constexpr (Kind == subtract) return a - b;
        if constexpr (Kind == multiply) return a * b;
        if constexpr (Kind == divide) return a / b;
        if constexpr (Kind == power) return b == T(2) ? a * a : std::pow(a, b);
        if constexpr (Kind == prelu) return a > T(0) ? a : a * b;
    }
    [[nodiscard]] static T slope(std::size_t input, [[maybe_unused]] T a, [[maybe_unused]] T b) {
        using enum op::binary_kind;
        if constexpr (Kind == add) return T(1);
        if constexpr (Kind == subtract) return input == 0 ? T(1) : T(-1);
        if constexpr (Kind == multiply) return input == 0 ? b : a;
        if constexpr (Kind == divide) return input == 0 ? T(1) / b : -a / (b * b);
        if constexpr (Kind == power) {
            if (input == 0) return b == T(2) ? T(2) * a : (b == T(0) ? T(0) : b * std::pow(a, b - T(1)));
            return a > T(0) ? std::pow(a, b) * std::log(a) : T(0);
        }
        if constexpr (Kind == prelu) {
            if (input == 0) return a > T(0) ? T(1) : b;
            return a > T(0) ? T(0) : a;
        }
    }
};

/// The function and its derivatives for adjacent elements; see `unary_functions`.
template <typename T>
struct binary_functions {
    bool is_linear = false;
    void (*value)(const T* a, const T* b, T* y, std::size_t count) = nullptr;
    void (*slope)(std::size_t input, const T* a, const T* b, T* to, std::size_t count) = nullptr;
};

template <typename T, op::binary_kind Kind>
[[nodiscard]] binary_functions<T> binary_functions_of() {
    using function = pair_function<T, Kind>;
    return {function::is_linear,
            [](const T* a, const T* b, T* y, std::size_t count) {
                for (std::size_t i = 0; i < count; ++i) y[i] = function::value(a[i], b[i]);
            },
            [](std::size_t input, const T* a, const T* b, T* to, std::size_t count) {
                for (std::size_t i = 0; i < count; ++i) to[i] = function::slope(input, a[i], b[i]);
            }};
}

template <typename T>
class binary_kernel final : public node_kernel<T> {
  public:
    /// `a` and `b` are broadcast to the extents of `out`.
    binary_kernel(const layout& a, const layout& b, const layout& out, const binary_functions<T>& what)
        : inputs_{a, b}, loops_({&out, &a, &b}), what_(what) {}

    void forward(const node_memory<T>& at, std::size_t first, std::size_t last) const override {
        loops_.run(first, last, [&](const auto& start, std::size_t count, const auto& steps) {
            for_blocks(count, [&](std::ptrdiff_t block, std::size_t size) {
                T copies[2][function_block], result[function_block];
                const auto place = [&](std::size_t tensor) { return start[tensor] + block * steps[tensor]; };
                const T* const a = gather_run(at.in[0] + place(1), steps[1], size, copies[0]);
                const T* const b = gather_run(at.in[1] + place(2), steps[2], size, copies[1]);
                T* const to = at.out + place(0);
                what_.value(a, b, steps[0] == 1 ? to : result, size);
                if (steps[0] == 1) return;
                for (std::size_t i = 0; i < size; ++i)
                    to[static_cast<std::ptrdiff_t>(i) * steps[0]] = result[i];
            });
        });
    }
    void backward(std::size_t input, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        const bool sums = has_repeats(inputs_[input]);
        if (sums && !accumulate) fill_layout(inputs_[input], in_gradient, T(0));
        derive(input, at, out_gradient, 0, in_gradient, input + 1, accumulate || sums);
    }
    void tangent(const node_memory<T>& at, const T* const* in, T* out) const override {
        bool add = false;
        const std::size_t first = in[1] == out ? 1 : 0; // in place
        for (const std::size_t input : {first, 1 - first}) {
            if (in[input] == nullptr) continue;
            derive(input, at, in[input], input + 1, out, 0, add);
            add = true;
        }
    }
    [[nodiscard]] bool reads_input(std::size_t) const override { return !what_.is_linear; }
    [[nodiscard]] bool divisible() const override { return loops_.divisible(); }

  private:
    void derive(std::size_t input, const node_memory<T>& at, const T* from, std::size_t from_tensor, T* to,
                std::size_t to_tensor, bool add) const {
        loops_.run_all([&](const auto& start, std::size_t count, const auto& steps) {
            for_blocks(count, [&](std::ptrdiff_t block, std::size_t size) {
                T copies[3][function_block], slope[function_block];
                const auto place = [&](std::size_t tensor) { return start[tensor] + block * steps[tensor]; };
                const T* const change =
                    gather_run(from + place(from_tensor), steps[from_tensor], size, copies[0]);
                if (what_.is_linear) { // the operands need not be in memory
                    std::fill_n(copies[1], size, T(0));
                    what_.slope(input, copies[1], copies[1], slope, size);
                } else {
                    const T* const a = gather_run(at.in[0] + place(1), steps[1], size, copies[1]);
                    const T* const b = gather_run(at.in[1] + place(2), steps[2], size, copies[2]);
                    what_.slope(input, a, b, slope, size);
                }
                multiply_run(change, static_cast<const T*>(slope), to + place(to_tensor), steps[to_tensor],
                             size, add);
            });
        });
    }

    std::array<layout, 2> inputs_;
    elementwise_loops<3> loops_;
    binary_functions<T> what_;
};

template <typename T>
[[nodiscard]] std::unique_ptr<node_kernel<T>> make_binary(op::binary_kind kind, const layout& a,
                                                          const layout& b, const layout& out) {
    const auto make = [&]<op::binary_kind Kind>() -> std::unique_ptr<node_kernel<T>> {
        return std::make_unique<binary_kernel<T>>(a, b, out, binary_functions_of<T, Kind>());
    };
    using enum op::binary_kind;
    switch (kind) {
    case add:
        return make.template operator()<add>();
    case subtract:
        return make.template operator()<subtract>();
    case multiply:
        return make.template operator()<multiply>();
    case divide:
        return make.template operator()<divide>();
    case power:
        return make.template operator()<power>();
    case prelu:
        break;
    }
    return make.template operator()<prelu>();
}

/// Calls `body(offsets)` for the elements of a run.
template <std::size_t Count, typename Body>
inline void for_run(std::size_t count, const std::array<std::ptrdiff_t, Count>& steps, Body&& body) {
    std::array<std::ptrdiff_t, Count> at{};
    for (std::size_t i = 0; i < count; ++i) {
        body(at);
        for (std::size_t t = 0; t < Count; ++t) at[t] += steps[t];
    }
}

/// x where a constant is not 0, y elsewhere.
template <typename T>
class where_kernel final : public node_kernel<T> {
  public:
    where_kernel(const layout& condition, const layout& x, const layout& y, const layout& out)
        : inputs_{x, y}, loops_({&out, &condition, &x, &y}) {}

    void forward(const node_memory<T>& at, std::size_t, std::size_t) const override {
        loops_.run_all([&](const auto& start, std::size_t count, const auto& steps) {
            for_run(count, steps, [&](const auto& i) {
                at.out[start[0] + i[0]] =
                    at.in[0][start[1] + i[1]] != T(0) ? at.in[1][start[2] + i[2]] : at.in[2][start[3] + i[3]];
            });
        });
    }
    void backward(std::size_t input, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        if (!accumulate) fill_layout(inputs_[input - 1], in_gradient, T(0));
        loops_.run_all([&](const auto& start, std::size_t count, const auto& steps) {
            for_run(count, steps, [&](const auto& i) {
                const bool first = at.in[0][start[1] + i[1]] != T(0);
                if (first == (input == 1)) {
                    in_gradient[start[input + 1] + i[input + 1]] += out_gradient[start[0] + i[0]];
                }
            });
        });
    }
    void tangent(const node_memory<T>& at, const T* const* in, T* out) const override {
        loops_.run_all([&](const auto& start, std::size_t count, const auto& steps) {
            for_run(count, steps, [&](const auto& i) {
                const std::size_t chosen = at.in[0][start[1] + i[1]] != T(0) ? 1 : 2;
                out[start[0] + i[0]] =
                    in[chosen] == nullptr ? T(0) : in[chosen][start[chosen + 1] + i[chosen + 1]];
            });
        });
    }

  private:
    std::array<layout, 2> inputs_;
    elementwise_loops<4> loops_;
};

/// x scale[c] + shift[c] for channels c: a batch normalization with fixed moments.
template <typename T>
class channel_affine final : public node_kernel<T> {
  public:
    channel_affine(const layout& in, const layout& out, std::vector<T> scale, std::vector<T> shift)
        : channels_(channel_layout(out)), scale_(std::move(scale)), shift_(std::move(shift)),
          loops_({&out, &in, &channels_}) {}

    void forward(const node_memory<T>& at, std::size_t first, std::size_t last) const override {
        loops_.run(first, last, [&](const auto& start, std::size_t count, const auto& steps) {
            T* const to = at.out + start[0];
            const T* const from = at.in[0] + start[1];
            const T* const scale = scale_.data() + start[2];
            const T* const shift = shift_.data() + start[2];
            if (steps[0] == 1 && steps[1] == 1 && steps[2] == 1) {
                for (std::size_t i = 0; i < count; ++i) to[i] = from[i] * scale[i] + shift[i];
            } else {
                for_run(count, steps,
                        [&](const auto& i) { to[i[0]] = from[i[1]] * scale[i[2]] + shift[i[2]]; });
            }
        });
    }
    void backward(std::size_t, const node_memory<T>&, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        scaled(out_gradient, 0, in_gradient, 1, accumulate);
    }
    void tangent(const node_memory<T>&, const T* const* in, T* out) const override {
        scaled(in[0], 1, out, 0, false);
    }
    [[nodiscard]] bool divisible() const override { return loops_.divisible(); }

  private:
    [[nodiscard]] static layout channel_layout(const layout& out) {
        layout result{out.extents, std::vector<std::ptrdiff_t>(out.rank(), 0), 0};
        result.strides[1] = 1;
        return result;
    }
    void scaled(const T* from, std::size_t from_tensor, T* to, std::size_t to_tensor, bool add) const {
        loops_.run_all([&](const auto& start, std::size_t count, const auto& steps) {
            const T* const source = from + start[from_tensor];
            T* const target = to + start[to_tensor];
            const T* const scale = scale_.data() + start[2];
            for_blocks(count, [&](std::ptrdiff_t block, std::size_t size) {
                T copies[2][function_block];
                multiply_run(
                    gather_run(source + block * steps[from_tensor], steps[from_tensor], size, copies[0]),
                    gather_run(scale + block * steps[2], steps[2], size, copies[1]),
                    target + block * steps[to_tensor], steps[to_tensor], size, add);
            });
        });
    }

    layout channels_;
    std::vector<T> scale_, shift_;
    elementwise_loops<3> loops_;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
