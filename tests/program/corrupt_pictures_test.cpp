#include "made_up_pictures.hpp"
#include "npy.hpp"
#include "process.hpp"

#include "images/codec.hpp"

#include <repscope/corruption/apply.hpp>
#include <repscope/io/npy.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace corrupt_pictures_test {

// `repscope corrupt`: pictures in, pictures out.

using namespace program_test;
namespace corruption = repscope::corruption;
namespace fs = std::filesystem;

namespace {

using bytes = std::vector<std::uint8_t>;

outcome corrupt(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "corrupt");
    return run(arguments);
}

outcome fog_of(const std::string& in, const std::string& out, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {in, out, "--corruption", "fog", "--severity", "3"});
    return corrupt(more);
}

/// What the library makes of one picture.
bytes expected(std::string_view name, const program::picture_size& size, const bytes& pixels, int severity,
               std::uint32_t index) {
    const auto made = corruption::apply(
        name,
        repscope::tensor_view<const std::uint8_t, 3>(pixels.data(), {size.height, size.width, size.channels}),
        {.severity = severity, .index = index});
    return {made.data_handle(), made.data_handle() + made.size()};
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::size_t files_in(const std::string& folder) {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        count += entry.is_regular_file() ? 1U : 0U;
    return count;
}

} // namespace

TEST_CASE("pictures of different sizes keep their names, and their indices in natural order") {
    const scratch_folder folder;
    fs::create_directory(folder / "in");
    const program::picture_size sizes[] = {{20, 33, 3}, {70, 64, 3}, {12, 10, 1}};
    const std::string names[] = {"9.png", "10.png", "a.PNG"};
    for (std::size_t i = 0; i < 3; ++i)
        write_png(folder / ("in/" + names[i]), sizes[i], noise(sizes[i].bytes(), i));
    write_bytes(folder / "in/readme.txt", "text");
    write_bytes(folder / "in/x.webp", "RIFFxxxxWEBP");
    fs::create_directory(folder / "in/sub");
    const auto result = fog_of(folder / "in", folder / "out", {"--seed", "0"});
    CHECK(result.code == 0);
    CHECK(result.out.empty());
    CHECK(contains(result.err, "left out 2 files (1 .txt, 1 .webp) and 1 folder\n"));
    CHECK(contains(result.err, "corrupt: 3 images, corruption fog, severity 3, variant by size: cifar for 2, "
                               "tiny for 1, seed 0: 3 pictures in "));
    CHECK(files_in(folder / "out") == 3);
    for (std::uint32_t i = 0; i < 3; ++i) {
        const auto picture = program::decode_picture(folder / ("out/" + names[i]));
        CHECK(picture.size == sizes[i]);
        CHECK(picture.pixels == expected("fog", sizes[i], noise(sizes[i].bytes(), i), 3, i));
    }
    // The same picture alone, at its place in an array.
    CHECK(fog_of(folder / "in", folder / "one", {"--threads", "1"}).code == 0);
    CHECK(slurp(folder / "one/10.png") == slurp(folder / "out/10.png"));
}

TEST_CASE("lists are laid out as ImageNet-C") {
    const scratch_folder folder;
    const program::picture_size size{24, 20, 3};
    const bytes pixels = noise(size.bytes());
    write_png(folder / "a.png", size, pixels);
    CHECK(corrupt({folder / "a.png", folder / "out", "--corruption", "snow,extra,snow", "--severity", "5,2"})
              .code == 0);
    CHECK(files_in(folder / "out") == 10);
    for (const std::string name : {"snow", "speckle_noise", "gaussian_blur", "spatter", "saturate"}) {
        for (const int severity : {2, 5}) {
            const auto file = folder / ("out/" + name + "/" + std::to_string(severity) + "/a.png");
            CHECK(program::decode_picture(file).pixels == expected(name, size, pixels, severity, 0));
        }
    }
    const auto refused =
        corrupt({folder / "a.png", folder / "o2", "--corruption", "fog,mist", "--severity", "1"});
    CHECK(refused.code == 2);
    CHECK(contains(refused.err, "unknown corruption 'mist'"));
    CHECK(corrupt({folder / "a.png", folder / "o2", "--corruption", "fog", "--severity", "1,7"}).code == 2);
}

