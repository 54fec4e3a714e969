#pragma once

#include <repscope/data/image_dataset.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace program {

using image_set = repscope::data::image_dataset;

struct data_set {
    std::string
        name; ///< fashion-mnist or cifar10; with "(subset)" when images of the published set are missing
    std::size_t classes = 10;
    image_set train;
    image_set test;
    std::string sha256; ///< of pixels and labels, as they are used: train, then test
};

/// The files of `fashion-mnist[:DIR]` or `cifar10:DIR` by their names, without a look into them.
std::vector<std::string> files_of_data_set(const std::string& what);

/// Loads `fashion-mnist[:DIR]` or `cifar10:DIR` and keeps the first `train` and `test` images (0: all).
/// Throws `usage_error` for another name and for more images than there are, `data_error` for files.
data_set load_data_set(const std::string& what, std::size_t train, std::size_t test);

} // namespace program
