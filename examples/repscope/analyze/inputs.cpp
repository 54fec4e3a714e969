#include "analyze/inputs.hpp"

#include "dump/class_labels.hpp"
#include "dump/inputs.hpp"
#include "dumps/labels.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

namespace program {

namespace {

// The labels as the file has them.
std::vector<std::int64_t> file_labels(const std::string& file) {
    const label_set set = read_labels(file, {});
    if (!set.class_names.empty()) {
        throw data_error(file, "expected labels that are class numbers of the model, got names");
    }
    std::vector<std::int64_t> labels;
    for (const std::int32_t place : set.classes)
        labels.push_back(set.class_labels[static_cast<std::size_t>(place)]);
    return labels;
}

} // namespace

analysis_inputs read_analysis_inputs(const analysis_settings& settings) {
    const auto [low, high] = settings.input_range();
    network_inputs file(settings.inputs, {low, high});
    if (file.is_image()) file = network_inputs(settings.inputs, {0.0, 1.0});
    std::vector<std::int32_t> labels =
        class_labels(settings.labels, file_labels(settings.labels), settings.inputs, file.count());
    analysis_inputs result{.images = nullptr, .labeled = nullptr, .extents = file.extents()};
    std::array<std::size_t, 4> extents{file.count(), 1, 1, 1};
    std::copy(result.extents.begin(), result.extents.end(), extents.begin() + 1);
    std::vector<float> values;
    file.read(0, file.count(), values);
    if (!file.is_image()) {
        result.labeled =
            std::make_unique<labeled_inputs>(std::move(values), extents, std::move(labels), low, high);
        return result;
    }
    result.images =
        std::make_unique<image_set>(image_set{extents[0], extents[1], extents[2], extents[3], {}, {}});
    result.images->labels = std::move(labels);
    result.images->pixels.reserve(values.size());
    for (const float value : values)
        result.images->pixels.push_back(static_cast<std::uint8_t>(std::lround(255.0F * value)));
    result.labeled = std::make_unique<labeled_inputs>(*result.images, low, high);
    return result;
}

} // namespace program
