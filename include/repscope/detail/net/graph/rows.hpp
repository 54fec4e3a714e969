#pragma once

#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// The rows of a tensor: all elements that differ in some axes only. Functions of rows work on copies with
/// adjacent elements.
class row_set {
  public:
    row_set() = default;
    /// `in` and `out` have the same extents; a row runs through the axes from `first` to before `last`.
    row_set(const layout& in, const layout& out, std::size_t first, std::size_t last) {
        layout rows_in, rows_out, row_in, row_out;
        for (std::size_t axis = 0; axis < in.rank(); ++axis) {
            const bool inside = axis >= first && axis < last;
            for (const auto& [from, to] : {std::pair(&in, inside ? &row_in : &rows_in),
                                           std::pair(&out, inside ? &row_out : &rows_out)}) {
                to->extents.push_back(from->extents[axis]);
                to->strides.push_back(from->strides[axis]);
            }
        }
        at_ = {in.offset, out.offset};
        length_ = row_in.size();
        rows_ = loop_nest<2>({&rows_out, &rows_in});
        for (const layout* row : {&row_in, &row_out}) {
            auto& offsets = row == &row_in ? in_ : out_;
            offsets.assign(1, 0);
            for (std::size_t axis = 0; axis < row->rank(); ++axis) { // row-major, for any strides
                std::vector<std::ptrdiff_t> next;
                for (const std::ptrdiff_t offset : offsets) {
                    for (std::size_t i = 0; i < row->extents[axis]; ++i) {
                        next.push_back(offset + static_cast<std::ptrdiff_t>(i) * row->strides[axis]);
                    }
                }
                offsets = std::move(next);
            }
        }
        dense_in_ = is_dense(in_);
        dense_out_ = is_dense(out_);
    }

    [[nodiscard]] std::size_t length() const noexcept { return length_; }
    [[nodiscard]] bool dense_in() const noexcept { return dense_in_; }
    [[nodiscard]] bool dense_out() const noexcept { return dense_out_; }
    [[nodiscard]] const std::vector<std::ptrdiff_t>& in() const noexcept { return in_; }
    [[nodiscard]] const std::vector<std::ptrdiff_t>& out() const noexcept { return out_; }

    /// Calls `body(offset in the input, offset in the output)` for each row.
    template <typename Body>
    void for_each(Body&& body) const {
        rows_.run({at_[1], at_[0]}, [&](const auto& start, std::size_t count, const auto& steps) {
            for (std::size_t i = 0; i < count; ++i) {
                const auto index = static_cast<std::ptrdiff_t>(i);
                body(start[1] + index * steps[1], start[0] + index * steps[0]);
            }
        });
    }

  private:
    [[nodiscard]] static bool is_dense(const std::vector<std::ptrdiff_t>& offsets) {
        for (std::size_t i = 0; i < offsets.size(); ++i) {
            if (offsets[i] != static_cast<std::ptrdiff_t>(i)) return false;
        }
        return true;
    }
    std::array<std::ptrdiff_t, 2> at_{};
    std::size_t length_ = 0;
    loop_nest<2> rows_;
    std::vector<std::ptrdiff_t> in_, out_; // of the elements of a row
    bool dense_in_ = false, dense_out_ = false;
};

/// Copies a row, or returns it in place if its elements are adjacent.
template <typename T>
[[nodiscard]] const T* gather_row(const T* from, const std::vector<std::ptrdiff_t>& offsets, bool dense,
                                  T* to) {
    if (dense) return from;
    for (std::size_t i = 0; i < offsets.size(); ++i) to[i] = from[offsets[i]];
    return to;
}

template <typename T>
void scatter_row(const T* from, const std::vector<std::ptrdiff_t>& offsets, T* to, bool add) {
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        T& target = to[offsets[i]];
        target = add ? target + from[i] : from[i];
    }
}

