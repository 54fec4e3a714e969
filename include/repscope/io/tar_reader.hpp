#pragma once

#include "repscope/error.hpp"
#include "repscope/io/byte_stream.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// A file in a tar archive.
struct tar_member {
    std::string name;       ///< as stored; may contain any byte but NUL
    std::uint64_t size = 0; ///< in bytes
};

namespace detail {

inline constexpr std::size_t tar_block = 512;
using tar_header = std::array<std::byte, tar_block>;

[[nodiscard]] inline std::string_view tar_field(const tar_header& header, std::size_t first,
                                                std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(header.data()) + first, size};
}

/// A number in octal digits with spaces or NULs around them, or in base 256 with the first bit set. Nothing
/// for other text, a negative number, and one above 2^63 - 1.
[[nodiscard]] inline std::optional<std::uint64_t> tar_number(std::string_view field) noexcept {
    constexpr auto most = static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)());
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint64_t>(static_cast<unsigned char>(field[i]));
    };
    std::uint64_t value = 0;
    if (byte(0) >= 0x80U) {
        if (byte(0) != 0x80U) return std::nullopt; // negative, or 2^88 and above
        for (std::size_t i = 1; i < field.size(); ++i) {
            if (value > most >> 8U) return std::nullopt;
            value = value << 8U | byte(i);
        }
        return value;
    }
    std::size_t at = 0;
    while (at < field.size() && field[at] == ' ') ++at;
    for (; at < field.size() && field[at] >= '0' && field[at] <= '7'; ++at) {
        if (value > most >> 3U) return std::nullopt;
        value = value << 3U | static_cast<std::uint64_t>(field[at] - '0');
    }
    for (; at < field.size(); ++at) {
        if (field[at] != ' ' && field[at] != '\0') return std::nullopt;
    }
    return value;
}

/// The text of a field up to its first NUL; nothing if something other than NULs follows it.
[[nodiscard]] inline std::optional<std::string_view> tar_text(std::string_view field) noexcept {
    const std::size_t end = (std::min)(field.find('\0'), field.size());
    if (field.find_first_not_of('\0', end) != std::string_view::npos) return std::nullopt;
    return field.substr(0, end);
}

} // namespace detail

/// Whether a file that begins with `head`, at least 512 bytes, is a tar archive: the checksum of its first
/// header fits.
[[nodiscard]] inline bool is_tar(std::span<const std::byte> head) noexcept {
    if (head.size() < detail::tar_block) return false;
    detail::tar_header header;
    std::copy_n(head.data(), header.size(), header.data());
    const auto stored = detail::tar_number(detail::tar_field(header, 148, 8));
    std::uint64_t sum = 8 * std::uint64_t{' '};
    for (std::size_t i = 0; i < header.size(); ++i) {
        if (i < 148 || i >= 156) sum += static_cast<std::uint64_t>(header[i]);
    }
    return stored == sum;
}

/// Reads a tar archive member by member, from front to back, without seeking: ustar, pax (long names, sizes
/// of 8 GiB and above), GNU long names and base-256 sizes, and the format before ustar.
///
///     for (tar_reader archive(stream); auto member = archive.next();) ... archive.contents() ...
///
/// Folders are skipped. Archives may follow each other in one stream. No file is written, and no memory is
/// allocated by a size in a header. Errors are `format_error`s that name the stream and the member: a wrong
/// checksum, a size above 2^63 - 1, a name with a NUL, links, devices, sparse files, and a stream that ends
/// before the two zero blocks of the end.
class tar_reader {
  public:
    /// `bytes` must outlive the reader.
    explicit tar_reader(byte_stream& bytes) : bytes_(bytes), contents_(bytes, *this) {}

    /// Returns the next file, after the rest of the contents of the previous one is skipped; no value at the
    /// end of the stream.
    [[nodiscard]] std::optional<tar_member> next() {
        finish_member();
        extended_ = {};
        std::size_t zero_blocks = 0;
        for (;;) {
            detail::tar_header header;
            const std::size_t count = bytes_.read_up_to(header);
            if (count == 0 && zero_blocks >= 2 && !extended_.used) return std::nullopt;
            if (count != header.size()) {
                fail("cut short: ended at byte " + errors::text_of(bytes_.position()) +
                     ", before the end of the archive");
            }
            if (std::all_of(header.begin(), header.end(), [](std::byte b) { return b == std::byte{0}; })) {
                if (extended_.used) fail("a header of a member, without the member");
                ++zero_blocks;
                continue;
            }
            if (zero_blocks == 1) fail("a member after a single zero block, expected two or none");
            zero_blocks = 0;
            if (std::optional<tar_member> member = member_of(header)) return member;
        }
    }

    /// The contents of the member that `next` returned, which end with it.
    [[nodiscard]] byte_stream& contents() noexcept { return contents_; }

  private:
    /// What pax headers and GNU long names state about the next member.
    struct extended_header {
        bool used = false;
        std::optional<std::string> name{};
        std::optional<std::uint64_t> size{};
    };

    class member_stream final : public byte_stream {
      public:
        member_stream(byte_stream& bytes, tar_reader& archive)
            : byte_stream(bytes.name()), bytes_(bytes), archive_(archive) {}

      protected:
        [[nodiscard]] std::size_t read_some(std::span<std::byte> bytes) override {
            const auto most =
                static_cast<std::size_t>((std::min<std::uint64_t>)(bytes.size(), archive_.left_));
            if (most == 0) return 0;
            bytes_.read(bytes.first(most));
            archive_.left_ -= most;
            return most;
        }

      private:
        byte_stream& bytes_;
        tar_reader& archive_;
    };

