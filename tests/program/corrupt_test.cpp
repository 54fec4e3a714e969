#include "made_up_pictures.hpp"
#include "npy.hpp"
#include "process.hpp"

#include "images/codec.hpp"

#include <repscope/corruption/apply.hpp>
#include <repscope/io/npy.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace corrupt_test {

using namespace program_test;
namespace corruption = repscope::corruption;

namespace {

outcome corrupt(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "corrupt");
    return run(arguments);
}

template <typename Array>
std::vector<std::uint8_t> elements(const Array& array) {
    return {array.data_handle(), array.data_handle() + array.size()};
}

/// The images as the library corrupts them, in the order of the severities.
std::vector<std::uint8_t> expected(std::string_view name, const std::vector<std::uint8_t>& images,
                                   const std::array<std::size_t, 4>& shape, std::vector<int> severities,
                                   std::uint64_t seed = 0) {
    std::vector<std::uint8_t> all;
    for (const int severity : severities) {
        const auto some = elements(
            corruption::apply(name, repscope::tensor_view<const std::uint8_t, 4>(images.data(), shape),
                              {.severity = severity, .seed = seed}));
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

/// The single line on standard error has all of the words, and the folder has no new file.
void refuses(const scratch_folder& folder, const std::vector<std::string>& arguments, int code,
             const std::vector<std::string>& words) {
    const auto before = folder.names();
    const auto result = corrupt(arguments);
    CHECK(result.code == code);
    CHECK(result.out.empty());
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    for (const auto& word : words) {
        CAPTURE(result.err);
        CHECK(result.err.find(word) != std::string::npos);
    }
    CHECK(folder.names() == before);
}

} // namespace

TEST_CASE("one corruption of a batch is one file") {
    const scratch_folder folder;
    const auto images = noise(3 * 12 * 10 * 3);
    write_npy(folder / "in.npy", images, {3, 12, 10, 3});
    const auto result = corrupt(
        {folder / "in.npy", folder / "out.npy", "--corruption", "snow", "--severity", "4", "--seed", "9"});
    CHECK(result.code == 0);
    CHECK(result.out.empty());
    CHECK(result.err ==
          "corrupt: 3 images, corruption snow, severity 4, variant cifar (nearest to 12 x 10), seed 9: " +
              (folder / "out.npy") + "\n");
    const auto out = repscope::io::load_npy<std::uint8_t, 4>(folder / "out.npy");
    CHECK(out.extents() == std::array<std::size_t, 4>{3, 12, 10, 3});
    CHECK(elements(out) == expected("snow", images, {3, 12, 10, 3}, {4}, 9));
    CHECK(corrupt({folder / "in.npy", folder / "one.npy", "--corruption", "snow", "--severity", "4", "--seed",
                   "9", "--threads", "1"})
              .code == 0);
    CHECK(slurp(folder / "one.npy") == slurp(folder / "out.npy"));
}

TEST_CASE("all severities are severity-major, a single image has no axis for images") {
    const scratch_folder folder;
    const auto image = noise(16 * 16);
    write_npy(folder / "in.npy", image, {16, 16, 1});
    CHECK(corrupt({folder / "in.npy", folder / "all.npy", "--corruption", "fog", "--severity", "all"}).code ==
          0);
    const auto all = repscope::io::load_npy<std::uint8_t, 4>(folder / "all.npy");
    CHECK(all.extents() == std::array<std::size_t, 4>{5, 16, 16, 1});
    CHECK(elements(all) == expected("fog", image, {1, 16, 16, 1}, {1, 2, 3, 4, 5}));
    CHECK(corrupt({folder / "in.npy", folder / "one.npy", "--corruption", "fog", "--severity", "2"}).code ==
          0);
    CHECK(repscope::io::load_npy<std::uint8_t, 3>(folder / "one.npy").extents() ==
          std::array<std::size_t, 3>{16, 16, 1});
}

TEST_CASE("a folder has the layout of CIFAR-10-C, with the labels once a severity") {
    const scratch_folder folder;
    const auto images = noise(2 * 8 * 9 * 3);
    write_npy(folder / "in.npy", images, {2, 8, 9, 3});
    write_npy(folder / "labels.npy", std::vector<std::int32_t>{7, 3}, {2});
    CHECK(corrupt({folder / "in.npy", folder / "out", "--corruption", "all", "--severity", "all", "--labels",
                   folder / "labels.npy", "--preview", folder / "sheet.png"})
              .code == 0);
    for (const auto name : corruption::common) {
        CAPTURE(std::string(name));
        CHECK(elements(
                  repscope::io::load_npy<std::uint8_t, 4>(folder / ("out/" + std::string(name) + ".npy"))) ==
              expected(name, images, {2, 8, 9, 3}, {1, 2, 3, 4, 5}));
    }
    for (const auto name : corruption::extra)
        CHECK(repscope::io::load_npy<std::uint8_t, 4>(folder / ("out/" + std::string(name) + ".npy"))
                  .extent(0) == 10);
    const auto labels = repscope::io::load_npy<std::int32_t, 1>(folder / "out/labels.npy");
    CHECK(std::vector<std::int32_t>(labels.data_handle(), labels.data_handle() + labels.size()) ==
          std::vector<std::int32_t>{7, 3, 7, 3, 7, 3, 7, 3, 7, 3});

    // A cell is the picture in blocks of 10 x 10, 2 pixels of white around it.
    const auto sheet = program::decode_picture(folder / "sheet.png");
    CHECK(sheet.size == program::picture_size{19 * 82 + 2, 6 * 92 + 2, 3});
    const auto at = [&](std::size_t y, std::size_t x) {
        return sheet.pixels[(y * sheet.size.width + x) * 3];
    };
    CHECK(at(0, 0) == 255);
    CHECK(at(2 + 15, 2 + 25) == images[(1 * 9 + 2) * 3]);
    const auto fog = repscope::io::load_npy<std::uint8_t, 4>(folder / "out/fog.npy");
    CHECK(at(2 + 9 * 82 + 75, 2 + 3 * 92 + 85) ==
          fog(2 * 2, 7, 8, 0)); // row of fog, severity 3, pixel (7, 8)
}

TEST_CASE("PNG and JPEG files, gray among colored, and pictures of frost") {
    const scratch_folder folder;
    const auto colored = noise(10 * 11 * 3, 2);
    const auto gray = noise(10 * 11, 3);
    std::filesystem::create_directory(folder / "images");
    write_png(folder / "images/b.png", {10, 11, 3}, colored);
    write_png(folder / "images/a.PNG", {10, 11, 1}, gray);
    write_bytes(folder / "images/readme.txt", "not a picture");
    std::vector<std::uint8_t> both;
    for (const auto value : gray) both.insert(both.end(), 3, value);
    both.insert(both.end(), colored.begin(), colored.end());
    CHECK(corrupt({folder / "images", folder / "out.npy", "--corruption", "contrast", "--severity", "1"})
              .code == 0);
    CHECK(elements(repscope::io::load_npy<std::uint8_t, 4>(folder / "out.npy")) ==
          expected("contrast", both, {2, 10, 11, 3}, {1}));
    CHECK(corrupt({folder / "images/a.PNG", folder / "images/b.png", folder / "named.npy", "--corruption",
                   "contrast", "--severity", "1"})
              .code == 0);
    CHECK(slurp(folder / "named.npy") == slurp(folder / "out.npy"));

    std::filesystem::create_directory(folder / "frost");
    write_png(folder / "frost/f.png", {200, 200, 3}, std::vector<std::uint8_t>(200 * 200 * 3, 50));
    CHECK(corrupt({folder / "images/b.png", folder / "frost.npy", "--corruption", "frost", "--severity", "5",
                   "--frost-textures", folder / "frost"})
              .code == 0);
    const auto frosted = repscope::io::load_npy<std::uint8_t, 3>(folder / "frost.npy");
    for (std::size_t i = 0; i < frosted.size(); ++i)
        CHECK(frosted.data_handle()[i] == static_cast<int>(.75 * colored[i] + .45 * 50));
}

TEST_CASE("a PNG file is read back unchanged, and a damaged one is an error") {
    const scratch_folder folder;
    const auto pixels = noise(9 * 8 * 3);
    const std::string bytes = program::encode_png({9, 8, 3}, pixels);
    write_bytes(folder / "good.png", bytes);
    CHECK(program::decode_picture(folder / "good.png").pixels == pixels);
    write_bytes(folder / "cut.png", bytes.substr(0, bytes.size() / 2));
    write_bytes(folder / "text.png", "hello, this is no picture");
    write_bytes(folder / "cut.jpg", std::string("\xff\xd8\xff\xe0\x00\x10JFIF", 10));
    const auto refused = [&](const std::string& name, const std::string& word) {
        refuses(folder, {folder / name, folder / "out.npy", "--corruption", "fog", "--severity", "1"}, 1,
                {folder / name, word});
    };
    refused("cut.png", "PNG");
    refused("text.png", "expected PNG or JPEG, got another kind of file");
    refused("cut.jpg", "JPEG");
}

TEST_CASE("bad input: one line, an exit code, and no output file") {
    const scratch_folder folder;
    write_npy(folder / "in.npy", noise(2 * 8 * 8 * 3), {2, 8, 8, 3});
    write_npy(folder / "float.npy", std::vector<float>(8 * 8 * 3), {8, 8, 3});
    write_npy(folder / "flat.npy", noise(64), {8, 8});
    write_npy(folder / "small.npy", noise(7 * 8 * 3), {7, 8, 3});
    write_npy(folder / "two.npy", noise(8 * 8 * 2), {8, 8, 2});
    write_npy(folder / "labels.npy", std::vector<std::int32_t>{1, 2, 3}, {3});
    std::filesystem::create_directory(folder / "empty");
    std::filesystem::create_directory(folder / "mixed");
    write_png(folder / "mixed/a.png", {8, 9, 1}, noise(72));
    write_png(folder / "mixed/b.png", {9, 8, 1}, noise(72));
    const std::string out = folder / "out.npy";
    const auto with = [&](const std::string& in) {
        return std::vector<std::string>{folder / in, out, "--corruption", "fog", "--severity", "1"};
    };
    refuses(folder, {folder / "in.npy", out, "--corruption", "fogg", "--severity", "1"}, 2,
            {"fogg", "expected one of fog, "});
    refuses(folder, {folder / "in.npy", out, "--corruption", "fog", "--severity", "0"}, 2,
            {"--severity", "1 to 5"});
    refuses(folder, {folder / "in.npy", out, "--corruption", "fog", "--severity", "6"}, 2,
            {"--severity", "6"});
    refuses(folder, {folder / "in.npy", "--corruption", "fog", "--severity", "1"}, 2, {"IN and OUT"});
    refuses(folder, with("missing.npy"), 1, {"missing.npy"});
    refuses(folder, with("float.npy"), 1, {"float.npy", "uint8", "f4"});
    refuses(folder, with("flat.npy"), 1, {"flat.npy", "(8, 8)"});
    refuses(folder, with("small.npy"), 1, {"small.npy", "8 x 8"});
    refuses(folder, with("two.npy"), 1, {"two.npy", "1 or 3 channels"});
    refuses(folder, with("empty"), 1, {"empty", "no .png"});
    refuses(folder, with("mixed"), 1, {"b.png", "one size"});
    refuses(folder, {folder / "in.npy", folder / "no/out.npy", "--corruption", "fog", "--severity", "1"}, 1,
            {"no folder"});
    refuses(
        folder,
        {folder / "in.npy", out, "--corruption", "fog", "--severity", "1", "--labels", folder / "labels.npy"},
        2, {"--labels", "a folder as OUT"});
    refuses(folder,
            {folder / "in.npy", folder / "c", "--corruption", "extra", "--severity", "1", "--labels",
             folder / "labels.npy"},
            1, {"labels.npy", "3 labels", "2 images"});
}

} // namespace corrupt_test
