#include "image_source.hpp"

#include "failure.hpp"

#include <repscope/io/npy.hpp>
#include <repscope/tensor/shape.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <span>
#include <utility>

namespace program {

namespace fs = std::filesystem;

namespace {

std::string text_of(const picture_size& size) {
    return std::to_string(size.height) + " x " + std::to_string(size.width) + " x " +
           std::to_string(size.channels);
}

void require_sides(const std::string& file, const picture_size& size) {
    if (size.height < 8 || size.width < 8)
        throw data_error(file, "wanted images of at least 8 x 8 pixels, got " + text_of(size));
}

} // namespace

std::vector<std::string> pictures_in(const std::string& folder) {
    std::vector<std::string> files;
    std::error_code failure;
    for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        const std::string file = entry->path().string();
        if (is_picture_name(file)) files.push_back(file);
    }
    if (failure) throw data_error(folder, "cannot be read: " + failure.message());
    if (files.empty()) throw data_error(folder, "holds no .png, .jpg or .jpeg file");
    std::sort(files.begin(), files.end());
    return files;
}

image_source::image_source(const std::vector<std::string>& paths) {
    name_ = paths.front();
    std::error_code none;
    if (paths.size() == 1 && fs::is_directory(paths[0], none)) {
        open_pictures(pictures_in(paths[0]));
    } else if (paths.size() == 1 && !is_picture_name(paths[0])) {
        open_npy(paths[0]);
    } else {
        single_ = paths.size() == 1;
        open_pictures(paths);
    }
}

void image_source::open_npy(const std::string& path) {
    npy_.emplace(path);
    const repscope::io::npy_header header = repscope::io::read_npy_header(*npy_);
    if (header.format.type != repscope::io::dtype::uint8)
        throw data_error(path,
                         "wanted images of bytes (uint8), got elements of type " + header.format.name());
    const auto& shape = header.shape;
    if (shape.size() != 3 && shape.size() != 4) {
        throw data_error(
            path, "wanted images (n, height, width, channels) or (height, width, channels), got shape " +
                      repscope::format_shape(shape));
    }
    if (header.fortran_order)
        throw data_error(path, "wanted C order, got Fortran order (numpy.ascontiguousarray)");
    const std::size_t rank = shape.size();
    single_ = rank == 3;
    count_ = single_ ? 1 : shape[0];
    size_ = {shape[rank - 3], shape[rank - 2], shape[rank - 1]};
    if (header.size() == 0) throw data_error(path, "holds no images: shape " + repscope::format_shape(shape));
    require_sides(path, size_);
    offset_ = header.data_offset;
}

void image_source::open_pictures(std::vector<std::string> files) {
    pictures_ = std::move(files);
    count_ = pictures_.size();
    for (const std::string& file : pictures_) {
        picture_size size = size_of_picture(file);
        require_sides(file, size);
        if (&file == &pictures_.front()) size_ = size;
        size_.channels = (std::max)(size_.channels, size.channels);
        size.channels = size_.channels;
        if (size != size_) {
            throw data_error(file, "wanted pictures of one size: " + pictures_.front() + " has " +
                                       text_of(size_) + ", this one " + text_of(size));
        }
    }
}

void image_source::read(std::size_t first, std::size_t count, std::uint8_t* pixels) const {
    if (npy_) {
        npy_->read(offset_ + first * size_.bytes(),
                   std::as_writable_bytes(std::span(pixels, count * size_.bytes())));
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const std::string& file = pictures_[first + i];
        const decoded_picture picture = decode_picture(file);
        if (picture.size.height != size_.height || picture.size.width != size_.width ||
            picture.size.channels > size_.channels) {
            throw data_error(file, "changed while it was read");
        }
        std::uint8_t* to = pixels + i * size_.bytes();
        if (picture.size.channels == size_.channels) {
            std::memcpy(to, picture.pixels.data(), size_.bytes());
        } else {
            for (const std::uint8_t value : picture.pixels) to = std::fill_n(to, 3, value);
        }
    }
}

} // namespace program
