#include "study/per_image.hpp"

#include "files/output_file.hpp"
#include "support/errors.hpp"

#include <zip.h>

#include <repscope/io/npy.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <stdexcept>

namespace program {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

// The bytes of an .npy file of bool.
std::vector<std::byte> npy_of(const std::vector<bool>& values) {
    const std::array<std::size_t, 1> shape{values.size()};
    std::vector<std::byte> bytes =
        repscope::io::npy_header_bytes({repscope::io::dtype::boolean, false}, shape);
    for (const bool value : values) bytes.push_back(std::byte{value});
    return bytes;
}

struct discard {
    void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
};

struct release {
    void operator()(zip_source_t* source) const noexcept { zip_source_free(source); }
};

// All bytes of a source; none where it cannot be read.
std::string contents_of(zip_source_t* source) {
    if (zip_source_open(source) != 0) return {};
    std::string bytes;
    if (zip_source_seek(source, 0, SEEK_END) == 0) {
        const zip_int64_t size = zip_source_tell(source);
        if (size > 0 && zip_source_seek(source, 0, SEEK_SET) == 0) {
            bytes.resize(static_cast<std::size_t>(size));
            if (zip_source_read(source, bytes.data(), bytes.size()) != size) bytes.clear();
        }
    }
    zip_source_close(source);
    return bytes;
}

} // namespace

std::string packed(const std::vector<bool>& right) {
    std::string text = std::to_string(right.size()) + ":";
    for (std::size_t i = 0; i < right.size(); i += 4) {
        unsigned nibble = 0;
        for (std::size_t k = i; k < i + 4 && k < right.size(); ++k) nibble |= right[k] ? 1U << (k - i) : 0U;
        text += hex_digits[nibble];
    }
    return text;
}

std::vector<bool> unpacked(std::string_view text) {
    std::size_t count = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
    const auto at = static_cast<std::size_t>(end - text.data());
    if (failure != std::errc() || at >= text.size() || text[at] != ':' ||
        text.size() - at - 1 != (count + 3) / 4) {
        throw std::invalid_argument("no packed bits");
    }
    std::vector<bool> right(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t digit = hex_digits.find(text[at + 1 + i / 4]);
        if (digit == std::string_view::npos) throw std::invalid_argument("no packed bits");
        right[i] = ((digit >> (i % 4)) & 1U) != 0;
    }
    return right;
}

void write_verdicts(const std::string& file, const image_verdicts& verdicts) {
    zip_error_t error;
    zip_error_init(&error);
    const auto failed = [&](const char* reason) {
        return data_error(file, std::string("cannot be written: ") + reason);
    };
    // In memory: libzip's own temporary files are not removed when a signal ends the process.
    zip_source_t* const memory = zip_source_buffer_create(nullptr, 0, 0, &error);
    if (memory == nullptr) throw failed(zip_error_strerror(&error));
    const std::unique_ptr<zip_source_t, release> kept(memory);
    zip_source_keep(memory); // for the archive, which releases it
    std::unique_ptr<zip_t, discard> archive(zip_open_from_source(memory, ZIP_TRUNCATE, &error));
    if (!archive) {
        zip_source_free(memory);
        throw failed(zip_error_strerror(&error));
    }
    // The archive reads its sources when it is closed.
    std::vector<std::vector<std::byte>> contents;
    contents.reserve(verdicts.size());
    for (const auto& [name, right] : verdicts) {
        const auto& bytes = contents.emplace_back(npy_of(right));
        zip_source_t* source = zip_source_buffer(archive.get(), bytes.data(), bytes.size(), 0);
        if (source == nullptr) throw failed(zip_strerror(archive.get()));
        const zip_int64_t index =
            zip_file_add(archive.get(), (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
        if (index < 0) {
            zip_source_free(source);
            throw failed(zip_strerror(archive.get()));
        }
    }
    if (zip_close(archive.get()) != 0) throw failed(zip_strerror(archive.get()));
    static_cast<void>(archive.release());
    const std::string bytes = contents_of(memory);
    if (bytes.empty()) throw failed("no archive was made");
    write_output(file, bytes);
}

} // namespace program
