#include "images/source.hpp"

#include "files/array_advice.hpp"
#include "files/file_kind.hpp"
#include "files/foreign_format.hpp"
#include "images/picture_list.hpp"
#include "support/errors.hpp"
#include "support/plural.hpp"

#include <repscope/io/npy.hpp>
#include <repscope/tensor/shape.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <span>

namespace program {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t min_side = 8;

std::string text_of(const picture_size& size) {
    return std::to_string(size.height) + " x " + std::to_string(size.width) + " x " +
           std::to_string(size.channels);
}

void require_sides(const std::string& file, const picture_size& size) {
    if (size.height < min_side || size.width < min_side)
        throw data_error(file, "expected images of at least 8 x 8 pixels, got " + text_of(size));
}

bool is_channel_count(std::size_t extent) { return extent == 1 || extent == 3; }

} // namespace

image_source::image_source(const std::vector<std::string>& paths, const image_source_options& options)
    : options_(options), name_(paths.front()) {
    std::error_code none;
    single_ = paths.size() == 1;
    if (single_ && fs::is_directory(paths[0], none)) {
        single_ = false;
        const picture_list list = list_pictures(paths[0]);
        const std::string rest = left_out_text(list);
        if (!rest.empty()) notes_.push_back(paths[0] + ": left out " + rest);
        open_pictures(list.files);
    } else if (single_ && !is_picture_name(paths[0])) {
        open_unnamed(paths[0]);
    } else {
        open_pictures(paths);
    }
}

void image_source::open_unnamed(const std::string& path) {
    refuse_foreign(path);
    const auto kind = kind_by_content(path);
    if (kind == file_kind::npy) {
        open_array(path);
    } else if (kind == file_kind::png || kind == file_kind::jpeg) {
        open_pictures({path});
    } else {
        throw data_error(path, "expected PNG, JPEG or .npy, got " + unread_kind(kind));
    }
}

void image_source::open_array(const std::string& path) {
    array_.emplace(path);
    const repscope::io::npy_header header = repscope::io::read_npy_header(*array_);
    const auto& shape = header.shape;
    const std::size_t rank = shape.size();
    if (header.size() == 0) throw data_error(path, "holds no images: shape " + repscope::format_shape(shape));
    const bool channels_last = rank >= 3 && is_channel_count(shape[rank - 1]);
    const bool channels_first = (rank == 4 && is_channel_count(shape[1])) || (rank == 3 && shape[0] == 3);
    // (n, height, width), as MNIST has it.
    has_channels_ = channels_last;
    const bool of_images = (rank == 4 && channels_last) || (rank == 3 && (channels_last || !channels_first));
    if (header.format.type != repscope::io::dtype::uint8 || !of_images ||
        (rank == 3 && !channels_last && shape[2] < min_side)) {
        throw data_error(path, image_array_advice(header, *array_, path));
    }
    if (header.fortran_order)
        throw data_error(path, "expected C order, got Fortran order (numpy.ascontiguousarray)");
    single_ = rank == 3 && has_channels_;
    count_ = single_ ? 1 : shape[0];
    size_ = has_channels_ ? picture_size{shape[rank - 3], shape[rank - 2], shape[rank - 1]}
                          : picture_size{shape[1], shape[2], 1};
    require_sides(path, size_);
    offset_ = header.data_offset;
}

void image_source::open_pictures(const std::vector<std::string>& files) {
    std::size_t turned = 0;
    std::size_t rounded = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
        try {
            const picture_info info = inspect_picture(files[i], options_.decode);
            require_sides(files[i], info.size);
            if (options_.skip_bad) (void)decode_picture(files[i], options_.decode);
            pictures_.push_back({files[i], info, static_cast<std::uint32_t>(i)});
        } catch (const data_error& e) {
            if (!options_.skip_bad) throw;
            notes_.push_back("skipped " + std::string(e.what()));
            continue;
        }
        turned += pictures_.back().info.turned ? 1U : 0U;
        rounded += pictures_.back().info.sixteen_bits ? 1U : 0U;
    }
    if (pictures_.empty()) throw data_error(name_, "holds no picture that can be read");
    if (turned > 0) notes_.push_back(counted(turned, "picture") + " turned upright by EXIF orientation");
    if (rounded > 0)
        notes_.push_back(counted(rounded, "picture") + " of 16 bits per sample rounded to 8 bits");
}

source_image image_source::at(std::size_t image) const {
    if (!array_) return pictures_[image];
    return {{}, {size_, picture_format::png, false, false}, static_cast<std::uint32_t>(image)};
}

picture_size image_source::common_size() const {
    if (array_) return size_;
    picture_size common = pictures_.front().info.size;
    for (const source_image& picture : pictures_) {
        picture_size size = picture.info.size;
        common.channels = std::max(common.channels, size.channels);
        size.channels = common.channels;
        if (size != common) {
            throw data_error(picture.file,
                             "expected pictures of one size for an array: " + pictures_.front().file +
                                 " has " + text_of(common) + ", this one " + text_of(size) +
                                 " (pictures of any size are written into a folder)");
        }
    }
    return common;
}

std::vector<std::size_t> image_source::array_shape(std::size_t times) const {
    const picture_size size = common_size();
    std::vector<std::size_t> shape{times * count(), size.height, size.width, size.channels};
    if (!has_channels_) shape.pop_back();
    if (single_ && times == 1) shape.erase(shape.begin());
    return shape;
}

decoded_picture image_source::read(std::size_t image) const {
    if (!array_) {
        decoded_picture picture = decode_picture(pictures_[image].file, options_.decode);
        if (picture.size != pictures_[image].info.size)
            throw data_error(pictures_[image].file, "changed while it was read");
        return picture;
    }
    decoded_picture picture{size_, std::vector<std::uint8_t>(size_.bytes())};
    array_->read(offset_ + image * size_.bytes(), std::as_writable_bytes(std::span(picture.pixels)));
    return picture;
}

void image_source::read(std::size_t first, std::size_t count, const picture_size& size,
                        std::uint8_t* pixels) const {
    if (array_) {
        array_->read(offset_ + first * size.bytes(),
                     std::as_writable_bytes(std::span(pixels, count * size.bytes())));
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const decoded_picture picture = read(first + i);
        std::uint8_t* to = pixels + i * size.bytes();
        if (picture.size.channels == size.channels) {
            std::memcpy(to, picture.pixels.data(), size.bytes());
        } else {
            for (const std::uint8_t value : picture.pixels) to = std::fill_n(to, 3, value);
        }
    }
}

} // namespace program
