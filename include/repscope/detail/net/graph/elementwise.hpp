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

/// Number of elements that a function computes at a time, from adjacent memory to adjacent memory.
inline constexpr std::size_t function_block = 128;

/// Adjacent elements: those of memory, or a copy of elements with another step.
template <typename T>
[[nodiscard]] inline const T* gather_run(const T* from, std::ptrdiff_t step, std::size_t count, T* copy) {
    if (step == 1) return from;
    for (std::size_t i = 0; i < count; ++i) copy[i] = from[static_cast<std::ptrdiff_t>(i) * step];
    return copy;
}

/// to[i] = a[i] b[i], or to[i] += a[i] b[i]; a step of 0 adds all products to one element.
template <typename T>
inline void multiply_run(const T* a, const T* b, T* to, std::ptrdiff_t step, std::size_t count, bool add) {
    if (add && step == 0) {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i] * b[i]);
        *to += static_cast<T>(sum);
    } else if (step == 1) {
        for (std::size_t i = 0; i < count; ++i) to[i] = add ? to[i] + a[i] * b[i] : a[i] * b[i];
    } else {
        for (std::size_t i = 0; i < count; ++i) {
            T& target = to[static_cast<std::ptrdiff_t>(i) * step];
            target = add ? target + a[i] * b[i] : a[i] * b[i];
        }
    }
}

/// Calls `body(first, count)` for blocks of a run.
template <typename Body>
inline void for_blocks(std::size_t count, Body&& body) {
    for (std::size_t first = 0; first < count; first += function_block) {
        body(static_cast<std::ptrdiff_t>(first), (std::min)(function_block, count - first));
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
        if constexpr (Kind == relu) return x < T(0) ? T(0) : x; // NaN remains
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

/// The function and its derivative for adjacent elements, as pointers, so that the loops around them are
/// compiled once.
template <typename T>
struct unary_functions {
    T alpha = 0, beta = 0;
    bool from_output = false;
    void (*value)(const unary_functions& what, const T* x, T* y, std::size_t count) = nullptr;
    void (*slope)(const unary_functions& what, const T* x, const T* y, T* to, std::size_t count) = nullptr;
};

template <typename T, op::unary_kind Kind>
[[nodiscard]] unary_functions<T> unary_functions_of(const op::unary& what) {
    using function = scalar_function<T, Kind>;
    unary_functions<T> result;
    result.alpha = static_cast<T>(what.alpha);
    result.beta = static_cast<T>(what.beta);
    result.from_output = function::from_output;
    result.value = [](const unary_functions<T>& held, const T* x, T* y, std::size_t count) {
        const function f{held.alpha, held.beta};
        for (std::size_t i = 0; i < count; ++i) y[i] = f.value(x[i]);
    };
    result.slope = [](const unary_functions<T>& held, const T* x, const T* y, T* to, std::size_t count) {
        const function f{held.alpha, held.beta};
        for (std::size_t i = 0; i < count; ++i) to[i] = f.slope(x[i], y[i]);
    };
    return result;
}

template <typename T>
class unary_kernel final : public node_kernel<T> {
  public:
    unary_kernel(const layout& in, const layout& out, const unary_functions<T>& what)
        : what_(what), loops_({&out, &in}) {}

    void forward(const node_memory<T>& at, std::size_t first, std::size_t last) const override {
        loops_.run(first, last, [&](const auto& start, std::size_t count, const auto& steps) {
            for_blocks(count, [&](std::ptrdiff_t block, std::size_t size) {
                T copy[function_block], result[function_block];
                const T* const x = gather_run(at.in[0] + start[1] + block * steps[1], steps[1], size, copy);
                T* const to = at.out + start[0] + block * steps[0];
                what_.value(what_, x, steps[0] == 1 ? to : result, size);
                if (steps[0] == 1) return;
                for (std::size_t i = 0; i < size; ++i)
                    to[static_cast<std::ptrdiff_t>(i) * steps[0]] = result[i];
            });
        });
    }
    void backward(std::size_t, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        derive(at, out_gradient, 0, in_gradient, 1, accumulate);
    }
    void tangent(const node_memory<T>& at, const T* const* in, T* out) const override {
        derive(at, in[0], 1, out, 0, false);
    }
    [[nodiscard]] bool reads_input(std::size_t) const override { return !what_.from_output; }
    [[nodiscard]] bool reads_output() const override { return what_.from_output; }
    [[nodiscard]] bool divisible() const override { return loops_.divisible(); }

  private:
    void derive(const node_memory<T>& at, const T* from, std::size_t from_tensor, T* to,
                std::size_t to_tensor, bool add) const {
        loops_.run_all([&](const auto& start, std::size_t count, const auto& steps) {
            for_blocks(count, [&](std::ptrdiff_t block, std::size_t size) {
                T copies[3][function_block], slope[function_block];
                const auto place = [&](std::size_t tensor) { return start[tensor] + block * steps[tensor]; };
                const T* const x = gather_run(at.in[0] + place(1), steps[1], size, copies[0]);
                const T* const y =
                    gather_run(static_cast<const T*>(at.out) + place(0), steps[0], size, copies[1]);
                const T* const change =
                    gather_run(from + place(from_tensor), steps[from_tensor], size, copies[2]);
                what_.slope(what_, x, y, slope, size);
                multiply_run(change, slope, to + place(to_tensor), steps[to_tensor], size, add);
            });
        });
    }

    unary_functions<T> what_;
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
        return std::make_unique<unary_kernel<T>>(in, out, unary_functions_of<T, Kind>(what));
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
