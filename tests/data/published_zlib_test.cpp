// The readers of published data sets, whose files may be compressed.

#include "repscope/data/cifar10.hpp"
#include "repscope/data/mnist.hpp"

#include "io/npy_bytes.hpp"
#include "support/temporary_directory.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>
#include <zlib.h>

namespace published_zlib_test {

using namespace repscope_test;
namespace data = repscope::data;

namespace {

std::string big_endian(std::size_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 0xffU);
    return bytes;
}

std::string idx_images(std::size_t count, std::size_t rows, std::size_t columns) {
    std::string bytes = big_endian(0x803) + big_endian(count) + big_endian(rows) + big_endian(columns);
    for (std::size_t i = 0; i < count * rows * columns; ++i) bytes += static_cast<char>(i * 7);
    return bytes;
}

std::string idx_labels(const std::string& labels) {
    return big_endian(0x801) + big_endian(labels.size()) + labels;
}

void write_gzip(const std::string& path, const std::string& bytes) {
    gzFile file = gzopen(path.c_str(), "wb");
    REQUIRE(file != nullptr);
    CHECK(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
    CHECK(gzclose(file) == Z_OK);
}

std::string record(char label, char pixel) { return label + std::string(3072, pixel); }

bool begins_with(const std::string& text, const std::string& start) {
    return text.compare(0, start.size(), start) == 0;
}

} // namespace

TEST_CASE("MNIST: images and labels of both parts, plain and compressed") {
    const temporary_directory folder;
    write_bytes(folder / "train-images-idx3-ubyte", idx_images(3, 4, 5));
    write_gzip(folder / "train-labels-idx1-ubyte.gz", idx_labels(std::string("\x07\0\x09", 3)));
    write_gzip(folder / "t10k-images-idx3-ubyte.gz", idx_images(1, 2, 2));
    write_bytes(folder / "t10k-labels-idx1-ubyte", idx_labels("\x01"));
    const std::string path = folder / "";
    const data::image_dataset train = data::load_mnist(path, data::subset::train);
    CHECK(train.images == 3);
    CHECK(train.extents() == std::array<std::size_t, 3>{1, 4, 5});
    CHECK(train.labels == std::vector<std::int32_t>{7, 0, 9});
    REQUIRE(train.pixels.size() == 60);
    CHECK(train.view()(2, 0, 3, 4) == static_cast<std::uint8_t>(59 * 7));
    const data::image_dataset test = data::load_mnist(path, data::subset::test);
    CHECK(test.images == 1);
    CHECK(test.labels == std::vector<std::int32_t>{1});
}

TEST_CASE("MNIST: files that are missing or do not belong together are named") {
    const temporary_directory folder;
    const auto reason = [&] {
        return refusal([&] { (void)data::load_mnist(folder / "", data::subset::train); });
    };
    const std::string images = folder / "train-images-idx3-ubyte",
                      labels = folder / "train-labels-idx1-ubyte";
    CHECK(reason().find("train-images-idx3-ubyte.gz: cannot be opened") != std::string::npos);
    write_bytes(images, idx_images(2, 3, 3));
    write_bytes(labels, idx_labels("\x01\x02\x03"));
    CHECK(reason().find("train-labels-idx1-ubyte: expected 2 labels, got shape (3,)") != std::string::npos);
    write_bytes(labels, idx_labels("\x01\x0a"));
    CHECK(reason().find("expected labels 0 to 9, got label 10 at position 1") != std::string::npos);
    write_bytes(images, idx_labels("\x01\x02"));
    CHECK(reason().find("expected images of rank 3, got shape (2,)") != std::string::npos);
}

TEST_CASE("CIFAR-10: the files of a part in the order of their names, plain and compressed") {
    const temporary_directory folder;
    write_bytes(folder / "data_batch_2.bin", record(2, 'b'));
    write_gzip(folder / "data_batch_1.bin.gz", record(1, 'a') + record(5, 'e'));
    write_bytes(folder / "test_batch.bin", record(3, 'c'));
    write_bytes(folder / "readme.html", "x");
    std::filesystem::create_directory(folder / "train_folder");
    const std::string path = folder / "";
    const data::image_dataset train = data::load_cifar10(path, data::subset::train);
    CHECK(train.labels == std::vector<std::int32_t>{1, 5, 2});
    CHECK(train.extents() == std::array<std::size_t, 3>{3, 32, 32});
    CHECK(train.view()(2, 2, 31, 31) == 'b');
    CHECK(data::load_cifar10(path, data::subset::test).labels == std::vector<std::int32_t>{3});
    write_bytes(folder / "data_batch_3.bin", "short");
    CHECK(refusal([&] { (void)data::load_cifar10(path, data::subset::train); }).find("data_batch_3.bin") !=
          std::string::npos);
    const temporary_directory empty;
    CHECK(refusal([&] {
              (void)data::load_cifar10(empty / "", data::subset::test);
          }).find("holds no files named test*") != std::string::npos);
    const std::string missing = folder / "nowhere";
    CHECK(begins_with(refusal([&] { (void)data::load_cifar10(missing, data::subset::test); }),
                      missing + ": cannot be read"));
}

} // namespace published_zlib_test