/// exp(x) / sum exp(x) of rows, or its logarithm.
template <typename T>
class softmax_kernel final : public node_kernel<T> {
  public:
    softmax_kernel(const layout& in, const layout& out, std::size_t axis, bool logarithm)
        : rows_(in, out, axis, axis + 1), logarithm_(logarithm) {
        this->scratch_size = 3 * rows_.length();
    }

    void forward(const node_memory<T>& at, std::size_t, std::size_t) const override {
        const std::size_t length = rows_.length();
        T* const result = at.scratch + length;
        rows_.for_each([&](std::ptrdiff_t in, std::ptrdiff_t out) {
            const T* const x = gather_row(at.in[0] + in, rows_.in(), rows_.dense_in(), at.scratch);
            const T largest = *std::max_element(x, x + length);
            double sum = 0;
            for (std::size_t i = 0; i < length; ++i) {
                result[i] = std::exp(x[i] - largest);
                sum += static_cast<double>(result[i]);
            }
            if (logarithm_) {
                const auto shift = static_cast<T>(std::log(sum));
                for (std::size_t i = 0; i < length; ++i) result[i] = x[i] - largest - shift;
            } else {
                const auto factor = static_cast<T>(1 / sum);
                for (std::size_t i = 0; i < length; ++i) result[i] *= factor;
            }
            scatter_row(result, rows_.out(), at.out + out, false);
        });
    }
    void backward(std::size_t, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        rows_.for_each([&](std::ptrdiff_t in, std::ptrdiff_t out) {
            const T* const gradient = row_of_output(out_gradient + out, at.scratch);
            const T* const y = row_of_output(at.out + out, at.scratch + rows_.length());
            derive<true>(gradient, y, at.scratch + 2 * rows_.length());
            scatter_row(at.scratch + 2 * rows_.length(), rows_.in(), in_gradient + in, accumulate);
        });
    }
    void tangent(const node_memory<T>& at, const T* const* in_tangent, T* out_tangent) const override {
        rows_.for_each([&](std::ptrdiff_t in, std::ptrdiff_t out) {
            const T* const change = gather_row(in_tangent[0] + in, rows_.in(), rows_.dense_in(), at.scratch);
            const T* const y = row_of_output(at.out + out, at.scratch + rows_.length());
            derive<false>(change, y, at.scratch + 2 * rows_.length());
            scatter_row(at.scratch + 2 * rows_.length(), rows_.out(), out_tangent + out, false);
        });
    }
    [[nodiscard]] bool reads_output() const override { return true; }

  private:
    [[nodiscard]] const T* row_of_output(const T* from, T* to) const {
        return gather_row(from, rows_.out(), rows_.dense_out(), to);
    }
    /// The softmax has a symmetric derivative; that of its logarithm is y_i - sum, or its transpose.
    template <bool Transposed>
    void derive(const T* from, const T* y, T* to) const {
        const std::size_t length = rows_.length();
        double sum = 0;
        for (std::size_t i = 0; i < length; ++i) {
            const T weight = logarithm_ ? (Transposed ? T(1) : std::exp(y[i])) : y[i];
            sum += static_cast<double>(from[i]) * static_cast<double>(weight);
        }
        const auto mean = static_cast<T>(sum);
        for (std::size_t i = 0; i < length; ++i) {
            if (logarithm_) {
                to[i] = Transposed ? from[i] - std::exp(y[i]) * mean : from[i] - mean;
            } else {
                to[i] = y[i] * (from[i] - mean);
            }
        }
    }

    row_set rows_;
    bool logarithm_ = false;
};

/// (x - mean) / sqrt(variance + epsilon) scale + shift of rows.
template <typename T>
class layer_norm_kernel final : public node_kernel<T> {
  public:
    /// A row runs through the axes from `axis`; `scale` and `shift` have one number per element of a row.
    layer_norm_kernel(const layout& in, const layout& out, std::size_t axis, std::vector<T> scale,
                      std::vector<T> shift, double epsilon)
        : rows_(in, out, axis, in.rank()), scale_(std::move(scale)), shift_(std::move(shift)),
          epsilon_(epsilon) {
        this->scratch_size = 4 * rows_.length();
    }

