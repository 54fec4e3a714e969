#include "images/corrupted_images.hpp"

#include <repscope/corruption/apply.hpp>
#include <repscope/tensor/tensor_view.hpp>

#include <cstdint>

namespace program {

namespace {

// Planes (n, channels, rows, columns), as data sets store them, seen as pixels (n, rows, columns, channels).
repscope::tensor_view<const std::uint8_t, 4> as_pixels(const image_set& set) {
    const auto row = static_cast<std::ptrdiff_t>(set.columns);
    const std::ptrdiff_t plane = row * static_cast<std::ptrdiff_t>(set.rows);
    return {set.pixels.data(),
            {set.images, set.rows, set.columns, set.channels},
            {plane * static_cast<std::ptrdiff_t>(set.channels), row, 1, plane}};
}

} // namespace

corrupted_images::corrupted_images(const image_set& clean, std::size_t count,
                                   std::vector<repscope::corruption::frost_texture> textures,
                                   repscope::thread_pool& pool, corrupted_storage storage)
    : clean_(first_images(clean, count)), textures_(std::move(textures)), pool_(pool), storage_(storage) {}

const image_set& corrupted_images::under(std::string_view corruption, int severity) {
    const bool is_stored = made_.contains({std::string(corruption), severity});
    if (!is_stored && storage_ == corrupted_storage::last) made_.clear();
    const auto [place, is_new] = made_.try_emplace({std::string(corruption), severity});
    image_set& set = place->second;
    if (!is_new) return set;
    const auto pixels = repscope::corruption::apply(
        corruption, as_pixels(clean_), {.threads = pool_, .severity = severity, .frost_textures = textures_});
    set = {clean_.images, clean_.channels, clean_.rows, clean_.columns, {}, clean_.labels};
    set.pixels.resize(clean_.pixels.size());
    const std::uint8_t* from = pixels.data_handle();
    const std::size_t plane = set.rows * set.columns;
    for (std::size_t n = 0; n < set.images; ++n) {
        std::uint8_t* const to = set.pixels.data() + n * set.image_size();
        for (std::size_t p = 0; p < plane; ++p) {
            for (std::size_t c = 0; c < set.channels; ++c) to[c * plane + p] = *from++;
        }
    }
    return set;
}

} // namespace program
