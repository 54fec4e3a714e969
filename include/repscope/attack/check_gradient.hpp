#pragma once

#include "repscope/attack/input_bounds.hpp"
#include "repscope/detail/attack/erased_model.hpp"
#include "repscope/detail/attack/iterated_attack.hpp"
#include "repscope/detail/common/finite.hpp"
#include "repscope/error.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Options of `check_gradient`.
struct gradient_check_options {
    std::size_t directions = 8; ///< random directions per sample
    double step = 1 / 1024.0;   ///< largest half-width of a difference per element, in widths of the box
    double tolerance = 0.3;     ///< largest relative error of a sample
    input_bounds bounds{};      ///< smallest and largest value of an input
    std::uint64_t seed = 0;     ///< seed of the random directions
    std::size_t batch = 128;    ///< samples per call of the model; changes no result
};

/// Result of `check_gradient`.
struct gradient_check {
    std::size_t compared = 0;     ///< samples whose loss changes by more than its rounding
    std::size_t failed = 0;       ///< number of compared samples with an error above the tolerance
    double largest_error = 0;     ///< largest relative error of a sample
    std::size_t worst_sample = 0; ///< index of that sample
    double predicted_change = 0;  ///< root mean square over the directions, of that sample
    double measured_change = 0;   ///< the same, of the losses
    double ratio = 0;             ///< of measured to predicted changes, by least squares over all samples
};

namespace detail {

[[nodiscard]] inline std::string three_digits(double value) {
    std::array<char, 32> text{};
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 3);
    return {text.data(), end.ptr};
}

/// Comparison of one model's gradient with central differences of its losses.
template <typename Scalar>
class gradient_comparison {
  public:
    static constexpr std::string_view name = "attack::check_gradient";
    /// Half-widths of the differences over `step`. The last one measures the rounding of the losses.
    static constexpr std::array<double, 5> shares{1, 1 / 4.0, 1 / 16.0, 1 / 64.0, 1 / 4096.0};
    static constexpr std::size_t widths = shares.size();

    gradient_comparison(const erased_model<Scalar>& model, const tensor_view<const Scalar, 4>& x,
                        std::span<const int> labels, const gradient_check_options& options)
        : model_(&model), x_(x), labels_(labels), options_(&options),
          size_(x.extent(1) * x.extent(2) * x.extent(3)), plane_(x.extent(2) * x.extent(3)) {
        const std::size_t room = (std::min)(options.batch, x.extent(0)) * size_;
        for (auto* const values : {&centers_, &gradients_, &above_, &below_}) values->resize(room);
    }

    [[nodiscard]] gradient_check compare() {
        for (std::size_t first = 0; first < x_.extent(0); first += options_->batch) {
            compare_batch(first, (std::min)(options_->batch, x_.extent(0) - first));
        }
        if (predicted_squares_ > 0) summary_.ratio = products_ / predicted_squares_;
        return summary_;
    }

  private:
    /// Sums over the directions of one sample and one half-width.
    struct sums {
        double predicted = 0, measured = 0, product = 0, difference = 0;
    };

    void compare_batch(std::size_t first, std::size_t count) {
        first_ = first;
        count_ = count;
        load_centers();
        losses_.resize(count);
        evaluate(centers_, losses_, gradients_.data());
        sums_.assign(count * widths, {});
        for (std::size_t width = 0; width < widths; ++width) {
            for (std::size_t direction = 0; direction < options_->directions; ++direction) {
                add_difference(width, direction);
            }
        }
        for (std::size_t n = 0; n < count; ++n) judge(n);
    }

    [[nodiscard]] double half_width(std::size_t channel, std::size_t width) const {
        const double widest = options_->bounds.upper_of(channel) - options_->bounds.lower_of(channel);
        return options_->step * widest * shares[width];
    }
    /// 64 steps, at most an eighth of the box.
    [[nodiscard]] double noise_width(std::size_t channel) const {
        const double widest = options_->bounds.upper_of(channel) - options_->bounds.lower_of(channel);
        return (std::min)(64 * options_->step, 0.125) * widest;
    }

    /// The samples with noise that breaks ties, moved so far into the box that no difference leaves it.
    void load_centers() {
        Scalar* to = centers_.data();
        for (std::size_t n = first_; n < first_ + count_; ++n) {
            random_stream random(options_->seed,
                                 streams::id(streams::purpose::gradient_check, streams::index_limit - 1),
                                 static_cast<std::uint32_t>(n));
            for (std::size_t c = 0; c < x_.extent(1); ++c) {
                const double noise = noise_width(c), inset = noise + half_width(c, 0),
                             low = options_->bounds.lower_of(c) + inset,
                             high = options_->bounds.upper_of(c) - inset;
                for (std::size_t row = 0; row < x_.extent(2); ++row) {
                    for (std::size_t column = 0; column < x_.extent(3); ++column) {
                        const auto value = static_cast<double>(x_(n, c, row, column));
                        check_inside(value, c, n);
                        const double moved = (2 * random.uniform() - 1) * noise;
                        *to++ = static_cast<Scalar>(std::clamp(value, low, high) + moved);
                    }
                }
            }
        }
    }

