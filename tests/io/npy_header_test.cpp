#include "repscope/io/npy_header.hpp"

#include "npy_bytes.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

namespace npy_header_test {

using repscope::io::dtype;
using repscope::io::npy_header;
using namespace repscope_test;

namespace {

npy_header parsed(std::string_view bytes) { return repscope::io::parse_npy_header(as_bytes(bytes), "a.npy"); }

/// Why a file that begins so is refused, without its name.
std::string reason(std::string_view bytes) {
    const std::string text = refusal([&] { (void)parsed(bytes); });
    return text.starts_with("a.npy: ") ? text.substr(7) : "unexpected: " + text;
}
std::string reason_of_text(std::string_view text) { return reason(npy_with(text)); }
std::string reason_of_type(std::string_view descr) { return reason(npy_with(npy_text(descr, "(2, 3)"))); }
std::string reason_of_shape(const std::string& shape) { return reason(npy_with(npy_text("<f4", shape))); }

} // namespace

TEST_CASE("headers of every version") {
    for (const int version : {1, 2, 3}) {
        CAPTURE(version);
        const std::string bytes = npy_with(npy_text("<f4", "(10, 20)"), version);
        const npy_header header = parsed(bytes + "data");
        CHECK(header.format.type == dtype::float32);
        CHECK_FALSE(header.format.big_endian);
        CHECK_FALSE(header.fortran_order);
        CHECK(header.shape == std::vector<std::size_t>{10, 20});
        CHECK(header.data_offset == bytes.size());
        CHECK(header.size() == 200);
    }
}

TEST_CASE("keys in any order, any spacing, either quote, optional trailing commas") {
    const std::vector<std::string> texts{
        "{'shape': (4, 5), 'fortran_order': True, 'descr': '>i2'}",
        "{'fortran_order':True,'descr':'>i2','shape':(4,5),}\n",
        "  {\t'descr' : '>i2' , 'shape' : ( 4 , 5 , ) ,\n 'fortran_order' : True , } \n\n",
        "{\"descr\": \">i2\", \"fortran_order\": True, \"shape\": (4, 5)}",
        "{'descr': '>i2', 'fortran_order': True, 'shape': (4L, 5L), }",
    };
    for (const std::string& text : texts) {
        CAPTURE(text);
        const npy_header header = parsed(npy_with(text));
        CHECK(header.format == repscope::io::element_format{dtype::int16, true});
        CHECK(header.fortran_order);
        CHECK(header.shape == std::vector<std::size_t>{4, 5});
    }
}

TEST_CASE("every element type and byte order") {
    const auto format = [](std::string_view descr) {
        return parsed(npy_with(npy_text(descr, "(1,)"))).format;
    };
    struct entry {
        std::string_view letters;
        dtype type;
    };
    for (const entry& e :
         {entry{"i2", dtype::int16}, entry{"u2", dtype::uint16}, entry{"i4", dtype::int32},
          entry{"u4", dtype::uint32}, entry{"i8", dtype::int64}, entry{"u8", dtype::uint64},
          entry{"f2", dtype::float16}, entry{"f4", dtype::float32}, entry{"f8", dtype::float64}}) {
        const std::string letters(e.letters);
        constexpr bool machine = std::endian::native == std::endian::big;
        CHECK(format("<" + letters) == repscope::io::element_format{e.type, false});
        CHECK(format(">" + letters) == repscope::io::element_format{e.type, true});
        CHECK(format("=" + letters) == repscope::io::element_format{e.type, machine});
        CHECK(format(letters) == repscope::io::element_format{e.type, machine});
    }
    for (const char order : {'|', '<', '>', '='}) {
        CHECK(format(order + std::string("b1")) == repscope::io::element_format{dtype::boolean, false});
        CHECK(format(order + std::string("i1")) == repscope::io::element_format{dtype::int8, false});
        CHECK(format(order + std::string("u1")) == repscope::io::element_format{dtype::uint8, false});
    }
}

TEST_CASE("shapes of every rank, and empty shapes") {
    const auto shape = [](const std::string& text) { return parsed(npy_with(npy_text("<f4", text))).shape; };
    CHECK(shape("()").empty());
    CHECK(parsed(npy_with(npy_text("<f4", "()"))).size() == 1);
    CHECK(shape("(7,)") == std::vector<std::size_t>{7});
    CHECK(shape("(1, 2, 3, 4, 5)") == std::vector<std::size_t>{1, 2, 3, 4, 5});
    CHECK(shape("(0, 4)") == std::vector<std::size_t>{0, 4});
    CHECK(parsed(npy_with(npy_text("<f4", "(0, 9223372036854775807, 4)"))).size() == 0);
    CHECK(parsed(npy_with(npy_text("<i1", "(1152921504606846976,)"))).size() == std::size_t{1} << 60U);
}

TEST_CASE("bytes that are not a .npy file") {
    CHECK(reason("") == "is empty, expected a .npy file");
    CHECK(reason("hello, this is no array") == "not a .npy file: it does not begin with \\x93NUMPY");
    CHECK(reason("\x93NUMP") == "not a .npy file: it does not begin with \\x93NUMPY");
    CHECK(reason("\x92NUMPY\x01") == "not a .npy file: it does not begin with \\x93NUMPY");
}

TEST_CASE("unknown versions") {
    const std::string text = npy_text("<f4", "(2, 3)");
    CHECK(reason(npy_with(text, 4)) == ".npy version 4.0 is unknown, expected 1.0, 2.0 or 3.0");
    CHECK(reason(npy_with(text, 0)) == ".npy version 0.0 is unknown, expected 1.0, 2.0 or 3.0");
    CHECK(reason(npy_with(text, 1, 1)) == ".npy version 1.1 is unknown, expected 1.0, 2.0 or 3.0");
    CHECK(reason(npy_with(text, 255, 255)) == ".npy version 255.255 is unknown, expected 1.0, 2.0 or 3.0");
}

TEST_CASE("a header cut at every byte") {
    for (const int version : {1, 2}) {
        const std::string whole = npy_with(npy_text("<f4", "(2, 3)"), version);
        for (std::size_t length = 6; length < whole.size(); ++length) {
            CAPTURE(length);
            CHECK(reason(whole.substr(0, length)) == "cut within the .npy header");
        }
    }
}

TEST_CASE("a header that claims to be long") {
    std::string bytes = npy_with(npy_text("<f4", "(2, 3)"), 2);
    for (std::size_t k = 8; k < 12; ++k) bytes[k] = '\xff';
    CHECK(reason(bytes) == "the .npy header claims 4294967295 bytes, expected at most 65536");
    bytes[8] = 1, bytes[9] = 0, bytes[10] = 1, bytes[11] = 0;
    CHECK(reason(bytes) == "the .npy header claims 65537 bytes, expected at most 65536");
    // As long as it may be, and no byte of what follows is needed.
    std::string text = npy_text("<f4", "(2, 3)");
    text.resize(repscope::io::npy_longest_header, ' ');
    const npy_header header = parsed(npy_with(text, 2));
    CHECK(header.data_offset == repscope::io::npy_prefix_bytes);
}

TEST_CASE("shapes that claim too much") {
    CHECK(reason_of_shape("(2305843009213693952,)") ==
          "the .npy header claims shape (2305843009213693952,), more than fits in memory or in a file");
    CHECK(reason_of_shape("(4294967296, 4294967296)") ==
          "the .npy header claims shape (4294967296, 4294967296), more than fits in memory or in a file");
    // 2^64 + 2 elements, 2 if it wrapped.
    CHECK(reason_of_shape("(18446744073709551618,)") ==
          "bad .npy header: an extent of the shape does not fit in 64 bits");
    CHECK(reason_of_shape("(99999999999999999999999999999999,)") ==
          "bad .npy header: an extent of the shape does not fit in 64 bits");
    std::string axes;
    for (int i = 0; i < 65; ++i) axes += "1, ";
    CHECK(reason_of_shape("(" + axes + ")") == "bad .npy header: the shape has more than 64 axes");
}

TEST_CASE("code and nonsense in the header") {
    CHECK(reason_of_text("") == "bad .npy header: expected '{', got its end");
    CHECK(reason_of_text("{") == "bad .npy header: expected a quoted word, got its end");
    CHECK(reason_of_text("{{{{") == "bad .npy header: expected a quoted word, got '{{{'");
    CHECK(reason_of_text("__import__('os').system('x')") ==
          "bad .npy header: expected '{', got '__import__('os')'");
    CHECK(reason_of_shape("(__import__('os').getpid(), 4)") ==
          "bad .npy header: expected an extent of 0 or above in 'shape', got '__import__('os')'");
    CHECK(reason_of_shape("(2, 3) + (4,)") == "bad .npy header: expected ',', got '+ (4,), }       '");
    CHECK(reason_of_text("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} and more") ==
          "bad .npy header: something follows the dictionary");
    CHECK(reason_of_text(std::string("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}\0", 58)) ==
          "bad .npy header: something follows the dictionary");
    CHECK(reason_of_text("{'descr: '<f4'}") == "bad .npy header: expected ':', got '<f4'}'");
    CHECK(reason_of_text("{'descr") == "bad .npy header: a quoted word has no end");
    CHECK(reason_of_text("\x01\x02\x1b[2J\n") == "bad .npy header: expected '{', got '???[2J?'");
    CHECK(reason_of_text("{'de\nscr': 1}") == "bad .npy header: unknown key 'de?scr'");
}

TEST_CASE("values of the wrong kind") {
    CHECK(reason_of_shape("(-2, 3)").starts_with(
        "bad .npy header: expected an extent of 0 or above in 'shape', got '-2, 3)"));
    CHECK(reason_of_shape("(2.0, 3)").starts_with("bad .npy header: expected ',', got '.0, 3)"));
    CHECK(reason_of_shape("(2 3)").starts_with("bad .npy header: expected ',', got '3)"));
    CHECK(reason_of_shape("(True,)").starts_with(
        "bad .npy header: expected an extent of 0 or above in 'shape', got 'True,)"));
    CHECK(reason_of_shape("(,)").starts_with("bad .npy header: expected an extent of 0 or above"));
    CHECK(reason_of_shape("(3)") == "bad .npy header: 'shape' is not a tuple");
    CHECK(reason_of_shape("[2, 3]").starts_with("bad .npy header: expected '(', got '[2, 3]"));
    CHECK(reason_of_shape("3").starts_with("bad .npy header: expected '(', got '3"));
    CHECK(reason_of_text("{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}") ==
          "bad .npy header: 'fortran_order' is neither True nor False");
    CHECK(reason_of_text("{'descr': '<f4', 'fortran_order': Falsehood, 'shape': (2, 3)}") ==
          "bad .npy header: expected ',', got 'hood, 'shape': ('");
    CHECK(reason_of_text("{'descr': 4, 'fortran_order': False, 'shape': (2, 3)}")
              .starts_with("bad .npy header: expected a quoted word, got '4, 'fortran"));
}

TEST_CASE("keys that are missing, unknown, or repeated") {
    CHECK(reason_of_text("{}") == "bad .npy header: the key 'descr' is missing");
    CHECK(reason_of_text("{'fortran_order': False, 'shape': (2, 3)}") ==
          "bad .npy header: the key 'descr' is missing");
    CHECK(reason_of_text("{'descr': '<f4', 'shape': (2, 3)}") ==
          "bad .npy header: the key 'fortran_order' is missing");
    CHECK(reason_of_text("{'descr': '<f4', 'fortran_order': False}") ==
          "bad .npy header: the key 'shape' is missing");
    CHECK(reason_of_text("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}") ==
          "bad .npy header: unknown key 'more'");
    CHECK(reason_of_text("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}") ==
          "bad .npy header: the key 'descr' occurs twice");
    CHECK(reason_of_text("{'shape': (2, 3), 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}") ==
          "bad .npy header: the key 'shape' occurs twice");
    CHECK(reason_of_text("{'fortran_order': False, 'fortran_order': False}") ==
          "bad .npy header: the key 'fortran_order' occurs twice");
}

TEST_CASE("elements that are no real numbers") {
    const std::string expected = " are not supported, expected f2, f4, f8, i1 to i8, u1 to u8 or bool";
    CHECK(reason_of_type("|O") == "Python objects (dtype '|O')" + expected);
    CHECK(reason_of_type("<c8") == "complex numbers (dtype '<c8')" + expected);
    CHECK(reason_of_type(">c16") == "complex numbers (dtype '>c16')" + expected);
    CHECK(reason_of_type("|S8") == "strings (dtype '|S8')" + expected);
    CHECK(reason_of_type("<U4") == "strings (dtype '<U4')" + expected);
    CHECK(reason_of_type("|V8") == "raw or structured elements (dtype '|V8')" + expected);
    CHECK(reason_of_type("<M8[ns]") == "dates and times (dtype '<M8[ns]')" + expected);
    CHECK(reason_of_type("<m8") == "dates and times (dtype '<m8')" + expected);
    CHECK(reason_of_type("<f16") == "floating-point numbers of this size (dtype '<f16')" + expected);
    CHECK(reason_of_type("<i16") == "elements of an unknown type (dtype '<i16')" + expected);
    CHECK(reason_of_type("") == "elements of an unknown type (dtype '')" + expected);
    CHECK(reason_of_type("<<f4") == "elements of an unknown type (dtype '<<f4')" + expected);
    CHECK(reason_of_type("<f4 ") == "floating-point numbers of this size (dtype '<f4 ')" + expected);
    CHECK(reason_of_type("|V2") ==
          "raw elements of 2 bytes (dtype '|V2'), as which NumPy saves bfloat16, are "
          "read only if they are stated to be bf16");
    CHECK(reason_of_type("<bf16") == "elements of an unknown type (dtype '<bf16')" + expected);
    CHECK(reason_of_text("{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (6,)}") ==
          "structured elements are not supported, expected numbers");
    CHECK(reason_of_text("{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (6,)}")
              .starts_with("bad .npy header: expected a quoted word, got '("));
}

TEST_CASE("headers with wrong bytes are read or throw a format_error") {
    std::uint32_t state = 2024;
    const auto random = [&](std::size_t bound) {
        state = state * 1664525U + 1013904223U;
        return static_cast<std::size_t>(state >> 8U) % bound;
    };
    const std::string whole = npy_with(npy_text("<f4", "(10, 20)"), 2);
    const std::string letters = "{}()[]':,<>|=0123456789 -TFelrstu\n\x00\xff";
    std::size_t read = 0, refused = 0;
    for (int trial = 0; trial < 20000; ++trial) {
        std::string bytes = whole;
        for (std::size_t changes = 1 + random(3); changes > 0; --changes) {
            const std::size_t at = random(80);
            if (random(3) == 0)
                bytes.erase(at, 1 + random(4));
            else
                bytes[at] = letters[random(letters.size())];
        }
        try {
            (void)parsed(bytes);
            ++read;
        } catch (const repscope::format_error& e) {
            const std::string_view said = e.what();
            if (said.starts_with("a.npy: ") && said.find('\n') == std::string_view::npos) ++refused;
        }
    }
    CHECK(read > 100);
    CHECK(refused > 10000);
    CHECK(read + refused == 20000);
}

} // namespace npy_header_test
