#pragma once

#include "images/source.hpp"

#include <repscope/corruption/apply.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// What `corrupt` writes: one array, a folder of arrays, one picture, or a folder of pictures.
enum class corrupt_output : unsigned char { array, arrays, picture, pictures };

/// Everything that is settled before the first image is read.
struct corrupt_work {
    image_source images;
    std::vector<std::string_view> names;
    std::vector<int> severities;
    repscope::corruption::apply_options options; ///< severity and index are set for each image
    std::string out;
    corrupt_output output = corrupt_output::array;
    std::optional<picture_format> format; ///< of pictures; none: by the name of each
    int quality = 95;                     ///< of JPEG files
    std::size_t threads = 1;
    bool resume = false; ///< leave what an earlier run has written

    /// Pairs of a corruption and a severity.
    [[nodiscard]] std::size_t conditions() const noexcept { return names.size() * severities.size(); }
    [[nodiscard]] bool writes_arrays() const noexcept {
        return output == corrupt_output::array || output == corrupt_output::arrays;
    }
};

} // namespace program
