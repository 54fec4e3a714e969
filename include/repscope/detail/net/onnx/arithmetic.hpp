#pragma once

#include "repscope/detail/net/onnx/constant.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/detail/net/onnx/rearrange.hpp"
#include "repscope/detail/net/onnx/shapes.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// An operator of two numbers, for each kind of elements; null where it has none.
struct binary_operator {
    std::string_view name;
    double (*real)(double, double);
    std::int64_t (*integer)(std::int64_t, std::int64_t);
    bool compares; ///< the result is a boolean
};

// Integers wrap around, as they do in other runtimes.
[[nodiscard]] constexpr std::int64_t wrapped(std::uint64_t value) noexcept {
    return static_cast<std::int64_t>(value);
}
[[nodiscard]] constexpr std::uint64_t bits_of(std::int64_t value) noexcept {
    return static_cast<std::uint64_t>(value);
}
[[nodiscard]] inline std::int64_t power(std::int64_t base, std::int64_t exponent) noexcept {
    if (exponent < 0) return base == 1 ? 1 : 0;
    std::uint64_t result = 1, factor = bits_of(base);
    for (; exponent != 0; exponent /= 2, factor *= factor) {
        if (exponent % 2 != 0) result *= factor;
    }
    return wrapped(result);
}

// A quotient by -1 would overflow for the least integer; one by 0 is refused before.
inline constexpr binary_operator binary_operators[] = {
    {"Add", [](double a, double b) { return a + b; },
     [](std::int64_t a, std::int64_t b) { return wrapped(bits_of(a) + bits_of(b)); }, false},
    {"Sub", [](double a, double b) { return a - b; },
     [](std::int64_t a, std::int64_t b) { return wrapped(bits_of(a) - bits_of(b)); }, false},
    {"Mul", [](double a, double b) { return a * b; },
     [](std::int64_t a, std::int64_t b) { return wrapped(bits_of(a) * bits_of(b)); }, false},
    {"Div", [](double a, double b) { return a / b; },
     [](std::int64_t a, std::int64_t b) { return b == -1 ? wrapped(0 - bits_of(a)) : a / b; }, false},
    {"Mod", nullptr,
     [](std::int64_t a, std::int64_t b) {
         if (b == -1) return std::int64_t{0};
         const std::int64_t rest = a % b;
         return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest; // the sign of the divisor
     },
     false},
    {"Pow", [](double a, double b) { return std::pow(a, b); }, power, false},
    {"Min", [](double a, double b) { return std::min(a, b); },
     [](std::int64_t a, std::int64_t b) { return std::min(a, b); }, false},
    {"Max", [](double a, double b) { return std::max(a, b); },
     [](std::int64_t a, std::int64_t b) { return std::max(a, b); }, false},
    {"Equal", [](double a, double b) { return a == b ? 1. : 0.; },
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a == b}; }, true},
    {"Less", [](double a, double b) { return a < b ? 1. : 0.; },
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a < b}; }, true},
    {"LessOrEqual", [](double a, double b) { return a <= b ? 1. : 0.; },
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a <= b}; }, true},
    {"Greater", [](double a, double b) { return a > b ? 1. : 0.; },
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a > b}; }, true},
    {"GreaterOrEqual", [](double a, double b) { return a >= b ? 1. : 0.; },
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a >= b}; }, true},
    {"And", nullptr, [](std::int64_t a, std::int64_t b) { return std::int64_t{a != 0 && b != 0}; }, true},
    {"Or", nullptr, [](std::int64_t a, std::int64_t b) { return std::int64_t{a != 0 || b != 0}; }, true},
    {"Xor", nullptr, [](std::int64_t a, std::int64_t b) { return std::int64_t{(a != 0) != (b != 0)}; }, true},
};

/// An operator of one number.
struct unary_operator {
    std::string_view name;
    double (*real)(double);
    std::int64_t (*integer)(std::int64_t);
};

inline constexpr unary_operator unary_operators[] = {
    {"Neg", [](double a) { return -a; }, [](std::int64_t a) { return wrapped(0 - bits_of(a)); }},
    {"Abs", [](double a) { return std::fabs(a); },
     [](std::int64_t a) { return a < 0 ? wrapped(0 - bits_of(a)) : a; }},
    {"Sqrt", [](double a) { return std::sqrt(a); }, nullptr},
    {"Exp", [](double a) { return std::exp(a); }, nullptr},
    {"Log", [](double a) { return std::log(a); }, nullptr},
    {"Reciprocal", [](double a) { return 1 / a; }, nullptr},
    {"Floor", [](double a) { return std::floor(a); }, nullptr},
    {"Ceil", [](double a) { return std::ceil(a); }, nullptr},
    {"Round", [](double a) { return std::nearbyint(a); }, nullptr},
    {"Relu", [](double a) { return a > 0 ? a : 0; },
     [](std::int64_t a) { return std::max<std::int64_t>(a, 0); }},
    {"Tanh", [](double a) { return std::tanh(a); }, nullptr},
    {"Sigmoid", [](double a) { return 1 / (1 + std::exp(-a)); }, nullptr},
    {"Erf", [](double a) { return std::erf(a); }, nullptr},
    {"Not", nullptr, [](std::int64_t a) { return std::int64_t{a == 0}; }},
};

