// IDX files, and the gzip around them.

#include "repscope/io/idx.hpp"
#include "repscope/io/zlib.hpp"

#include <cstdint>
#include <cstdlib>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        const repscope::io::idx_array array = repscope::io::parse_idx(bytes, "f");
        if (repscope::element_count(array.shape) != array.values.size()) std::abort();
    } catch (const repscope::format_error&) {
    }
    try {
        (void)repscope::io::gunzip(bytes, "f", std::size_t{1} << 22U);
    } catch (const repscope::format_error&) {
    }
    return 0;
}
