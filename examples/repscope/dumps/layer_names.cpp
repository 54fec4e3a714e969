#include "dumps/layer_names.hpp"

#include "support/errors.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string_view>

namespace program {

namespace {

namespace fs = std::filesystem;

// "run/layer1/" and "." have a name of their own only when they are spelled out.
fs::path spelled_out(const std::string& file) {
    fs::path path = fs::absolute(fs::path(file)).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
}

std::string own_name(const layer_origin& origin) {
    if (!origin.key.empty()) return origin.key;
    const fs::path path = spelled_out(origin.file);
    if (origin.is_folder) return path.filename().string();
    if (origin.is_raw) {
        constexpr std::array<std::string_view, 17> usual{
            ".bin", ".raw", ".dat", ".data", ".bytes", ".mmap", ".memmap", ".f2", ".f4",
            ".f8",  ".f16", ".f32", ".f64",  ".bf16",  ".u8",   ".i8",     ".u1"};
        const std::string extension = path.extension().string();
        if (std::find(usual.begin(), usual.end(), extension) == usual.end()) return path.filename().string();
    }
    return path.stem().string();
}

} // namespace

std::vector<std::string> layer_names(const std::vector<layer_origin>& origins) {
    std::map<std::string, int> with_name;
    for (const auto& origin : origins) ++with_name[own_name(origin)];

    std::vector<std::string> names;
    std::map<std::string, std::string> owner;
    for (const auto& origin : origins) {
        std::string name = own_name(origin);
        if (with_name[name] > 1) {
            const fs::path path = spelled_out(origin.file);
            const std::string where =
                origin.key.empty() ? path.parent_path().filename().string() : path.stem().string();
            name = (where.empty() ? std::string("/") : where + "/") + name;
        }
        const auto [other, is_new] = owner.emplace(name, origin.spelled());
        if (!is_new) {
            throw usage_error("two files would both be layer '" + name + "': " + other->second + " and " +
                              origin.spelled() + "; rename one, or measure them apart");
        }
        names.push_back(std::move(name));
    }
    return names;
}

} // namespace program
