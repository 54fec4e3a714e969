#pragma once

#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/layout.hpp"
#include "repscope/net/graph_operations.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <numbers>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// The loops of a function element by element: over ranges of axis 0 if that is the outermost one in memory.
template <std::size_t Count>
class elementwise_loops {
  public:
    using offsets = std::array<std::ptrdiff_t, Count>;

    explicit elementwise_loops(const std::array<const layout*, Count>& tensors) {
        const layout& lead = *tensors[0];
        divisible_ = lead.rank() > 1 && order_of(lead)[0] == 0;
        for (std::size_t t = 0; t < Count; ++t) {
            start_[t] = tensors[t]->offset;
            outer_[t] = divisible_ ? tensors[t]->strides[0] : 0;
        }
        extent_ = divisible_ ? lead.extents[0] : 1;
        inner_ = loop_nest<Count>(tensors, divisible_ ? 1 : 0);
    }
    [[nodiscard]] bool divisible() const noexcept { return divisible_; }

    /// Calls `body(offsets, count, steps)` for each run of indices [first, last) of axis 0.
    template <typename Body>
    void run(std::size_t first, std::size_t last, Body&& body) const {
        if (!divisible_) {
            first = 0;
            last = extent_;
        }
        for (std::size_t n = first; n < last; ++n) {
            offsets at = start_;
            for (std::size_t t = 0; t < Count; ++t) at[t] += static_cast<std::ptrdiff_t>(n) * outer_[t];
            inner_.run(at, body);
        }
    }
    template <typename Body>
    void run_all(Body&& body) const {
        run(0, extent_, body);
    }

  private:
    bool divisible_ = false;
    std::size_t extent_ = 1;
    offsets start_{}, outer_{};
    loop_nest<Count> inner_;
};

/// Calls `body(i...)` for the offsets of `count` elements; steps of 1 become blocks of a constant length,
/// which every level of optimization translates to vectors.
template <std::size_t Count, typename Body>
inline void for_run(std::size_t count, const std::array<std::ptrdiff_t, Count>& steps, Body&& body) {
    const bool adjacent =
        std::all_of(steps.begin(), steps.end(), [](std::ptrdiff_t step) { return step == 1; });
    if (adjacent) {
        constexpr std::size_t block = 16;
        std::size_t i = 0;
        for (; i + block <= count; i += block) {
            for (std::size_t j = 0; j < block; ++j) {
                std::array<std::ptrdiff_t, Count> at;
                at.fill(static_cast<std::ptrdiff_t>(i + j));
                body(at);
            }
        }
        for (; i < count; ++i) {
            std::array<std::ptrdiff_t, Count> at;
            at.fill(static_cast<std::ptrdiff_t>(i));
            body(at);
        }
        return;
    }
    std::array<std::ptrdiff_t, Count> at{};
    for (std::size_t i = 0; i < count; ++i) {
        body(at);
        for (std::size_t t = 0; t < Count; ++t) at[t] += steps[t];
    }
}

/// A function of one number, from its kind. `slope(x, y)` is the derivative at x, where the function is y;
/// `from_output`: it depends on y alone, so the function can work in place.
template <typename T, op::unary_kind Kind>
struct scalar_function {
    T alpha = 0, beta = 0;

    static constexpr bool from_output = Kind != op::unary_kind::hard_swish && Kind != op::unary_kind::erf &&
                                        Kind != op::unary_kind::gelu && Kind != op::unary_kind::gelu_tanh &&
                                        Kind != op::unary_kind::leaky_relu;

    [[nodiscard]] T value(T x) const {
        using enum op::unary_kind;
        if constexpr (Kind == identity) return x;
        if constexpr (Kind == relu) return x > T(0) ? x : T(0);
        if constexpr (Kind == leaky_relu) return x > T(0) ? x : alpha * x;
        if constexpr (Kind == clip) {
            const T raised = x < alpha ? alpha : x;
            return raised > beta ? beta : raised;
        }
        if constexpr (Kind == sigmoid) return T(1) / (T(1) + std::exp(-x));
        if constexpr (Kind == hard_sigmoid) return gate(alpha * x + beta);
        if constexpr (Kind == hard_swish) return x * gate(x * T(1) / T(6) + T(0.5));
        if constexpr (Kind == op::unary_kind::tanh) return std::tanh(x);
        if constexpr (Kind == op::unary_kind::erf) return std::erf(x);
        if constexpr (Kind == gelu) return T(0.5) * x * (T(1) + std::erf(x * root_half));
        if constexpr (Kind == gelu_tanh) return T(0.5) * x * (T(1) + std::tanh(inner(x)));
        if constexpr (Kind == op::unary_kind::sqrt) return std::sqrt(x);
        if constexpr (Kind == exponential) return std::exp(x);
        if constexpr (Kind == negate) return -x;
    }
    [[nodiscard]] T slope([[maybe_unused]] T x, [[maybe_unused]] T y) const {
        using enum op::unary_kind;
        if constexpr (Kind == identity) return T(1);
        if constexpr (Kind == relu) return y > T(0) ? T(1) : T(0);
        if constexpr (Kind == leaky_relu) return x > T(0) ? T(1) : alpha;
        if constexpr (Kind == clip) return y > alpha && y < beta ? T(1) : T(0);
        if constexpr (Kind == sigmoid) return y * (T(1) - y);
        if constexpr (Kind == hard_sigmoid) return y > T(0) && y < T(1) ? alpha : T(0);
        if constexpr (Kind == hard_swish) {
            if (x <= T(-3)) return T(0);
            return x >= T(3) ? T(1) : x / T(3) + T(0.5);
        }
        if constexpr (Kind == op::unary_kind::tanh) return T(1) - y * y;
        if constexpr (Kind == op::unary_kind::erf) {
            return T(2) * std::numbers::inv_sqrtpi_v<T> * std::exp(-x * x);
        }
        if constexpr (Kind == gelu) {
            const T density = root_half * std::numbers::inv_sqrtpi_v<T> * std::exp(T(-0.5) * x * x);
            return T(0.5) * (T(1) + std::erf(x * root_half)) + x * density;
        }
        if constexpr (Kind == gelu_tanh) {
            const T t = std::tanh(inner(x));
            const T rate = root_two_over_pi * (T(1) + T(3) * cubic * x * x);
            return T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * rate;
        }
        if constexpr (Kind == op::unary_kind::sqrt) return T(0.5) / y;
        if constexpr (Kind == exponential) return y;
        if constexpr (Kind == negate) return T(-1);
    }

