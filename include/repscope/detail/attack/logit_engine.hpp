#pragma once

#include "repscope/attack/input_bounds.hpp"
#include "repscope/detail/attack/erased_logit_model.hpp"
#include "repscope/detail/attack/iterated_attack.hpp"
#include "repscope/detail/common/finite.hpp"
#include "repscope/error.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// What the attacks on logits share: checked inputs, calls of the model, threads, and the count of passes.
template <typename Scalar>
class logit_engine {
  public:
    /// `labels` are checked by the caller. Throws `value_error` for inputs outside the box.
    logit_engine(std::string_view function, const erased_logit_model<Scalar>& model,
                 const tensor_view<const Scalar, 4>& x, std::vector<int> labels, const input_bounds& bounds,
                 std::size_t first_sample, std::size_t batch, thread_pool& pool)
        : function_(function), model_(model), x_(x), labels_(std::move(labels)), pool_(&pool),
          scratch_(pool.size()), first_sample_(first_sample), batch_(batch),
          size_(x.extent(1) * x.extent(2) * x.extent(3)), classes_(model.classes(x.extents())), lower_(size_),
          upper_(size_) {
        const std::size_t plane = x.extent(2) * x.extent(3);
        for (std::size_t i = 0; i < size_; ++i) {
            lower_[i] = bounds.lower_of(i / plane);
            upper_[i] = bounds.upper_of(i / plane);
        }
        for (std::size_t n = 0; n < x.extent(0); ++n) check_inside(n);
    }

