#include "image_verdicts.hpp"

#include "failure.hpp"

#include <zip.h>

#include <repscope/io/npy.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <memory>
#include <stdexcept>

namespace program {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

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

} // namespace

std::string packed(const std::vector<bool>& right) {
    std::string text = std::to_string(right.size()) + ":";
    for (std::size_t i = 0; i < right.size(); i += 4) {
        unsigned nibble = 0;
        for (std::size_t k = i; k < i + 4 && k < right.size(); ++k) nibble |= right[k] ? 1U << (k - i) : 0U;
        text += digits[nibble];
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
        const std::size_t digit = digits.find(text[at + 1 + i / 4]);
        if (digit == std::string_view::npos) throw std::invalid_argument("no packed bits");
        right[i] = ((digit >> (i % 4)) & 1U) != 0;
    }
    return right;
}

void write_verdicts(const std::string& file, const image_verdicts& verdicts) {
    int code = 0;
    std::unique_ptr<zip_t, discard> archive(zip_open(file.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
    if (!archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        const std::string reason = zip_error_strerror(&error);
        zip_error_fini(&error);
        throw data_error(file, "cannot be written: " + reason);
    }
    const auto failed = [&] {
        return data_error(file, std::string("cannot be written: ") + zip_strerror(archive.get()));
    };
    // The archive reads its sources when it is closed.
    std::vector<std::vector<std::byte>> contents;
    contents.reserve(verdicts.size());
    for (const auto& [name, right] : verdicts) {
        const auto& bytes = contents.emplace_back(npy_of(right));
        zip_source_t* source = zip_source_buffer(archive.get(), bytes.data(), bytes.size(), 0);
        if (source == nullptr) throw failed();
        const zip_int64_t index =
            zip_file_add(archive.get(), (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
        if (index < 0) {
            zip_source_free(source);
            throw failed();
        }
    }
    if (zip_close(archive.get()) != 0) throw failed();
    static_cast<void>(archive.release());
}

} // namespace program
