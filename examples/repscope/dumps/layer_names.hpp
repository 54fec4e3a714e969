#pragma once

#include <string>
#include <vector>

namespace program {

/// The name of a layer without its file, and the file.
struct layer_origin {
    std::string file;
    /// Key in an archive; empty where the file is the layer.
    std::string key;
    /// A folder keeps its whole name, a file loses its extension.
    bool is_folder = false;
    /// Raw files have any extension or none, so only usual ones are taken off: not the `.conv1` of a module.
    bool is_raw = false;

    /// As messages call it: "run.npz:conv1".
    [[nodiscard]] std::string spelled() const { return key.empty() ? file : file + ":" + key; }
};

/// A name for each layer: the key in an archive, the name of a folder, the stem of a file ("conv1" for
/// "run/conv1.npy"), as they are. Where several are equal, those get the stem of their archive or their
/// parent folder in front ("run/conv1"). Throws `usage_error` when that does not settle it.
std::vector<std::string> layer_names(const std::vector<layer_origin>& origins);

} // namespace program
