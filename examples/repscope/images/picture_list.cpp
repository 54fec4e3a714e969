#include "images/picture_list.hpp"

#include "images/codec.hpp"
#include "support/errors.hpp"
#include "support/plural.hpp"

#include <repscope/io/npy_folder.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace program {

namespace fs = std::filesystem;

picture_list list_pictures(const std::string& folder) {
    picture_list list;
    std::error_code failure;
    std::vector<std::string> names;
    for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        const std::string name = entry->path().filename().string();
        if (name.starts_with('.')) continue;
        std::error_code none;
        if (entry->is_directory(none)) {
            ++list.folders;
        } else if (is_picture_name(name)) {
            names.push_back(name);
        } else {
            const std::string extension = entry->path().extension().string();
            ++list.left_out[extension.empty() ? "without extension" : extension];
        }
    }
    if (failure) throw data_error(folder, "cannot be read: " + failure.message());
    if (names.empty()) {
        const std::string rest = left_out_text(list);
        throw data_error(folder, "holds no .png, .jpg or .jpeg file" +
                                     (rest.empty() ? std::string() : ", but " + rest));
    }
    std::sort(names.begin(), names.end(), repscope::io::natural_less);
    for (const std::string& name : names) list.files.push_back((fs::path(folder) / name).string());
    return list;
}

std::string left_out_text(const picture_list& list) {
    std::size_t count = 0;
    std::string kinds;
    for (const auto& [extension, files] : list.left_out) {
        count += files;
        kinds += (kinds.empty() ? "" : ", ") + std::to_string(files) + " " + extension;
    }
    std::string text;
    if (count > 0) text = counted(count, "file") + " (" + kinds + ")";
    if (list.folders > 0) text += (text.empty() ? "" : " and ") + counted(list.folders, "folder");
    return text;
}

} // namespace program
