#include "support/tar_bytes.hpp"
#include "support/temporary_directory.hpp"

#include <repscope/io/block_reader.hpp>
#include <repscope/io/npy.hpp>
#include <repscope/io/npy_stream.hpp>
#include <repscope/io/tar_reader.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tar_reader_test {

using namespace repscope_test;
namespace io = repscope::io;
using members = std::vector<std::pair<std::string, std::string>>;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string rest_of(io::byte_stream& stream, std::uint64_t size) {
    std::string text(static_cast<std::size_t>(size), '\0');
    stream.read(std::as_writable_bytes(std::span(text.data(), text.size())));
    return text;
}

members read_all(io::byte_stream& stream) {
    members read;
    io::tar_reader archive(stream);
    while (const auto member = archive.next())
        read.emplace_back(member->name, rest_of(archive.contents(), member->size));
    return read;
}

members read_all(const std::string& bytes) {
    io::memory_stream stream(bytes_of(bytes), "s");
    return read_all(stream);
}

// The message of the error that reading gives; empty if there is none.
std::string complaint(const std::string& bytes) {
    try {
        (void)read_all(bytes);
        return {};
    } catch (const repscope::format_error& e) {
        return e.what();
    }
}

} // namespace

TEST_CASE("tar_reader returns the members of a written archive, from front to back") {
    const members expected{
        {"a/0.npy", "first"}, {"b.npy", ""}, {"c", std::string(512, 'x')}, {"d", std::string(513, 'y')}};
    CHECK(read_all(tar_of(expected)) == expected);
    // Contents that are not read are passed over.
    const std::string bytes = tar_of(expected);
    io::memory_stream stream(bytes_of(bytes), "s");
    io::tar_reader archive(stream);
    CHECK(archive.next()->name == "a/0.npy");
    CHECK(rest_of(archive.contents(), 2) == "fi");
    CHECK(archive.next()->name == "b.npy");
    CHECK(archive.next()->size == 512);
    CHECK(archive.next()->name == "d");
    CHECK(!archive.next().has_value());
}

TEST_CASE("tar_reader reads what GNU tar writes in every format") {
    if (std::system("tar --version > /dev/null 2>&1") != 0) {
        MESSAGE("left out: GNU tar not found");
        return;
    }
    const temporary_directory folder;
    const std::string deep = folder / ("acts/" + std::string(90, 'l') + "/" + std::string(120, 'm'));
    std::filesystem::create_directories(folder / "acts/conv1");
    const auto write = [](const std::string& path, const std::string& text) { std::ofstream(path) << text; };
    write(folder / "acts/conv1/000.npy", "zero");
    write(folder / "acts/conv1/001.npy", std::string(5000, 'q'));
    for (const std::string format : {"v7", "ustar", "pax", "gnu"}) {
        CAPTURE(format);
        const bool has_long_names = format == "pax" || format == "gnu";
        if (has_long_names) {
            std::filesystem::create_directories(deep);
            write(deep + "/000.npy", "deep");
        }
        const std::string archive = folder / (format + ".tar");
        const std::string command =
            "tar --sort=name --format=" + format + " -C '" + (folder / "") + "' -cf '" + archive + "' acts";
        REQUIRE(std::system(command.c_str()) == 0);
        io::descriptor_stream stream(archive);
        members expected{{"acts/conv1/000.npy", "zero"}, {"acts/conv1/001.npy", std::string(5000, 'q')}};
        if (has_long_names) {
            expected.emplace_back("acts/" + std::string(90, 'l') + "/" + std::string(120, 'm') + "/000.npy",
                                  "deep");
        }
        CHECK(read_all(stream) == expected);
    }
}

TEST_CASE("tar_reader takes names and sizes from pax headers, long names and prefixes of ustar") {
    const std::string pax =
        pax_record("mtime", "12.5") + pax_record("path", "long/x.npy") + pax_record("size", "4");
    CHECK(read_all(tar_member("h", pax, 'x') + tar_header("short", 0) + padded_to_block("data") +
                   tar_end()) == members{{"long/x.npy", "data"}});
    CHECK(read_all(tar_member("g", pax_record("comment", "none"), 'g') + tar_of({{"a", "1"}})) ==
          members{{"a", "1"}});
    CHECK(read_all(tar_member("././@LongLink", std::string("gnu/long\0", 9), 'L') +
                   tar_of({{"gnu", "2"}, {"b", "3"}})) == members{{"gnu/long", "2"}, {"b", "3"}});
    std::string prefixed = tar_header("name.npy", 1);
    prefixed.replace(345, 3, "a/b");
    fix_tar_checksum(prefixed);
    CHECK(read_all(prefixed + padded_to_block("4") + tar_end()) == members{{"a/b/name.npy", "4"}});
    // Base 256, and a folder between files.
    std::string binary = tar_header("big", 0);
    binary.replace(124, 12, std::string("\x80\0\0\0\0\0\0\0\0\0\x02\x01", 12));
    fix_tar_checksum(binary);
    const std::string contents(513, 'z');
    CHECK(read_all(binary + padded_to_block(contents) + tar_header("folder/", 0, '5') +
                   tar_of({{"e", "5"}})) == members{{"big", contents}, {"e", "5"}});
}

TEST_CASE("tar_reader reads archives that follow each other") {
    CHECK(read_all(tar_of({{"a", "1"}}) + tar_of({{"b", "2"}})) == members{{"a", "1"}, {"b", "2"}});
    CHECK(read_all(tar_of({})).empty());
}