    static constexpr std::size_t most_extended_bytes = std::size_t{1} << 20U;

    [[noreturn]] void fail(const std::string& complaint) const {
        throw format_error(bytes_.name() + ": " + complaint);
    }

    void finish_member() {
        bytes_.skip(left_ + padding_);
        left_ = padding_ = 0;
    }

    [[nodiscard]] static std::uint64_t padding_of(std::uint64_t size) noexcept {
        return (detail::tar_block - size % detail::tar_block) % detail::tar_block;
    }

    /// The name of a header: its prefix, if the format has one, and its name.
    [[nodiscard]] std::string name_of(const detail::tar_header& header) const {
        const auto name = detail::tar_text(detail::tar_field(header, 0, 100));
        // The format of GNU has other fields in place of the prefix.
        const bool has_prefix = detail::tar_field(header, 257, 6) == std::string_view("ustar\0", 6);
        const auto prefix = has_prefix ? detail::tar_text(detail::tar_field(header, 345, 155))
                                       : std::optional<std::string_view>("");
        if (!name || !prefix) fail("a name with a NUL, at byte " + errors::text_of(bytes_.position()));
        return std::string(*prefix) + (prefix->empty() ? "" : "/") + std::string(*name);
    }

    /// The member that a header begins; nothing if it is a folder or describes the next member.
    [[nodiscard]] std::optional<tar_member> member_of(const detail::tar_header& header) {
        const std::string place = "at byte " + errors::text_of(bytes_.position() - header.size());
        if (!is_tar(header)) {
            fail("not a header of a tar archive " + place + ": its checksum is wrong");
        }
        const char type = detail::tar_field(header, 156, 1).front();
        const auto size = detail::tar_number(detail::tar_field(header, 124, 12));
        if (!size) fail("a bad size in the header " + place);
        switch (type) {
        case 'x':
        case 'L':
            extend(type, *size);
            return std::nullopt;
        case 'g':
        case 'K':
            (void)payload(*size, type);
            return std::nullopt;
        case '0':
        case '7':
        case '\0':
        case '5':
            break;
        default:
            refuse(type, extended_.name.value_or(name_of(header)));
        }
        tar_member member{extended_.name ? std::move(*extended_.name) : name_of(header),
                          extended_.size.value_or(*size)};
        extended_ = {};
        if (member.name.empty()) fail("a member without a name " + place);
        // Before ustar a folder was a file with a slash at the end of its name.
        if (type == '5' || member.name.back() == '/') return std::nullopt;
        left_ = member.size;
        padding_ = padding_of(member.size);
        return member;
    }

    [[noreturn]] void refuse(char type, const std::string& name) const {
        std::string_view what = "of an unknown type";
        if (type == '1' || type == '2')
            what = "a link, expected a file (tar --dereference --hard-dereference)";
        if (type == '3' || type == '4' || type == '6') what = "a device or pipe, expected a file";
        if (type == 'S') what = "a sparse file, expected a plain one (tar without --sparse)";
        if (type == 'M') what = "a part of a file, expected a whole one";
        fail("member " + name + ": " + std::string(what));
    }

    /// The bytes of a header that describes the next member.
    [[nodiscard]] std::string payload(std::uint64_t size, char type) {
        if (size > most_extended_bytes) {
            fail(std::string("a header of type ") + type + " of " + errors::text_of(size) +
                 " bytes, expected at most " + errors::text_of(most_extended_bytes));
        }
        std::string text(static_cast<std::size_t>(size), '\0');
        bytes_.read(std::as_writable_bytes(std::span(text.data(), text.size())));
        bytes_.skip(padding_of(size));
        return text;
    }

    void extend(char type, std::uint64_t size) {
        const std::string text = payload(size, type);
        extended_.used = true;
        if (type == 'L') {
            take_name(detail::tar_text(text).value_or(std::string_view("\0", 1)));
            return;
        }
        for (std::string_view rest = text; !rest.empty();) rest.remove_prefix(take_record(rest));
    }

    void take_name(std::string_view name) {
        if (name.find('\0') != std::string_view::npos) fail("a name with a NUL");
        extended_.name = std::string(name);
    }

    /// Reads a record "LENGTH KEY=VALUE\n" of a pax header; returns its length.
    [[nodiscard]] std::size_t take_record(std::string_view text) {
        std::size_t length = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), length);
        const auto begin = static_cast<std::size_t>(end - text.data()) + 1;
        if (failure != std::errc{} || length > text.size() || begin >= length || text[begin - 1] != ' ' ||
            text[length - 1] != '\n') {
            fail("a bad record in a pax header");
        }
        const std::string_view record = text.substr(begin, length - 1 - begin);
        const std::size_t equals = record.find('=');
        if (equals == std::string_view::npos) fail("a bad record in a pax header");
        const std::string_view key = record.substr(0, equals);
        const std::string_view value = record.substr(equals + 1);
        if (key.starts_with("GNU.sparse.")) refuse('S', extended_.name.value_or("(not named yet)"));
        if (key == "path") take_name(value);
        if (key == "size") {
            std::uint64_t size = 0;
            const auto [last, bad] = std::from_chars(value.data(), value.data() + value.size(), size);
            if (bad != std::errc{} || last != value.data() + value.size() || size >> 63U != 0) {
                fail("a bad size in a pax header");
            }
            extended_.size = size;
        }
        return length;
    }

    byte_stream& bytes_;
    std::uint64_t left_ = 0;    ///< bytes of the member that have not been read
    std::uint64_t padding_ = 0; ///< bytes after them, up to the next header
    extended_header extended_;
    member_stream contents_;
};

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
