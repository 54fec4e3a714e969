// OpenCV's functions beside the corruptions that compute the same, or of which they are a part, on one
// thread.

#include "../registration.hpp"
#include "../test_image.hpp"

#include <cstdint>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace {

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
    const cv::Mat image = unit_mat_of(benchmarks::test_image(224));
    cv::Mat out;
    for (auto _ : state) cv::GaussianBlur(image, out, {25, 25}, 3.0, 3.0, cv::BORDER_REPLICATE);
}

void opencv_filter_2d(benchmark::State& state) { // what defocus_blur is in the reference
    const cv::Mat image = unit_mat_of(benchmarks::test_image(224));
    const cv::Mat kernel = cv::Mat::ones(17, 17, CV_32F) / 289;
    cv::Mat out;
    for (auto _ : state) cv::filter2D(image, out, -1, kernel);
}

void opencv_resize_down_and_up(benchmark::State& state) { // beside pixelate
    const cv::Mat image = mat_of(benchmarks::test_image(224));
    cv::Mat down;
    cv::Mat up;
    for (auto _ : state) {
        cv::resize(image, down, {89, 89}, 0, 0, cv::INTER_AREA);
        cv::resize(down, up, {224, 224}, 0, 0, cv::INTER_NEAREST);
    }
}

void opencv_resize_linear(benchmark::State& state) { // one of the enlargements of zoom_blur
    cv::Mat image;
    unit_mat_of(benchmarks::test_image(224)).convertTo(image, CV_32FC3);
    cv::Mat out;
    for (auto _ : state)
        cv::resize(image(cv::Rect(10, 10, 204, 204)), out, {224, 224}, 0, 0, cv::INTER_LINEAR);
}

void opencv_hsv(benchmark::State& state) { // there and back in single precision
    cv::Mat image;
    unit_mat_of(benchmarks::test_image(224)).convertTo(image, CV_32FC3);
    cv::Mat hsv;
    cv::Mat out;
    for (auto _ : state) {
        cv::cvtColor(image, hsv, cv::COLOR_RGB2HSV);
        cv::cvtColor(hsv, out, cv::COLOR_HSV2RGB);
    }
}

void opencv_warp_affine(benchmark::State& state) { // the first half of elastic_transform
    cv::Mat image;
    unit_mat_of(benchmarks::test_image(224)).convertTo(image, CV_32FC3);
    const cv::Mat map = (cv::Mat_<double>(2, 3) << 1.02, 0.01, -2.0, 0.02, 0.99, 1.0);
    cv::Mat out;
    for (auto _ : state)
        cv::warpAffine(image, out, map, {224, 224}, cv::INTER_LINEAR, cv::BORDER_REFLECT_101);
}

const bool registered = [] {
    cv::setNumThreads(1);
    const auto beside = [](const std::string& kind, const char* name, auto body) {
        benchmarks::add(kind + " 224, severity 3", name, 1, body);
    };
    beside("gaussian_blur", "OpenCV", opencv_gaussian_blur);
    beside("defocus_blur", "OpenCV", opencv_filter_2d);
    beside("pixelate", "OpenCV", opencv_resize_down_and_up);
    const char* part = "OpenCV (a part)";
    beside("zoom_blur", part, opencv_resize_linear);
    beside("brightness", part, opencv_hsv);
    beside("saturate", part, opencv_hsv);
    beside("elastic_transform", part, opencv_warp_affine);
    return true;
}();

} // namespace
