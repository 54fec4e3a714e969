#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>
#include <zlib.h>

// Zip archives by the format's description, every number of which a test can spoil.

namespace repscope_test {

inline std::string little(std::uint64_t value, std::size_t size) {
    std::string bytes;
    for (std::size_t k = 0; k < size; ++k) bytes += static_cast<char>((value >> (8 * k)) & 0xffU);
    return bytes;
}

inline std::string deflated(const std::string& text) {
    z_stream stream{};
    if (deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
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

struct zip_file {
    std::string name{};
    std::string contents{};
    bool deflate = false;
    bool wide = false; ///< sizes and offset in the 64-bit extra field, as behind 4 GiB

    // What a test spoils.
    std::string local_name{};        ///< empty: as `name`
    std::string packed{};            ///< empty: as it should be
    std::uint32_t crc_change = 0;    ///< added to the checksum
    std::uint64_t size_change = 0;   ///< added to the unpacked size of the directory
    std::uint64_t offset_change = 0; ///< added to the offset of the directory
    std::uint16_t flags = 0;
    std::uint16_t method = 0xffff; ///< 0xffff: as it should be
};

struct zip_end {
    bool wide = false; ///< with a 64-bit end record
    /// With `wide`: the old record holds true numbers as well, as Python writes from 2 GiB to 4 GiB.
    bool true_numbers = false;
    std::uint64_t narrow_entries_change = 0; ///< with `true_numbers`, of the old record alone
    std::string comment{};
    std::uint64_t entries_change = 0;
    std::uint64_t offset_change = 0;
    std::uint16_t disk = 0;
};

inline std::string zip_bytes(const std::vector<zip_file>& files, const zip_end& end = {}) {
    std::string bytes, directory;
    for (const zip_file& file : files) {
        const std::string packed = !file.packed.empty() ? file.packed
                                   : file.deflate       ? deflated(file.contents)
                                                        : file.contents;
        const auto crc =
            static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(file.contents.data()),
                                             static_cast<uInt>(file.contents.size()))) +
            file.crc_change;
        const std::uint16_t method =
            file.method != 0xffff ? file.method : static_cast<std::uint16_t>(file.deflate ? 8 : 0);
        const std::uint64_t size = file.contents.size() + file.size_change;
        const std::uint64_t offset = bytes.size() + file.offset_change;
        const std::uint64_t unset = 0xffffffffU;
        const std::string extra = file.wide ? little(1, 2) + little(24, 2) + little(size, 8) +
                                                  little(packed.size(), 8) + little(offset, 8)
                                            : "";
        const std::string own_name = file.local_name.empty() ? file.name : file.local_name;
        bytes += "PK\x03\x04" + little(20, 2) + little(file.flags, 2) + little(method, 2) + little(0, 4) +
                 little(crc, 4) + little(packed.size(), 4) + little(file.contents.size(), 4) +
                 little(own_name.size(), 2) + little(0, 2) + own_name + packed;
        directory += "PK\x01\x02" + little(20, 2) + little(20, 2) + little(file.flags, 2) +
                     little(method, 2) + little(0, 4) + little(crc, 4) +
                     little(file.wide ? unset : packed.size(), 4) + little(file.wide ? unset : size, 4) +
                     little(file.name.size(), 2) + little(extra.size(), 2) + little(0, 2) + little(0, 2) +
                     little(0, 2) + little(0, 4) + little(file.wide ? unset : offset, 4) + file.name + extra;
    }
    const std::uint64_t at = bytes.size() + end.offset_change;
    const std::uint64_t entries = files.size() + end.entries_change;
    bytes += directory;
    if (end.wide) {
        const std::uint64_t record = bytes.size();
        bytes += "PK\x06\x06" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 4) + little(0, 4) +
                 little(entries, 8) + little(entries, 8) + little(directory.size(), 8) + little(at, 8);
        bytes += "PK\x06\x07" + little(0, 4) + little(record, 8) + little(1, 4);
        if (end.true_numbers) {
            const std::uint64_t narrow = entries + end.narrow_entries_change;
            return bytes + "PK\x05\x06" + little(0, 4) + little(narrow, 2) + little(narrow, 2) +
                   little(directory.size(), 4) + little(at, 4) + little(end.comment.size(), 2) + end.comment;
        }
        return bytes + "PK\x05\x06" + little(0, 4) + little(0xffff, 2) + little(0xffff, 2) +
               little(0xffffffffU, 4) + little(0xffffffffU, 4) + little(end.comment.size(), 2) + end.comment;
    }
    return bytes + "PK\x05\x06" + little(end.disk, 2) + little(0, 2) + little(entries, 2) +
           little(entries, 2) + little(directory.size(), 4) + little(at, 4) + little(end.comment.size(), 2) +
           end.comment;
}

/// A .safetensors file with this header, and bytes behind it.
inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
    return little(header.size(), 8) + header + data;
}

} // namespace repscope_test
