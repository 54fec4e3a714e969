#include "image_codec.hpp"

#include "failure.hpp"

#include <repscope/bytes.hpp>
#include <repscope/error.hpp>

#include <algorithm>
#include <cctype>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <jpeglib.h>
#include <png.h>

namespace program {

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 30U;

// Both libraries report by jumping out of C code: what they jump over must own nothing, so all memory is held
// by the callers of the functions with setjmp.

struct png_source {
    const std::byte* at;
    std::size_t left;
    char message[200];
};

void png_take(png_structp png, png_bytep target, std::size_t count) {
    auto* source = static_cast<png_source*>(png_get_io_ptr(png));
    if (count > source->left) png_error(png, "cut short");
    std::memcpy(target, source->at, count);
    source->at += count;
    source->left -= count;
}

void png_put(png_structp png, png_bytep bytes, std::size_t count) {
    static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(bytes), count);
}

void png_flush_nothing(png_structp) {}

void png_fail(png_structp png, png_const_charp message) {
    auto* text = static_cast<char*>(png_get_error_ptr(png));
    std::snprintf(text, 200, "%s", message);
    png_longjmp(png, 1);
}

void png_ignore(png_structp, png_const_charp) {}

struct png_memory {
    png_structp png = nullptr;
    png_infop info = nullptr;
    bool writes = false;
    ~png_memory() {
        if (writes)
            png_destroy_write_struct(&png, &info);
        else
            png_destroy_read_struct(&png, &info, nullptr);
    }
};

