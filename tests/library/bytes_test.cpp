#include "repscope/bytes.hpp"

#include "support/temporary_directory.hpp"

#include <bit>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/stat.h>
#include <vector>

namespace bytes_test {

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
    std::vector<std::byte> bytes;
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    return bytes;
}

/// The textbook definition: the remainder of the message, bit by bit.
std::uint32_t crc_bit_by_bit(const std::vector<std::byte>& bytes) {
    std::uint32_t crc = 0xffffffffU;
    for (const std::byte b : bytes) {
        crc ^= static_cast<std::uint32_t>(b);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ (0xedb88320U & (0U - (crc & 1U)));
    }
    return ~crc;
}

constexpr std::uint32_t crc_of_digits() {
    std::array<std::byte, 9> digits{};
    for (std::size_t i = 0; i < 9; ++i) digits[i] = static_cast<std::byte>('1' + i);
    return repscope::crc32(digits);
}
static_assert(crc_of_digits() == 0xcbf43926U, "the check value of the CRC catalogs");
static_assert(repscope::crc32({}) == 0);

std::string message_of(auto&& body) {
    try {
        body();
    } catch (const repscope::format_error& e) {
        return e.what();
    }
    return "nothing thrown";
}

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("crc32 of every length and alignment, and in pieces") {
    std::vector<std::byte> bytes;
    std::uint32_t state = 12345;
    for (int i = 0; i < 100; ++i) {
        state = state * 1664525U + 1013904223U;
        bytes.push_back(static_cast<std::byte>(state >> 24U));
    }
    for (std::size_t first = 0; first < 9; ++first) {
        for (std::size_t end = first; end <= bytes.size(); ++end) {
            const std::span<const std::byte> part(bytes.data() + first, end - first);
            const std::uint32_t expected = crc_bit_by_bit({part.begin(), part.end()});
            REQUIRE(repscope::crc32(part) == expected);
            const std::size_t cut = part.size() * 3 / 7;
            REQUIRE(repscope::crc32(part.subspan(cut), repscope::crc32(part.first(cut))) == expected);
        }
    }
}

TEST_CASE("numbers are written little-endian") {
    repscope::byte_writer out;
    out.put<std::uint8_t>(0xfe);
    out.put<std::uint16_t>(0x0102);
    out.put<std::int32_t>(-2);
    out.put<std::uint64_t>(0x0102030405060708U);
    out.put(1.0F);
    out.put(-2.0);
    out.put_text("ab");
    const std::vector<std::byte> expected = bytes_of(std::string_view("\xfe"
                                                                      "\x02\x01"
                                                                      "\xfe\xff\xff\xff"
                                                                      "\x08\x07\x06\x05\x04\x03\x02\x01"
                                                                      "\x00\x00\x80\x3f"
                                                                      "\x00\x00\x00\x00\x00\x00\x00\xc0"
                                                                      "\x02\x00\x00\x00"
                                                                      "ab",
                                                                      33));
    CHECK(out.bytes() == expected);
}

TEST_CASE("written bytes are read back to the last bit") {
    const std::vector<double> doubles{
        0.0,   -0.0, 0.1, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::infinity(),
        -1e308};
    const std::vector<std::int16_t> shorts{-32768, -1, 0, 1, 32767};
    repscope::byte_writer out;
    out.put<std::int64_t>(std::numeric_limits<std::int64_t>::min());
    out.put(std::bit_cast<double>(0x7ff8000000000123U));
    out.put_all(std::span<const double>(doubles));
    out.put_all(std::span<const std::int16_t>(shorts));
    out.put_all(std::span<const double>());
    out.put_text("");
    out.put_text(std::string_view("a\0b", 3));
    out.put_bytes(bytes_of("xyz"));

    repscope::byte_reader in(out.bytes(), "state");
    CHECK(in.name() == "state");
    CHECK(in.get<std::int64_t>() == std::numeric_limits<std::int64_t>::min());
    CHECK(std::bit_cast<std::uint64_t>(in.get<double>()) == 0x7ff8000000000123U);
    std::vector<double> doubles_back(doubles.size(), 5.0);
    in.get_all(std::span(doubles_back));
    for (std::size_t i = 0; i < doubles.size(); ++i) {
        CHECK(std::bit_cast<std::uint64_t>(doubles_back[i]) == std::bit_cast<std::uint64_t>(doubles[i]));
    }
    std::vector<std::int16_t> shorts_back(shorts.size());
    in.get_all(std::span(shorts_back));
    CHECK(shorts_back == shorts);
    in.get_all(std::span<double>());
    CHECK(in.get_text().empty());
    CHECK(in.get_text() == std::string_view("a\0b", 3));
    const auto rest = in.take(3);
    CHECK(std::vector<std::byte>(rest.begin(), rest.end()) == bytes_of("xyz"));
    CHECK(in.left() == 0);
}

