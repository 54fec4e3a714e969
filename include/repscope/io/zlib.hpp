#pragma once

// Opt-in, not part of repscope.hpp: includes <zlib.h>. The program that uses it links zlib.

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>
#include <zlib.h>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Decompresses a gzip stream and checks its checksum.
///
/// Errors refer to it by `name`. Throws `format_error` if it is not gzip, is damaged, cut or followed by
/// other bytes, or if the result is longer than `most` bytes.
[[nodiscard]] inline std::vector<std::byte> gunzip(std::span<const std::byte> compressed,
                                                   const std::string& name,
                                                   std::size_t most = std::size_t{1} << 32U) {
    z_stream stream{};
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream, gzip_only) != Z_OK) throw format_error(name + ": zlib cannot be started");
    struct ending {
        z_stream* stream;
        ~ending() { inflateEnd(stream); }
    } at_the_end{&stream};

    std::vector<std::byte> result;
    // An initial size that suits small files.
    std::vector<std::byte> chunk(
        std::clamp<std::size_t>(4 * compressed.size(), 4096, std::size_t{256} << 10U));
    std::size_t given = 0;
    for (int status = Z_OK; status != Z_STREAM_END;) {
        if (stream.avail_in == 0) {
            const std::size_t now = (std::min)(compressed.size() - given,
                                               static_cast<std::size_t>((std::numeric_limits<uInt>::max)()));
            // zlib does not write to its input, but older versions of its header lack the const.
            stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data() + given));
            stream.avail_in = static_cast<uInt>(now);
            given += now;
        }
        stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
        stream.avail_out = static_cast<uInt>(chunk.size());
        status = inflate(&stream, Z_NO_FLUSH);
        if (status == Z_BUF_ERROR) throw format_error(name + ": the gzip data are cut short");
        if (status != Z_OK && status != Z_STREAM_END) {
            throw format_error(name +
                               ": bad gzip data: " + (stream.msg != nullptr ? stream.msg : "not gzip"));
        }
        const std::size_t made = chunk.size() - stream.avail_out;
        if (made > most - result.size()) {
            throw format_error(name + ": would decompress to more than " + errors::text_of(most) + " bytes");
        }
        result.insert(result.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(made));
    }
    if (stream.avail_in != 0 || given != compressed.size()) {
        throw format_error(name + ": something follows the gzip data");
    }
    return result;
}

/// The contents of a file, decompressed if it begins like gzip.
[[nodiscard]] inline std::vector<std::byte> read_file_or_gzip(const std::string& path,
                                                              std::size_t most = std::size_t{1} << 32U) {
    std::vector<std::byte> bytes = read_file(path, most);
    if (bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b}) {
        return gunzip(bytes, path, most);
    }
    return bytes;
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
