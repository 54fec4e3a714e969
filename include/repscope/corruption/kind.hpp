#pragma once

#include "repscope/edit_distance.hpp"
#include "repscope/error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {

/// The 19 corruptions. Random streams depend on these numbers: append new ones and never renumber.
enum class kind : std::uint8_t {
    gaussian_noise = 0,
    shot_noise = 1,
    impulse_noise = 2,
    defocus_blur = 3,
    glass_blur = 4,
    motion_blur = 5,
    zoom_blur = 6,
    snow = 7,
    frost = 8,
    fog = 9,
    brightness = 10,
    contrast = 11,
    elastic_transform = 12,
    pixelate = 13,
    jpeg_compression = 14,
    speckle_noise = 15,
    gaussian_blur = 16,
    spatter = 17,
    saturate = 18,
};

/// The 15 corruptions of the benchmark, in its order: noise, blur, weather, digital. Means over corruptions
/// (mCE) are over these.
inline constexpr std::array<std::string_view, 15> common{
    "gaussian_noise",    "shot_noise", "impulse_noise",   "defocus_blur", "glass_blur", "motion_blur",
    "zoom_blur",         "snow",       "frost",           "fog",          "brightness", "contrast",
    "elastic_transform", "pixelate",   "jpeg_compression"};

/// The 4 corruptions for tuning and validation, kept apart so that they do not enter a benchmark by accident.
inline constexpr std::array<std::string_view, 4> extra{"speckle_noise", "gaussian_blur", "spatter",
                                                       "saturate"};

/// The name of a corruption in the published data sets.
[[nodiscard]] constexpr std::string_view name_of(kind which) noexcept {
    const auto index = static_cast<std::size_t>(which);
    return index < common.size() ? common[index] : extra[index - common.size()];
}

/// The corruption of that name. Throws `value_error` for any other name, with all valid names, the nearest
/// first.
[[nodiscard]] inline kind kind_from_name(std::string_view name) {
    std::vector<std::string_view> names(common.begin(), common.end());
    names.insert(names.end(), extra.begin(), extra.end());
    for (std::size_t index = 0; index < names.size(); ++index)
        if (names[index] == name) return static_cast<kind>(index);
    std::stable_sort(names.begin(), names.end(), [name](std::string_view a, std::string_view b) {
        return edit_distance(a, name) < edit_distance(b, name);
    });
    std::string list;
    for (const std::string_view known : names) list += (list.empty() ? "" : ", ") + std::string(known);
    errors::throw_value_error("corruption::kind_from_name",
                              "unknown corruption '" + std::string(name) + "'; expected one of " + list);
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