TEST_CASE("the name of OUT and --format decide between pictures and arrays") {
    const scratch_folder folder;
    const program::picture_size size{24, 20, 3};
    const bytes pixels = noise(size.bytes());
    const bytes foggy = expected("fog", size, pixels, 3, 0);
    write_png(folder / "a.png", size, pixels);
    write_npy(folder / "a.npy", pixels, {1, 24, 20, 3});
    CHECK(fog_of(folder / "a.png", folder / "fog.png").code == 0);
    CHECK(program::decode_picture(folder / "fog.png").pixels == foggy);
    const auto jpeg = fog_of(folder / "a.png", folder / "fog.jpg", {"--quality", "85"});
    CHECK(contains(jpeg.err, "JPEG quality 85"));
    CHECK(slurp(folder / "fog.jpg") == program::encode_jpeg(size, foggy, 85));
    CHECK(fog_of(folder / "a.npy", folder / "array.png").code == 0);
    CHECK(slurp(folder / "array.png") == slurp(folder / "fog.png"));
    const auto piped = fog_of(folder / "a.png", "-", {"--format", "png"});
    CHECK(piped.out == slurp(folder / "fog.png"));

    CHECK(fog_of(folder / "a.png", folder / "arrays", {"--format", "npy"}).code == 0);
    CHECK(files_in(folder / "arrays") == 1);
    CHECK(repscope::io::load_npy<std::uint8_t, 3>(folder / "arrays/fog.npy").size() == size.bytes());
    CHECK(fog_of(folder / "a.npy", folder / "pictures", {"--format", "jpeg"}).code == 0);
    CHECK(slurp(folder / "pictures/00000.jpg") == program::encode_jpeg(size, foggy, 95));
    // Labels go with arrays in a folder, for one corruption too.
    write_npy(folder / "labels.npy", std::vector<std::int32_t>{4}, {1});
    CHECK(fog_of(folder / "a.npy", folder / "labeled", {"--labels", folder / "labels.npy"}).code == 0);
    CHECK(repscope::io::load_npy<std::int32_t, 1>(folder / "labeled/labels.npy").size() == 1);

    const auto refuses = [&](const std::string& in, const std::string& out, std::vector<std::string> more,
                             const std::string& word) {
        const auto before = folder.names();
        const auto result = fog_of(in, out, more);
        CAPTURE(result.err);
        CHECK(result.code == 2);
        CHECK(is_one_line(result.err));
        CHECK(contains(result.err, word));
        CHECK(folder.names() == before);
    };
    refuses(folder / "a.png", folder / "b.png", {"--format", "npy"}, "contradicts");
    refuses(folder / "a.png", folder / "b.npy", {"--format", "png"}, "contradicts");
    refuses(folder / "a.png", folder / "b.webp", {}, "expected a folder");
    refuses(folder / "a.png", "-", {}, "--format png");
    refuses(folder / "a.png", folder / "b", {"--labels", folder / "labels.npy"}, "belongs to arrays");
}

TEST_CASE("pictures that exist are not replaced") {
    const scratch_folder folder;
    const program::picture_size size{24, 20, 3};
    for (const std::string name : {"a.png", "b.png", "c.png"})
        write_png(folder / name, size, noise(size.bytes()));
    const std::string photo = slurp(folder / "b.png");
    // OUT was forgotten: the last picture is not one.
    auto result = fog_of(folder / "a.png", folder / "b.png");
    CHECK(result.code == 2);
    CHECK(contains(result.err, "--overwrite"));
    result = corrupt(
        {folder / "a.png", folder / "c.png", folder / "b.png", "--corruption", "fog", "--severity", "3"});
    CHECK(result.code == 2);
    CHECK(contains(result.err, "expected a folder for 1 corruption x 1 severity of 2 images"));
    CHECK(slurp(folder / "b.png") == photo);
    CHECK(fog_of(folder / "a.png", folder / "b.png", {"--overwrite"}).code == 0);
    CHECK(slurp(folder / "b.png") != photo);
    fs::create_directory(folder / "out");
    write_png(folder / "out/a.png", size, noise(size.bytes(), 5));
    result = fog_of(folder / "a.png", folder / "out");
    CHECK(result.code == 2);
    CHECK(contains(result.err, "out/a.png exists"));
    fs::create_directory(folder / "in");
    fs::copy(folder / "a.png", folder / "in/a.png");
    result = corrupt(
        {folder / "a.png", folder / "in/a.png", folder / "o3", "--corruption", "fog", "--severity", "1"});
    CHECK(result.code == 2);
    CHECK(contains(result.err, "different names"));
}

