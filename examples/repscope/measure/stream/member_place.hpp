#pragma once

#include <string>

namespace program {

/// How the names of a stream's members state layer and batch.
enum class member_names {
    folders,   ///< LAYER/BATCH.npy; the name of a layer may contain slashes
    layers,    ///< LAYER.npy: every member is a layer of its own
    webdataset ///< KEY.LAYER.npy, where KEY may contain slashes: the batch
};

/// The layer and batch of a member.
struct member_place {
    std::string layer;
    std::string batch;
    /// The labels of the batch: the last component of the layer's name is `labels`.
    bool is_labels = false;
};

/// Returns the layer and batch of the member `name` of `stream`. Throws `data_error` if the name does not end
/// in `.npy`, is absolute, has an empty component or `..`, or does not have the form of `names`.
member_place place_of_member(const std::string& name, member_names names, const std::string& stream);

} // namespace program
