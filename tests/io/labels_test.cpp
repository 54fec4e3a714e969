#include "repscope/io/labels.hpp"

#include "npy_bytes.hpp"
#include "support/temporary_directory.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

namespace labels_test {

using namespace repscope_test;

namespace {

using labels = std::vector<std::int64_t>;

struct label_file {
    temporary_directory folder;
    std::string path = folder / "labels.npy";

    void write(std::string_view descr, const std::vector<std::size_t>& shape,
               const std::vector<std::uint64_t>& bits, bool fortran = false) const {
        std::string data;
        const auto size = static_cast<std::size_t>(descr[2] - '0');
        for (const std::uint64_t b : bits) data += element_bytes(b, size, descr[0] == '>');
        write_bytes(path, npy_file(descr, shape, data, fortran));
    }
    [[nodiscard]] labels load() const { return repscope::io::load_labels(path); }
    /// Why the file is refused, without its name.
    [[nodiscard]] std::string reason() const {
        const std::string text = refusal([&] { (void)load(); });
        return text.starts_with(path + ": ") ? text.substr(path.size() + 2) : "unexpected: " + text;
    }
};

std::uint64_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

} // namespace

TEST_CASE("labels of every integer type and byte order") {
    const label_file file;
    for (const std::string order : {"<", ">"}) {
        for (const std::string type : {"i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"}) {
            CAPTURE(order + type);
            file.write(order + type, {5}, {3, 0, 127, 1, 3});
            CHECK(file.load() == labels{3, 0, 127, 1, 3});
        }
        for (const std::string type : {"i1", "i2", "i4", "i8"}) {
            file.write(order + type, {2}, {~std::uint64_t{0}, 5});
            CHECK(file.load() == labels{-1, 5});
        }
        file.write(order + "u4", {1}, {4294967295U});
        CHECK(file.load() == labels{4294967295});
        file.write(order + "u8", {1}, {std::uint64_t{1} << 62U});
        CHECK(file.load() == labels{std::int64_t{1} << 62U});
    }
}

TEST_CASE("axes of one element do not matter") {
    const label_file file;
    for (const bool fortran : {false, true}) {
        file.write("<i4", {3, 1}, {7, 8, 9}, fortran);
        CHECK(file.load() == labels{7, 8, 9});
        file.write("<i4", {3, 1, 1}, {7, 8, 9}, fortran);
        CHECK(file.load() == labels{7, 8, 9});
    }
    file.write("<i4", {1, 1}, {7});
    CHECK(file.load() == labels{7});
}

TEST_CASE("labels that are floating-point numbers are accepted when they are whole") {
    const label_file file;
    file.write("<f4", {4}, {bits_of(3), bits_of(-0.0F), bits_of(-7), bits_of(1)});
    CHECK(file.load() == labels{3, 0, -7, 1});
    file.write(">f8", {3, 1}, {std::bit_cast<std::uint64_t>(2.0), std::bit_cast<std::uint64_t>(0x1p53), 0});
    CHECK(file.load() == labels{2, std::int64_t{1} << 53, 0});
    file.write("<f2", {2}, {0x4200, 0x3c00});
    CHECK(file.load() == labels{3, 1});
}

TEST_CASE("one-hot rows") {
    const label_file file;
    file.write("<i8", {4, 3}, {0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0});
    CHECK(file.load() == labels{1, 0, 2, 1});
    file.write("|b1", {4, 3}, {0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0});
    CHECK(file.load() == labels{1, 0, 2, 1});
    file.write(">f4", {2, 3}, {bits_of(0), bits_of(1), bits_of(-0.0F), bits_of(1), bits_of(0), bits_of(0)});
    CHECK(file.load() == labels{1, 0});
    file.write("<f2", {1, 2}, {0, 0x3c00});
    CHECK(file.load() == labels{1});
    // The columns of the same four rows.
    file.write("<u1", {4, 3}, {0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0}, true);
    CHECK(file.load() == labels{1, 0, 2, 1});
}

TEST_CASE("one-hot rows of many buffers") {
    const label_file file;
    const std::size_t rows = 1500, classes = 1000;
    for (const bool fortran : {false, true}) {
        std::vector<std::uint64_t> bits(rows * classes);
        labels expected;
        for (std::size_t i = 0; i < rows; ++i) {
            const std::size_t label = i * 617 % classes;
            expected.push_back(static_cast<std::int64_t>(label));
            bits[fortran ? label * rows + i : i * classes + label] = 1;
        }
        file.write("<u1", {rows, classes}, bits, fortran);
        CHECK(file.load() == expected);
        // A second 1 in the last row.
        bits[fortran ? (classes - 1) * rows + rows - 1 : rows * classes - 1] = 1;
        file.write("<u1", {rows, classes}, bits, fortran);
        CHECK(file.reason() == "expected labels of rank 1 or one-hot rows (one 1, else 0), row 1499 of shape "
                               "(1500, 1000) is not one-hot");
    }
}

TEST_CASE("arrays that are not labels") {
    const label_file file;
    file.write("<f4", {3}, {bits_of(0), bits_of(1.5F), bits_of(2)});
    CHECK(file.reason() == "expected labels that are whole numbers, got 1.5 at position 1");
    file.write("<f4", {3}, {bits_of(0), bits_of(1), 0x7fc00000U});
    CHECK(file.reason() == "expected labels that are whole numbers, got nan at position 2");
    file.write("<f4", {2}, {bits_of(0), bits_of(0x1p54F)});
    CHECK(file.reason() == "expected labels that are whole numbers, got 18014398509481984 at position 1");
    file.write("|b1", {2}, {0, 1});
    CHECK(file.reason() == "expected labels that are integers, got elements of type |b1");
    file.write(">u8", {3}, {0, (std::uint64_t{1} << 63U) + 5, 1});
    CHECK(file.reason() == "expected labels below 2^63, got 9223372036854775813 at position 1");
    file.write("<i4", {0}, {});
    CHECK(file.reason() == "holds no labels: shape (0,)");
    file.write("<i4", {0, 10}, {});
    CHECK(file.reason() == "holds no labels: shape (0, 10)");
    file.write("<i4", {}, {5});
    CHECK(file.reason() == "holds no labels: shape ()");
    file.write("<i4", {2, 2, 2}, {0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(file.reason() == "expected labels of rank 1 or one-hot rows, got shape (2, 2, 2)");
    const std::string not_one_hot =
        "expected labels of rank 1 or one-hot rows (one 1, else 0), row 1 of shape (2, 2) is not one-hot";
    for (const auto& row : {std::vector<std::uint64_t>{0, 0}, {1, 1}, {0, 2}, {2, 1}, {255, 1}}) {
        file.write("|i1", {2, 2}, {1, 0, row[0], row[1]});
        CHECK(file.reason() == not_one_hot);
    }
    file.write("<f4", {2, 2}, {bits_of(1), bits_of(0), bits_of(0.9F), bits_of(0.1F)});
    CHECK(file.reason() == not_one_hot);
    file.write("<f4", {2, 2}, {bits_of(1), bits_of(0), 0x7fc00000U, bits_of(1)});
    CHECK(file.reason() == not_one_hot);
    CHECK(refusal([&] { (void)repscope::io::load_labels(file.folder / "none.npy"); }) ==
          (file.folder / "none.npy") + ": cannot be opened: No such file or directory");
}

} // namespace labels_test
