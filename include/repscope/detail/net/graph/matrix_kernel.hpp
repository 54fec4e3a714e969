#pragma once

#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/layout.hpp"
#include "repscope/detail/net/graph/linear_map.hpp"
#include "repscope/detail/net/kernels.hpp"
#include "repscope/detail/net/products.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// A matrix in memory.
struct matrix_layout {
    std::size_t rows = 1, cols = 1;
    std::ptrdiff_t row = 0, col = 0;

    [[nodiscard]] matrix_layout transposed() const noexcept { return {cols, rows, col, row}; }
};

/// out = factor a b + bias, or out += factor a b, for three matrices; `b` may have been arranged before.
template <typename T>
class matrix_multiplier {
  public:
    matrix_multiplier() = default;
    matrix_multiplier(const matrix_layout& a, const matrix_layout& b, const matrix_layout& out)
        : a_(a), b_(b), out_(out) {
        // Tiles are written along rows: the transposed product suits an output of adjacent columns.
        if (out_.col != 1 && out_.row == 1) {
            std::swap(a_, b_);
            a_ = a_.transposed();
            b_ = b_.transposed();
            out_ = out_.transposed();
            swapped_ = true;
        }
        copies_a_ = a_.col != 1 && a_.cols > 1;
        copies_out_ = out_.col != 1 && out_.cols > 1;
        const std::ptrdiff_t step = copies_a_ ? static_cast<std::ptrdiff_t>(a_.cols) : a_.row;
        const std::ptrdiff_t out_step = copies_out_ ? static_cast<std::ptrdiff_t>(out_.cols) : out_.row;
        for (std::size_t row = 0; row < (std::min)(block, a_.rows); ++row) {
            plan_.in.push_back(static_cast<std::ptrdiff_t>(row) * step);
            plan_.out.push_back(static_cast<std::ptrdiff_t>(row) * out_step);
        }
        plan_.stretches = {{0, a_.cols}};
        plan_.depth = a_.cols;
    }

    /// Whether the second operand of the product is `b` itself; otherwise it cannot be arranged before.
    [[nodiscard]] bool arranges_b() const noexcept { return !swapped_; }
    [[nodiscard]] std::size_t arranged_size() const noexcept { return a_.cols * padded_columns<T>(b_.cols); }
    [[nodiscard]] std::size_t scratch_size() const noexcept {
        return arranged_size() + (copies_a_ ? block * a_.cols : 0) + (copies_out_ ? block * out_.cols : 0);
    }
    /// Arranges `b` in `arranged_size()` numbers.
    void arrange(const T* b, T factor, T* to) const {
        const std::size_t columns = b_.cols, padded = padded_columns<T>(columns);
        const auto value = [&](std::size_t row, std::size_t column) {
            return factor * b[static_cast<std::ptrdiff_t>(row) * b_.row +
                              static_cast<std::ptrdiff_t>(column) * b_.col];
        };
        if (columns <= few_columns) {
            for (std::size_t column = 0; column < columns; ++column) {
                for (std::size_t row = 0; row < plan_.depth; ++row) *to++ = value(row, column);
            }
            return;
        }
        for (std::size_t first = 0; first < padded; first += panel_width<T>) {
            const std::size_t last = (std::min)(padded, first + panel_width<T>);
            const std::size_t valid = (std::min)(columns, last);
            for (std::size_t row = 0; row < plan_.depth; ++row) {
                for (std::size_t column = first; column < valid; ++column) *to++ = value(row, column);
                for (std::size_t column = valid; column < last; ++column) *to++ = T(0);
            }
        }
    }