    [[nodiscard]] std::string_view function() const noexcept { return function_; }
    [[nodiscard]] std::size_t samples() const noexcept { return x_.extent(0); }
    [[nodiscard]] const std::array<std::size_t, 4>& extents() const noexcept { return x_.extents(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t batch() const noexcept { return batch_; }
    [[nodiscard]] std::size_t classes() const noexcept { return static_cast<std::size_t>(classes_); }
    [[nodiscard]] int label(std::size_t n) const noexcept { return labels_[n]; }
    [[nodiscard]] std::span<const double> lower() const noexcept { return lower_; }
    [[nodiscard]] std::span<const double> upper() const noexcept { return upper_; }
    [[nodiscard]] std::uint64_t forward_passes() const noexcept { return forwards_; }
    [[nodiscard]] std::uint64_t backward_passes() const noexcept { return backwards_; }
    /// Index of a sample in the data set.
    [[nodiscard]] std::uint32_t data_index(std::size_t n) const noexcept {
        return static_cast<std::uint32_t>(first_sample_ + n);
    }

    /// Copies sample `n` to `to`, row-major.
    void load(std::size_t n, Scalar* to) const {
        for (std::size_t c = 0; c < x_.extent(1); ++c) {
            for (std::size_t row = 0; row < x_.extent(2); ++row) {
                for (std::size_t column = 0; column < x_.extent(3); ++column) *to++ = x_(n, c, row, column);
            }
        }
    }

    /// Calls `body(row, logits)` with the logits of each row of `points`; `images` has its sample.
    template <typename Body>
    void logits(const Scalar* points, std::span<const std::size_t> images, Body&& body) {
        logits_.resize(images.size() * classes());
        const tensor_view<Scalar, 2> to(logits_.data(), {images.size(), classes()});
        model_.logits(points_view(points, images.size()), to);
        forwards_ += images.size();
        std::vector<double> z(classes());
        for (std::size_t row = 0; row < images.size(); ++row) {
            read_logits(to, row, images[row], z);
            body(row, std::span<const double>(z));
        }
    }
    /// Calls `body(row, logits, upstream)`, which fills `upstream`, and writes the gradient of sum(upstream
    /// logits) of each row to `gradient`. Calls for different rows may run at the same time.
    template <typename Body>
    void gradients(const Scalar* points, std::span<const std::size_t> images, Scalar* gradient, Body&& body) {
        auto extents = x_.extents();
        extents[0] = images.size();
        const auto upstream_of = [&](std::size_t first, const tensor_view<const Scalar, 2>& piece,
                                     const tensor_view<Scalar, 2>& upstream) {
            std::vector<double> z(classes()), slope(classes()); // pieces may run at the same time
            for (std::size_t n = 0; n < piece.extent(0); ++n) {
                read_logits(piece, n, images[first + n], z);
                body(first + n, std::span<const double>(z), std::span<double>(slope));
                for (std::size_t c = 0; c < classes(); ++c) upstream(n, c) = static_cast<Scalar>(slope[c]);
            }
        };
        model_.logit_vjp(points_view(points, images.size()), upstream_of,
                         tensor_view<Scalar, 4>(gradient, extents));
        forwards_ += images.size();
        backwards_ += images.size();
        for (std::size_t row = 0; row < images.size(); ++row) {
            if (!repscope::detail::all_finite(gradient + row * size_, size_)) {
                throw_not_finite("gradient", images[row]);
            }
        }
    }

    /// Calls `body(row, scratch)` for each row, on all threads.
    template <typename Body>
    void for_rows(std::size_t rows, Body&& body) {
        constexpr std::size_t together = 4;
        pool_->for_each((rows + together - 1) / together, [&](std::size_t task, std::size_t worker) {
            for (std::size_t row = task * together; row < (std::min)(rows, (task + 1) * together); ++row) {
                body(row, scratch_[worker]);
            }
        });
    }

    /// `to` = clean + `delta`, rounded towards the clean input and clipped to the box.
    void store(const Scalar* clean, std::span<const double> delta, Scalar* to) const noexcept {
        for (std::size_t i = 0; i < size_; ++i) {
            const auto low = static_cast<Scalar>(lower_[i]), high = static_cast<Scalar>(upper_[i]);
            to[i] = std::clamp(round_towards(clean[i], delta[i]), low, high);
        }
    }

  private:
    [[nodiscard]] tensor_view<const Scalar, 4> points_view(const Scalar* points, std::size_t rows) const {
        auto extents = x_.extents();
        extents[0] = rows;
        return {points, extents};
    }
    template <typename T>
    void read_logits(const tensor_view<T, 2>& logits, std::size_t row, std::size_t image,
                     std::vector<double>& z) const {
        for (std::size_t c = 0; c < z.size(); ++c) z[c] = static_cast<double>(logits(row, c));
        if (!repscope::detail::all_finite(z.data(), z.size())) throw_not_finite("logits", image);
    }
    [[noreturn]] void throw_not_finite(const char* what, std::size_t image) const {
        errors::throw_value_error(
            function_,
            std::string("expected finite logits and gradients of the model, got NaN or infinity in the ") +
                what + " of sample " + errors::text_of(image));
    }
    void check_inside(std::size_t n) const {
        std::size_t i = 0;
        for (std::size_t c = 0; c < x_.extent(1); ++c) {
            for (std::size_t row = 0; row < x_.extent(2); ++row) {
                for (std::size_t column = 0; column < x_.extent(3); ++column, ++i) {
                    const Scalar value = x_(n, c, row, column);
                    if (value >= static_cast<Scalar>(lower_[i]) && value <= static_cast<Scalar>(upper_[i])) {
                        continue;
                    }
                    errors::throw_value_error(
                        function_, "expected inputs inside the box, from " + errors::text_of(lower_[i]) +
                                       " to " + errors::text_of(upper_[i]) + ", got " +
                                       errors::text_of(value) + " in sample " + errors::text_of(n));
                }
            }
        }
    }

    std::string_view function_;
    erased_logit_model<Scalar> model_;
    tensor_view<const Scalar, 4> x_;
    std::vector<int> labels_;
    thread_pool* pool_;
    std::vector<scratch> scratch_;
    std::size_t first_sample_, batch_, size_;
    std::uint64_t classes_;
    std::vector<double> lower_, upper_;
    std::vector<Scalar> logits_;
    std::uint64_t forwards_ = 0, backwards_ = 0;
};

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
