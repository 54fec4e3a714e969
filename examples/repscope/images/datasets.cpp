#include "images/datasets.hpp"

#include "files/sha256.hpp"
#include "support/errors.hpp"

#include <repscope/data/cifar10.hpp>
#include <repscope/data/mnist.hpp>

#include <algorithm>
#include <filesystem>
#include <span>

namespace program {

namespace {

namespace fs = std::filesystem;
using repscope::data::load_cifar10;
using repscope::data::load_mnist;
using repscope::data::subset;

// The folder of `fashion-mnist[:DIR]` or `cifar10:DIR`; empty for `cifar10` alone.
std::string folder_of_data_set(const std::string& what) {
    const std::size_t colon = what.find(':');
    if (colon != std::string::npos && colon + 1 < what.size()) return what.substr(colon + 1);
    return what.substr(0, colon) == "fashion-mnist" ? "/usr/share/datasets/fashion-mnist" : "";
}

void keep_first(image_set& set, std::size_t count, const char* option) {
    if (count == 0) return;
    if (count > set.images) {
        throw usage_error(std::string(option) + " " + std::to_string(count) + ": the data set has " +
                          std::to_string(set.images) + " images");
    }
    set = repscope::data::first_images(set, count);
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
            throw data_error(folder,
                             "no such folder: install dataset-fashion-mnist, or state its folder with "
                             "--data fashion-mnist:DIR");
        }
        data.train = load_mnist(folder, subset::train);
        data.test = load_mnist(folder, subset::test);
        if (data.train.rows != 28 || data.train.columns != 28 || data.test.rows != 28 ||
            data.test.columns != 28) {
            throw data_error(folder, "expected images of 28 x 28");
        }
    } else if (kind == "cifar10") {
        if (folder.empty())
            throw usage_error("--data cifar10: expected the folder of the images, cifar10:DIR");
        published_train = 50000;
        data.train = load_cifar10(folder, subset::train);
        data.test = load_cifar10(folder, subset::test);
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
