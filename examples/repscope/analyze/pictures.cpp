#include "analyze/pictures.hpp"

#include "analyze/figures.hpp"
#include "images/frost_textures.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace program {

namespace {

// The first inputs as bytes.
image_set first_inputs(const labeled_inputs& inputs) {
    const std::size_t count = std::min(picture_count, inputs.samples());
    std::vector<float> memory;
    const auto x = inputs.read(0, count, memory);
    image_set images{count, x.extent(1), x.extent(2), x.extent(3), {}, {}};
    const auto low = static_cast<float>(inputs.low()), width = static_cast<float>(inputs.width());
    for (std::size_t p = 0; p < x.size(); ++p) {
        const float share = (x.data_handle()[p] - low) / width;
        images.pixels.push_back(static_cast<std::uint8_t>(std::lround(255.0F * share)));
    }
    const auto labels = inputs.labels().first(count);
    images.labels.assign(labels.begin(), labels.end());
    return images;
}

} // namespace

study_pictures analysis_pictures(const analysis_result& analysis, const analysis_inputs& inputs,
                                 const analysis_settings& settings, repscope::thread_pool& pool) {
    const auto extents = inputs.labeled->extents(1);
    if (!shows_pictures(extents[1], extents[2], extents[3])) return {};
    const study_result study = networks_of(analysis);
    const ordered_networks networks(study, names_of(analysis));
    const image_set images = first_inputs(*inputs.labeled);
    std::optional<corrupted_images> corrupted;
    if (settings.corruption_images > 0)
        corrupted.emplace(images, images.images, read_frost_textures(settings.frost_textures), pool);
    const std::vector<double> sizes = networks.sizes();
    study_pictures pictures = take_pictures(networks, images, corrupted ? &*corrupted : nullptr,
                                            sizes.empty() ? 0.0 : sizes.back());
    if (pictures.rows.size() == 1) pictures.rows.clear();
    return pictures;
}

} // namespace program
