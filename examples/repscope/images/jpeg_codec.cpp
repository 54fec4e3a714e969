#include "images/jpeg_codec.hpp"

#include "images/orientation.hpp"
#include "support/errors.hpp"

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include <jpeglib.h>

namespace program {

namespace {

// libjpeg reports by jumping out of C code: what it jumps over must own nothing, so all memory is held by the
// callers of the functions with setjmp.

struct jpeg_failure {
    jpeg_error_mgr manager;
    jmp_buf place;
    char message[JMSG_LENGTH_MAX];
};

void jpeg_fail(j_common_ptr jpeg) {
    auto* failure = reinterpret_cast<jpeg_failure*>(jpeg->err);
    (*jpeg->err->format_message)(jpeg, failure->message);
    longjmp(failure->place, 1);
}

// Warnings are about damaged data: what libjpeg makes of it is not what the file held.
void jpeg_warn(j_common_ptr jpeg, int level) {
    if (level < 0) jpeg_fail(jpeg);
}

void set_errors(jpeg_failure& failure) {
    jpeg_std_error(&failure.manager);
    failure.manager.error_exit = jpeg_fail;
    failure.manager.emit_message = jpeg_warn;
}

struct jpeg_reader {
    jpeg_decompress_struct jpeg{};
    jpeg_failure failure{};
    ~jpeg_reader() { jpeg_destroy_decompress(&jpeg); }
};

struct jpeg_writer {
    jpeg_compress_struct jpeg{};
    jpeg_failure failure{};
    unsigned char* bytes = nullptr;
    unsigned long count = 0;
    ~jpeg_writer() {
        jpeg_destroy_compress(&jpeg);
        std::free(bytes); // libjpeg takes it from malloc
    }
};

constexpr int exif_marker = JPEG_APP0 + 1;

unsigned orientation_of(const jpeg_decompress_struct& jpeg) {
    constexpr std::string_view prefix("Exif\0\0", 6);
    for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
        if (marker->marker != exif_marker || marker->data_length < prefix.size()) continue;
        if (std::memcmp(marker->data, prefix.data(), prefix.size()) != 0) continue;
        return exif_orientation({marker->data + prefix.size(), marker->data_length - prefix.size()});
    }
    return 1;
}

bool jpeg_header(jpeg_reader& reader, std::span<const std::byte> bytes, picture_size& size,
                 unsigned& orientation) {
    if (setjmp(reader.failure.place) != 0) return false;
    jpeg_create_decompress(&reader.jpeg);
    jpeg_mem_src(&reader.jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_save_markers(&reader.jpeg, exif_marker, 0xFFFF);
    jpeg_read_header(&reader.jpeg, TRUE);
    if (reader.jpeg.out_color_space != JCS_RGB && reader.jpeg.out_color_space != JCS_GRAYSCALE) {
        std::snprintf(reader.failure.message, sizeof reader.failure.message, "expected RGB or gray, got %s",
                      reader.jpeg.num_components == 4 ? "CMYK" : "another color space");
        return false;
    }
    size = {reader.jpeg.image_height, reader.jpeg.image_width,
            reader.jpeg.out_color_space == JCS_RGB ? std::size_t{3} : std::size_t{1}};
    orientation = orientation_of(reader.jpeg);
    return true;
}

bool jpeg_pixels(jpeg_reader& reader, std::uint8_t* pixels, std::size_t row) {
    if (setjmp(reader.failure.place) != 0) return false;
    jpeg_start_decompress(&reader.jpeg);
    while (reader.jpeg.output_scanline < reader.jpeg.output_height) {
        JSAMPROW to = pixels + reader.jpeg.output_scanline * row;
        jpeg_read_scanlines(&reader.jpeg, &to, 1);
    }
    jpeg_finish_decompress(&reader.jpeg);
    return true;
}

bool jpeg_encode(jpeg_writer& writer, const picture_size& size, const std::uint8_t* pixels, int quality) {
    if (setjmp(writer.failure.place) != 0) return false;
    jpeg_create_compress(&writer.jpeg);
    jpeg_mem_dest(&writer.jpeg, &writer.bytes, &writer.count);
    writer.jpeg.image_height = static_cast<JDIMENSION>(size.height);
    writer.jpeg.image_width = static_cast<JDIMENSION>(size.width);
    writer.jpeg.input_components = static_cast<int>(size.channels);
    writer.jpeg.in_color_space = size.channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&writer.jpeg);
    jpeg_set_quality(&writer.jpeg, quality, TRUE);
    jpeg_start_compress(&writer.jpeg, TRUE);
    while (writer.jpeg.next_scanline < writer.jpeg.image_height) {
        // libjpeg only reads what it takes by a pointer to writable samples.
        JSAMPROW from = const_cast<JSAMPROW>(pixels + writer.jpeg.next_scanline * size.width * size.channels);
        jpeg_write_scanlines(&writer.jpeg, &from, 1);
    }
    jpeg_finish_compress(&writer.jpeg);
    return true;
}

} // namespace

coded_picture read_jpeg(const std::string& file, std::span<const std::byte> bytes, bool header_only) {
    jpeg_reader reader;
    set_errors(reader.failure);
    reader.jpeg.err = &reader.failure.manager;
    coded_picture result;
    result.info.format = picture_format::jpeg;
    picture_size& size = result.info.size;
    const auto failed = [&] { return data_error(file, std::string("JPEG: ") + reader.failure.message); };
    if (!jpeg_header(reader, bytes, size, result.orientation)) throw failed();
    if (header_only) return result;
    if (size.bytes() > max_picture_bytes) throw data_error(file, "JPEG: larger than 1 GiB of pixels");
    result.pixels.resize(size.bytes());
    if (!jpeg_pixels(reader, result.pixels.data(), size.width * size.channels)) throw failed();
    return result;
}

std::string encode_jpeg(const picture_size& size, std::span<const std::uint8_t> pixels, int quality) {
    jpeg_writer writer;
    set_errors(writer.failure);
    writer.jpeg.err = &writer.failure.manager;
    if (!jpeg_encode(writer, size, pixels.data(), quality))
        throw std::runtime_error(std::string("a JPEG picture could not be made: ") + writer.failure.message);
    return {reinterpret_cast<const char*>(writer.bytes), writer.count};
}

} // namespace program
