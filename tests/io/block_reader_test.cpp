#include "repscope/io/block_reader.hpp"

#include "layer_files.hpp"
#include "npy_bytes.hpp"
#include "support/temporary_directory.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace block_reader_test {

using namespace repscope_test;
namespace io = repscope::io;
using repscope::layout;

TEST_CASE("every type, byte order, storage order and layout") {
    const temporary_directory folder;
    const std::string path = folder / "a.npy";
    const layer maps{7, 5, 3, 4}, flat{9, 6, 1, 1};
    for (const element_type& type : element_types) {
        for (const layout axes : {layout::nu, layout::nchw, layout::nhwc, layout::ntd, layout::nup}) {
            const layer& expected = axes == layout::nu ? flat : maps;
            for (const bool big_endian : {false, true}) {
                for (const bool fortran : {false, true}) {
                    CAPTURE(type.descr);
                    CAPTURE(to_string(axes));
                    CAPTURE(big_endian);
                    CAPTURE(fortran);
                    write_bytes(path, expected.file(axes, fortran, type, big_endian));
                    const io::block_reader reader = io::open(path, axes);
                    REQUIRE(reader.samples() == expected.samples);
                    REQUIRE(reader.units() == expected.units);
                    REQUIRE(reader.positions() == expected.positions());
                    CHECK(reader.shape() == expected.shape(axes));
                    CHECK(reader.axes() == axes);
                    CHECK(reader.path() == path);
                    CHECK(reader.reads_as_float() == type.as_float);
                    CHECK(reader.sample_bytes() == expected.units * expected.positions() * type.bytes);
                    CHECK(reader.format().name().substr(1) == type.descr);
                    const std::size_t n = expected.samples;
                    for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, n},
                                                       {0, 1},
                                                       {2, 3},
                                                       {n - 1, 1},
                                                       {n, 0},
                                                       {3, 0}}) {
                        if (type.as_float)
                            CHECK(wrong_elements<float>(reader, expected, type, first, count) == 0);
                        CHECK(wrong_elements<double>(reader, expected, type, first, count) == 0);
                    }
                }
            }
        }
    }
}

TEST_CASE("maps and layers with an axis of one") {
    const temporary_directory folder;
    const std::string path = folder / "a.npy";
    for (const layer& expected :
         {layer{4, 1, 3, 2}, layer{4, 3, 1, 1}, layer{1, 3, 2, 2}, layer{4, 3, 5, 1}}) {
        for (const layout axes : {layout::nchw, layout::nhwc, layout::ntd, layout::nup}) {
            for (const bool fortran : {false, true}) {
                write_bytes(path, expected.file(axes, fortran, element_types[10], false));
                CHECK(wrong_elements<float>(io::open(path, axes), expected, element_types[10], 0,
                                            expected.samples) == 0);
            }
        }
    }
}

TEST_CASE("files of many buffers") {
    const temporary_directory folder;
    const std::string path = folder / "a.npy";
    // 5.4 MB of two bytes, 10.9 MB as float; samples of 0.18 MB, and of 10.9 MB.
    const std::vector<layer> shapes{{60, 64, 25, 28}, {1, 64, 150, 280}};
    for (const layer& expected : shapes) {
        for (const layout axes : {layout::nchw, layout::nhwc}) {
            for (const bool fortran : {false, true}) {
                CAPTURE(to_string(axes));
                CAPTURE(fortran);
                write_bytes(path, expected.file(axes, fortran, element_types[3], true));
                const io::block_reader reader = io::open(path, axes);
                CHECK(wrong_elements<float>(reader, expected, element_types[3], 0, expected.samples) == 0);
            }
        }
    }
}

TEST_CASE("layouts that need not be stated, and ranks that do not fit") {
    const temporary_directory folder;
    const std::string path = folder / "a.npy";
    const auto opened = [&](const std::vector<std::size_t>& shape, layout axes) {
        std::size_t bytes = 4;
        for (const std::size_t extent : shape) bytes *= extent;
        write_bytes(path, npy_file("<f4", shape, std::string(bytes, '\0')));
        return io::open(path, axes);
    };
    const auto said = [&](const std::vector<std::size_t>& shape, layout axes) {
        return refusal([&] { (void)opened(shape, axes); });
    };
    CHECK(opened({6, 4}, layout::unstated).axes() == layout::nu);
    CHECK(opened({6, 4, 5, 5}, layout::unstated).axes() == layout::nchw);
    CHECK(opened({6, 4, 5, 5}, layout::nhwc).units() == 5);
    const std::string without =
        path + ": expected activations of rank 2 to 4, rank 3 with a layout, got shape ";
    CHECK(said({24}, layout::unstated) == without + "(24,)");
    CHECK(said({6, 4, 5}, layout::unstated) == without + "(6, 4, 5)");
    CHECK(said({6, 1, 1, 2, 2}, layout::unstated) == without + "(6, 1, 1, 2, 2)");
    CHECK(said({}, layout::unstated) == without + "()");
    CHECK(said({6, 4}, layout::nchw) == path + ": expected rank 4 for layout nchw, got shape (6, 4)");
    CHECK(said({6, 4, 5, 5}, layout::ntd) ==
          path + ": expected rank 3 for layout ntd, got shape (6, 4, 5, 5)");
    CHECK(said({24}, layout::nu) == path + ": expected rank 2 for layout nu, got shape (24,)");
    CHECK(said({0, 4}, layout::unstated) == path + ": holds no activations: shape (0, 4)");
    CHECK(said({6, 0}, layout::unstated) == path + ": holds no activations: shape (6, 0)");
    CHECK(said({6, 4, 0, 5}, layout::unstated) == path + ": holds no activations: shape (6, 4, 0, 5)");
    CHECK(refusal([&] { (void)io::open(folder / "none.npy"); }) ==
          (folder / "none.npy") + ": cannot be opened: No such file or directory");
}

