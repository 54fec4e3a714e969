#include "corrupt/output.hpp"

#include "corrupt/arrays.hpp"
#include "corrupt/finished.hpp"
#include "corrupt/pictures.hpp"
#include "files/output_file.hpp"
#include "support/errors.hpp"
#include "support/plural.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace program {

namespace fs = std::filesystem;

namespace {

using name_kind = output_choice::name_kind;

// What is to be written, for an error: "15 corruptions x 5 severities of 3 images".
std::string amount_of(const corrupt_work& work) {
    return counted(work.names.size(), "corruption") + " x " + std::to_string(work.severities.size()) +
           (work.severities.size() == 1 ? " severity" : " severities") + " of " +
           counted(work.images.count(), "image");
}

} // namespace

output_choice output_named(const std::string& out, const std::string& format) {
    output_choice choice;
    choice.arrays = format == "npy";
    if (format == "png") choice.format = picture_format::png;
    if (format == "jpeg") choice.format = picture_format::jpeg;
    if (out == "-") {
        if (!choice.format) throw usage_error("OUT: standard output takes a picture (--format png or jpeg)");
        choice.name = name_kind::picture;
        return choice;
    }
    std::string extension = fs::path(out).extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (extension == ".npy") choice.name = name_kind::array;
    if (is_picture_name(out)) choice.name = name_kind::picture;
    for (const std::string_view other : {".npz", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic"}) {
        if (extension == other)
            throw usage_error("OUT: expected a folder, or a .npy, .png or .jpg file, got " + out);
    }
    const bool contradiction =
        (choice.name == name_kind::array && choice.format) ||
        (choice.name == name_kind::picture &&
         (choice.arrays || (choice.format && *choice.format != picture_format_named(out))));
    if (contradiction) throw usage_error("--format " + format + ": contradicts the name of OUT, " + out);
    return choice;
}

corrupt_output output_of(const output_choice& choice, const corrupt_work& work, bool has_labels) {
    corrupt_output output = corrupt_output::pictures;
    if (choice.name == name_kind::array) {
        if (work.names.size() != 1) {
            throw usage_error("OUT: expected a folder for " + counted(work.names.size(), "corruption") +
                              ", got " + work.out);
        }
        output = corrupt_output::array;
    } else if (choice.name == name_kind::picture) {
        if (work.images.count() != 1 || work.conditions() != 1) {
            throw usage_error("OUT: expected a folder for " + amount_of(work) + ", got " + work.out +
                              " (was OUT forgotten?)");
        }
        output = corrupt_output::picture;
    } else if (choice.arrays || (work.images.is_array() && !choice.format)) {
        output = corrupt_output::arrays;
    }
    if (has_labels && output != corrupt_output::arrays) {
        throw usage_error(output == corrupt_output::array
                              ? "--labels: expected a folder as OUT, into which labels.npy is written, got " +
                                    work.out
                              : "--labels: belongs to arrays (--format npy); pictures keep their names");
    }
    return output;
}

void guard_outputs(const corrupt_work& work, bool overwrite, bool all, output_guard& guard) {
    std::error_code none;
    const bool is_folder = work.output == corrupt_output::arrays || work.output == corrupt_output::pictures;
    if (is_folder && fs::exists(work.out, none) && !fs::is_directory(work.out, none))
        throw usage_error("OUT: expected a folder, got the file " + work.out);
    if (work.writes_arrays()) {
        for (const std::string_view name : work.names)
            if (!has_finished_array(work, name))
                guard.add_output("OUT", array_file(work, name), file_kind::npy);
        return;
    }
    const std::vector<std::string> names = picture_names(work);
    for (const std::string_view corruption : work.names) {
        for (const int severity : work.severities) {
            for (const std::string& name : names) {
                const std::string path = picture_path(work, name, corruption, severity);
                const bool exists = fs::is_regular_file(path, none);
                if (exists && work.resume) continue;
                if (exists || all) {
                    const picture_format format = work.format ? *work.format : picture_format_named(path);
                    guard.add_output("OUT", path,
                                     format == picture_format::png ? file_kind::png : file_kind::jpeg);
                }
                if (exists && !overwrite)
                    throw usage_error("OUT: " + path +
                                      " exists (--overwrite replaces it, --resume leaves it)");
            }
        }
    }
}

void require_outputs(const corrupt_work& work) {
    if (work.writes_arrays()) {
        (void)work.images.common_size();
        if (work.output == corrupt_output::arrays) make_folder(work.out);
        for (const std::string_view name : work.names) require_writable(array_file(work, name));
        return;
    }
    make_picture_folders(work);
    const std::string name = picture_names(work).front();
    for (const std::string_view corruption : work.names)
        for (const int severity : work.severities)
            require_writable(picture_path(work, name, corruption, severity));
}

} // namespace program
