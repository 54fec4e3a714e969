// .npz archives: the directory, and every member, stored or deflated.

#include "repscope/io/npz.hpp"

#include "every_tile.hpp"

#include <cstdint>
#include <memory>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace repscope::io;
    const auto bytes = std::make_shared<memory_source>(std::as_bytes(std::span(data, size)), "f");
    try {
        const npz_archive archive(bytes, "f");
        for (const std::string& key : archive.keys()) {
            try {
                repscope_fuzz::read_every_tile(archive.array(key));
            } catch (const repscope::format_error&) {
            }
        }
    } catch (const repscope::format_error&) {
    }
    return 0;
}
