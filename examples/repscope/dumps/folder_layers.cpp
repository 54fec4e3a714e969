#include "dumps/folder_layers.hpp"

#include "support/errors.hpp"

#include <repscope/io/npy_folder.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace program {

namespace {

namespace fs = std::filesystem;

// What a user may have meant by a folder without .npy files: its archives or its folders.
std::string hint(const std::string& folder) {
    std::error_code failure;
    bool has_folders = false;
    bool has_npz = false;
    bool has_safetensors = false;
    for (fs::directory_iterator at(folder, failure); !failure && at != fs::directory_iterator();
         at.increment(failure)) {
        std::error_code none;
        const fs::path& path = at->path();
        if (path.filename().string().starts_with('.')) continue;
        has_folders = has_folders || at->is_directory(none);
        has_npz = has_npz || path.extension() == ".npz";
        has_safetensors = has_safetensors || path.extension() == ".safetensors";
    }
    const std::string inside = (fs::path(folder) / "*").string();
    if (has_npz) return "; name its archives: " + inside + ".npz";
    if (has_safetensors) return "; name its archives: " + inside + ".safetensors";
    if (has_folders) return "; name its folders: " + inside;
    return {};
}

} // namespace

folder_contents list_folder(const std::string& folder, repscope::io::folder_files mode,
                            const std::string& labels, bool* left_out) {
    folder_contents contents{repscope::io::batch_files(folder), false};
    if (contents.files.empty()) {
        throw data_error(folder, "is a directory without .npy files" + hint(folder));
    }
    const auto removed = std::erase_if(contents.files, [&](const std::string& file) {
        std::error_code none;
        return !labels.empty() && fs::equivalent(file, labels, none);
    });
    if (left_out != nullptr) *left_out = removed != 0;
    if (contents.files.empty()) throw data_error(folder, "holds no activations besides the labels");
    contents.are_batches = repscope::io::are_batches(contents.files, mode);
    return contents;
}

} // namespace program
