// Bad files made by hand, and the error of each.

#include "repscope/io/block_reader.hpp"
#include "repscope/io/cifar.hpp"
#include "repscope/io/csv.hpp"
#include "repscope/io/idx.hpp"
#include "repscope/io/npz.hpp"
#include "repscope/io/raw.hpp"
#include "repscope/io/safetensors.hpp"

#include "npy_bytes.hpp"
#include "zip_bytes.hpp"

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

namespace bad_files_archive_test {

using namespace repscope_test;
namespace io = repscope::io;

namespace {

struct bad_file {
    std::string what;
    std::string bytes;
    std::string message; ///< behind "f: "
};

const std::string array = npy_file("<f4", {2, 3}, std::string(24, '\1'));

std::string npy(const std::string& dictionary, const std::string& data = {}) {
    return npy_with(dictionary + "\n") + data;
}

std::string zip(zip_file file) {
    if (file.name.empty()) file.name = "a.npy";
    if (file.contents.empty()) file.contents = array;
    return zip_bytes({file});
}

std::string tensors(const std::string& header, std::size_t data = 0) {
    return safetensors_bytes(header, std::string(data, '\0'));
}

std::string tensor(const std::string& inside, std::size_t data) {
    return tensors("{\"x\":{" + inside + "}}", data);
}

/// Reads everything in it.
void read_all(const io::stored_array& a) {
    const io::block_reader reader(a);
    io::read_buffer buffer;
    std::vector<double> values(reader.samples() * reader.units() * reader.positions());
    reader.read(0, reader.samples(), values.data(), buffer);
    reader.verify();
}

template <typename Read>
void check(const std::vector<bad_file>& files, Read&& read) {
    for (const bad_file& file : files) {
        CAPTURE(file.what);
        const std::vector<std::byte> bytes = as_bytes(file.bytes);
        CHECK(refusal([&] { read(std::make_shared<io::memory_source>(bytes, "f")); }) ==
              "f: " + file.message);
    }
}

} // namespace

TEST_CASE("bad .npy files") {
    const std::string form = "{'descr': '<f4', 'fortran_order': False, 'shape': ";
    check(
        {
            {"empty", "", "is empty, expected a .npy file"},
            {"another format", "RIFF0000", "not a .npy file: it does not begin with \\x93NUMPY"},
            {"cut in the length", array.substr(0, 9), "cut within the .npy header"},
            {"cut in the dictionary", array.substr(0, 60), "cut within the .npy header"},
            {"a version to come", "\x93NUMPY" + std::string("\x09\x00", 2) + array.substr(8),
             ".npy version 9.0 is unknown, expected 1.0, 2.0 or 3.0"},
            {"a header of 4 GiB", "\x93NUMPY" + std::string("\x02\x00\xff\xff\xff\xff", 6) + array.substr(12),
             "the .npy header claims 4294967295 bytes, expected at most 65536"},
            {"code", npy("__import__('os').system('true')"),
             "bad .npy header: expected '{', got '__import__('os')'"},
            {"a negative extent", npy(form + "(-1, 3)}"),
             "bad .npy header: expected an extent of 0 or above in 'shape', got '-1, 3)}?'"},
            {"an extent of 2^64", npy(form + "(18446744073709551616, 3)}"),
             "bad .npy header: an extent of the shape does not fit in 64 bits"},
            {"a product of 2^66", npy(form + "(4294967296, 4294967296)}"),
             "the .npy header claims shape (4294967296, 4294967296), more than fits in memory or in a file"},
            {"32 GiB in 80 bytes", npy(form + "(8589934592, 1)}"),
             "cut short: shape (8589934592, 1) of <f4 takes 34359738368 bytes, the file holds 0"},
            {"data cut", array.substr(0, array.size() - 1),
             "cut short: shape (2, 3) of <f4 takes 24 bytes, the file holds 23"},
            {"data and more", array + "x", "shape (2, 3) of <f4 takes 24 bytes, the file holds 25"},
            {"a pickle", npy_file("|O", {2, 3}, "x"),
             "Python objects (dtype '|O') are not supported, expected f2, f4, f8, i1 to i8, u1 to u8 or "
             "bool"},
        },
        [](const std::shared_ptr<io::memory_source>& bytes) {
            read_all({"f", io::read_npy_header(*bytes, "f"), bytes});
        });
}

TEST_CASE("bad .npz files") {
    const std::string good = zip({});
    const std::string twice =
        zip_bytes({{.name = "a.npy", .contents = array}, {.name = "a.npy", .contents = array}});
    const std::string over = zip_bytes(
        {{.name = "a.npy", .contents = array},
         {.name = "a.npy", .contents = array, .offset_change = ~std::uint64_t{0} - (35 + array.size()) + 1}});
    const std::string bad = "bad zip archive: ";
    check(
        {
            {"too short", "PK\x05\x06", bad + "it is too short"},
            {"cut in front", good.substr(10), bad + "its directory does not end where its end record begins"},
            {"cut at the end", good.substr(0, good.size() - 1),
             bad + "it has no end record: is it cut short?"},
            {"no archive", std::string(100, 'x'), bad + "it has no end record: is it cut short?"},
            {"one of several", zip_bytes({{.name = "a.npy", .contents = array}}, {.disk = 1}),
             bad + "it is one of several"},
            {"more entries than there are",
             zip_bytes({{.name = "a.npy", .contents = array}}, {.entries_change = 9}),
             bad + "its directory is too short for its entries"},
            {"a directory elsewhere", zip_bytes({{.name = "a.npy", .contents = array}}, {.offset_change = 5}),
             bad + "its directory does not end where its end record begins"},
            {"no array", zip({.name = "a.txt"}), "a zip archive without .npy members"},
            {"encrypted", zip({.flags = 1}), "member a.npy is encrypted"},
            {"packed by lzma", zip({.method = 14}),
             "member a.npy is packed by method 14, expected 0 (stored) or 8 (deflated)"},
            {"stored with two sizes", zip({.size_change = 1}),
             bad + "member a.npy is stored, but its two sizes differ"},
            {"a bomb", zip({.deflate = true, .size_change = 1000000}),
             bad + "member a.npy claims 1000152 bytes, more than its " +
                 std::to_string(deflated(array).size()) + " packed ones can hold"},
            {"outside", zip({.offset_change = 1U << 20U}), bad + "member a.npy is outside of the file"},
            {"another name in front", zip({.local_name = "b.npy"}),
             bad + "member a.npy has another name in its header"},
            {"one name twice", twice, bad + "two members have the name a.npy"},
            {"members that overlap", over, bad + "members a.npy and a.npy overlap"},
        },
        [](const std::shared_ptr<io::memory_source>& bytes) {
            read_all(io::npz_archive(bytes, "f").array("a"));
        });
}

TEST_CASE("members of .npz files that are bad inside") {
    const std::string packed = deflated(array);
    std::vector<bad_file> files{
        {"a wrong checksum", zip({.crc_change = 1}), "is damaged: its checksum is wrong"},
        {"a wrong checksum, deflated", zip({.deflate = true, .crc_change = 1}),
         "is damaged: its checksum is wrong"},
        {"a stream without end", zip({.deflate = true, .packed = packed.substr(0, packed.size() - 2)}), ""},
        {"more behind the stream", zip({.deflate = true, .packed = packed + "x"}),
         "is damaged: something follows its stream"},
        {"less than it claims", zip({.deflate = true, .size_change = 1}),
         "is damaged: it unpacks to less than it should"},
        {"more than it claims", zip({.deflate = true, .size_change = ~std::uint64_t{0}}),
         "is damaged: it unpacks to more than it should"},
        {"no stream", zip({.deflate = true, .packed = std::string(40, '\xff')}),
         "is damaged: invalid block type"},
        {"no array inside", zip({.contents = std::string(200, 'x')}),
         "not a .npy file: it does not begin with \\x93NUMPY"},
    };
    for (const bad_file& file : files) {
        CAPTURE(file.what);
        const std::vector<std::byte> bytes = as_bytes(file.bytes);
        const std::string said = refusal([&] {
            read_all(io::npz_archive(std::make_shared<io::memory_source>(bytes, "f"), "f").array("a"));
        });
        if (file.message.empty())
            CHECK(said.starts_with("f:a: is damaged: "));
        else
            CHECK(said == "f:a: " + file.message);
    }
}

TEST_CASE("bad .safetensors files") {
    const std::string bad = "bad safetensors header: ";
    const std::string good = R"("dtype":"F32","shape":[2,3],"data_offsets":[0,24])";
    check(
        {
            {"too short", "1234567", "too short for a .safetensors file"},
            {"a header longer than the file", little(1000, 8) + "{}",
             bad + "claims 1000 bytes, expected at most 2"},
            {"a header of 2^63", little(std::uint64_t{1} << 63U, 8) + "{}",
             bad + "claims 9223372036854775808 bytes, expected at most 2"},
            {"no object", tensors("[]"), bad + "does not begin with {"},
            {"no header", tensors(""), bad + "does not begin with {"},
            {"a line feed behind it", tensors("{}\n"), bad + "something follows the object"},
            {"no JSON", tensors("{\"x\":}"), bad + "no JSON at byte 6"},
            {"no tensors", tensors("{}"), "holds no tensors"},
            {"a key twice", tensors("{\"x\":{" + good + "},\"x\":{" + good + "}}", 24),
             bad + "the key 'x' occurs twice"},
            {"a key twice inside", tensor(R"("dtype":"F32","dtype":"F64")", 0),
             bad + "the key 'dtype' occurs twice"},
            {"an unknown key", tensor(R"("type":"F32")", 0), bad + "tensor x has the unknown key 'type'"},
            {"a key missing", tensor(R"("dtype":"F32","shape":[2,3])", 0),
             bad + "tensor x lacks dtype, shape or data_offsets"},
            {"a negative extent", tensor(R"("shape":[-1])", 0), bad + "expected no negative number, got -1"},
            {"an extent with a point", tensor(R"("shape":[2.0])", 0), bad + "expected integers, got 2.0"},
            {"deep nesting", tensors("{\"x\":{\"shape\":" + std::string(5000, '[') + "}}"),
             bad + "unexpected array"},
            {"three offsets", tensor(R"("data_offsets":[0,1,2])", 0),
             bad + "tensor x: expected two data_offsets"},
            {"offsets the wrong way", tensor(R"("dtype":"U8","shape":[2],"data_offsets":[2,0])", 2),
             bad + "tensor x is at bytes 2 to 0, expected them to begin at 0"},
            {"a hole in front", tensor(R"("dtype":"U8","shape":[1],"data_offsets":[1,2])", 2),
             bad + "tensor x is at bytes 1 to 2, expected them to begin at 0"},
            {"behind the file", tensor(good, 23), bad + "tensor x ends behind the file"},
            {"more bytes than tensors", tensor(good, 25),
             bad + "its tensors take 24 bytes, the file holds 25"},
            {"another size", tensor(R"("dtype":"F64","shape":[2,3],"data_offsets":[0,24])", 24),
             bad + "tensor x of F64 and shape (2, 3) does not take the 24 bytes it has"},
            {"a product that wraps",
             tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0),
             bad + "tensor x of F32 and shape (4294967296, 4294967296) does not take the 0 bytes it has"},
            {"overlap",
             tensors(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                     R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                     3),
             bad + "tensor b is at bytes 1 to 3, expected them to begin at 2"},
        },
        [](const std::shared_ptr<io::memory_source>& bytes) {
            read_all(io::safetensors_file(bytes, "f").array("x"));
        });
}

