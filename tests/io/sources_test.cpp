// Raw files, folders of batches, columns of text.

#include "repscope/io/csv.hpp"
#include "repscope/io/npy_folder.hpp"
#include "repscope/io/raw.hpp"

#include "layer_files.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>
#include <filesystem>

namespace sources_test {

using namespace repscope_test;
namespace io = repscope::io;
using repscope::layout;

TEST_CASE("raw files of every type, byte order and layout, from an offset on") {
    const temporary_directory folder;
    const layer maps{7, 5, 3, 4};
    for (const element_type& type : element_types) {
        for (const layout axes : {layout::nchw, layout::nhwc, layout::ntd, layout::nup}) {
            for (const bool big_endian : {false, true}) {
                const std::size_t offset = big_endian ? 13 : 0;
                const std::string path = write_bytes(
                    folder / "a.bin", std::string(offset, 'x') + maps.data(axes, false, type, big_endian));
                const auto format =
                    io::element_format_named((big_endian ? ">" : "") + std::string(type.descr));
                REQUIRE(format.has_value());
                const io::block_reader reader(io::open_raw(path, *format, maps.shape(axes), offset), axes);
                CHECK(wrong_elements<double>(reader, maps, type, 0, 7) == 0);
                CHECK(wrong_elements<double>(reader, maps, type, 3, 2) == 0);
            }
        }
    }
}

TEST_CASE("names of element formats") {
    CHECK(io::element_format_named("f4")->name() == "<f4");
    CHECK(io::element_format_named("<i8")->name() == "<i8");
    CHECK(io::element_format_named(">u2")->name() == ">u2");
    CHECK(io::element_format_named("|u1")->name() == "|u1");
    CHECK(io::element_format_named(">b1")->name() == "|b1");
    CHECK(io::element_format_named("bf16")->name() == "<bf16");
    for (const char* none : {"", "f", "f3", "float32", "|f4", "=f4", "<<f4", "V2", "c8"}) {
        CAPTURE(none);
        CHECK(!io::element_format_named(none).has_value());
    }
}

TEST_CASE("names in natural order") {
    const std::vector<std::string> sorted{"a",
                                          "a0",
                                          "a00",
                                          "a01",
                                          "a1",
                                          "a2",
                                          "a9b",
                                          "a10",
                                          "a010b",
                                          "a10b",
                                          "a11",
                                          "a99999999999999999999998",
                                          "a99999999999999999999999",
                                          "b"};
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        for (std::size_t j = 0; j < sorted.size(); ++j) {
            CAPTURE(sorted[i]);
            CAPTURE(sorted[j]);
            CHECK(io::natural_less(sorted[i], sorted[j]) == (i < j));
        }
    }
}

TEST_CASE("a folder of batches is one array") {
    const layer whole{23, 4, 2, 3};
    for (const layout axes : {layout::nchw, layout::nhwc}) {
        for (const bool mixed : {false, true}) {
            const temporary_directory folder;
            // Batches of 9, 0, 1 and 13 samples, the second storage order in one of them.
            std::size_t begin = 0;
            std::size_t number = 8;
            for (const std::size_t count : {9U, 0U, 1U, 13U}) {
                const layer batch{count, 4, 2, 3};
                const std::size_t first = begin;
                const element_type shifted{"f8", 8, false, [first](std::size_t i) {
                                               return element_types[11].element(i + first * 24);
                                           }};
                write_bytes(folder / ("features_" + std::to_string(number++) + ".npy"),
                            batch.file(axes, mixed && count == 13, shifted, false));
                begin += count;
            }
            write_bytes(folder / "file_names.txt", "no batch");
            write_bytes(folder / ".hidden.npy", "no batch");
            const io::block_reader reader(io::open_batches(folder / ""), "layer", axes);
            CHECK(reader.samples() == 23);
            CHECK(reader.shape() == whole.shape(axes));
            CHECK(reader.path() == "layer");
            for (std::size_t first = 0; first < 23; ++first) {
                for (std::size_t count = 0; first + count <= 23; ++count) {
                    CHECK(wrong_elements<double>(reader, whole, element_types[11], first, count) == 0);
                }
            }
            CHECK_THROWS_AS((void)wrong_elements<double>(reader, whole, element_types[11], 20, 4),
                            repscope::shape_error);
        }
    }
}

TEST_CASE("batches that do not fit are named") {
    const temporary_directory folder;
    const std::string path = folder / "layer";
    std::filesystem::create_directory(path);
    const auto said = [&] { return refusal([&] { (void)io::block_reader(io::open_batches(path), path); }); };
    CHECK(said() == path + ": is a directory without .npy files");
    write_bytes(path + "/a_1.npy", npy_file("<f4", {2, 3}, std::string(24, '\0')));
    CHECK(said() == "nothing thrown");
    const std::string ending = ": expected one type, and shapes that differ in their first extent only";
    write_bytes(path + "/a_2.npy", npy_file("<f4", {3, 4}, std::string(48, '\0')));
    CHECK(said() ==
          path + "/a_2.npy: holds <f4 of shape (3, 4), the batch before it <f4 of shape (2, 3)" + ending);
    write_bytes(path + "/a_2.npy", npy_file("<f8", {3, 3}, std::string(72, '\0')));
    CHECK(said() ==
          path + "/a_2.npy: holds <f8 of shape (3, 3), the batch before it <f4 of shape (2, 3)" + ending);
    write_bytes(path + "/a_2.npy", npy_file("<f4", {3}, std::string(12, '\0')));
    CHECK(said().starts_with(path + "/a_2.npy: holds <f4 of shape (3,)"));
    write_bytes(path + "/a_2.npy", "nonsense");
    CHECK(said().starts_with(path + "/a_2.npy: not a .npy file"));
    // A batch that has changed since it was opened.
    write_bytes(path + "/a_2.npy", npy_file("<f4", {3, 3}, std::string(36, '\0')));
    const io::block_reader reader(io::open_batches(path), path);
    write_bytes(path + "/a_2.npy", npy_file("<f4", {4, 3}, std::string(48, '\0')));
    io::read_buffer buffer;
    std::vector<float> tile(15);
    CHECK(refusal([&] { reader.read(0, 5, tile.data(), buffer); }) ==
          path + "/a_2.npy: changed while it was read");
    CHECK(refusal([&] { (void)io::batch_files(folder / "none"); }) ==
          (folder / "none") + ": cannot be opened: No such file or directory");
}

TEST_CASE("integers in columns of text") {
    using integers = std::vector<std::int64_t>;
    const auto parsed = [](std::string_view text, std::string_view column = {}) {
        return io::parse_csv_integers(text, "f", column);
    };
    CHECK(parsed("3\n1\n2") == integers{3, 1, 2});
    CHECK(parsed("label\r\n3\r\n\r\n-1\r\n") == integers{3, -1});
    CHECK(parsed("\xef\xbb\xbf label\n +3 \n\t4\n\n\n") == integers{3, 4});
    CHECK(parsed("5\n") == integers{5});
    CHECK(parsed("file,label\na.png,3\n\"b,\"\"c\"\"\nd.png\",4\n", "label") == integers{3, 4});
    CHECK(parsed("label,x\n7,\n8,y", "label") == integers{7, 8});
    CHECK(parsed("\"1\"\n\"2\"\n") == integers{1, 2});
    CHECK(parsed("1\r2\r3") == integers{1, 2, 3});
}

} // namespace sources_test