TEST_CASE("--resume writes missing files and keeps existing ones") {
    const scratch_folder folder;
    const program::picture_size size{24, 20, 3};
    fs::create_directory(folder / "in");
    for (const std::string name : {"a.png", "b.png", "c.png"})
        write_png(folder / ("in/" + name), size, noise(size.bytes()));
    const auto fill = [&](const std::string& out, std::vector<std::string> more) {
        more.insert(more.begin(),
                    {folder / "in", folder / out, "--corruption", "fog,snow", "--severity", "1,3"});
        return corrupt(more);
    };
    REQUIRE(fill("whole", {}).code == 0);
    REQUIRE(fill("rest", {}).code == 0);
    fs::remove(folder / "rest/fog/3/b.png");
    fs::remove(folder / "rest/snow/1/c.png");
    write_bytes(folder / "rest/snow/3/a.png", "of an earlier run");
    const auto result = fill("rest", {"--resume"});
    CHECK(result.code == 0);
    CHECK(contains(result.err, "12 pictures in " + (folder / "rest") + " (10 of an earlier run)"));
    CHECK(slurp(folder / "rest/fog/3/b.png") == slurp(folder / "whole/fog/3/b.png"));
    CHECK(slurp(folder / "rest/snow/1/c.png") == slurp(folder / "whole/snow/1/c.png"));
    CHECK(slurp(folder / "rest/snow/3/a.png") == "of an earlier run");
    CHECK(fill("rest", {"--resume", "--overwrite"}).code == 2);

    REQUIRE(fill("arrays", {"--format", "npy"}).code == 0);
    const std::string snow = slurp(folder / "arrays/snow.npy");
    fs::remove(folder / "arrays/snow.npy");
    CHECK(contains(fill("arrays", {"--format", "npy", "--resume"}).err, "(1 of an earlier run)"));
    CHECK(slurp(folder / "arrays/snow.npy") == snow);
    // An array of other severities is not taken for one of this run.
    fs::remove(folder / "arrays/snow.npy");
    const auto refused = corrupt({folder / "in", folder / "arrays", "--corruption", "fog,snow", "--severity",
                                  "all", "--format", "npy", "--resume"});
    CHECK(refused.code == 1);
    CHECK(contains(refused.err, "fog.npy: expected the uint8 array of an earlier run, (15, 24, 20, 3)"));
    CHECK(!fs::exists(folder / "arrays/snow.npy"));
}

TEST_CASE("transparent pixels are an error unless --flatten names a color") {
    const scratch_folder folder;
    const std::size_t side = 12;
    bytes rgba = noise(side * side * 4);
    bytes rgb;
    for (std::size_t i = 0; i < side * side; ++i) {
        rgba[4 * i + 3] = 255;
        rgb.insert(rgb.end(), rgba.begin() + static_cast<std::ptrdiff_t>(4 * i),
                   rgba.begin() + static_cast<std::ptrdiff_t>(4 * i + 3));
    }
    write_bytes(folder / "opaque.png", png_file(side, side, 8, 6, rgba));
    CHECK(program::decode_picture(folder / "opaque.png").pixels == rgb);
    CHECK(program::inspect_picture(folder / "opaque.png").size == program::picture_size{side, side, 3});
    CHECK(fog_of(folder / "opaque.png", folder / "o.png").code == 0);
    rgba[4 * 7 + 3] = 51; // one fifth
    write_bytes(folder / "clear.png", png_file(side, side, 8, 6, rgba));
    const auto refused = fog_of(folder / "clear.png", folder / "x.png");
    CHECK(refused.code == 1);
    CHECK(contains(refused.err, "--flatten"));
    const auto flat = program::decode_picture(folder / "clear.png", {program::rgb_color{250, 0, 100}});
    CHECK(flat.pixels[3 * 6] == rgb[3 * 6]);
    CHECK(flat.pixels[3 * 7] == (rgb[3 * 7] * 51 + 250 * 204 + 127) / 255);
    CHECK(flat.pixels[3 * 7 + 1] == (rgb[3 * 7 + 1] * 51 + 127) / 255);
    CHECK(flat.pixels[3 * 7 + 2] == (rgb[3 * 7 + 2] * 51 + 100 * 204 + 127) / 255);
    CHECK(fog_of(folder / "clear.png", folder / "x.png", {"--flatten", "#fa0064"}).code == 0);
    CHECK(program::decode_picture(folder / "x.png").pixels == expected("fog", flat.size, flat.pixels, 3, 0));
    CHECK(fog_of(folder / "clear.png", folder / "y.png", {"--flatten", "pinkish"}).code == 2);
    // Gray with alpha stays gray over gray and becomes RGB over a color.
    bytes gray = noise(side * side * 2);
    write_bytes(folder / "gray.png", png_file(side, side, 8, 4, gray));
    CHECK(program::decode_picture(folder / "gray.png", {program::rgb_color{9, 9, 9}}).size.channels == 1);
    const auto colored = program::decode_picture(folder / "gray.png", {program::rgb_color{0, 0, 200}});
    CHECK(colored.size.channels == 3);
    CHECK(colored.pixels[2] == (gray[0] * gray[1] + 200 * (255 - gray[1]) + 127) / 255);
}

