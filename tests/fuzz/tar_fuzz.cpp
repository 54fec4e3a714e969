// tar archives, as streams: the headers of members, and .npy records in them.

#include "repscope/io/block_reader.hpp"
#include "repscope/io/npy_stream.hpp"
#include "repscope/io/tar_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace repscope::io;

void read_forward(byte_stream& bytes) {
    constexpr std::size_t most = std::size_t{1} << 16U;
    const npy_header header = read_npy_header(bytes, "f");
    const block_reader rows(forward_array(bytes, header, "f", most));
    if (rows.samples() > most || rows.units() * rows.positions() > most / rows.samples()) return;
    read_buffer buffer;
    std::vector<double> values;
    const std::size_t half = (rows.samples() + 1) / 2;
    (void)rows.read_tile(0, half, buffer, values);
    (void)rows.read_tile(half, rows.samples() - half, buffer, values);
    rows.verify();
}

void read_archive(std::span<const std::byte> data) {
    memory_stream stream(data, "f");
    try {
        tar_reader archive(stream);
        while (archive.next()) {
            try {
                read_forward(archive.contents());
            } catch (const repscope::format_error&) { // the next member is read
            }
        }
    } catch (const repscope::format_error&) {
    }
}

// Headers whose checksum fits, so that the fuzzer reaches what is behind it.
std::vector<std::byte> with_checksums(std::span<const std::byte> data) {
    constexpr std::size_t block = 512;
    std::vector<std::byte> bytes(data.begin(), data.end());
    for (std::size_t at = 0; at + block <= bytes.size(); at += block) {
        const auto header = std::span(bytes).subspan(at, block);
        constexpr char magic[] = {'u', 's', 't', 'a', 'r'};
        const auto is_same = [](char a, std::byte b) { return static_cast<std::byte>(a) == b; };
        if (!std::equal(std::begin(magic), std::end(magic), header.begin() + 257, is_same)) continue;
        std::fill_n(header.begin() + 148, 8, std::byte{' '});
        unsigned sum = 0;
        for (const std::byte b : header) sum += static_cast<unsigned>(b);
        for (std::size_t i = 0; i < 6; ++i)
            header[148 + i] = static_cast<std::byte>('0' + (sum >> (3 * (5 - i)) & 7U));
        header[154] = std::byte{0};
    }
    return bytes;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    read_archive(bytes);
    read_archive(with_checksums(bytes));
    memory_stream records(bytes, "f");
    try {
        while (!records.peek(1).empty()) read_forward(records);
    } catch (const repscope::format_error&) {
    }
    return 0;
}