/// Returns the number as the type stores it.
[[nodiscard]] inline double rounded(double value, io::dtype type) noexcept {
    return type == io::dtype::float64 ? value : static_cast<double>(static_cast<float>(value));
}

[[nodiscard]] inline constant apply_binary(const binary_operator& op, const constant& a, const constant& b,
                                           const node_reader& node) {
    // The exponent of Pow may have another type than the base.
    const bool mixed = a.is_real() != b.is_real();
    if (mixed && !(op.name == "Pow" && a.is_real())) node.complain("the types of the inputs differ");
    const extents_list shape = broadcast_shape(a.shape, b.shape, node);
    const constant left = broadcast_to(a, shape, node);
    constant right = broadcast_to(b, shape, node);
    if (mixed) {
        const auto& integers = right.integers();
        right = {a.type, shape, std::vector<double>(integers.begin(), integers.end())};
    }
    const io::dtype type = op.compares ? io::dtype::boolean : a.type;
    if (left.is_real()) {
        if (op.real == nullptr) node.complain("expected integers");
        std::vector<double> out(left.size());
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = op.real(left.reals()[i], right.reals()[i]);
        if (!op.compares) {
            for (double& value : out) value = rounded(value, type);
        }
        return make_constant(type, shape, std::move(out));
    }
    std::vector<std::int64_t> out(left.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::int64_t divisor = right.integers()[i];
        if (divisor == 0 && (op.name == "Div" || op.name == "Mod")) node.complain("division by zero");
        out[i] = op.integer(left.integers()[i], divisor);
    }
    return {type, shape, std::move(out)};
}

[[nodiscard]] inline constant apply_unary(const unary_operator& op, const constant& a,
                                          const node_reader& node) {
    constant out = a;
    if (a.is_real()) {
        if (op.real == nullptr) node.complain("expected integers");
        for (double& value : std::get<0>(out.elements)) value = rounded(op.real(value), a.type);
    } else {
        if (op.integer == nullptr) node.complain("expected numbers of a floating-point type");
        for (std::int64_t& value : std::get<1>(out.elements)) value = op.integer(value);
    }
    return out;
}

/// Returns `a` as elements of another type. Numbers that an integer type does not have are refused.
[[nodiscard]] inline constant converted(const constant& a, io::dtype type, const node_reader& node) {
    if (is_real(type)) {
        constant out{type, a.shape, std::vector<double>(a.size())};
        auto& to = std::get<0>(out.elements);
        for (std::size_t i = 0; i < to.size(); ++i) {
            to[i] = rounded(a.is_real() ? a.reals()[i] : static_cast<double>(a.integers()[i]), type);
        }
        return out;
    }
    constant out{type, a.shape, std::vector<std::int64_t>(a.size())};
    auto& to = std::get<1>(out.elements);
    for (std::size_t i = 0; i < to.size(); ++i) {
        if (type == io::dtype::boolean) {
            to[i] = a.is_real() ? a.reals()[i] != 0 : a.integers()[i] != 0;
        } else if (a.is_real()) {
            const double value = a.reals()[i];
            if (!(std::fabs(value) < 0x1p63)) {
                node.complain("expected a number that fits in an integer, got " + errors::text_of(value));
            }
            to[i] = static_cast<std::int64_t>(value);
        } else {
            to[i] = a.integers()[i];
        }
    }
    return out;
}

/// Reduces the axes by `op`, which begins with the first element, and divides by the number for a mean.
[[nodiscard]] inline constant reduced(const constant& from, const std::vector<std::size_t>& axes, bool keep,
                                      std::string_view op, const node_reader& node) {
    std::vector<bool> is_reduced(from.shape.size());
    for (const std::size_t axis : axes) is_reduced[axis] = true;
    extents_list kept, shape;
    std::vector<std::size_t> order;
    std::size_t count = 1;
    for (std::size_t i = 0; i < from.shape.size(); ++i) {
        if (is_reduced[i]) {
            count *= from.shape[i];
            if (keep) shape.push_back(1);
        } else {
            order.push_back(i);
            shape.push_back(from.shape[i]);
        }
    }
    order.insert(order.end(), axes.begin(), axes.end());
    if (count == 0) node.complain("expected at least one element to reduce");
    const constant rows = transposed(from, order, node);
    const auto combine = [op](auto a, auto b) {
        if (op == "ReduceMin") return std::min(a, b);
        if (op == "ReduceMax") return std::max(a, b);
        return op == "ReduceProd" ? a * b : a + b;
    };
    constant out{from.type, std::move(shape), {}};
    std::visit(
        [&](const auto& list) {
            std::remove_cvref_t<decltype(list)> to;
            for (std::size_t first = 0; first < list.size(); first += count) {
                auto value = list[first];
                for (std::size_t i = 1; i < count; ++i) {
                    if constexpr (std::is_same_v<decltype(value), std::int64_t>) {
                        const bool overflows = std::fabs(static_cast<double>(value)) > 0x1p31 ||
                                               std::fabs(static_cast<double>(list[first + i])) > 0x1p31;
                        if (overflows) node.complain("expected integers below 2^31");
                    }
                    value = combine(value, list[first + i]);
                }
                if (op == "ReduceMean") value /= static_cast<decltype(value)>(count);
                to.push_back(value);
            }
            out.elements = std::move(to);
        },
        rows.elements);
    return out;
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