TEST_CASE("16 bits per sample are rounded to 8, with a note") {
    const scratch_folder folder;
    const std::size_t side = 12;
    bytes samples = noise(side * side * 2);
    write_bytes(folder / "deep.png", png_file(side, side, 16, 0, samples));
    const auto picture = program::decode_picture(folder / "deep.png");
    CHECK(picture.size == program::picture_size{side, side, 1});
    for (std::size_t i = 0; i < side * side; ++i) {
        const int value = 256 * samples[2 * i] + samples[2 * i + 1];
        CHECK(picture.pixels[i] == (2 * value + 257) / 514); // value / 257, rounded
    }
    const auto result = fog_of(folder / "deep.png", folder / "o.png");
    CHECK(result.code == 0);
    CHECK(contains(result.err, "note: 1 picture of 16 bits per sample rounded to 8 bits\n"));
}

TEST_CASE("pictures are turned upright by their EXIF orientation") {
    const scratch_folder folder;
    const program::picture_size size{16, 24, 3};
    bytes pixels(size.bytes());
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i / 3 * 5 / 8);
    const std::string jpeg = program::encode_jpeg(size, pixels, 95);
    write_bytes(folder / "plain.jpg", jpeg);
    const auto stored = program::decode_picture(folder / "plain.jpg");
    // Where each orientation stores the upright pixel (y, x): EXIF 2.3, table of tag 0x0112.
    const std::size_t h = size.height - 1;
    const std::size_t w = size.width - 1;
    for (int orientation = 1; orientation <= 8; ++orientation) {
        CAPTURE(orientation);
        write_bytes(folder / "turned.jpg", with_orientation(jpeg, orientation));
        const auto upright = program::decode_picture(folder / "turned.jpg");
        const bool exchanged = orientation >= 5;
        const program::picture_size turned_size{exchanged ? size.width : size.height,
                                                exchanged ? size.height : size.width, 3};
        CHECK(upright.size == turned_size);
        CHECK(program::inspect_picture(folder / "turned.jpg").size == turned_size);
        bool same = true;
        for (std::size_t y = 0; y < turned_size.height; ++y) {
            for (std::size_t x = 0; x < turned_size.width; ++x) {
                const std::size_t places[8][2] = {{y, x}, {y, w - x}, {h - y, w - x}, {h - y, x},
                                                  {x, y}, {h - x, y}, {h - x, w - y}, {x, w - y}};
                const auto& place = places[orientation - 1];
                same = same && upright.pixels[(y * turned_size.width + x) * 3] ==
                                   stored.pixels[(place[0] * size.width + place[1]) * 3];
            }
        }
        CHECK(same);
    }
    const auto result = fog_of(folder / "turned.jpg", folder / "o.png");
    CHECK(contains(result.err, "note: 1 picture turned upright by EXIF orientation\n"));
    CHECK(program::decode_picture(folder / "o.png").size == program::picture_size{24, 16, 3});
}