    /// The product; `arranged` is null, or `b` from `arrange` with this factor.
    void run(const T* a, const T* b, T* out, T factor, const T* arranged, const epilogue<T>& end,
             T* scratch) const {
        if (swapped_) std::swap(a, b);
        if (arranged == nullptr) {
            arrange(b, factor, scratch);
            arranged = scratch;
            scratch += arranged_size();
        }
        T* const rows = scratch;
        T* const results = scratch + (copies_a_ ? block * a_.cols : 0);
        for (std::size_t first = 0; first < a_.rows; first += block) {
            const std::size_t count = (std::min)(block, a_.rows - first);
            const T* source = a + static_cast<std::ptrdiff_t>(first) * a_.row;
            if (copies_a_) {
                copy_rows(source, count, rows);
                source = rows;
            }
            T* target = out + static_cast<std::ptrdiff_t>(first) * out_.row;
            if (!copies_out_) {
                multiply_rows(plan_, arranged, source, 0, target, 0, count, b_.cols, end);
                continue;
            }
            epilogue<T> plain = end;
            plain.accumulate = false;
            multiply_rows(plan_, arranged, source, 0, results, 0, count, b_.cols, plain);
            for (std::size_t row = 0; row < count; ++row) {
                for (std::size_t col = 0; col < out_.cols; ++col) {
                    T& value = target[static_cast<std::ptrdiff_t>(row) * out_.row +
                                      static_cast<std::ptrdiff_t>(col) * out_.col];
                    const T result = results[row * out_.cols + col];
                    value = end.accumulate ? value + result : result;
                }
            }
        }
    }

  private:
    static constexpr std::size_t block = 192; // rows that stay in the cache while the panels pass

    void copy_rows(const T* from, std::size_t count, T* to) const {
        for (std::size_t row = 0; row < count; ++row) {
            const T* const source = from + static_cast<std::ptrdiff_t>(row) * a_.row;
            for (std::size_t k = 0; k < a_.cols; ++k) *to++ = source[static_cast<std::ptrdiff_t>(k) * a_.col];
        }
    }

    matrix_layout a_, b_, out_;
    bool swapped_ = false, copies_a_ = false, copies_out_ = false;
    product_plan<T> plan_;
};

/// Constant operands in the order of the products, shared by the kernels of one node.
template <typename T>
struct packed_matrix {
    std::vector<T> forward, backward, bias;
};

/// Products of the matrices in the two trailing axes.
template <typename T>
class matrix_kernel final : public node_kernel<T> {
  public:
    struct description {
        layout a, b, out;               // of rank 2 or more, with the leading axes broadcast
        std::array<layout, 2> inputs;   // a and b without broadcasting
        std::array<bool, 2> constant{}; // whether a and b are constants
        T factor = 1;
        // One bias per column. `b_data` is empty unless b is a constant itself, not computed from constants.
        std::span<const T> bias, b_data;
    };

    matrix_kernel(description what, std::shared_ptr<packed_matrix<T>> packed)
        : what_(std::move(what)), packed_(std::move(packed)) {
        const auto matrix = [](const layout& view) {
            const std::size_t r = view.rank();
            return matrix_layout{view.extents[r - 2], view.extents[r - 1], view.strides[r - 2],
                                 view.strides[r - 1]};
        };
        const matrix_layout a = matrix(what_.a), b = matrix(what_.b), out = matrix(what_.out);
        product_ = {a, b, out};
        gradients_[0] = {out, b.transposed(), a};
        gradients_[1] = {a.transposed(), out, b};
        const auto leading = [](const layout& view) {
            return layout{{view.extents.begin(), view.extents.end() - 2},
                          {view.strides.begin(), view.strides.end() - 2},
                          view.offset};
        };
        const layout leads[] = {leading(what_.out), leading(what_.a), leading(what_.b)};
        matrices_ = loop_nest<3>({&leads[0], &leads[1], &leads[2]});
        start_ = {what_.out.offset, what_.a.offset, what_.b.offset};
        single_b_ = !what_.b_data.empty() && !has_extent(leads[2]) && product_.arranges_b();
        for (std::size_t input = 0; input < 2; ++input) {
            sums_[input] = has_repeats(leads[input + 1]);
            this->scratch_size = (std::max)(this->scratch_size, gradients_[input].scratch_size());
        }
        this->scratch_size = (std::max)(this->scratch_size, product_.scratch_size());
        if (single_b_ && packed_->forward.empty()) {
            packed_->forward.resize(product_.arranged_size());
            product_.arrange(what_.b_data.data() + what_.b.offset, what_.factor, packed_->forward.data());
        }
        if (!what_.bias.empty() && packed_->bias.empty()) {
            packed_->bias.assign(padded_columns<T>(what_.bias.size()), T(0));
            std::copy(what_.bias.begin(), what_.bias.end(), packed_->bias.begin());
        }
    }