    void check_inside(double value, std::size_t channel, std::size_t sample) const {
        // Bounds in the type of the inputs: 0.1F is not 0.1.
        const auto low = static_cast<double>(static_cast<Scalar>(options_->bounds.lower_of(channel))),
                   high = static_cast<double>(static_cast<Scalar>(options_->bounds.upper_of(channel)));
        if (value >= low && value <= high) return;
        errors::throw_value_error(name, "expected inputs inside the box, from " + three_digits(low) + " to " +
                                            three_digits(high) + ", got " + three_digits(value) +
                                            " in sample " + errors::text_of(sample));
    }

    void evaluate(const std::vector<Scalar>& points, std::vector<double>& losses, Scalar* gradient) {
        auto extents = x_.extents();
        extents[0] = count_;
        predicted_.resize(count_);
        const tensor_view<Scalar, 4> to =
            gradient != nullptr ? tensor_view<Scalar, 4>(gradient, extents) : tensor_view<Scalar, 4>{};
        (*model_)(tensor_view<const Scalar, 4>(points.data(), extents), labels_.subspan(first_, count_),
                  std::span(losses), std::span(predicted_), to);
        const bool finite = repscope::detail::all_finite(losses.data(), losses.size()) &&
                            (gradient == nullptr || repscope::detail::all_finite(gradient, count_ * size_));
        if (!finite) {
            errors::throw_value_error(
                name, "expected finite losses and gradients of the model, got NaN or infinity");
        }
    }

    /// One direction of random signs per sample, of one half-width.
    void add_difference(std::size_t width, std::size_t direction) {
        for (std::size_t n = 0; n < count_; ++n) {
            random_stream random(
                options_->seed,
                streams::id(streams::purpose::gradient_check, static_cast<std::uint32_t>(direction)),
                static_cast<std::uint32_t>(first_ + n));
            for (std::size_t i = 0; i < size_; ++i) {
                const double half = half_width(i / plane_, width), move = random.below(2) == 0 ? half : -half;
                const auto center = static_cast<double>(centers_[n * size_ + i]);
                above_[n * size_ + i] = static_cast<Scalar>(center + move);
                below_[n * size_ + i] = static_cast<Scalar>(center - move);
            }
        }
        losses_above_.resize(count_);
        losses_below_.resize(count_);
        evaluate(above_, losses_above_, nullptr);
        evaluate(below_, losses_below_, nullptr);
        for (std::size_t n = 0; n < count_; ++n) {
            double predicted = 0; // of the rounded points
            for (std::size_t i = n * size_; i < (n + 1) * size_; ++i) {
                predicted += static_cast<double>(gradients_[i]) *
                             (static_cast<double>(above_[i]) - static_cast<double>(below_[i]));
            }
            const double measured = losses_above_[n] - losses_below_[n];
            sums& of = sums_[n * widths + width];
            of.predicted += predicted * predicted;
            of.measured += measured * measured;
            of.product += predicted * measured;
            of.difference += (measured - predicted) * (measured - predicted);
        }
    }

    /// Mean square of the rounding of a difference of losses: the error at the last half-width, for which the
    /// gradient predicts next to no change; at least that of a loss in single precision.
    [[nodiscard]] double rounding(std::size_t n) const {
        const double least =
            2.0 * static_cast<double>(std::numeric_limits<float>::epsilon()) * (1 + std::abs(losses_[n]));
        const double measured = sums_[(n + 1) * widths - 1].difference;
        return (std::max)(least * least, measured / static_cast<double>(options_->directions));
    }

    /// A sample has the error of the half-width at which gradient and losses agree best: kinks disturb wide
    /// differences, rounding narrow ones, and a wrong gradient is wrong at each of them.
    void judge(std::size_t n) {
        const auto directions = static_cast<double>(options_->directions);
        const double noise = rounding(n) * directions;
        const sums* best = nullptr;
        double smallest = 0;
        for (std::size_t width = 0; width + 1 < widths; ++width) {
            const sums& of = sums_[n * widths + width];
            const double scale = (std::max)(of.predicted, of.measured);
            if (!(scale > 16 * noise)) continue;
            const double error = std::sqrt((std::max)(of.difference - noise, 0.0) / scale);
            if (best != nullptr && !(error < smallest)) continue;
            best = &of;
            smallest = error;
        }
        if (best == nullptr) return;
        products_ += best->product;
        predicted_squares_ += best->predicted;
        ++summary_.compared;
        if (smallest > options_->tolerance) ++summary_.failed;
        if (summary_.compared > 1 && !(smallest > summary_.largest_error)) return;
        summary_.largest_error = smallest;
        summary_.worst_sample = first_ + n;
        summary_.predicted_change = std::sqrt(best->predicted / directions);
        summary_.measured_change = std::sqrt(best->measured / directions);
    }

