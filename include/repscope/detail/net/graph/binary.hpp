#pragma once

#include "repscope/detail/net/graph/elementwise.hpp"
#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/layout.hpp"
#include "repscope/detail/net/graph/linear_map.hpp"
#include "repscope/net/graph_operations.hpp"

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

template <typename T, typename Function>
class binary_kernel final : public node_kernel<T> {
  public:
    /// `a` and `b` are broadcast to the extents of `out`.
    binary_kernel(const layout& a, const layout& b, const layout& out)
        : inputs_{a, b}, loops_({&out, &a, &b}) {}

    void forward(const node_memory<T>& at, std::size_t first, std::size_t last) const override {
        loops_.run(first, last, [&](const auto& start, std::size_t count, const auto& steps) {
            T* const to = at.out + start[0];
            const T* const a = at.in[0] + start[1];
            const T* const b = at.in[1] + start[2];
            if (steps[0] == 1 && steps[1] == 1 && steps[2] == 0) {
                const T factor = *b;
                for_run<2>(count, {1, 1},
                           [&](const auto& i) { to[i[0]] = Function::value(a[i[1]], factor); });
                return;
            }
            for_run(count, steps, [&](const auto& i) { to[i[0]] = Function::value(a[i[1]], b[i[2]]); });
        });
    }
    void backward(std::size_t input, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        const bool sums = has_repeats(inputs_[input]);
        if (sums && !accumulate) clear(inputs_[input], in_gradient);
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
    [[nodiscard]] bool reads_input(std::size_t) const override { return !Function::is_linear; }
    [[nodiscard]] bool divisible() const override { return loops_.divisible(); }

  private:
    /// Sets elements that an axis of stride 0 repeats as well.
    static void clear(const layout& view, T* to) { fill_layout(view, to, T(0)); }

    void derive(std::size_t input, const node_memory<T>& at, const T* from, std::size_t from_tensor, T* to,
                std::size_t to_tensor, bool add) const {
        loops_.run_all([&](const auto& start, std::size_t count, const auto& steps) {
            const T* const source = from + start[from_tensor];
            T* const target = to + start[to_tensor];
            const T* const a = at.in[0] + start[1];
            const T* const b = at.in[1] + start[2];
            const auto slope = [&](const auto& i) {
                if constexpr (Function::is_linear) return Function::slope(input, T(0), T(0));
                return Function::slope(input, a[i[1]], b[i[2]]);
            };
            if (add && steps[to_tensor] == 0) {
                double sum = 0;
                for_run(count, steps, [&](const auto& i) {
                    sum += static_cast<double>(source[i[from_tensor]] * slope(i));
                });
                *target += static_cast<T>(sum);
            } else if (add) {
                for_run(count, steps,
                        [&](const auto& i) { target[i[to_tensor]] += source[i[from_tensor]] * slope(i); });
            } else {
                for_run(count, steps,
                        [&](const auto& i) { target[i[to_tensor]] = source[i[from_tensor]] * slope(i); });
            }
        });
    }

    std::array<layout, 2> inputs_;
    elementwise_loops<3> loops_;
};

template <typename T>
[[nodiscard]] std::unique_ptr<node_kernel<T>> make_binary(op::binary_kind kind, const layout& a,
                                                          const layout& b, const layout& out) {
    const auto make = [&]<op::binary_kind Kind>() -> std::unique_ptr<node_kernel<T>> {
        return std::make_unique<binary_kernel<T, pair_function<T, Kind>>>(a, b, out);
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
            for_run(count, steps, [&](const auto& i) { to[i[0]] = from[i[1]] * scale[i[2]] + shift[i[2]]; });
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
            for_run(count, steps, [&](const auto& i) {
                const T value = source[i[from_tensor]] * scale[i[2]];
                target[i[to_tensor]] = add ? target[i[to_tensor]] + value : value;
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
