#pragma once

#include "repscope/error.hpp"
#include "repscope/io/array_header.hpp"
#include "repscope/io/dtype.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// The contents of the header of a .npy file.
using npy_header = array_header;

/// Maximum length of a header; so many bytes of a file contain any header.
inline constexpr std::size_t npy_longest_header = std::size_t{64} << 10U;
/// Number of bytes from the beginning of a file that contain any header and what precedes it.
inline constexpr std::size_t npy_prefix_bytes = npy_longest_header + 12;

/// The type of elements of two bytes without a type (dtype `V2`), as which NumPy saves unknown types.
enum class void2_policy { refused, bfloat16 };

/// Elements of text in a .npy file: NumPy's `<U3` (characters of 4 bytes) and `|S3` (bytes).
struct npy_text_format {
    std::size_t characters = 0; ///< of each element, padded with zeros
    bool is_wide = false;       ///< characters of 4 bytes
    bool big_endian = false;    ///< of wide characters
};

namespace detail {

/// Parses the dictionary of a .npy header by a fixed grammar; nothing is evaluated.
class npy_dictionary {
  public:
    /// `elements`, unless null, receives the description of text elements, which are otherwise an error.
    npy_dictionary(std::string_view text, const std::string& name, void2_policy pairs,
                   std::optional<npy_text_format>* elements = nullptr)
        : text_(text), name_(name), pairs_(pairs), elements_(elements) {}

    void parse(npy_header& header) {
        bool has_descr = false;
        bool has_order = false;
        bool has_shape = false;
        const auto once = [&](bool& seen, std::string_view key) {
            if (seen) fail("the key '" + std::string(key) + "' occurs twice");
            seen = true;
        };
        expect('{');
        while (!take('}')) {
            const std::string key = quoted();
            expect(':');
            if (key == "descr") {
                once(has_descr, key);
                header.format = descr();
            } else if (key == "fortran_order") {
                once(has_order, key);
                header.fortran_order = boolean();
            } else if (key == "shape") {
                once(has_shape, key);
                header.shape = shape();
            } else {
                fail("unknown key '" + printable(key) + "'");
            }
            if (take('}')) break;
            expect(',');
        }
        skip_space();
        if (at_ != text_.size()) fail("something follows the dictionary");
        if (!has_descr) fail("the key 'descr' is missing");
        if (!has_order) fail("the key 'fortran_order' is missing");
        if (!has_shape) fail("the key 'shape' is missing");
    }

  private:
    [[noreturn]] void fail(const std::string& complaint) const {
        throw format_error(name_ + ": bad .npy header: " + complaint);
    }

    [[nodiscard]] static std::string printable(std::string_view text) {
        std::string shown;
        for (const char c : text.substr(0, 40)) shown += c >= ' ' && c <= '~' ? c : '?';
        return text.size() > 40 ? shown + "..." : shown;
    }

    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
    }
    [[nodiscard]] bool take(char c) {
        skip_space();
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void expect(char c) {
        if (take(c)) return;
        fail(std::string("expected '") + c + "', got " +
             (at_ == text_.size() ? "its end" : "'" + printable(text_.substr(at_, 16)) + "'"));
    }
    [[nodiscard]] std::string quoted() {
        skip_space();
        if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) {
            fail("expected a quoted word, got " +
                 (at_ == text_.size() ? "its end" : "'" + printable(text_.substr(at_, 16)) + "'"));
        }
        const char quote = text_[at_++];
        const std::size_t end = text_.find(quote, at_);
        if (end == std::string_view::npos) fail("a quoted word has no end");
        std::string word(text_.substr(at_, end - at_));
        at_ = end + 1;
        return word;
    }
    [[nodiscard]] bool boolean() {
        skip_space();
        for (const bool value : {false, true}) {
            const std::string_view word = value ? "True" : "False";
            if (text_.substr(at_).starts_with(word)) {
                at_ += word.size();
                return value;
            }
        }
        fail("'fortran_order' is neither True nor False");
    }
    [[nodiscard]] std::vector<std::size_t> shape() {
        std::vector<std::size_t> extents;
        expect('(');
        while (!take(')')) {
            extents.push_back(integer());
            if (extents.size() > 64) fail("the shape has more than 64 axes");
            if (take(')')) {
                if (extents.size() == 1) fail("'shape' is not a tuple");
                break;
            }
            expect(',');
        }
        return extents;
    }
    [[nodiscard]] std::size_t integer() {
        skip_space();
        std::size_t value = 0;
        const std::size_t begin = at_;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const auto digit = static_cast<std::size_t>(text_[at_] - '0');
            constexpr std::size_t most = (std::numeric_limits<std::size_t>::max)();
            if (value > (most - digit) / 10) fail("an extent of the shape does not fit in 64 bits");
            value = value * 10 + digit;
        }
        if (at_ == begin) {
            fail("expected an extent of 0 or above in 'shape', got " +
                 (at_ == text_.size() ? "its end" : "'" + printable(text_.substr(at_, 16)) + "'"));
        }
        if (at_ < text_.size() && text_[at_] == 'L') ++at_; // suffix of long integers from Python 2
        return value;
    }
    [[nodiscard]] element_format descr() {
        skip_space();
        if (at_ < text_.size() && text_[at_] == '[') {
            throw format_error(name_ + ": structured elements are not supported, expected numbers");
        }
        const std::string word = quoted();
        std::string_view rest = word;
        element_format format;
        format.big_endian = machine_is_big_endian;
        if (!rest.empty() && std::string_view("<>=|").find(rest.front()) != std::string_view::npos) {
            if (rest.front() == '<') format.big_endian = false;
            if (rest.front() == '>') format.big_endian = true;
            rest.remove_prefix(1);
        }
        const auto type = dtype_named(rest);
        if (type && *type != dtype::bfloat16) { // a name of this library, not of NumPy
            format.type = *type;
            if (size_of(*type) == 1) format.big_endian = false;
            return format;
        }
        if (rest == "V2" && pairs_ == void2_policy::bfloat16) {
            format.type = dtype::bfloat16;
            return format;
        }
        const char kind = rest.empty() ? '?' : rest.front();
        if (elements_ != nullptr && (kind == 'S' || kind == 'U')) {
            std::size_t characters = 0;
            const auto [end, failure] =
                std::from_chars(rest.data() + 1, rest.data() + rest.size(), characters);
            constexpr std::size_t most = std::size_t{1} << 20U;
            if (failure == std::errc{} && end == rest.data() + rest.size() && characters <= most) {
                *elements_ = npy_text_format{characters, kind == 'U', format.big_endian};
                format.type = dtype::uint8;
                return format;
            }
        }
        std::string_view what = "elements of an unknown type";
        if (kind == 'O') what = "Python objects";
        if (kind == 'c') what = "complex numbers";
        if (kind == 'S' || kind == 'a' || kind == 'U') what = "strings";
        if (kind == 'V') what = "raw or structured elements";
        if (rest == "V2") {
            throw format_error(name_ + ": raw elements of 2 bytes (dtype '" + printable(word) +
                               "'), as which NumPy saves bfloat16, are read only if they are stated to be "
                               "bf16");
        }
        if (kind == 'M' || kind == 'm') what = "dates and times";
        if (kind == 'f') what = "floating-point numbers of this size";
        throw format_error(name_ + ": " + std::string(what) + " (dtype '" + printable(word) +
                           "') are not supported, expected f2, f4, f8, i1 to i8, u1 to u8 or bool");
    }

    std::string_view text_;
    const std::string& name_;
    void2_policy pairs_;
    std::optional<npy_text_format>* elements_;
    std::size_t at_ = 0;
};