TEST_CASE("tar_reader refuses an archive that is cut anywhere") {
    const std::string long_name = pax_record("path", std::string(200, 'p'));
    const std::string whole =
        tar_member("h", long_name, 'x') + tar_member("s", "abc") + tar_of({{"a", std::string(700, 'b')}});
    CHECK(complaint(whole).empty());
    for (std::size_t size = 0; size < whole.size(); size += 128) {
        CAPTURE(size);
        CHECK(complaint(whole.substr(0, size)).find("cut short") != std::string::npos);
    }
    CHECK(complaint(whole.substr(0, whole.size() - 1)).find("cut short") != std::string::npos);
}

TEST_CASE("tar_reader refuses damaged and hostile headers by name") {
    std::string bad = tar_header("a", 0);
    bad[0] = 'b';
    CHECK(complaint(bad + tar_end()).find("checksum") != std::string::npos);
    std::string negative = tar_header("a", 0);
    negative.replace(124, 12, std::string(12, '\xff'));
    fix_tar_checksum(negative);
    CHECK(complaint(negative + tar_end()).find("bad size") != std::string::npos);
    std::string huge = tar_header("a", 0); // 2^63
    huge.replace(124, 12, std::string("\x80\0\0\0\x80\0\0\0\0\0\0\0", 12));
    fix_tar_checksum(huge);
    CHECK(complaint(huge + tar_end()).find("bad size") != std::string::npos);
    std::string largest = tar_header("a", 0); // 2^63 - 1, which is not there
    largest.replace(124, 12, std::string("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12));
    fix_tar_checksum(largest);
    io::memory_stream claimed(bytes_of(largest), "s");
    io::tar_reader archive(claimed);
    CHECK(archive.next()->size == 0x7fff'ffff'ffff'ffffU);
    CHECK_THROWS_AS((void)archive.next(), repscope::format_error);
    CHECK(complaint(tar_member("h", pax_record("size", "9223372036854775808"), 'x') + tar_of({{"a", ""}}))
              .find("bad size") != std::string::npos);
    CHECK(complaint(tar_member("h", "9 path=a", 'x') + tar_of({{"a", ""}})).find("bad record") !=
          std::string::npos);
    CHECK(complaint(tar_member("h", pax_record("path", std::string("a\0b", 3)), 'x') + tar_of({{"a", ""}}))
              .find("NUL") != std::string::npos);
    std::string two_names = tar_header(std::string("a\0b", 3), 0);
    CHECK(complaint(two_names + tar_end()).find("NUL") != std::string::npos);
    CHECK(complaint(tar_header("h", std::uint64_t{1} << 30U, 'x')).find("expected at most") !=
          std::string::npos);
    for (const auto& [type, text] :
         {std::pair{'1', "link"}, std::pair{'2', "link"}, std::pair{'3', "device"},
          std::pair{'6', "device or pipe"}, std::pair{'S', "sparse"}, std::pair{'Q', "unknown type"}}) {
        const std::string message = complaint(tar_header("evil", 0, type) + tar_end());
        CHECK(message.find(text) != std::string::npos);
        CHECK(message.find("evil") != std::string::npos);
    }
    CHECK(complaint(tar_member("a", "1") + std::string(512, '\0') + tar_of({{"b", ""}}))
              .find("single zero block") != std::string::npos);
}

TEST_CASE("a .npy record is read from a stream as from a file") {
    const std::vector<std::byte> header =
        io::npy_header_bytes({io::dtype::float32, false}, std::vector<std::size_t>{2, 3});
    std::string bytes(reinterpret_cast<const char*>(header.data()), header.size());
    const std::vector<float> values{1, 2, 3, 4, 5, 6};
    bytes.append(reinterpret_cast<const char*>(values.data()), 24);
    io::memory_stream stream(bytes_of(bytes), "s");
    CHECK(stream.peek(6).size() == 6);
    const io::npy_header parsed = io::read_npy_header(stream, "s");
    CHECK(stream.position() == header.size());
    CHECK(parsed.shape == std::vector<std::size_t>{2, 3});
    const io::block_reader rows(io::forward_array(stream, parsed, "s", 0));
    io::read_buffer buffer;
    std::vector<float> read(3);
    rows.read(1, 1, read.data(), buffer); // the row before it is dropped
    CHECK(read == std::vector<float>{4, 5, 6});
    CHECK_THROWS_WITH_AS(rows.read(0, 1, read.data(), buffer),
                         "s: cannot be read backward, from byte 24 to 0", repscope::format_error);
    for (std::size_t size = 0; size < header.size(); ++size) {
        io::memory_stream cut(bytes_of(bytes).first(size), "s");
        CHECK_THROWS_AS((void)io::read_npy_header(cut, "s"), repscope::format_error);
    }
}

TEST_CASE("an array in Fortran order is copied from a stream, up to a limit") {
    io::array_header header;
    header.shape = {2, 3};
    header.fortran_order = true;
    const std::vector<float> columns{1, 4, 2, 5, 3, 6};
    const std::string bytes(reinterpret_cast<const char*>(columns.data()), 24);
    io::memory_stream stream(bytes_of(bytes), "s");
    const io::block_reader rows(io::forward_array(stream, header, "s", 24));
    io::read_buffer buffer;
    std::vector<float> read(6);
    rows.read(0, 2, read.data(), buffer);
    CHECK(read == std::vector<float>{1, 2, 3, 4, 5, 6});
    io::memory_stream again(bytes_of(bytes), "s");
    CHECK_THROWS_WITH_AS((void)io::forward_array(again, header, "s", 23),
                         "s: an array in Fortran order of 24 bytes, expected at most 23 in a stream",
                         repscope::format_error);
}

} // namespace tar_reader_test
