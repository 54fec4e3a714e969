// Coding and decoding by libjpeg, compared with jpeg_compression.

#include "../registration.hpp"
#include "../test_image.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <jpeglib.h>

namespace {

void libjpeg_code_and_decode(benchmark::State& state) {
    const auto image = benchmarks::test_image(224);
    std::vector<std::uint8_t> out(image.size());
    for (auto _ : state) {
        jpeg_compress_struct coder{};
        jpeg_error_mgr errors{};
        coder.err = jpeg_std_error(&errors);
        jpeg_create_compress(&coder);
        unsigned char* bytes = nullptr;
        unsigned long size = 0;
        jpeg_mem_dest(&coder, &bytes, &size);
        coder.image_width = 224;
        coder.image_height = 224;
        coder.input_components = 3;
        coder.in_color_space = JCS_RGB;
        jpeg_set_defaults(&coder);
        jpeg_set_quality(&coder, 15, TRUE);
        jpeg_start_compress(&coder, TRUE);
        while (coder.next_scanline < 224) {
            auto* row = const_cast<std::uint8_t*>(image.data_handle()) + coder.next_scanline * 224 * 3;
            jpeg_write_scanlines(&coder, &row, 1);
        }
        jpeg_finish_compress(&coder);
        jpeg_destroy_compress(&coder);
        jpeg_decompress_struct decoder{};
        decoder.err = jpeg_std_error(&errors);
        jpeg_create_decompress(&decoder);
        jpeg_mem_src(&decoder, bytes, size);
        jpeg_read_header(&decoder, TRUE);
        jpeg_start_decompress(&decoder);
        while (decoder.output_scanline < 224) {
            auto* row = out.data() + decoder.output_scanline * 224 * 3;
            jpeg_read_scanlines(&decoder, &row, 1);
        }
        jpeg_finish_decompress(&decoder);
        jpeg_destroy_decompress(&decoder);
        std::free(bytes);
        benchmark::DoNotOptimize(out.data());
    }
}

const bool registered = [] {
    benchmarks::add("jpeg_compression 224, severity 3", "libjpeg", 1, libjpeg_code_and_decode);
    return true;
}();

} // namespace
