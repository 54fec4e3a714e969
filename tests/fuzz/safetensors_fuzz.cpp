// .safetensors files: the header's JSON and ranges, and every tensor.

#include "repscope/io/safetensors.hpp"

#include "every_tile.hpp"

#include <cstdint>
#include <memory>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace repscope::io;
    const auto bytes = std::make_shared<memory_source>(std::as_bytes(std::span(data, size)), "f");
    try {
        const safetensors_file file(bytes, "f");
        for (const safetensors_entry& entry : file.entries()) {
            try {
                repscope_fuzz::read_every_tile(file.array(entry.name));
            } catch (const repscope::format_error&) {
            }
        }
    } catch (const repscope::format_error&) {
    }
    return 0;
}
