#include "analyze/inputs.hpp"

#include "dump/inputs.hpp"
#include "dumps/labels.hpp"
#include "support/errors.hpp"
#include "support/plural.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace program {

namespace {

std::vector<std::int32_t> class_labels_of(const std::string& file) {
    const label_set set = read_labels(file, {});
    if (!set.class_names.empty()) {
        throw data_error(file, "expected labels that are class numbers of the model, got names");
    }
    if (set.class_labels.back() > std::numeric_limits<std::int32_t>::max()) {
        throw data_error(file, "expected labels below 2^31, got " + std::to_string(set.class_labels.back()));
    }
    std::vector<std::int32_t> labels;
    for (const std::int32_t place : set.classes) {
        labels.push_back(static_cast<std::int32_t>(set.class_labels[static_cast<std::size_t>(place)]));
    }
    return labels;
}

} // namespace

analysis_inputs read_analysis_inputs(const analysis_settings& settings) {
    const auto [low, high] = settings.input_range();
    network_inputs file(settings.inputs, {low, high});
    if (file.is_image()) file = network_inputs(settings.inputs, {0.0, 1.0});
    std::vector<std::int32_t> labels = class_labels_of(settings.labels);
    if (labels.size() != file.count()) {
        throw data_error(settings.labels, counted(labels.size(), "label") + ", but " + settings.inputs +
                                              " holds " + counted(file.count(), "input"));
    }
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

void check_class_labels(const analysis_settings& settings, const labeled_inputs& inputs,
                        std::size_t classes) {
    for (const std::int32_t label : inputs.labels()) {
        if (static_cast<std::size_t>(label) < classes) continue;
        throw data_error(settings.labels, "expected labels below " + std::to_string(classes) +
                                              ", the classes of the model, got " + std::to_string(label));
    }
}

} // namespace program
