#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/tensor/array.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Images of the CIFAR-10 binary format.
struct cifar_images {
    /// (images, 3, 32, 32): planes of red, green, blue.
    array<std::uint8_t, 4> pixels;
    /// 0 .. 9.
    std::vector<std::uint8_t> labels;
};

/// Bytes of a record: the label and the pixels of an image.
inline constexpr std::size_t cifar10_record_bytes = 1 + 3 * 32 * 32;

/// Reads CIFAR-10's binary format: records of a label byte and 3072 bytes of pixels.
///
/// Errors refer to it by `name`. Throws `format_error` if it is empty, is not a whole number of records, or
/// has a label above 9.
[[nodiscard]] inline cifar_images parse_cifar10(std::span<const std::byte> bytes, const std::string& name) {
    if (bytes.empty() || bytes.size() % cifar10_record_bytes != 0) {
        throw format_error(name + ": expected whole CIFAR-10 records of " +
                           errors::text_of(cifar10_record_bytes) + " bytes, got " +
                           errors::text_of(bytes.size()) + " bytes");
    }
    const std::size_t images = bytes.size() / cifar10_record_bytes;
    cifar_images result{array<std::uint8_t, 4>({images, 3, 32, 32}), {}};
    std::uint8_t* pixel = result.pixels.data_handle();
    for (std::size_t i = 0; i < images; ++i) {
        const auto record = bytes.subspan(i * cifar10_record_bytes, cifar10_record_bytes);
        const auto label = static_cast<std::uint8_t>(record[0]);
        if (label > 9) {
            throw format_error(name + ": expected labels 0 to 9, got " + errors::text_of(label) +
                               " in record " + errors::text_of(i));
        }
        result.labels.push_back(label);
        for (const std::byte b : record.subspan(1)) *pixel++ = static_cast<std::uint8_t>(b);
    }
    return result;
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
