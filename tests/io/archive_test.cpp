// Arrays in .npz and .safetensors files.

#include "repscope/io/npz.hpp"
#include "repscope/io/safetensors.hpp"

#include "layer_files.hpp"
#include "support/temporary_directory.hpp"
#include "zip_bytes.hpp"

#include <cctype>
#include <doctest/doctest.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

namespace archive_test {

using namespace repscope_test;
namespace io = repscope::io;
using repscope::layout;

namespace {

std::string noise(std::size_t count) {
    std::string text;
    std::uint32_t state = 7;
    for (std::size_t i = 0; i < count; ++i) {
        state = state * 1664525U + 1013904223U;
        text += static_cast<char>(state >> 24U);
    }
    return text;
}

std::string safetensors_dtype(const element_type& type) {
    if (type.descr == "b1") return "BOOL";
    std::string name(1, static_cast<char>(std::toupper(type.descr[0])));
    return name + std::to_string(8 * type.bytes);
}

std::string shape_json(const std::vector<std::size_t>& shape) { return nlohmann::json(shape).dump(); }

std::string one_tensor(const std::string& dtype, const std::vector<std::size_t>& shape, std::size_t bytes) {
    return "{\"x\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape_json(shape) + ",\"data_offsets\":[0," +
           std::to_string(bytes) + "]}}";
}

} // namespace

TEST_CASE("every type, byte order, storage order and layout in .npz, stored and deflated, and .safetensors") {
    const temporary_directory folder;
    const layer maps{7, 5, 3, 4}, flat{9, 6, 1, 1};
    for (const element_type& type : element_types) {
        CAPTURE(type.descr);
        std::vector<zip_file> members;
        std::vector<std::pair<std::string, layout>> expected;
        std::string header = "{";
        std::string data;
        for (const layout axes : {layout::nu, layout::nchw, layout::nhwc, layout::ntd, layout::nup}) {
            const layer& made = axes == layout::nu ? flat : maps;
            for (const bool big_endian : {false, true}) {
                for (const bool fortran : {false, true}) {
                    for (const bool deflate : {false, true}) {
                        const std::string name = std::string(to_string(axes)) + (big_endian ? ".big" : "") +
                                                 (fortran ? ".fortran" : "") + (deflate ? ".deflated" : "");
                        members.push_back({.name = name + ".npy",
                                           .contents = made.file(axes, fortran, type, big_endian),
                                           .deflate = deflate});
                        expected.emplace_back(name, axes);
                    }
                }
            }
            const std::string bytes = made.data(axes, false, type, false);
            header += (header.size() > 1 ? "," : "") + ("\"" + std::string(to_string(axes))) +
                      "\":{\"shape\":" + shape_json(made.shape(axes)) + ",\"dtype\":\"" +
                      safetensors_dtype(type) + "\",\"data_offsets\":[" + std::to_string(data.size()) + "," +
                      std::to_string(data.size() + bytes.size()) + "]}";
            data += bytes;
        }
        const auto check = [&](const io::stored_array& array, layout axes) {
            const layer& made = axes == layout::nu ? flat : maps;
            const io::block_reader reader(array, axes);
            const std::size_t n = made.samples;
            if (type.as_float) CHECK(wrong_elements<float>(reader, made, type, 0, n) == 0);
            for (const auto& [first, count] :
                 {std::pair<std::size_t, std::size_t>{0, n}, {n - 1, 1}, {2, 3}}) {
                CHECK(wrong_elements<double>(reader, made, type, first, count) == 0);
            }
            CHECK_NOTHROW(reader.verify());
        };
        const std::string path = write_bytes(folder / "a.npz", zip_bytes(members));
        const io::npz_archive archive(path);
        REQUIRE(archive.keys().size() == expected.size());
        for (const auto& entry : expected) {
            CAPTURE(entry.first);
            check(archive.array(entry.first), entry.second);
        }
        const io::safetensors_file tensors(
            write_bytes(folder / "a.safetensors", safetensors_bytes(header + "}   ", data)));
        for (const layout axes : {layout::nu, layout::nchw, layout::nhwc, layout::ntd, layout::nup}) {
            check(tensors.array(std::string(to_string(axes))), axes);
        }
    }
}

TEST_CASE("bfloat16: in .safetensors by its name, in NumPy's files by an option") {
    const layer made{6, 4, 1, 1};
    const element_type bfloat16{"V2", 2, true, [](std::size_t i) {
                                    const float value = static_cast<float>(i * 7 % 200) / 16 - 3;
                                    return std::pair<std::uint64_t, double>(
                                        std::bit_cast<std::uint32_t>(value) >> 16U, value);
                                }};
    const std::string data = made.data(layout::nu, false, bfloat16, false);
    const std::string tensors = safetensors_bytes(one_tensor("BF16", {6, 4}, data.size()), data);
    const auto tensor_bytes = as_bytes(tensors);
    const io::safetensors_file file(std::make_shared<io::memory_source>(tensor_bytes, "m"), "m");
    CHECK(wrong_elements<float>(io::block_reader(file.array("x")), made, bfloat16, 0, 6) == 0);

    const temporary_directory folder;
    for (const std::string descr : {"|V2", "<V2"}) {
        const std::string path = write_bytes(folder / "a.npy", npy_file(descr, {6, 4}, data));
        CHECK(refusal([&] { (void)io::open_npy(path); }).find("stated to be bf16") != std::string::npos);
        const io::stored_array array = io::open_npy(path, io::void2_policy::bfloat16);
        CHECK(array.header.format.name() == "<bf16");
        CHECK(wrong_elements<float>(io::block_reader(array), made, bfloat16, 0, 6) == 0);
    }
}

TEST_CASE("archives after 4 GiB have 64-bit records, and some a comment") {
    const std::string contents = npy_file("<f4", {2, 3}, std::string(24, 'x'));
    for (const bool wide : {false, true}) {
        const auto bytes =
            as_bytes(zip_bytes({{.name = "a.npy", .contents = contents, .wide = wide},
                                {.name = "b.npy", .contents = contents, .deflate = true, .wide = wide},
                                {.name = "notes.txt", .contents = "no array"}},
                               {.wide = wide, .comment = wide ? "" : "PK\x05\x06 in a comment"}));
        const io::npz_archive archive(std::make_shared<io::memory_source>(bytes, "m"), "m");
        CHECK(archive.keys() == std::vector<std::string>{"a", "b"});
        CHECK(archive.array("b").name == "m:b");
        CHECK(archive.array("a").header.shape == std::vector<std::size_t>{2, 3});
        CHECK(refusal([&] { (void)archive.array("c"); }) == "m: holds no array 'c'");
    }
}

TEST_CASE("archives of 2 to 4 GiB have both end records with true numbers") {
    const std::string contents = npy_file("<f4", {2, 3}, std::string(24, 'x'));
    const std::vector<zip_file> members{{.name = "a.npy", .contents = contents},
                                        {.name = "b.npy", .contents = contents, .deflate = true}};
    for (const std::string comment : {"", "a comment"}) {
        const auto bytes =
            as_bytes(zip_bytes(members, {.wide = true, .true_numbers = true, .comment = comment}));
        const io::npz_archive archive(std::make_shared<io::memory_source>(bytes, "m"), "m");
        CHECK(archive.keys() == std::vector<std::string>{"a", "b"});
        CHECK(archive.array("b").header.shape == std::vector<std::size_t>{2, 3});
    }
    const auto contradictory =
        as_bytes(zip_bytes(members, {.wide = true, .true_numbers = true, .narrow_entries_change = 1}));
    CHECK(refusal([&] {
              (void)io::npz_archive(std::make_shared<io::memory_source>(contradictory, "m"), "m");
          }) == "m: bad zip archive: its two end records contradict each other");
}

TEST_CASE("a directory that ends like a 64-bit locator is read by the 32-bit record") {
    const std::string contents = npy_file("<f4", {2, 3}, std::string(24, 'x'));
    // Where the locator points to: bytes of a member, the directory, behind the end, and itself; on two
    // disks.
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{200}, std::uint64_t{1} << 40U,
                                       ~std::uint64_t{0}, std::uint64_t{395}}) {
        for (const std::uint64_t disks : {1U, 2U}) {
            CAPTURE(offset);
            const std::string locator =
                "PK\x06\x07" + little(disks - 1, 4) + little(offset, 8) + little(disks, 4);
            const auto bytes = as_bytes(zip_bytes(
                {{.name = "a.npy", .contents = contents}, {.name = locator, .contents = "no array"}}));
            const io::npz_archive archive(std::make_shared<io::memory_source>(bytes, "m"), "m");
            CHECK(archive.keys() == std::vector<std::string>{"a"});
            CHECK(archive.array("a").header.shape == std::vector<std::size_t>{2, 3});
        }
    }
}

