#include "repscope/io/npy.hpp"

#include "npy_bytes.hpp"
#include "support/temporary_directory.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace npy_test {

using namespace repscope_test;
namespace io = repscope::io;

namespace {

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string counted(std::size_t bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(i * 7 + 1);
    return text;
}

} // namespace

TEST_CASE("an array in C and in Fortran order is the same array") {
    const temporary_directory folder;
    // Element (i, j, k) is 100 i + 10 j + k.
    std::string in_c, in_fortran;
    for (unsigned i = 0; i < 2; ++i)
        for (unsigned j = 0; j < 3; ++j)
            for (unsigned k = 0; k < 4; ++k) in_c += element_bytes(100 * i + 10 * j + k, 2, true);
    for (unsigned k = 0; k < 4; ++k)
        for (unsigned j = 0; j < 3; ++j)
            for (unsigned i = 0; i < 2; ++i) in_fortran += element_bytes(100 * i + 10 * j + k, 2, true);
    write_bytes(folder / "c.npy", npy_file(">u2", {2, 3, 4}, in_c));
    write_bytes(folder / "f.npy", npy_file(">u2", {2, 3, 4}, in_fortran, true));
    for (const std::string name : {"c.npy", "f.npy"}) {
        CAPTURE(name);
        const auto floats = io::load_npy<float, 3>(folder / name);
        const auto doubles = io::load_npy<double, 3>(folder / name);
        const auto integers = io::load_npy<std::uint16_t, 3>(folder / name);
        REQUIRE(floats.extents() == std::array<std::size_t, 3>{2, 3, 4});
        for (std::size_t i = 0; i < 2; ++i) {
            for (std::size_t j = 0; j < 3; ++j) {
                for (std::size_t k = 0; k < 4; ++k) {
                    CHECK(floats(i, j, k) == static_cast<float>(100 * i + 10 * j + k));
                    CHECK(doubles(i, j, k) == static_cast<double>(100 * i + 10 * j + k));
                    CHECK(integers(i, j, k) == 100 * i + 10 * j + k);
                }
            }
        }
    }
}

TEST_CASE("an array of more than one buffer") {
    const temporary_directory folder;
    const std::size_t rows = 3000, columns = 501; // 6 MB of i4
    std::string data;
    for (std::size_t i = 0; i < rows * columns; ++i) data += element_bytes(i * 2654435761U, 4, false);
    const auto loaded = io::load_npy<std::int32_t, 2>(
        write_bytes(folder / "big.npy", npy_file("<i4", {rows, columns}, data)));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < loaded.size(); ++i) {
        if (static_cast<std::uint32_t>(loaded.data_handle()[i]) !=
            static_cast<std::uint32_t>(i * 2654435761U)) {
            ++wrong;
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("empty arrays and single elements") {
    const temporary_directory folder;
    const auto none = io::load_npy<float, 2>(write_bytes(folder / "none.npy", npy_file("<f4", {0, 4}, "")));
    CHECK(none.extents() == std::array<std::size_t, 2>{0, 4});
    const auto columnless =
        io::load_npy<float, 2>(write_bytes(folder / "f.npy", npy_file("<f4", {5, 0}, "", true)));
    CHECK(columnless.extents() == std::array<std::size_t, 2>{5, 0});
    const auto one = io::load_npy<double, 0>(
        write_bytes(folder / "one.npy", npy_with(npy_text("<u8", "()")) + element_bytes(41, 8, false)));
    CHECK(one() == 41.0);
}

TEST_CASE("the size of a file must match its header") {
    const temporary_directory folder;
    const std::string path = folder / "a.npy";
    const auto said = [&](const std::string& bytes) {
        write_bytes(path, bytes);
        return refusal([&] { (void)io::load_npy<float, 2>(path); });
    };
    CHECK(said(npy_file("<f4", {6, 4}, counted(95))) ==
          path + ": cut short: shape (6, 4) of <f4 takes 96 bytes, the file holds 95");
    CHECK(said(npy_file("<f4", {6, 4}, "")) ==
          path + ": cut short: shape (6, 4) of <f4 takes 96 bytes, the file holds 0");
    CHECK(said(npy_file("<f4", {6, 4}, counted(97))) ==
          path + ": shape (6, 4) of <f4 takes 96 bytes, the file holds 97");
    CHECK(said(npy_file("<f4", {0, 4}, "x")) ==
          path + ": shape (0, 4) of <f4 takes 0 bytes, the file holds 1");
    // 2^60 elements: refused by the size of the file, before anything is allocated.
    CHECK(said(npy_file("<f4", {std::size_t{1} << 30U, std::size_t{1} << 30U}, counted(96))) ==
          path +
              ": cut short: shape (1073741824, 1073741824) of <f4 takes 4611686018427387904 bytes, the file "
              "holds 96");
    CHECK(said(npy_file("<f8", {std::size_t{1} << 32U, std::size_t{1} << 32U}, "")) ==
          path + ": the .npy header claims shape (4294967296, 4294967296), more than fits in memory or in a "
                 "file");
    CHECK(said("") == path + ": is empty, expected a .npy file");
    CHECK(said("garbage") == path + ": not a .npy file: it does not begin with \\x93NUMPY");
}

TEST_CASE("another rank or type than requested") {
    const temporary_directory folder;
    const std::string path = write_bytes(folder / "a.npy", npy_file("<i4", {2, 3}, counted(24)));
    CHECK(refusal([&] { (void)io::load_npy<float, 1>(path); }) ==
          path + ": expected rank 1, got shape (2, 3)");
    CHECK(refusal([&] { (void)io::load_npy<float, 4>(path); }) ==
          path + ": expected rank 4, got shape (2, 3)");
    CHECK(refusal([&] { (void)io::load_npy<std::int64_t, 2>(path); }) ==
          path + ": expected elements of type <i8, got <i4");
    CHECK(refusal([&] { (void)io::load_npy<std::uint32_t, 2>(path); }) ==
          path + ": expected elements of type <u4, got <i4");
    CHECK(io::load_npy<std::int32_t, 2>(path).size() == 6);
}

TEST_CASE("missing files and files of another kind") {
    const temporary_directory folder;
    const auto said = [](const std::string& path) {
        return refusal([&] { (void)io::load_npy<float, 2>(path); });
    };
    CHECK(said(folder / "none.npy") ==
          (folder / "none.npy") + ": cannot be opened: No such file or directory");
    CHECK(said(folder / ".") == (folder / ".") + ": is a directory, expected a file");
    CHECK(said("/dev/zero") == "/dev/zero: is not a regular file");
    const std::string pipe = folder / "pipe.npy";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(said(pipe) == pipe + ": is not a regular file");
}

TEST_CASE("a file that shrinks after it was opened") {
    const temporary_directory folder;
    const std::string path = write_bytes(folder / "a.npy", npy_file("<f4", {2, 3}, counted(24)));
    const io::input_file file(path);
    const io::npy_header header = io::read_npy_header(file);
    write_bytes(path, contents(path).substr(0, header.data_offset + 8));
    std::vector<std::byte> bytes(24);
    CHECK(refusal([&] { file.read(header.data_offset, bytes); }) ==
          path + ": ended early, at byte " + std::to_string(header.data_offset + 8));
}

TEST_CASE("saved files have the bytes that NumPy writes") {
    const temporary_directory folder;
    const std::string path = folder / "a.npy";
    io::save_npy(path, repscope::array<float, 2>({3, 1}, {1.0F, -2.0F, 0.5F}));
    std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
    expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1), }";
    expected.append(127 - expected.size(), ' ');
    expected += '\n';
    expected += std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x00\x00\x3f", 12);
    CHECK(contents(path) == expected);
}

