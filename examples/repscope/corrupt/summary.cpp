#include "corrupt/summary.hpp"

#include "support/plural.hpp"

#include <algorithm>
#include <cstddef>
#include <map>

namespace program {

namespace corruption = repscope::corruption;

namespace {

const char* name_of(corruption::variant variant) {
    switch (variant) {
    case corruption::variant::imagenet:
        return "imagenet";
    case corruption::variant::cifar:
        return "cifar";
    case corruption::variant::tiny:
        return "tiny";
    case corruption::variant::nearest:
        break;
    }
    return "auto";
}

std::string variant_text(const corrupt_work& work) {
    if (work.options.variant != corruption::variant::nearest)
        return std::string("variant ") + name_of(work.options.variant) + " (given)";
    std::map<corruption::variant, std::size_t> counts;
    bool one_size = true;
    const picture_size first = work.images.at(0).info.size;
    // All images of an array have one size.
    const std::size_t count = work.images.is_array() ? 1 : work.images.count();
    for (std::size_t i = 0; i < count; ++i) {
        const picture_size size = work.images.at(i).info.size;
        ++counts[corruption::nearest_variant(size.height, size.width)];
        one_size = one_size && size.height == first.height && size.width == first.width;
    }
    if (counts.size() == 1) {
        const std::string sides = std::to_string(first.height) + " x " + std::to_string(first.width);
        return std::string("variant ") + name_of(counts.begin()->first) + " (nearest to " +
               (one_size ? sides : "each size") + ")";
    }
    std::string text;
    for (const auto& [variant, images] : counts)
        text += (text.empty() ? "" : ", ") + std::string(name_of(variant)) + " for " + std::to_string(images);
    return "variant by size: " + text;
}

// At most three items by name.
template <typename Items, typename Text>
std::string listed(const Items& items, const char* one, const char* many, Text&& text) {
    if (items.size() > 3) return std::to_string(items.size()) + " " + many;
    std::string list;
    for (const auto& item : items) list += (list.empty() ? "" : ", ") + text(item);
    return std::string(items.size() == 1 ? one : many) + " " + list;
}

std::string output_text(const corrupt_work& work) {
    const std::size_t pictures = work.images.count() * work.conditions();
    switch (work.output) {
    case corrupt_output::array:
    case corrupt_output::picture:
        return work.out;
    case corrupt_output::arrays:
        return counted(work.names.size(), "array") + " in " + work.out;
    case corrupt_output::pictures:
        break;
    }
    return counted(pictures, "picture") + " in " + work.out;
}

bool writes_jpeg(const corrupt_work& work) {
    if (work.writes_arrays()) return false;
    if (work.format) return *work.format == picture_format::jpeg;
    if (work.output == corrupt_output::picture) return picture_format_named(work.out) == picture_format::jpeg;
    for (std::size_t i = 0; i < work.images.count(); ++i)
        if (picture_format_named(work.images.at(i).file) == picture_format::jpeg) return true;
    return false;
}

} // namespace

std::string corrupt_summary(const corrupt_work& work, std::size_t finished) {
    std::string text = "corrupt: " + counted(work.images.count(), "image") + ", ";
    text += listed(work.names, "corruption", "corruptions",
                   [](std::string_view name) { return std::string(name); });
    text += ", " + listed(work.severities, "severity", "severities",
                          [](int severity) { return std::to_string(severity); });
    text += ", " + variant_text(work) + ", seed " + std::to_string(work.options.seed);
    if (writes_jpeg(work)) text += ", JPEG quality " + std::to_string(work.quality);
    text += ": " + output_text(work);
    if (finished != 0) text += " (" + std::to_string(finished) + " of an earlier run)";
    return text;
}

} // namespace program