  private:
    static constexpr T root_half = std::numbers::sqrt2_v<T> / T(2);
    static constexpr T root_two_over_pi = std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
    static constexpr T cubic = T(0.044715);
    [[nodiscard]] static T gate(T x) { return x < T(0) ? T(0) : (x > T(1) ? T(1) : x); }
    [[nodiscard]] static T inner(T x) { return root_two_over_pi * (x + cubic * x * x * x); }
};

template <typename T, typename Function>
class unary_kernel final : public node_kernel<T> {
  public:
    unary_kernel(const layout& in, const layout& out, const Function& function)
        : function_(function), loops_({&out, &in}) {}

    void forward(const node_memory<T>& at, std::size_t first, std::size_t last) const override {
        loops_.run(first, last, [&](const auto& start, std::size_t count, const auto& steps) {
            T* const to = at.out + start[0];
            const T* const from = at.in[0] + start[1];
            for_run(count, steps, [&](const auto& i) { to[i[0]] = function_.value(from[i[1]]); });
        });
    }
    void backward(std::size_t, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        loops_.run_all([&](const auto& start, std::size_t count, const auto& steps) {
            T* const to = in_gradient + start[1];
            const T* const from = out_gradient + start[0];
            const T* const x = at.in[0] + start[1];
            const T* const y = at.out + start[0];
            if (accumulate) {
                for_run(count, steps,
                        [&](const auto& i) { to[i[1]] += from[i[0]] * function_.slope(x[i[1]], y[i[0]]); });
            } else {
                for_run(count, steps,
                        [&](const auto& i) { to[i[1]] = from[i[0]] * function_.slope(x[i[1]], y[i[0]]); });
            }
        });
    }
    void tangent(const node_memory<T>& at, const T* const* in, T* out) const override {
        loops_.run_all([&](const auto& start, std::size_t count, const auto& steps) {
            T* const to = out + start[0];
            const T* const from = in[0] + start[1];
            const T* const x = at.in[0] + start[1];
            const T* const y = at.out + start[0];
            for_run(count, steps,
                    [&](const auto& i) { to[i[0]] = from[i[1]] * function_.slope(x[i[1]], y[i[0]]); });
        });
    }
    [[nodiscard]] bool reads_input(std::size_t) const override { return !Function::from_output; }
    [[nodiscard]] bool reads_output() const override { return Function::from_output; }
    [[nodiscard]] bool divisible() const override { return loops_.divisible(); }

  private:
    Function function_;
    elementwise_loops<2> loops_;
};

/// Whether the function can overwrite its input.
[[nodiscard]] inline bool works_in_place(op::unary_kind kind) noexcept {
    using enum op::unary_kind;
    return kind != hard_swish && kind != op::unary_kind::erf && kind != gelu && kind != gelu_tanh &&
           kind != leaky_relu;
}

template <typename T>
[[nodiscard]] std::unique_ptr<node_kernel<T>> make_unary(const op::unary& what, const layout& in,
                                                         const layout& out) {
    const auto make = [&]<op::unary_kind Kind>() -> std::unique_ptr<node_kernel<T>> {
        const scalar_function<T, Kind> function{static_cast<T>(what.alpha), static_cast<T>(what.beta)};
        return std::make_unique<unary_kernel<T, scalar_function<T, Kind>>>(in, out, function);
    };
    using enum op::unary_kind;
    switch (what.kind) {
    case identity:
        return make.template operator()<identity>();
    case relu:
        return make.template operator()<relu>();
    case leaky_relu:
        return make.template operator()<leaky_relu>();
    case clip:
        return make.template operator()<clip>();
    case sigmoid:
        return make.template operator()<sigmoid>();
    case hard_sigmoid:
        return make.template operator()<hard_sigmoid>();
    case hard_swish:
        return make.template operator()<hard_swish>();
    case op::unary_kind::tanh:
        return make.template operator()<op::unary_kind::tanh>();
    case op::unary_kind::erf:
        return make.template operator()<op::unary_kind::erf>();
    case gelu:
        return make.template operator()<gelu>();
    case gelu_tanh:
        return make.template operator()<gelu_tanh>();
    case op::unary_kind::sqrt:
        return make.template operator()<op::unary_kind::sqrt>();
    case exponential:
        return make.template operator()<exponential>();
    case negate:
        break;
    }
    return make.template operator()<negate>();
}

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