[[nodiscard]] inline npy_header parse_any_npy_header(std::span<const std::byte> begin,
                                                     const std::string& name, void2_policy pairs,
                                                     std::optional<npy_text_format>* elements);

} // namespace detail

/// Reads the header of a .npy file: versions 1.0, 2.0 and 3.0, by a fixed grammar.
///
/// `begin`: the first `npy_prefix_bytes` bytes of the file, or all of a shorter one; `name`: the name of the
/// file in errors. No allocation is proportional to numbers in the header. Throws `format_error` for a header
/// of more than 64 KiB, an unknown, missing or repeated key, element types that are not numbers, and a size
/// that does not fit in an index. Throws it for `V2` unless `pairs` states its type. Pure; O(header).
[[nodiscard]] inline npy_header parse_npy_header(std::span<const std::byte> begin, const std::string& name,
                                                 void2_policy pairs = void2_policy::refused) {
    return detail::parse_any_npy_header(begin, name, pairs, nullptr);
}

namespace detail {

[[nodiscard]] inline npy_header parse_any_npy_header(std::span<const std::byte> begin,
                                                     const std::string& name, void2_policy pairs,
                                                     std::optional<npy_text_format>* elements) {
    constexpr std::string_view magic = "\x93NUMPY";
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(begin[i]); };
    bool is_npy = begin.size() >= magic.size();
    for (std::size_t i = 0; is_npy && i < magic.size(); ++i) {
        is_npy = byte(i) == static_cast<unsigned char>(magic[i]);
    }
    if (!is_npy) {
        throw format_error(name + (begin.empty() ? ": is empty, expected a .npy file"
                                                 : ": not a .npy file: it does not begin with \\x93NUMPY"));
    }
    if (begin.size() < 10) throw format_error(name + ": cut within the .npy header");
    const unsigned major = byte(6);
    const unsigned minor = byte(7);
    if (major < 1 || major > 3 || minor != 0) {
        throw format_error(name + ": .npy version " + errors::text_of(major) + "." + errors::text_of(minor) +
                           " is unknown, expected 1.0, 2.0 or 3.0");
    }
    const std::size_t preamble = major == 1 ? 10 : 12;
    if (begin.size() < preamble) throw format_error(name + ": cut within the .npy header");
    std::size_t length = byte(8) | byte(9) << 8U;
    if (major > 1)
        length |= static_cast<std::size_t>(byte(10)) << 16U | static_cast<std::size_t>(byte(11)) << 24U;
    if (length > npy_longest_header) {
        throw format_error(name + ": the .npy header claims " + errors::text_of(length) +
                           " bytes, expected at most " + errors::text_of(npy_longest_header));
    }
    if (begin.size() < preamble + length) throw format_error(name + ": cut within the .npy header");

    npy_header header;
    header.data_offset = preamble + length;
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += static_cast<char>(begin[preamble + i]);
    npy_dictionary(text, name, pairs, elements).parse(header);

    std::size_t element = size_of(header.format.type);
    if (elements != nullptr && *elements) element = (*elements)->characters * ((*elements)->is_wide ? 4 : 1);
    if (!array_bytes(header.shape, element)) {
        throw format_error(name + ": the .npy header claims shape " + format_shape(header.shape) +
                           ", more than fits in memory or in a file");
    }
    return header;
}

} // namespace detail

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
