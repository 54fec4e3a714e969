#include "images/png_codec.hpp"

#include "images/orientation.hpp"
#include "support/errors.hpp"

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <png.h>

namespace program {

namespace {

// libpng reports by jumping out of C code: what it jumps over must own nothing, so all memory is held by the
// callers of the functions with setjmp.

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

struct png_facts {
    picture_size size; // without alpha
    bool sixteen_bits = false;
    bool alpha = false;
    unsigned orientation = 1;
};

// Step one: the header. False when it failed.
bool png_header(png_memory& memory, png_source& source, png_facts& facts) {
    if (setjmp(png_jmpbuf(memory.png)) != 0) return false;
    png_set_read_fn(memory.png, &source, png_take);
    png_read_info(memory.png, memory.info);
    facts.size.height = png_get_image_height(memory.png, memory.info);
    facts.size.width = png_get_image_width(memory.png, memory.info);
    const int color = png_get_color_type(memory.png, memory.info);
    facts.size.channels = (color & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
    facts.sixteen_bits = png_get_bit_depth(memory.png, memory.info) == 16;
    facts.alpha =
        (color & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(memory.png, memory.info, PNG_INFO_tRNS) != 0;
#ifdef PNG_eXIf_SUPPORTED
    png_uint_32 exif_bytes = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(memory.png, memory.info, &exif_bytes, &exif) != 0)
        facts.orientation = exif_orientation({exif, exif_bytes});
#endif
    return true;
}

// Step two: the pixels, as the file has them, without any correction of colors; with alpha, if there is any.
bool png_pixels(png_memory& memory, std::uint8_t** rows) {
    if (setjmp(png_jmpbuf(memory.png)) != 0) return false;
    png_set_expand(memory.png);
    png_set_scale_16(memory.png);
    png_read_update_info(memory.png, memory.info);
    png_read_image(memory.png, rows);
    png_read_end(memory.png, nullptr);
    return true;
}

bool png_encode(png_memory& memory, const picture_size& size, std::string& bytes,
                const std::uint8_t* pixels) {
    if (setjmp(png_jmpbuf(memory.png)) != 0) return false;
    png_set_write_fn(memory.png, &bytes, png_put, png_flush_nothing);
    png_set_IHDR(memory.png, memory.info, static_cast<png_uint_32>(size.width),
                 static_cast<png_uint_32>(size.height), 8,
                 size.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(memory.png, memory.info);
    for (std::size_t y = 0; y < size.height; ++y)
        png_write_row(memory.png, pixels + y * size.width * size.channels);
    png_write_end(memory.png, nullptr);
    return true;
}

// Lays pixels with alpha (the last of `from` channels) over a color; `to` channels are left. False when there
// is no color and a pixel is not opaque.
bool flatten(std::vector<std::uint8_t>& pixels, std::size_t from, std::size_t to,
             const std::optional<rgb_color>& color) {
    const std::size_t count = pixels.size() / from;
    // In place unless gray becomes color.
    std::vector<std::uint8_t> wider(to > from ? count * to : 0);
    std::uint8_t* out = wider.empty() ? pixels.data() : wider.data();
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t* in = pixels.data() + i * from;
        const unsigned alpha = in[from - 1];
        if (alpha != 255 && !color) return false;
        std::uint8_t mixed[3];
        for (std::size_t c = 0; c < to; ++c) {
            const unsigned value = in[from == 2 ? 0 : c];
            const unsigned under = color ? (*color)[c] : 0;
            mixed[c] = static_cast<std::uint8_t>((value * alpha + under * (255 - alpha) + 127) / 255);
        }
        std::memcpy(out, mixed, to);
        out += to;
    }
    if (wider.empty())
        pixels.resize(count * to);
    else
        pixels = std::move(wider);
    return true;
}

bool is_gray(const rgb_color& color) noexcept { return color[0] == color[1] && color[1] == color[2]; }

} // namespace

coded_picture read_png(const std::string& file, std::span<const std::byte> bytes,
                       const decode_options& options, bool header_only) {
    png_source source{bytes.data(), bytes.size(), {}};
    png_memory memory;
    memory.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, source.message, png_fail, png_ignore);
    memory.info = memory.png != nullptr ? png_create_info_struct(memory.png) : nullptr;
    if (memory.info == nullptr) throw std::bad_alloc();
    png_facts facts;
    if (!png_header(memory, source, facts)) throw data_error(file, std::string("PNG: ") + source.message);
    coded_picture result{{facts.size, picture_format::png, facts.sixteen_bits, false}, facts.orientation, {}};
    picture_size& size = result.info.size;
    const std::size_t stored_channels = facts.size.channels + (facts.alpha ? 1 : 0);
    if (facts.alpha && options.flatten && !is_gray(*options.flatten)) size.channels = 3;
    if (header_only && (!facts.alpha || options.flatten)) return result;
    if (size.height * size.width * stored_channels > max_picture_bytes)
        throw data_error(file, "PNG: larger than 1 GiB of pixels");
    const std::size_t row = size.width * stored_channels;
    result.pixels.resize(size.height * row);
    std::vector<std::uint8_t*> rows(size.height);
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = result.pixels.data() + y * row;
    if (!png_pixels(memory, rows.data())) throw data_error(file, std::string("PNG: ") + source.message);
    if (facts.alpha && !flatten(result.pixels, stored_channels, size.channels, options.flatten))
        throw data_error(file, "PNG: has transparent pixels (--flatten white lays them over white)");
    if (header_only) result.pixels = {};
    return result;
}

std::string encode_png(const picture_size& size, std::span<const std::uint8_t> pixels) {
    char message[200]{};
    png_memory memory;
    memory.writes = true;
    memory.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, message, png_fail, png_ignore);
    memory.info = memory.png != nullptr ? png_create_info_struct(memory.png) : nullptr;
    if (memory.info == nullptr) throw std::bad_alloc();
    std::string bytes;
    if (!png_encode(memory, size, bytes, pixels.data()))
        throw std::runtime_error(std::string("a PNG picture could not be made: ") + message);
    return bytes;
}

} // namespace program