// Step one: the header. False when it failed.
bool png_header(png_memory& memory, png_source& source, picture_size& size) {
    if (setjmp(png_jmpbuf(memory.png)) != 0) return false;
    png_set_read_fn(memory.png, &source, png_take);
    png_read_info(memory.png, memory.info);
    size.height = png_get_image_height(memory.png, memory.info);
    size.width = png_get_image_width(memory.png, memory.info);
    const int colour = png_get_color_type(memory.png, memory.info);
    size.channels = (colour & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
    if (png_get_bit_depth(memory.png, memory.info) == 16) png_error(memory.png, "16 bits a sample, wanted 8");
    if ((colour & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(memory.png, memory.info, PNG_INFO_tRNS) != 0)
        png_error(memory.png, "has transparent pixels");
    return true;
}

// Step two: the pixels, as the file has them, without any correction of colours.
bool png_pixels(png_memory& memory, std::uint8_t** rows) {
    if (setjmp(png_jmpbuf(memory.png)) != 0) return false;
    png_set_expand(memory.png);
    png_read_update_info(memory.png, memory.info);
    png_read_image(memory.png, rows);
    png_read_end(memory.png, nullptr);
    return true;
}

decoded_picture read_png(const std::string& file, std::span<const std::byte> bytes, bool header_only) {
    png_source source{bytes.data(), bytes.size(), {}};
    png_memory memory;
    memory.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, source.message, png_fail, png_ignore);
    memory.info = memory.png != nullptr ? png_create_info_struct(memory.png) : nullptr;
    if (memory.info == nullptr) throw std::bad_alloc();
    decoded_picture result;
    if (!png_header(memory, source, result.size))
        throw data_error(file, std::string("PNG: ") + source.message);
    if (header_only) return result;
    if (result.size.bytes() > most_bytes) throw data_error(file, "PNG: larger than 1 GiB of pixels");
    result.pixels.resize(result.size.bytes());
    std::vector<std::uint8_t*> rows(result.size.height);
    for (std::size_t y = 0; y < rows.size(); ++y)
        rows[y] = result.pixels.data() + y * result.size.width * result.size.channels;
    if (!png_pixels(memory, rows.data())) throw data_error(file, std::string("PNG: ") + source.message);
    return result;
}

struct jpeg_failure {
    jpeg_error_mgr manager;
    std::jmp_buf place;
    char message[JMSG_LENGTH_MAX];
};

void jpeg_fail(j_common_ptr jpeg) {
    auto* failure = reinterpret_cast<jpeg_failure*>(jpeg->err);
    (*jpeg->err->format_message)(jpeg, failure->message);
    std::longjmp(failure->place, 1);
}

// What libjpeg only warns of, a file that is cut short for instance, would leave grey where there were
// pixels.
void jpeg_warn(j_common_ptr jpeg, int level) {
    if (level < 0) jpeg_fail(jpeg);
}

struct jpeg_memory {
    jpeg_decompress_struct jpeg{};
    jpeg_failure failure{};
    ~jpeg_memory() { jpeg_destroy_decompress(&jpeg); }
};

bool jpeg_header(jpeg_memory& memory, std::span<const std::byte> bytes, picture_size& size) {
    if (setjmp(memory.failure.place) != 0) return false;
    jpeg_create_decompress(&memory.jpeg);
    jpeg_mem_src(&memory.jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&memory.jpeg, TRUE);
    if (memory.jpeg.out_color_space != JCS_RGB && memory.jpeg.out_color_space != JCS_GRAYSCALE) {
        std::snprintf(memory.failure.message, sizeof memory.failure.message, "neither RGB nor grey");
        return false;
    }
    size = {memory.jpeg.image_height, memory.jpeg.image_width,
            memory.jpeg.out_color_space == JCS_RGB ? std::size_t{3} : std::size_t{1}};
    return true;
}

bool jpeg_pixels(jpeg_memory& memory, std::uint8_t* pixels, std::size_t row) {
    if (setjmp(memory.failure.place) != 0) return false;
    jpeg_start_decompress(&memory.jpeg);
    while (memory.jpeg.output_scanline < memory.jpeg.output_height) {
        JSAMPROW to = pixels + memory.jpeg.output_scanline * row;
        jpeg_read_scanlines(&memory.jpeg, &to, 1);
    }
    jpeg_finish_decompress(&memory.jpeg);
    return true;
}

decoded_picture read_jpeg(const std::string& file, std::span<const std::byte> bytes, bool header_only) {
    jpeg_memory memory;
    memory.jpeg.err = jpeg_std_error(&memory.failure.manager);
    memory.failure.manager.error_exit = jpeg_fail;
    memory.failure.manager.emit_message = jpeg_warn;
    decoded_picture result;
    const auto failed = [&] { return data_error(file, std::string("JPEG: ") + memory.failure.message); };
    if (!jpeg_header(memory, bytes, result.size)) throw failed();
    if (header_only) return result;
    if (result.size.bytes() > most_bytes) throw data_error(file, "JPEG: larger than 1 GiB of pixels");
    result.pixels.resize(result.size.bytes());
    if (!jpeg_pixels(memory, result.pixels.data(), result.size.width * result.size.channels)) throw failed();
    return result;
}

decoded_picture read_picture(const std::string& file, bool header_only) {
    std::vector<std::byte> bytes;
    try {
        bytes = repscope::read_file(file, most_bytes);
    } catch (const repscope::error& e) {
        const std::string text = without_function_name(e.what());
        throw data_error(file, text.starts_with(file + ": ") ? text.substr(file.size() + 2) : text);
    }
    const auto begins = [&](std::string_view magic) {
        return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
    };
    if (begins("\x89PNG\r\n\x1a\n")) return read_png(file, bytes, header_only);
    if (begins("\xff\xd8\xff")) return read_jpeg(file, bytes, header_only);
    throw data_error(file, "neither PNG nor JPEG");
}

bool png_encode(png_memory& memory, const picture_size& size, std::string& bytes, std::uint8_t** rows) {
    if (setjmp(png_jmpbuf(memory.png)) != 0) return false;
    png_set_write_fn(memory.png, &bytes, png_put, png_flush_nothing);
    png_set_IHDR(memory.png, memory.info, static_cast<png_uint_32>(size.width),
                 static_cast<png_uint_32>(size.height), 8,
                 size.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(memory.png, memory.info);
    png_write_image(memory.png, rows);
    png_write_end(memory.png, nullptr);
    return true;
}

} // namespace

bool is_picture_name(const std::string& file) {
    std::string extension = std::filesystem::path(file).extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

picture_size size_of_picture(const std::string& file) { return read_picture(file, true).size; }

decoded_picture decode_picture(const std::string& file) { return read_picture(file, false); }

std::string encode_png(const picture_size& size, std::span<const std::uint8_t> pixels) {
    char message[200]{};
    png_memory memory;
    memory.writes = true;
    memory.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, message, png_fail, png_ignore);
    memory.info = memory.png != nullptr ? png_create_info_struct(memory.png) : nullptr;
    if (memory.info == nullptr) throw std::bad_alloc();
    std::vector<std::uint8_t> copy(pixels.begin(), pixels.end());
    std::vector<std::uint8_t*> rows(size.height);
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = copy.data() + y * size.width * size.channels;
    std::string bytes;
    if (!png_encode(memory, size, bytes, rows.data()))
        throw std::runtime_error(std::string("a PNG picture could not be made: ") + message);
    return bytes;
}

} // namespace program