    void forward(const node_memory<T>& at, std::size_t, std::size_t) const override {
        const epilogue<T> end{.bias = packed_->bias.empty() ? nullptr : packed_->bias.data(),
                              .relu = at.relu};
        multiply(at.in[0], at.in[1], at.out, end, at.scratch);
    }
    void tangent(const node_memory<T>& at, const T* const* in, T* out) const override {
        bool add = false;
        for (std::size_t input = 0; input < 2; ++input) {
            if (in[input] == nullptr) continue;
            multiply(input == 0 ? in[0] : at.in[0], input == 1 ? in[1] : at.in[1], out, {.accumulate = add},
                     at.scratch);
            add = true;
        }
    }
    void backward(std::size_t input, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        if (sums_[input] && !accumulate) fill_layout(what_.inputs[input], in_gradient, T(0));
        const epilogue<T> end{.accumulate = accumulate || sums_[input]};
        // The kernels of all numbers of samples share `packed_`, but not all of them arrange their operand.
        const bool arranged = input == 0 && arranges_backward() && !packed_->backward.empty();
        for_matrices([&](std::ptrdiff_t out, std::ptrdiff_t a, std::ptrdiff_t b) {
            if (input == 0) {
                gradients_[0].run(out_gradient + out, at.in[1] + b, in_gradient + a, what_.factor,
                                  arranged ? packed_->backward.data() : nullptr, end, at.scratch);
            } else {
                gradients_[1].run(at.in[0] + a, out_gradient + out, in_gradient + b, what_.factor, nullptr,
                                  end, at.scratch);
            }
        });
    }
    [[nodiscard]] bool reads_input(std::size_t input) const override {
        return input < 2 && !what_.constant[1 - input];
    }
    [[nodiscard]] bool fuses_relu() const override { return true; }
    void prepare_backward() override {
        if (!arranges_backward() || !packed_->backward.empty()) return;
        packed_->backward.resize(gradients_[0].arranged_size());
        gradients_[0].arrange(what_.b_data.data() + what_.b.offset, what_.factor, packed_->backward.data());
    }

  private:
    [[nodiscard]] bool arranges_backward() const noexcept { return single_b_ && gradients_[0].arranges_b(); }
    [[nodiscard]] static bool has_extent(const layout& leads) {
        for (std::size_t axis = 0; axis < leads.rank(); ++axis) {
            if (leads.extents[axis] > 1 && leads.strides[axis] != 0) return true;
        }
        return false;
    }
    template <typename Body>
    void for_matrices(Body&& body) const {
        matrices_.run(start_, [&](const auto& start, std::size_t count, const auto& steps) {
            for (std::size_t i = 0; i < count; ++i) {
                const auto index = static_cast<std::ptrdiff_t>(i);
                body(start[0] + index * steps[0], start[1] + index * steps[1], start[2] + index * steps[2]);
            }
        });
    }
    void multiply(const T* a, const T* b, T* out, const epilogue<T>& end, T* scratch) const {
        for_matrices([&](std::ptrdiff_t to, std::ptrdiff_t from_a, std::ptrdiff_t from_b) {
            product_.run(a + from_a, b + from_b, out + to, what_.factor,
                         single_b_ ? packed_->forward.data() : nullptr, end, scratch);
        });
    }

    description what_;
    std::shared_ptr<packed_matrix<T>> packed_;
    matrix_multiplier<T> product_;
    std::array<matrix_multiplier<T>, 2> gradients_;
    loop_nest<3> matrices_;
    std::array<std::ptrdiff_t, 3> start_{};
    std::array<bool, 2> sums_{};
    bool single_b_ = false;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
