// .npy files: the header's grammar, and the elements that it promises, strings among them.

#include "repscope/io/class_names.hpp"
#include "repscope/io/npy.hpp"

#include "every_tile.hpp"

#include <cstdint>
#include <memory>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace repscope::io;
    const auto bytes = std::make_shared<memory_source>(std::as_bytes(std::span(data, size)), "f");
    for (const void2_policy pairs : {void2_policy::refused, void2_policy::bfloat16}) {
        try {
            repscope_fuzz::read_every_tile({"f", read_npy_header(*bytes, "f", pairs), bytes});
        } catch (const repscope::format_error&) {
        }
    }
    try {
        (void)load_class_names(*bytes, "f");
    } catch (const repscope::format_error&) {
    }
    return 0;
}