TEST_CASE("checksums of members that are read in pieces, in any order") {
    // 300 KB of noise, which deflate does not shrink, and pieces above and below those that are remembered.
    const std::string contents = npy_file("|u1", {300, 1000}, noise(300000));
    for (const bool deflate : {false, true}) {
        for (const std::uint32_t change : {0U, 1U}) {
            CAPTURE(deflate);
            CAPTURE(change);
            const auto bytes = as_bytes(zip_bytes(
                {{.name = "a.npy", .contents = contents, .deflate = deflate, .crc_change = change}}));
            const io::npz_archive archive(std::make_shared<io::memory_source>(bytes, "m"), "m");
            const std::vector<std::vector<std::pair<std::size_t, std::size_t>>> orders{
                {{0, 300}},
                {{0, 100}, {100, 200}},
                {{150, 150}, {0, 150}},
                {{20, 30}, {0, 3}, {200, 17}, {20, 30}, {30, 60}},
                {}};
            for (const auto& order : orders) {
                const io::block_reader reader(archive.array("a"));
                CHECK(reader.in_order() == deflate);
                const auto read_and_verify = [&] {
                    io::read_buffer buffer;
                    std::vector<float> tile(300 * 1000);
                    for (const auto& [first, count] : order) {
                        reader.read(first, count, tile.data(), buffer);
                        for (std::size_t i = 0; i < count * 1000; i += 37) {
                            const auto value = static_cast<unsigned char>(
                                contents[contents.size() - 300000 + first * 1000 + i]);
                            REQUIRE(tile[i] == static_cast<float>(value));
                        }
                    }
                    reader.verify();
                };
                if (change == 0) {
                    CHECK_NOTHROW(read_and_verify());
                } else {
                    CHECK(refusal(read_and_verify) == "m:a: is damaged: its checksum is wrong");
                }
            }
        }
    }
}

TEST_CASE(
    "tensors are listed in the order of their bytes; types that are not read are refused when asked for") {
    const auto bytes = as_bytes(safetensors_bytes(
        R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},)"
        R"("layer3.0.conv1":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},)"
        R"("empty":{"dtype":"I64","shape":[0],"data_offsets":[12,12]},)"
        R"("new":{"dtype":"F99","shape":[3],"data_offsets":[12,13]}})",
        std::string(13, '\0')));
    const io::safetensors_file file(std::make_shared<io::memory_source>(bytes, "m"), "m");
    std::vector<std::string> names;
    for (const auto& entry : file.entries()) names.push_back(entry.name);
    CHECK(names == std::vector<std::string>{"layer3.0.conv1", "b", "empty", "new"});
    CHECK(file.array("b").header.shape == std::vector<std::size_t>{1, 2});
    CHECK(refusal([&] { (void)file.array("layer3.0.conv1"); }) ==
          "m:layer3.0.conv1: elements of type F8_E4M3 are not supported");
    CHECK(refusal([&] { (void)file.array("new"); }) == "m:new: elements of type F99 are not supported");
    CHECK(refusal([&] { (void)file.array("none"); }) == "m: holds no tensor 'none'");
}

} // namespace archive_test
