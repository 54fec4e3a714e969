// Time of every corruption for one image, one thread: 224 x 224 x 3 and 32 x 32 x 3 bytes, and beside them
// what OpenCV and libjpeg-turbo take for the primitive of the same kind. Run it with
// --benchmark_format=console; the column "CPU" is milliseconds of one image.

#include <repscope/corruption/apply.hpp>

#include <benchmark/benchmark.h>
#include <jpeglib.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

namespace corruption = repscope::corruption;

/// Smooth areas and edges, so that no branch is always taken.
repscope::array<std::uint8_t, 3> test_image(std::size_t side) {
    repscope::array<std::uint8_t, 3> image({side, side, 3});
    for (std::size_t y = 0; y < side; ++y) {
        for (std::size_t x = 0; x < side; ++x) {
            for (std::size_t c = 0; c < 3; ++c) {
                const std::size_t wave = (3 * x + 2 * y * (c + 1)) % 256;
                image(y, x, c) =
                    static_cast<std::uint8_t>((wave + 90 * ((x / 11 + y / 17) % 2) + x * y % 23) % 256);
            }
        }
    }
    return image;
}

void corrupt(benchmark::State& state, corruption::kind which, std::size_t side, int severity) {
    const auto image = test_image(side);
    std::uint32_t index = 0;
    for (auto _ : state) {
        const auto out = corruption::apply(which, image, {.severity = severity, .seed = 1, .index = index++});
        benchmark::DoNotOptimize(out.data_handle());
    }
}

cv::Mat mat_of(const repscope::array<std::uint8_t, 3>& image) {
    const cv::Mat view(static_cast<int>(image.extent(0)), static_cast<int>(image.extent(1)), CV_8UC3,
                       const_cast<std::uint8_t*>(image.data_handle()));
    return view.clone();
}

cv::Mat unit_mat_of(const repscope::array<std::uint8_t, 3>& image) {
    cv::Mat unit;
    mat_of(image).convertTo(unit, CV_64FC3, 1.0 / 255.0);
    return unit;
}

void opencv_gaussian_blur(benchmark::State& state) { // double, as gaussian_blur computes
    const cv::Mat image = unit_mat_of(test_image(224));
    cv::Mat out;
    for (auto _ : state) cv::GaussianBlur(image, out, {25, 25}, 3.0, 3.0, cv::BORDER_REPLICATE);
}

void opencv_gaussian_blur_bytes(benchmark::State& state) { // 8 and 16 bits
    const cv::Mat image = mat_of(test_image(224));
    cv::Mat out;
    for (auto _ : state) cv::GaussianBlur(image, out, {25, 25}, 3.0, 3.0, cv::BORDER_REPLICATE);
}

void opencv_filter_2d(benchmark::State& state) { // what defocus_blur is in the reference
    const cv::Mat image = unit_mat_of(test_image(224));
    const cv::Mat kernel = cv::Mat::ones(17, 17, CV_32F) / 289;
    cv::Mat out;
    for (auto _ : state) cv::filter2D(image, out, -1, kernel);
}

void opencv_resize_down_and_up(benchmark::State& state) { // beside pixelate
    const cv::Mat image = mat_of(test_image(224));
    cv::Mat down;
    cv::Mat up;
    for (auto _ : state) {
        cv::resize(image, down, {89, 89}, 0, 0, cv::INTER_AREA);
        cv::resize(down, up, {224, 224}, 0, 0, cv::INTER_NEAREST);
    }
}

void opencv_resize_linear(benchmark::State& state) { // one of the enlargements of zoom_blur
    cv::Mat image;
    unit_mat_of(test_image(224)).convertTo(image, CV_32FC3);
    cv::Mat out;
    for (auto _ : state)
        cv::resize(image(cv::Rect(10, 10, 204, 204)), out, {224, 224}, 0, 0, cv::INTER_LINEAR);
}

void opencv_hsv(
    benchmark::State& state) { // there and back in single precision, beside brightness and saturate
    cv::Mat image;
    unit_mat_of(test_image(224)).convertTo(image, CV_32FC3);
    cv::Mat hsv;
    cv::Mat out;
    for (auto _ : state) {
        cv::cvtColor(image, hsv, cv::COLOR_RGB2HSV);
        cv::cvtColor(hsv, out, cv::COLOR_HSV2RGB);
    }
}

void opencv_warp_affine(benchmark::State& state) { // the first half of elastic_transform
    cv::Mat image;
    unit_mat_of(test_image(224)).convertTo(image, CV_32FC3);
    const cv::Mat map = (cv::Mat_<double>(2, 3) << 1.02, 0.01, -2.0, 0.02, 0.99, 1.0);
    cv::Mat out;
    for (auto _ : state)
        cv::warpAffine(image, out, map, {224, 224}, cv::INTER_LINEAR, cv::BORDER_REFLECT_101);
}

void libjpeg_code_and_decode(benchmark::State& state) {
    const auto image = test_image(224);
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

void add(corruption::kind which, std::size_t side, int severity) {
    const std::string name = std::string(corruption::name_of(which)) + "/" + std::to_string(side) +
                             "/severity_" + std::to_string(severity);
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        corrupt(state, which, side, severity);
    })->Unit(benchmark::kMillisecond);
}

} // namespace

int main(int argc, char** argv) {
    cv::setNumThreads(1);
    for (const std::size_t side : {std::size_t{224}, std::size_t{32}}) {
        for (std::size_t k = 0; k < corruption::common.size() + corruption::extra.size(); ++k) {
            const auto which = static_cast<corruption::kind>(k);
            const bool uneven =
                which == corruption::kind::glass_blur || which == corruption::kind::elastic_transform;
            if (uneven) add(which, side, 1);
            add(which, side, 3);
            if (uneven) add(which, side, 5);
        }
    }
    const auto beside = [](const char* name, void (*run)(benchmark::State&)) {
        benchmark::RegisterBenchmark(name, run)->Unit(benchmark::kMillisecond);
    };
    beside("opencv/GaussianBlur/224/double", opencv_gaussian_blur);
    beside("opencv/GaussianBlur/224/bytes", opencv_gaussian_blur_bytes);
    beside("opencv/filter2D_17x17/224/double", opencv_filter_2d);
    beside("opencv/resize_down_up/224/bytes", opencv_resize_down_and_up);
    beside("opencv/resize_linear/224/float", opencv_resize_linear);
    beside("opencv/HSV_there_and_back/224/float", opencv_hsv);
    beside("opencv/warpAffine/224/float", opencv_warp_affine);
    beside("libjpeg/code_and_decode/224", libjpeg_code_and_decode);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
