#include "measure/stream/member_place.hpp"

#include "support/errors.hpp"

#include <string_view>

namespace program {

namespace {

constexpr std::string_view npy_ending = ".npy";

// Throws unless the components of a path, without "./" in front, are plain names.
void require_plain_components(std::string_view path, const std::string& name, const std::string& stream) {
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view component = path.substr(begin, end - begin);
        if (component.empty() || component == "." || component == "..") {
            throw data_error(stream, "member " + name + ": expected a relative path without '" +
                                         std::string(component.empty() ? "//" : component) + "'");
        }
        begin = end + 1;
    }
}

bool names_labels(std::string_view layer) {
    const std::size_t slash = layer.rfind('/');
    return (slash == std::string_view::npos ? layer : layer.substr(slash + 1)) == "labels";
}

} // namespace

member_place place_of_member(const std::string& name, member_names names, const std::string& stream) {
    std::string_view path = name;
    while (path.starts_with("./")) path.remove_prefix(2);
    if (path.starts_with('/')) {
        throw data_error(stream, "member " + name + ": expected a relative path, got an absolute one");
    }
    require_plain_components(path, name, stream);
    const std::size_t slash = path.rfind('/');
    const std::string_view file = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (!file.ends_with(npy_ending) || file.size() == npy_ending.size()) {
        throw data_error(stream, "member " + name + ": expected .npy arrays only");
    }
    path.remove_suffix(npy_ending.size());
    member_place place;
    if (names == member_names::layers) {
        place.layer = std::string(path);
    } else if (names == member_names::webdataset) {
        // The key ends at the first dot of the file's name.
        const std::size_t dot = path.find('.', slash == std::string_view::npos ? 0 : slash + 1);
        if (dot == std::string_view::npos) {
            throw data_error(stream, "member " + name + ": expected KEY.LAYER.npy (--webdataset)");
        }
        place.layer = std::string(path.substr(dot + 1));
        place.batch = std::string(path.substr(0, dot));
    } else {
        if (slash == std::string_view::npos) {
            throw data_error(stream, "member " + name +
                                         ": expected LAYER/BATCH.npy; --no-batches measures each member as a "
                                         "layer, --webdataset reads KEY.LAYER.npy");
        }
        place.layer = std::string(path.substr(0, slash));
        place.batch = std::string(path.substr(slash + 1));
    }
    place.is_labels = names_labels(place.layer);
    return place;
}

} // namespace program
