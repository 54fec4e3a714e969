#include "corrupt/pictures.hpp"

#include "corrupt/finished.hpp"
#include "files/output_file.hpp"
#include "support/errors.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <span>
#include <system_error>

namespace program {

namespace fs = std::filesystem;
namespace corruption = repscope::corruption;

namespace {

constexpr const char* extension_of(picture_format format) {
    return format == picture_format::png ? ".png" : ".jpg";
}

bool has_one_condition(const corrupt_work& work) { return work.conditions() == 1; }

// Decoded, corrupted, coded and what a kernel needs on the way: at most 6 times the decoded picture.
std::size_t threads_within_memory(const corrupt_work& work) {
    constexpr std::size_t max_bytes = std::size_t{1} << 30U;
    constexpr std::size_t max_ratio = 6;
    std::size_t largest = 1;
    for (std::size_t i = 0; i < work.images.count(); ++i)
        largest = std::max(largest, work.images.at(i).info.size.bytes());
    return std::clamp<std::size_t>(max_bytes / (max_ratio * largest), 1, work.threads);
}

void write_one(const corrupt_work& work, const decoded_picture& picture, std::uint32_t index,
               std::string_view name, int severity, const std::string& path) {
    const picture_size& size = picture.size;
    corruption::apply_options options = work.options;
    options.threads = 1;
    options.severity = severity;
    options.index = index;
    const repscope::tensor_view<const std::uint8_t, 3> view(picture.pixels.data(),
                                                            {size.height, size.width, size.channels});
    const auto corrupted = corruption::apply(name, view, options);
    const std::span<const std::uint8_t> pixels(corrupted.data_handle(), corrupted.size());
    const picture_format format = work.format ? *work.format : picture_format_named(path);
    write_output(path, format == picture_format::png ? encode_png(size, pixels)
                                                     : encode_jpeg(size, pixels, work.quality));
}

} // namespace

std::vector<std::string> picture_names(const corrupt_work& work) {
    std::vector<std::string> names;
    std::map<std::string, std::string> files;
    const std::size_t digits = std::max<std::size_t>(5, std::to_string(work.images.count()).size());
    for (std::size_t i = 0; i < work.images.count(); ++i) {
        const std::string file = work.images.at(i).file;
        fs::path name = fs::path(file).filename();
        if (file.empty()) {
            const std::string number = std::to_string(i);
            name = std::string(digits - std::min(digits, number.size()), '0') + number;
        }
        const bool has_extension = is_picture_name(name.string());
        if (work.format && has_extension) name.replace_extension();
        if (work.format || !has_extension)
            name += extension_of(work.format ? *work.format : work.images.at(i).info.format);
        const auto [place, is_new] = files.emplace(name.string(), file);
        if (!is_new) {
            throw usage_error("OUT: expected pictures of different names, got " + place->second + " and " +
                              file + ", both to be written as " + name.string());
        }
        names.push_back(name.string());
    }
    return names;
}

std::string picture_path(const corrupt_work& work, const std::string& name, std::string_view corruption,
                         int severity) {
    if (work.output == corrupt_output::picture) return work.out;
    if (has_one_condition(work)) return (fs::path(work.out) / name).string();
    return (fs::path(work.out) / corruption / std::to_string(severity) / name).string();
}

void make_picture_folders(const corrupt_work& work) {
    if (work.output == corrupt_output::picture) return;
    for (const std::string_view name : work.names)
        for (const int severity : work.severities)
            make_folder(fs::path(picture_path(work, "x", name, severity)).parent_path().string());
}

void write_pictures(const corrupt_work& work, progress& shown) {
    const std::vector<std::string> names = picture_names(work);
    const image_source& images = work.images;
    const std::size_t conditions = work.conditions();
    const std::size_t severities = work.severities.size();
    std::mutex mutex;
    std::size_t written = count_finished(work);
    const auto path_of = [&](std::size_t image, std::size_t condition) {
        return picture_path(work, names[image], work.names[condition / severities],
                            work.severities[condition % severities]);
    };
    const auto has_all = [&](std::size_t image) {
        for (std::size_t condition = 0; condition < conditions; ++condition)
            if (!has_finished_picture(work, path_of(image, condition))) return false;
        return true;
    };
    const auto write = [&](const decoded_picture& picture, std::size_t image, std::size_t condition) {
        const std::string path = path_of(image, condition);
        if (has_finished_picture(work, path)) return;
        write_one(work, picture, images.at(image).index, work.names[condition / severities],
                  work.severities[condition % severities], path);
        const std::lock_guard lock(mutex);
        shown.done(static_cast<double>(++written), names[image]);
    };
    repscope::thread_pool pool(threads_within_memory(work));
    // Loops inside tasks run in place: the threads share the pictures, or else the conditions of each.
    if (images.count() >= conditions) {
        pool.for_each(images.count(), [&](std::size_t image) {
            if (has_all(image)) return;
            const decoded_picture picture = images.read(image);
            for (std::size_t condition = 0; condition < conditions; ++condition)
                write(picture, image, condition);
        });
        return;
    }
    for (std::size_t image = 0; image < images.count(); ++image) {
        if (has_all(image)) continue;
        const decoded_picture picture = images.read(image);
        pool.for_each(conditions, [&](std::size_t condition) { write(picture, image, condition); });
    }
}

} // namespace program