TEST_CASE("samples that are not there") {
    const temporary_directory folder;
    const std::string path = write_bytes(folder / "a.npy", npy_file("<f4", {6, 4}, std::string(96, '\0')));
    const io::block_reader reader = io::open(path);
    io::read_buffer buffer;
    std::vector<float> tile(96);
    const auto read = [&](std::size_t first, std::size_t count) {
        reader.read(first, count, tile.data(), buffer);
    };
    CHECK_NOTHROW(read(5, 1));
    CHECK_NOTHROW(read(6, 0));
    CHECK_THROWS_AS(read(6, 1), repscope::shape_error);
    CHECK_THROWS_AS(read(7, 0), repscope::shape_error);
    CHECK_THROWS_AS(read(1, ~std::size_t{0}), repscope::shape_error);
    try {
        read(4, 3);
        FAIL("nothing thrown");
    } catch (const repscope::shape_error& e) {
        CHECK(std::string(e.what()) == "repscope::io::block_reader::read: " + path +
                                           ": expected samples 4 to 4 + 3, got shape (6, 4)");
    }
}

TEST_CASE("a tile in memory that is reused") {
    const temporary_directory folder;
    const layer expected{7, 5, 3, 4};
    const std::string path = folder / "a.npy";
    write_bytes(path, expected.file(layout::nhwc, false, element_types[9], false));
    const io::block_reader reader = io::open(path, layout::nhwc);
    io::read_buffer buffer;
    std::vector<float> memory;
    for (const std::size_t first : {0U, 3U, 6U}) {
        const std::size_t count = std::min<std::size_t>(3, 7 - first);
        const auto tile = reader.read_tile(first, count, buffer, memory);
        CHECK(tile.extents() == std::array<std::size_t, 4>{count, 5, 12, 1});
        CHECK(memory.size() == 3 * 5 * 12);
        CHECK(tile(count - 1, 4, 11, 0) ==
              static_cast<float>(element_types[9].element(expected.number(first + count - 1, 4, 11)).second));
    }
}

TEST_CASE("how many samples are read at a time") {
    const temporary_directory folder;
    const auto at_a_time = [&](std::vector<std::size_t> shape, bool fortran, std::size_t expected) {
        const std::size_t bytes = 4 * shape[0] * shape[1];
        const std::string path = folder / "a.npy";
        write_bytes(path, npy_file("<f4", shape, std::string(bytes, '\0'), fortran));
        return io::open(path).samples_at_a_time(expected);
    };
    CHECK(at_a_time({40000, 3}, false, 100) == 100);
    CHECK(at_a_time({40000, 3}, true, 100) == 16384);
    CHECK(at_a_time({40000, 3}, true, 20000) == 20000);
    // 16384 samples of 8 KiB would be 128 MiB.
    CHECK(at_a_time({100, 2048}, true, 10) == 8192);
}

TEST_CASE("several threads read different blocks at the same time") {
    const temporary_directory folder;
    const layer expected{240, 8, 10, 10};
    for (const bool fortran : {false, true}) {
        const std::string path = folder / "a.npy";
        write_bytes(path, expected.file(layout::nhwc, fortran, element_types[4], true));
        const io::block_reader reader = io::open(path, layout::nhwc);
        std::array<std::size_t, 4> wrong{};
        {
            std::vector<std::jthread> threads;
            for (std::size_t t = 0; t < wrong.size(); ++t) {
                threads.emplace_back([&, t] {
                    for (std::size_t first = t * 10; first < expected.samples; first += 40) {
                        wrong[t] += wrong_elements<float>(reader, expected, element_types[4], first, 10);
                    }
                });
            }
        }
        CHECK(wrong == std::array<std::size_t, 4>{});
    }
}

} // namespace block_reader_test
