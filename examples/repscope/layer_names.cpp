#include "layer_names.hpp"

#include "failure.hpp"

#include <filesystem>
#include <map>

namespace program {

std::vector<std::string> layer_names(const std::vector<std::string>& files) {
    namespace fs = std::filesystem;
    const auto stem = [](const std::string& file) { return fs::path(file).stem().string(); };
    std::map<std::string, int> with_stem;
    for (const auto& file : files) ++with_stem[stem(file)];

    std::vector<std::string> names;
    std::map<std::string, std::string> owner;
    for (const auto& file : files) {
        std::string name = stem(file);
        if (with_stem[name] > 1) {
            // The folder's own name, also for a file that is given relative to it.
            const std::string parent =
                fs::absolute(fs::path(file)).lexically_normal().parent_path().filename().string();
            name = (parent.empty() ? std::string("/") : parent + "/") + name;
        }
        const auto [other, is_new] = owner.emplace(name, file);
        if (!is_new) {
            throw usage_error("two files would both be layer '" + name + "': " + other->second + " and " +
                              file + "; rename one, or measure them apart");
        }
        names.push_back(std::move(name));
    }
    return names;
}

} // namespace program