TEST_CASE("saved arrays are loaded unchanged") {
    const temporary_directory folder;
    const std::string path = folder / "a.npy";
    const auto round_trip = [&]<typename T>(const std::vector<T>& values) {
        io::save_npy(path, values);
        const auto back = io::load_npy<T, 1>(path);
        CHECK(std::vector<T>(back.data_handle(), back.data_handle() + back.size()) == values);
        CHECK(contents(path).size() % 64 == values.size() * sizeof(T) % 64);
    };
    round_trip(std::vector<float>{0.1F, -0.0F, INFINITY, 1e-45F});
    round_trip(std::vector<double>{0.1, 1e300, std::numeric_limits<double>::denorm_min()});
    round_trip(std::vector<std::int8_t>{-128, 127, 0});
    round_trip(std::vector<std::uint8_t>{255, 0});
    round_trip(std::vector<std::int16_t>{-32768, 1});
    round_trip(std::vector<std::uint32_t>{4294967295U});
    round_trip(std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min(), -1});
    round_trip(std::vector<float>{});
}

TEST_CASE("a tensor of any strides is saved in the order of its indices") {
    const temporary_directory folder;
    const std::vector<double> numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const repscope::tensor_view<const double, 3> turned(numbers.data() + 9, {2, 3, 2}, {1, -3, 1});
    io::save_npy(folder / "a.npy", turned);
    const auto back = io::load_npy<double, 3>(folder / "a.npy");
    REQUIRE(back.extents() == turned.extents());
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 3; ++j)
            for (std::size_t k = 0; k < 2; ++k) CHECK(back(i, j, k) == turned(i, j, k));
}

TEST_CASE("a writer makes a file of parts, whole or not at all") {
    const temporary_directory folder;
    const std::string path = folder / "a.npy";
    const std::vector<std::size_t> shape{3, 2};
    const std::vector<float> values{1, 2, 3, 4, 5, 6};
    const std::span<const float> all(values);
    SUBCASE("finished") {
        io::npy_writer<float> out(path, shape);
        out.append(all.first(1));
        out.append({});
        out.append(all.subspan(1, 4));
        out.append(all.last(1));
        CHECK_THROWS_AS(out.append(all.first(1)), repscope::shape_error);
        CHECK(folder.names().size() == 1);
        CHECK(folder.names()[0] != "a.npy");
        out.finish();
        CHECK(folder.names() == std::vector<std::string>{"a.npy"});
        const auto back = io::load_npy<float, 2>(path);
        CHECK(back(2, 1) == 6.0F);
    }
    SUBCASE("unfinished") {
        {
            io::npy_writer<float> out(path, shape);
            out.append(all.first(5));
            CHECK_THROWS_AS(out.finish(), repscope::shape_error);
        }
        CHECK(folder.names().empty());
    }
    SUBCASE("nowhere") {
        const std::string lost = folder / "no/folder.npy";
        CHECK(refusal([&] { io::save_npy(lost, values); }) ==
              lost + ": cannot be written: No such file or directory");
        CHECK(folder.names().empty());
    }
}

} // namespace npy_test
