// Names of classes: strings in .npy files, and columns of text.

#include "repscope/io/class_names.hpp"
#include "repscope/io/csv.hpp"

#include "npy_bytes.hpp"

#include <cstdint>
#include <doctest/doctest.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace class_names_test {

using namespace repscope_test;
namespace io = repscope::io;

namespace {

using strings = std::vector<std::string>;

std::string wide(const std::vector<std::uint32_t>& codes, bool big_endian) {
    std::string bytes;
    for (const std::uint32_t code : codes) {
        for (unsigned k = 0; k < 4; ++k) {
            bytes += static_cast<char>(code >> (8 * (big_endian ? 3 - k : k)) & 0xffU);
        }
    }
    return bytes;
}

std::optional<strings> loaded(const std::string& file) {
    const auto bytes = as_bytes(file);
    return io::load_class_names(io::memory_source(bytes, "f"), "f");
}

} // namespace

TEST_CASE("strings of .npy files as UTF-8, without trailing zeros") {
    // One to four bytes of UTF-8, a zero inside, a full element, half a surrogate and a number above all.
    const std::vector<std::uint32_t> codes{'a', 0,   0, 0, 0xe9, 0x20ac, 0x1f600, 0,        'x', 0,
                                           'y', 'z', 0, 0, 0,    0,      0xd800,  0x110000, 'b', 0};
    const strings expected{"a", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", std::string("x\0yz", 4), "",
                           "\xef\xbf\xbd\xef\xbf\xbd"
                           "b"};
    for (const bool big_endian : {false, true}) {
        const std::string descr = big_endian ? ">U4" : "<U4";
        CHECK(loaded(npy_file(descr, {5}, wide(codes, big_endian))) == expected);
        CHECK(loaded(npy_file(descr, {5, 1}, wide(codes, big_endian))) == expected);
    }
    CHECK(loaded(npy_file("|S3", {3}, std::string("ab\0\0\0\0\xe9yz", 9))) == strings{"ab", "", "\xe9yz"});
}

TEST_CASE("elements that are not strings give no value, bad strings throw") {
    CHECK(loaded(npy_file("<i4", {2}, std::string(8, '\0'))) == std::nullopt);
    CHECK(loaded(npy_file("|V2", {2}, std::string(4, '\0'))) == std::nullopt);
    const auto refused = [](const std::string& file) { return refusal([&] { (void)loaded(file); }); };
    CHECK(refused(npy_file("|S2", {3}, "ababa")) == "f: expected 6 bytes of strings, got 5");
    CHECK(refused(npy_file("|S2", {3}, "abababa")) == "f: expected 6 bytes of strings, got 7");
    CHECK(refused(npy_file("|S2", {0}, "")) == "f: expected names of classes of rank 1, got shape (0,)");
    CHECK(refused(npy_file("|S2", {}, "ab")) == "f: expected names of classes of rank 1, got shape ()");
    CHECK(refused(npy_file("|S2", {1, 2}, "abab")) ==
          "f: expected names of classes of rank 1, got shape (1, 2)");
    // Nothing is allocated for what the header claims.
    CHECK(refused(npy_file("<U0", {std::size_t{1} << 62U}, "")) ==
          "f: expected names of classes, got empty strings");
    CHECK(refused(npy_file("<U9", {std::size_t{1} << 62U}, "")).find("more than fits") != std::string::npos);
    CHECK(refused(npy_file("<U99999999999", {1}, "")).find("strings") != std::string::npos);
    CHECK(refused(npy_file("<Ux", {1}, "")).find("strings") != std::string::npos);
    CHECK(refused("not a file").starts_with("f: not a .npy file"));
}

TEST_CASE("labels in columns of text are integers or names") {
    const auto parsed = [](std::string_view text, std::string_view column = {}) {
        return io::parse_csv_labels(text, "f", column);
    };
    CHECK(parsed("cat\ndog\n\ncat").names == strings{"cat", "dog", "cat"});
    CHECK(parsed("cat\ndog\n").integers.empty());
    CHECK(parsed("file,class\n1,\"a, b\"\n2,c\n", "class").names == strings{"a, b", "c"});
    CHECK(parsed("label\n3\n-1\n").integers == std::vector<std::int64_t>{3, -1});
    CHECK(parsed("3\n1.0\n2e2\n").integers == std::vector<std::int64_t>{3, 1, 200});
    CHECK(parsed("3\n1\n").names.empty());
    const auto refused = [&](const std::string& text, const std::string& column = {}) {
        return refusal([&] { (void)parsed(text, column); });
    };
    CHECK(refused("3\n1\ncat\n") == "f: line 3: expected an integer, got 'cat'");
    CHECK(refused("label\n3\ncat\n") == "f: line 3: expected an integer, got 'cat'");
    CHECK(refused("3\n1.5\n") == "f: line 2: expected an integer, got '1.5'");
    CHECK(refused("cat\ndog\n7\n") == "f: line 3: expected the name of a class, as above, got '7'");
    CHECK(refused("a,b\nx,cat\ny,\n", "b") == "f: line 3: expected the name of a class, as above, got ''");
    CHECK(refused("class\n", "class") == "f: holds no rows");
    CHECK(refused("a,b\n1,2\n") == "f: has 2 columns: expected one, or the name of one");
}

} // namespace class_names_test