TEST_CASE("reading past the end throws with the expected bytes and the place") {
    const auto five = bytes_of("12345");
    const auto reader = [&] { return repscope::byte_reader(five, "some.rsm"); };
    CHECK(message_of([&] { (void)reader().get<double>(); }) ==
          "some.rsm: cut short: expected 8 more bytes at 0, got 5");
    CHECK(message_of([&] {
              auto in = reader();
              (void)in.get<std::uint32_t>();
              (void)in.get<std::uint16_t>();
          }) == "some.rsm: cut short: expected 2 more bytes at 4, got 1");
    CHECK(message_of([&] { (void)reader().take(std::numeric_limits<std::size_t>::max()); }) ==
          "some.rsm: cut short: expected 18446744073709551615 more bytes at 0, got 5");
    std::vector<float> two(2);
    CHECK(message_of([&] { reader().get_all(std::span(two)); }) ==
          "some.rsm: cut short: expected 8 more bytes at 0, got 5");
    // A text with a length beyond the end.
    CHECK(message_of([&] { (void)reader().get_text(); }) ==
          "some.rsm: cut short: expected 875770417 more bytes at 4, got 1");
    // A read that fails takes nothing.
    auto in = reader();
    CHECK_THROWS_AS((void)in.get<double>(), repscope::format_error);
    CHECK(in.left() == 5);
}

TEST_CASE("files are read whole") {
    const repscope_test::temporary_directory folder;
    const std::string path = folder / "file";
    std::string text(3'000'000, 'a');
    text[2'999'999] = 'z';
    std::ofstream(path, std::ios::binary) << text;
    CHECK(repscope::read_file(path) == bytes_of(text));
    CHECK(repscope::read_file(path, text.size()).size() == text.size());
    CHECK(message_of([&] { (void)repscope::read_file(path, 2'999'999); }) ==
          path + ": expected at most 2999999 bytes, got 3000000");
    CHECK(message_of([&] { (void)repscope::read_file(folder / "none"); }) ==
          (folder / "none") + ": cannot be opened: No such file or directory");
    CHECK(message_of([&] { (void)repscope::read_file(folder / "."); }) ==
          (folder / ".") + ": is a directory, expected a file");
    std::ofstream(folder / "empty", std::ios::binary).close();
    CHECK(repscope::read_file(folder / "empty").empty());
}

TEST_CASE("a file appears whole or not at all") {
    const repscope_test::temporary_directory folder;
    const std::string path = folder / "out.bin";
    SUBCASE("new, then replaced") {
        repscope::write_file_atomically(path, bytes_of("first"));
        CHECK(contents(path) == "first");
        repscope::atomic_file file(path);
        file.write(std::string_view("sec"));
        file.write(bytes_of("ond"));
        CHECK(contents(path) == "first");
        CHECK(folder.names().size() == 2);
        file.commit();
        CHECK(contents(path) == "second");
        CHECK(folder.names() == std::vector<std::string>{"out.bin"});
    }
    SUBCASE("never finished") {
        {
            repscope::atomic_file file(path);
            file.write(std::string_view("half"));
        }
        CHECK(folder.names().empty());
    }
    SUBCASE("two at once") {
        repscope::atomic_file a(path), b(path);
        a.write(std::string_view("a"));
        b.write(std::string_view("b"));
        b.commit();
        a.commit();
        CHECK(contents(path) == "a");
        CHECK(folder.names() == std::vector<std::string>{"out.bin"});
    }
    SUBCASE("the permissions of any other new file") {
        const mode_t before = ::umask(027);
        repscope::write_file_atomically(path, bytes_of("x"));
        ::umask(before);
        struct stat about {};
        REQUIRE(::stat(path.c_str(), &about) == 0);
        CHECK((about.st_mode & 0777) == 0640);
    }
}

TEST_CASE("an error names a file that cannot be written, and no file remains") {
    const repscope_test::temporary_directory folder;
    const std::string lost = folder / "no/such/folder.bin";
    CHECK(message_of([&] { repscope::write_file_atomically(lost, bytes_of("x")); }) ==
          lost + ": cannot be written: No such file or directory");
    std::ofstream(folder / "file") << "text";
    const std::string below = folder / "file/below";
    CHECK(message_of([&] { repscope::write_file_atomically(below, bytes_of("x")); }) ==
          below + ": cannot be written: Not a directory");
    std::filesystem::create_directory(folder / "folder");
    CHECK(message_of([&] { repscope::write_file_atomically(folder / "folder", bytes_of("x")); }) ==
          (folder / "folder") + ": cannot be written: is a directory");
    // A rename would replace the device.
    CHECK(message_of([&] { repscope::write_file_atomically("/dev/null", bytes_of("x")); }) ==
          "/dev/null: cannot be written: is not a regular file");
    CHECK(folder.names() == std::vector<std::string>{"file", "folder"});

    // A full disk, as it appears to the process.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit small{1000, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const std::string big = folder / "big";
    const std::string said =
        message_of([&] { repscope::write_file_atomically(big, std::vector<std::byte>(5000)); });
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_DFL);
    CHECK(said == big + ": cannot be written: File too large");
    CHECK(folder.names() == std::vector<std::string>{"file", "folder"});
}

} // namespace bytes_test