TEST_CASE("an error names unreadable pictures; --skip-bad skips them and keeps the other bytes") {
    const scratch_folder folder;
    const program::picture_size size{16, 24, 3};
    fs::create_directory(folder / "in");
    const auto named = [&](const std::string& name, const std::string& head, const std::string& word) {
        write_bytes(folder / name, head);
        const auto result = fog_of(folder / name, folder / "out");
        CAPTURE(result.err);
        CHECK(result.code == 1);
        CHECK(is_one_line(result.err));
        CHECK(contains(result.err, word));
        CHECK(!fs::exists(folder / "out"));
    };
    named("a.webp", std::string("RIFF\x10\0\0\0WEBPVP8 ", 16),
          "expected PNG, JPEG or .npy, got a WebP picture");
    named("a.gif", std::string("GIF89a\x10\0\x10\0", 10), "got a GIF picture");
    named("a.bmp", std::string("BM\x36\x30\0\0\0\0\0\0\x36\0", 12), "got a BMP picture");
    named("a.tif", std::string("II*\0....", 8), "got a TIFF picture");
    named("a.heic",
          std::string("\0\0\0\x18"
                      "ftypheic",
                      12),
          "got a HEIF or AVIF picture");
    named("a.txt", "some words\n", "got another kind of file");
    named("b.png", std::string("RIFF\x10\0\0\0WEBPVP8 ", 16), "expected PNG or JPEG, got a WebP picture");
    named("c.jpg", "some words\n", "got another kind of file");
    write_png(folder / "in/1.png", size, noise(size.bytes(), 1));
    const std::string whole = program::encode_png(size, noise(size.bytes(), 2));
    write_bytes(folder / "in/2.png", whole.substr(0, whole.size() - 40)); // a good header
    write_png(folder / "in/3.png", size, noise(size.bytes(), 3));
    CHECK(fog_of(folder / "in", folder / "all").code == 1);
    for (const std::string out : {"out", "out.npy"}) {
        const auto result = fog_of(folder / "in", folder / out, {"--skip-bad"});
        CHECK(result.code == 0);
        CHECK(contains(result.err, "note: skipped " + (folder / "in/2.png") + ": PNG: "));
        CHECK(contains(result.err, "corrupt: 2 images"));
    }
    const bytes third = expected("fog", size, noise(size.bytes(), 3), 3, 2);
    CHECK(program::decode_picture(folder / "out/3.png").pixels == third);
    const auto array = repscope::io::load_npy<std::uint8_t, 4>(folder / "out.npy");
    CHECK(array.extent(0) == 2);
    CHECK(bytes(array.data_handle() + size.bytes(), array.data_handle() + array.size()) == third);
}

TEST_CASE("the error for arrays that are not images of bytes has the line of NumPy that converts them") {
    const scratch_folder folder;
    const auto advice = [&](const std::string& line) {
        const auto result = fog_of(folder / "x.npy", folder / "out");
        CAPTURE(result.err);
        CHECK(result.code == 1);
        CHECK(is_one_line(result.err));
        CHECK(contains(result.err, line));
    };
    const std::string load = "np.load('" + (folder / "x.npy") + "')";
    const std::string save = "import numpy as np; np.save('" + (folder / "x-uint8.npy") + "', ";
    write_npy(folder / "x.npy", std::vector<float>(2 * 3 * 16 * 16, .5F), {2, 3, 16, 16});
    advice(save + "(" + load + ".transpose(0, 2, 3, 1) * 255).round().clip(0, 255).astype('uint8'))");
    write_npy(folder / "x.npy", std::vector<float>(2 * 16 * 16 * 3, 200.F), {2, 16, 16, 3});
    advice(save + load + ".round().clip(0, 255).astype('uint8'))");
    write_npy(folder / "x.npy", std::vector<float>(2 * 3 * 16 * 16, -1.5F), {2, 3, 16, 16});
    advice("undo the normalization");
    write_npy(folder / "x.npy", std::vector<std::int64_t>(2 * 28 * 28, 9), {2, 28, 28});
    advice(save + load + ".clip(0, 255).astype('uint8'))");
    write_npy(folder / "x.npy", noise(2 * 3 * 16 * 16), {2, 3, 16, 16});
    advice(save + load + ".transpose(0, 2, 3, 1))");
    write_npy(folder / "x.npy", noise(2 * 3072), {2, 3072});
    advice(save + load + ".reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))");
    // Gray images without an axis for channels are read as they are.
    write_npy(folder / "x.npy", noise(2 * 28 * 28), {2, 28, 28});
    CHECK(fog_of(folder / "x.npy", folder / "gray.npy").code == 0);
    CHECK(repscope::io::load_npy<std::uint8_t, 3>(folder / "gray.npy").extents() ==
          std::array<std::size_t, 3>{2, 28, 28});
}

} // namespace corrupt_pictures_test