    const erased_model<Scalar>* model_;
    tensor_view<const Scalar, 4> x_;
    std::span<const int> labels_;
    const gradient_check_options* options_;
    std::size_t size_, plane_, first_ = 0, count_ = 0;
    std::vector<Scalar> centers_, gradients_, above_, below_;
    std::vector<double> losses_, losses_above_, losses_below_;
    std::vector<int> predicted_;
    std::vector<sums> sums_;
    gradient_check summary_;
    double products_ = 0, predicted_squares_ = 0;
};

[[noreturn]] inline void throw_wrong_gradient(const gradient_check& check, double tolerance) {
    std::string text = "expected a gradient that predicts how the loss changes, got a relative error of " +
                       three_digits(check.largest_error) + " in sample " +
                       errors::text_of(check.worst_sample) + ": predicted change " +
                       three_digits(check.predicted_change) + ", measured " +
                       three_digits(check.measured_change) + " (root mean square); the error is above " +
                       three_digits(tolerance) + " in " + errors::text_of(check.failed) + " of " +
                       errors::text_of(check.compared) + " samples";
    if (check.predicted_change == 0) {
        text += "; the gradient is 0 where the loss changes: is it written?";
    } else {
        text += "; measured changes are " + three_digits(check.ratio) + " times the predicted ones: ";
        text += check.ratio < 0
                    ? "is the sign of the gradient reversed?"
                    : "is the gradient with respect to inputs in other units, such as normalized ones?";
    }
    errors::throw_value_error("attack::check_gradient", text);
}

/// `check_gradient` on views, compiled once per scalar and label type.
template <typename Scalar, typename Label>
gradient_check
check_gradient_on_views(const erased_model<Scalar>& model, const tensor_view<const Scalar, 4>& x,
                        const tensor_view<const Label, 1>& labels, const gradient_check_options& options) {
    constexpr std::string_view name = gradient_comparison<Scalar>::name;
    check_run(name, x.extents(), options.bounds, {.batch = options.batch});
    if (options.directions == 0 || options.directions >= streams::index_limit) {
        errors::throw_value_error(name, "expected 1 to " + errors::text_of(streams::index_limit - 1) +
                                            " directions, got " + errors::text_of(options.directions));
    }
    if (!(options.step > 0 && options.step <= 0.125)) {
        errors::throw_value_error(name, "expected a step above 0 and up to 0.125, got " +
                                            errors::text_of(options.step));
    }
    if (!(options.tolerance > 0 && options.tolerance < 1)) {
        errors::throw_value_error(name, "expected a tolerance between 0 and 1, got " +
                                            errors::text_of(options.tolerance));
    }
    const std::vector<int> checked = checked_labels(name, model, labels, x.extents());
    const gradient_check check = gradient_comparison<Scalar>(model, x, checked, options).compare();
    if (check.compared == 0) {
        errors::throw_value_error(
            name, "expected samples whose loss changes by more than its rounding, got none of " +
                      errors::text_of(x.extent(0)) + ": nothing can be compared");
    }
    if (check.failed > 0) throw_wrong_gradient(check, options.tolerance);
    return check;
}

} // namespace detail

/// Compares the gradient of a model with central differences of its losses, and throws `value_error` with the
/// numbers if they do not match. A wrong gradient is not visible in the result of an attack: the attack is
/// weak, and the model seems robust.
///
/// Arguments as for `pgd`; 10 to 100 samples are enough. Each sample is compared in `directions` random
/// directions of signs. The differences have four half-widths: `step` times 1, 1/4, 1/16 and 1/64. The error
/// of a half-width is the root mean square over the directions of the measured minus the predicted change,
/// less the rounding, divided by that of the larger of the two. It is 2 for a reversed sign, 1 for a gradient
/// of 0, and 1 - 1/c for one that is c times too large. A sample has the smallest of its errors, and fails
/// above `tolerance`. One failed sample is enough to throw.
///
/// Correct models pass in spite of kinks and rounding. Noise of 64 `step` moves each sample first, into the
/// box, since a flat background makes ties, at which max-pooling has no derivative. The kinks of ReLU and
/// max-pooling disturb wide differences, rounding disturbs narrow ones. Rounding is measured with differences
/// of `step` / 4096. A half-width is left out if its changes are below four times the rounding. Samples
/// without any half-width, such as saturated ones, are not compared; throws `value_error` if no sample is
/// compared. For models in half precision raise `step`. Cost: one backward and 1 + 10 x directions forward
/// passes per sample.
template <typename Model, tensor_like Images, labels_like Labels>
    requires(differentiable<std::remove_reference_t<Model>, element_type_of<Images>>)
gradient_check check_gradient(Model&& model, const Images& images, const Labels& labels,
                              const gradient_check_options& options = {}) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    return detail::check_gradient_on_views<scalar, label>(
        detail::erased_model<scalar>(model),
        as_activations(images, layout::unstated, "attack::check_gradient"), as_view<1>(labels), options);
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
