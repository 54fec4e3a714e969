#pragma once

#include "repscope/error.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Errors of a reference network on one corruption: means over the severities, shares of 1.
struct reference_error {
    std::string_view corruption; ///< name of the corruption
    double mean_error;           ///< mean over the severities
};

/// AlexNet on ImageNet-C (torchvision's network): the mean error over the five severities of each of the 15
/// common corruptions, by which `corruption_error` divides. Published with the data set; Hendrycks and
/// Dietterich 2019.
inline constexpr std::array<reference_error, 15> alexnet_errors{{
    {"gaussian_noise", .886428},
    {"shot_noise", .894468},
    {"impulse_noise", .922640},
    {"defocus_blur", .819880},
    {"glass_blur", .826268},
    {"motion_blur", .785948},
    {"zoom_blur", .798360},
    {"snow", .866816},
    {"frost", .826572},
    {"fog", .819324},
    {"brightness", .564592},
    {"contrast", .853204},
    {"elastic_transform", .646056},
    {"pixelate", .717840},
    {"jpeg_compression", .606500},
}};

/// Error of AlexNet on the uncorrupted validation images, for relative errors.
inline constexpr double alexnet_clean_error = 0.435;

/// The reference error of a corruption; no value if the table has none.
[[nodiscard]] constexpr std::optional<double> alexnet_error(std::string_view corruption) noexcept {
    for (const reference_error& row : alexnet_errors)
        if (row.corruption == corruption) return row.mean_error;
    return std::nullopt;
}

namespace detail {

/// Mean of errors in [0, 1].
template <tensor_like Errors>
[[nodiscard]] double mean_of_errors(std::string_view function, const Errors& errors) {
    const auto view = as_view<1>(errors);
    if (view.extent(0) == 0) errors::throw_value_error(function, "expected one error per severity, got none");
    double sum = 0.0;
    for (std::size_t i = 0; i < view.extent(0); ++i) {
        const auto value = static_cast<double>(view(i));
        if (!(value >= 0.0 && value <= 1.0)) {
            errors::throw_value_error(function, "expected errors in [0, 1], got " + errors::text_of(value) +
                                                    " at position " + errors::text_of(i));
        }
        sum += value;
    }
    return sum / static_cast<double>(view.extent(0));
}

inline void require_error(std::string_view function, std::string_view which, double value) {
    if (!(value >= 0.0 && value <= 1.0)) {
        errors::throw_value_error(function, "expected the " + std::string(which) + " in [0, 1], got " +
                                                errors::text_of(value));
    }
}

} // namespace detail

/// The error on one corruption, not normalized: the mean over its severities.
///
/// `errors`: top-1 error of each severity, shares in [0, 1]. The result is in [0, 1]. Throws `value_error`
/// without errors and for one outside [0, 1]. O(severities).
template <tensor_like Errors>
[[nodiscard]] double unnormalized_corruption_error(const Errors& errors) {
    return detail::mean_of_errors("unnormalized_corruption_error", errors);
}

/// The corruption error CE: the sum of a network's errors over the severities of one corruption, divided by
/// that of a reference network: CE = sum_s E_s / sum_s E_s^reference. 1 is as bad as the reference, 0 is
/// perfect; published figures are 100 times it.
///
/// `errors`: top-1 error of each severity, shares in [0, 1]; `reference_mean_error`: mean of the reference
/// over the same severities (`alexnet_error`). Throws `value_error` for errors outside [0, 1] and a reference
/// without errors. O(severities). Hendrycks and Dietterich 2019, section 4.3.
template <tensor_like Errors>
[[nodiscard]] double corruption_error(const Errors& errors, double reference_mean_error) {
    const double mean = detail::mean_of_errors("corruption_error", errors);
    detail::require_error("corruption_error", "mean error of the reference", reference_mean_error);
    if (reference_mean_error == 0.0)
        errors::throw_value_error("corruption_error",
                                  "expected a reference that makes errors, got a mean error of 0");
    return mean / reference_mean_error;
}

/// The relative corruption error: the increase of a network's error over that on clean images, divided by the
/// increase of a reference: sum_s (E_s - E_clean) / sum_s (E_s^reference - E_clean^reference).
///
/// Negative if the network is better on corrupted images. Arguments as for `corruption_error`; throws
/// `value_error` also if the reference is not worse on corrupted images than on clean ones, since the ratio
/// has no meaning then. O(severities). Hendrycks and Dietterich 2019, section 4.3.
template <tensor_like Errors>
[[nodiscard]] double relative_corruption_error(const Errors& errors, double clean_error,
                                               double reference_mean_error, double reference_clean_error) {
    constexpr std::string_view name = "relative_corruption_error";
    const double mean = detail::mean_of_errors(name, errors);
    detail::require_error(name, "clean error", clean_error);
    detail::require_error(name, "mean error of the reference", reference_mean_error);
    detail::require_error(name, "clean error of the reference", reference_clean_error);
    if (!(reference_mean_error > reference_clean_error)) {
        errors::throw_value_error(name,
                                  "expected a reference that is worse on corrupted images, got errors of " +
                                      errors::text_of(reference_mean_error) + " and " +
                                      errors::text_of(reference_clean_error) + " on clean ones");
    }
    return (mean - clean_error) / (reference_mean_error - reference_clean_error);
}

/// The mean corruption error mCE: the mean of the corruption errors of several corruptions. With
/// `corruption_error` of the 15 common corruptions and AlexNet it is the mCE of ImageNet-C. With
/// `relative_corruption_error` it is the relative mCE. With `unnormalized_corruption_error` it is the plain
/// mean, which is the usual mCE of CIFAR-10-C. The three are not comparable.
///
/// `corruption_errors`: one per corruption, finite. Throws `value_error` without errors and for one that is
/// not finite. O(corruptions).
template <tensor_like Errors>
[[nodiscard]] double mean_corruption_error(const Errors& corruption_errors) {
    const auto view = as_view<1>(corruption_errors);
    if (view.extent(0) == 0)
        errors::throw_value_error("mean_corruption_error", "expected one error per corruption, got none");
    double sum = 0.0;
    for (std::size_t i = 0; i < view.extent(0); ++i) {
        const auto value = static_cast<double>(view(i));
        if (!(value - value == 0.0)) {
            errors::throw_value_error("mean_corruption_error", "expected finite errors, got " +
                                                                   errors::text_of(value) + " at position " +
                                                                   errors::text_of(i));
        }
        sum += value;
    }
    return sum / static_cast<double>(view.extent(0));
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
