#include "images/datasets.hpp"

#include "files/sha256.hpp"
#include "support/errors.hpp"

#include <repscope/io/cifar.hpp>
#include <repscope/io/idx.hpp>
#include <repscope/io/zlib.hpp>

#include <algorithm>
#include <filesystem>
#include <span>

namespace program {

namespace {

namespace fs = std::filesystem;
namespace io = repscope::io;

// The folder of `fashion-mnist[:DIR]` or `cifar10:DIR`; empty for `cifar10` alone.
std::string folder_of_data_set(const std::string& what) {
    const std::size_t colon = what.find(':');
    if (colon != std::string::npos && colon + 1 < what.size()) return what.substr(colon + 1);
    return what.substr(0, colon) == "fashion-mnist" ? "/usr/share/datasets/fashion-mnist" : "";
}

// FILE or FILE.gz in a folder.
std::string present(const std::string& folder, const std::string& name) {
    std::error_code none;
    for (const char* ending : {"", ".gz"}) {
        const std::string path = folder + "/" + name + ending;
        if (fs::is_regular_file(path, none)) return path;
    }
    return folder + "/" + name + ".gz";
}

image_set load_idx(const std::string& folder, const std::string& stem) {
    const std::string image_file = present(folder, stem + "-images-idx3-ubyte");
    const std::string label_file = present(folder, stem + "-labels-idx1-ubyte");
    io::idx_array images = io::parse_idx(io::read_file_or_gzip(image_file), image_file);
    const io::idx_array labels = io::parse_idx(io::read_file_or_gzip(label_file), label_file);
    if (images.shape.size() != 3 || images.values.empty()) {
        throw data_error(image_file,
                         "expected images of rank 3, got shape " + repscope::format_shape(images.shape));
    }
    if (labels.shape.size() != 1 || labels.shape[0] != images.shape[0]) {
        throw data_error(label_file, "expected " + std::to_string(images.shape[0]) + " labels, got shape " +
                                         repscope::format_shape(labels.shape));
    }
    for (std::size_t i = 0; i < labels.values.size(); ++i) {
        if (labels.values[i] > 9) {
            throw data_error(label_file, "expected labels 0 to 9, got label " +
                                             std::to_string(labels.values[i]) + " at position " +
                                             std::to_string(i));
        }
    }
    image_set set;
    set.images = images.shape[0];
    set.channels = 1;
    set.rows = images.shape[1];
    set.columns = images.shape[2];
    set.pixels = std::move(images.values);
    set.labels.assign(labels.values.begin(), labels.values.end());
    return set;
}

// All files of a folder whose name begins with one of `stems`, in the order of their names.
image_set load_cifar(const std::string& folder, std::initializer_list<std::string_view> stems) {
    std::vector<std::string> files;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(folder, failure)) {
        const std::string name = entry.path().filename().string();
        const bool wanted = std::any_of(stems.begin(), stems.end(),
                                        [&](std::string_view stem) { return name.starts_with(stem); });
        if (wanted && entry.is_regular_file()) files.push_back(entry.path().string());
    }
    if (failure) throw data_error(folder, "cannot be read: " + failure.message());
    if (files.empty()) {
        throw data_error(folder, "holds no files named " + std::string(*stems.begin()) +
                                     "*: expected CIFAR-10 in its binary format");
    }
    std::sort(files.begin(), files.end());
    image_set set;
    set.channels = 3;
    set.rows = 32;
    set.columns = 32;
    for (const auto& file : files) {
        const io::cifar_images part = io::parse_cifar10(io::read_file_or_gzip(file), file);
        const std::span<const std::uint8_t> pixels(part.pixels.data_handle(), part.pixels.size());
        set.pixels.insert(set.pixels.end(), pixels.begin(), pixels.end());
        set.labels.insert(set.labels.end(), part.labels.begin(), part.labels.end());
        set.images += part.labels.size();
    }
    return set;
}

void keep_first(image_set& set, std::size_t count, const char* option) {
    if (count == 0) return;
    if (count > set.images) {
        throw usage_error(std::string(option) + " " + std::to_string(count) + ": the data set has " +
                          std::to_string(set.images) + " images");
    }
    set.images = count;
    set.pixels.resize(count * set.image_size());
    set.labels.resize(count);
}

void check_labels(const image_set& set, const std::string& folder) {
    if (std::adjacent_find(set.labels.begin(), set.labels.end(), std::not_equal_to<>()) == set.labels.end()) {
        throw data_error(folder, "all test images that are used are of one class");
    }
}

} // namespace

std::vector<std::string> files_of_data_set(const std::string& what) {
    std::vector<std::string> files;
    std::error_code failure;
    for (fs::directory_iterator entry(folder_of_data_set(what), failure), end; !failure && entry != end;
         entry.increment(failure)) {
        const std::string name = entry->path().filename().string();
        for (const char* stem : {"train", "t10k", "test", "data_batch"}) {
            if (name.starts_with(stem)) files.push_back(entry->path().string());
        }
    }
    return files;
}

data_set load_data_set(const std::string& what, std::size_t train, std::size_t test) {
    const std::string kind = what.substr(0, what.find(':'));
    const std::string folder = folder_of_data_set(what);
    data_set data;
    data.name = kind;
    std::size_t published_train = 60000;
    if (kind == "fashion-mnist") {
        std::error_code none;
        if (!fs::is_directory(folder, none)) {
            throw data_error(folder, "no such folder: install dataset-fashion-mnist, or say where it is with "
                                     "--data fashion-mnist:DIR");
        }
        data.train = load_idx(folder, "train");
        data.test = load_idx(folder, "t10k");
        if (data.train.rows != 28 || data.train.columns != 28 || data.test.rows != 28 ||
            data.test.columns != 28) {
            throw data_error(folder, "expected images of 28 x 28");
        }
    } else if (kind == "cifar10") {
        if (folder.empty()) throw usage_error("--data cifar10: say where it is, cifar10:DIR");
        published_train = 50000;
        data.train = load_cifar(folder, {"train", "data_batch"});
        data.test = load_cifar(folder, {"test"});
    } else {
        throw usage_error("--data: expected fashion-mnist[:DIR] or cifar10:DIR, got '" + what + "'");
    }
    keep_first(data.train, train, "--train");
    keep_first(data.test, test, "--test");
    check_labels(data.test, folder);
    if (data.train.images != published_train || data.test.images != 10000) data.name += " (subset)";

    sha256 digest;
    for (const image_set* set : {&data.train, &data.test}) {
        digest.update(std::as_bytes(std::span(set->pixels)));
        const std::vector<std::uint8_t> labels(set->labels.begin(), set->labels.end());
        digest.update(std::as_bytes(std::span(labels)));
    }
    data.sha256 = digest.hex_digest();
    return data;
}

} // namespace program
