// CIFAR-10 records, and columns of text, which have as little to be wrong about.

#include "repscope/io/cifar.hpp"
#include "repscope/io/csv.hpp"

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto images = repscope::io::parse_cifar10(std::as_bytes(std::span(data, size)), "f");
        if (images.labels.size() * 3072 != images.pixels.size()) std::abort();
    } catch (const repscope::format_error&) {
    }
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const char* column : {"", "label"}) {
        try {
            if (repscope::io::parse_csv_integers(text, "f", column).empty()) std::abort();
        } catch (const repscope::format_error&) {
        }
        try {
            const auto labels = repscope::io::parse_csv_labels(text, "f", column);
            if (labels.integers.empty() == labels.names.empty()) std::abort();
        } catch (const repscope::format_error&) {
        }
    }
    return 0;
}
