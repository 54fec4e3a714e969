#include "repscope/io/zlib.hpp"

#include "npy_bytes.hpp"
#include "support/temporary_directory.hpp"

#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace zlib_test {

using namespace repscope_test;
namespace io = repscope::io;

namespace {

std::string gzipped(const std::string& text) {
    z_stream stream{};
    if (deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::runtime_error("deflateInit2");
    }
    std::string input = text, output(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(output.data());
    stream.avail_out = static_cast<uInt>(output.size());
    const int status = deflate(&stream, Z_FINISH);
    output.resize(stream.total_out);
    deflateEnd(&stream);
    if (status != Z_STREAM_END) throw std::runtime_error("deflate");
    return output;
}

std::string noise(std::size_t count) {
    std::string text;
    std::uint32_t state = 7;
    for (std::size_t i = 0; i < count; ++i) {
        state = state * 1664525U + 1013904223U;
        text += static_cast<char>(state >> 27U);
    }
    return text;
}

std::string reason(const std::string& bytes, std::size_t most = 1000000) {
    return refusal([&] { (void)io::gunzip(as_bytes(bytes), "a.gz", most); });
}

} // namespace

TEST_CASE("gzip streams of any length") {
    for (const std::size_t length : {0U, 1U, 1000U, 262144U, 262145U, 1000000U}) {
        CAPTURE(length);
        const std::string text = noise(length);
        CHECK(io::gunzip(as_bytes(gzipped(text)), "a.gz") == as_bytes(text));
    }
}

TEST_CASE("no more is decompressed than is allowed") {
    const std::string zeros = gzipped(std::string(5'000'000, '\0'));
    CHECK(zeros.size() < 10'000);
    CHECK(reason(zeros) == "a.gz: would decompress to more than 1000000 bytes");
    const std::string thousand = gzipped(noise(1000));
    CHECK(reason(thousand, 999) == "a.gz: would decompress to more than 999 bytes");
    CHECK(reason(thousand, 1000) == "nothing thrown");
}

TEST_CASE("damaged gzip streams") {
    const std::string whole = gzipped(noise(5000));
    for (std::size_t length = 0; length < whole.size(); length += length < 20 ? 1 : 97) {
        CAPTURE(length);
        CHECK(reason(whole.substr(0, length)) == "a.gz: the gzip data are cut short");
    }
    std::string bad = whole;
    bad[bad.size() - 8] = static_cast<char>(bad[bad.size() - 8] ^ 1);
    CHECK(reason(bad) == "a.gz: bad gzip data: incorrect data check");
    bad = whole;
    bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 64);
    CHECK(reason(bad).starts_with("a.gz: bad gzip data: "));
    CHECK(reason(whole + "x") == "a.gz: something follows the gzip data");
    CHECK(reason("not compressed at all") == "a.gz: bad gzip data: incorrect header check");
}

TEST_CASE("files, compressed or not") {
    const temporary_directory folder;
    const std::string text = noise(3000);
    CHECK(io::read_file_or_gzip(write_bytes(folder / "a.gz", gzipped(text))) == as_bytes(text));
    CHECK(io::read_file_or_gzip(write_bytes(folder / "a", text)) == as_bytes(text));
    CHECK(io::read_file_or_gzip(write_bytes(folder / "empty", "")).empty());
    const std::string cut = write_bytes(folder / "cut.gz", gzipped(text).substr(0, 100));
    CHECK(refusal([&] { (void)io::read_file_or_gzip(cut); }) == cut + ": the gzip data are cut short");
    CHECK(refusal([&] { (void)io::read_file_or_gzip(folder / "none"); }) ==
          (folder / "none") + ": cannot be opened: No such file or directory");
}

} // namespace zlib_test