TEST_CASE("bad IDX, CIFAR, CSV and raw files") {
    const auto said = [](auto&& body) { return refusal(body); };
    const auto idx = [&](const std::string& bytes) {
        return said([&] { (void)io::parse_idx(as_bytes(bytes), "f"); });
    };
    CHECK(idx("abcd") == "f: not an IDX file: it does not begin with two zero bytes");
    CHECK(idx(std::string("\0\0\x0d\1", 4)) ==
          "f: IDX elements of type 13 are not supported, expected 8 (unsigned bytes)");
    CHECK(idx(std::string("\0\0\x08\0", 4)) == "f: expected an IDX array of rank 1 to 4, got 0");
    CHECK(idx(std::string("\0\0\x08\2\0\0\0\2", 8)) == "f: cut within the IDX header");
    CHECK(idx(std::string("\0\0\x08\1\xff\xff\xff\xff", 8) + "x") ==
          "f: IDX shape (4294967295,) does not take the 1 bytes that the file holds");
    const auto cifar = [&](const std::string& bytes) {
        return said([&] { (void)io::parse_cifar10(as_bytes(bytes), "f"); });
    };
    CHECK(cifar(std::string(3072, '\0')) ==
          "f: expected whole CIFAR-10 records of 3073 bytes, got 3072 bytes");
    CHECK(cifar(std::string(3073, '\x0a')) == "f: expected labels 0 to 9, got 10 in record 0");
    const auto csv = [&](const std::string& text, const std::string& column = {}) {
        return said([&] { (void)io::parse_csv_integers(text, "f", column); });
    };
    CHECK(csv("") == "f: holds no rows");
    CHECK(csv("label\n") == "f: holds no rows");
    CHECK(csv("1\n2\nx\n") == "f: line 3: expected an integer, got 'x'");
    CHECK(csv("1\n\n1.5\n") == "f: line 3: expected an integer, got '1.5'");
    CHECK(csv("1,2\n3,4\n") == "f: has 2 columns: expected one, or the name of one");
    CHECK(csv("a,b\n1,2\n3\n", "b") == "f: line 3: expected 2 fields, got 1");
    CHECK(csv("a,b\n1,2\n", "c") == "f: has no column 'c'");
    CHECK(csv("a,a\n1,2\n", "a") == "f: has two columns 'a'");
    CHECK(csv("a\n\"1\n", "a") == "f: line 2: a quoted field has no end");
    CHECK(csv("a\n\"1\"2\n", "a") == "f: line 2: something follows a quoted field");
    CHECK(csv("a\n99999999999999999999\n") == "f: line 2: expected an integer, got '99999999999999999999'");
    const std::vector<std::byte> bytes(24);
    const io::memory_source raw(bytes, "f");
    const auto shaped = [&](const std::vector<std::size_t>& shape, std::size_t offset) {
        return said([&] { (void)io::raw_header(raw, "f", {}, shape, offset); });
    };
    CHECK(shaped({2, 4}, 0) == "f: shape (2, 4) of <f4 takes 32 bytes, the file holds 24");
    CHECK(shaped({2, 3}, 4) == "f: shape (2, 3) of <f4 from byte 4 on takes 24 bytes, the file holds 20");
    CHECK(shaped({2, 3}, 25) ==
          "f: shape (2, 3) of <f4 from byte 25 on takes 24 bytes, the file holds only 24 in all");
    CHECK(shaped({std::size_t{1} << 62U, 4}, 0) ==
          "f: shape (4611686018427387904, 4) of <f4 is more than fits in memory or in a file");
}

} // namespace bad_files_archive_test