    void forward(const node_memory<T>& at, std::size_t, std::size_t) const override {
        const std::size_t length = rows_.length();
        T* const result = at.scratch + length;
        rows_.for_each([&](std::ptrdiff_t in, std::ptrdiff_t out) {
            const T* const x = gather_row(at.in[0] + in, rows_.in(), rows_.dense_in(), at.scratch);
            const moments of = moments_of(x);
            for (std::size_t i = 0; i < length; ++i) {
                result[i] = (x[i] - of.mean) * of.factor * scale_[i] + shift_[i];
            }
            scatter_row(result, rows_.out(), at.out + out, false);
        });
    }
    void backward(std::size_t, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        const std::size_t length = rows_.length();
        T* const weighted = at.scratch + 2 * length;
        T* const result = at.scratch + 3 * length;
        rows_.for_each([&](std::ptrdiff_t in, std::ptrdiff_t out) {
            const T* const x = gather_row(at.in[0] + in, rows_.in(), rows_.dense_in(), at.scratch);
            const T* const gradient =
                gather_row(out_gradient + out, rows_.out(), rows_.dense_out(), at.scratch + length);
            for (std::size_t i = 0; i < length; ++i) weighted[i] = gradient[i] * scale_[i];
            project(x, weighted, result);
            scatter_row(result, rows_.in(), in_gradient + in, accumulate);
        });
    }
    void tangent(const node_memory<T>& at, const T* const* in_tangent, T* out_tangent) const override {
        const std::size_t length = rows_.length();
        T* const result = at.scratch + 3 * length;
        rows_.for_each([&](std::ptrdiff_t in, std::ptrdiff_t out) {
            const T* const x = gather_row(at.in[0] + in, rows_.in(), rows_.dense_in(), at.scratch);
            const T* const change =
                gather_row(in_tangent[0] + in, rows_.in(), rows_.dense_in(), at.scratch + length);
            project(x, change, result);
            for (std::size_t i = 0; i < length; ++i) result[i] *= scale_[i];
            scatter_row(result, rows_.out(), out_tangent + out, false);
        });
    }
    [[nodiscard]] bool reads_input(std::size_t) const override { return true; }

  private:
    struct moments {
        T mean = 0, factor = 0;
    };
    [[nodiscard]] moments moments_of(const T* x) const {
        const std::size_t length = rows_.length();
        double sums[4] = {};
        for (std::size_t i = 0; i < length; ++i) sums[i % 4] += static_cast<double>(x[i]);
        const double mean = ((sums[0] + sums[1]) + (sums[2] + sums[3])) / static_cast<double>(length);
        double squares[4] = {};
        for (std::size_t i = 0; i < length; ++i) {
            const double difference = static_cast<double>(x[i]) - mean;
            squares[i % 4] += difference * difference;
        }
        const double variance =
            ((squares[0] + squares[1]) + (squares[2] + squares[3])) / static_cast<double>(length);
        return {static_cast<T>(mean), static_cast<T>(1 / std::sqrt(variance + epsilon_))};
    }
    /// The derivative of the normalization, which is symmetric: factor (v - mean(v) - z mean(v z)).
    void project(const T* x, const T* v, T* to) const {
        const std::size_t length = rows_.length();
        const moments of = moments_of(x);
        double sum = 0, product = 0;
        for (std::size_t i = 0; i < length; ++i) {
            sum += static_cast<double>(v[i]);
            product += static_cast<double>(v[i]) * static_cast<double>((x[i] - of.mean) * of.factor);
        }
        const auto mean = static_cast<T>(sum / static_cast<double>(length));
        const auto slope = static_cast<T>(product / static_cast<double>(length));
        for (std::size_t i = 0; i < length; ++i) {
            to[i] = of.factor * (v[i] - mean - (x[i] - of.mean) * of.factor * slope);
        }
    }

    row_set rows_;
    std::vector<T> scale_, shift_;
    double epsilon_ = 0;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
