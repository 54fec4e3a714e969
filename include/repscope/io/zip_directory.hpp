#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/io/byte_source.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// A file in a zip archive.
struct zip_member {
    std::string name;      ///< of the member
    bool deflated = false; ///< compressed, else stored
    std::uint32_t crc = 0; ///< checksum of the content
    /// Size in the archive, and size after unpacking.
    std::size_t packed_size = 0;
    std::size_t size = 0; ///< size of the content in bytes
    /// Offset of its bytes.
    std::size_t offset = 0;
};

namespace detail {

/// The central directory of a zip archive, the only source of the list of members.
class zip_reader {
  public:
    zip_reader(const byte_source& archive, const std::string& name) : archive_(archive), name_(name) {}

    [[nodiscard]] std::vector<zip_member> members() {
        find_directory();
        constexpr std::size_t most = std::size_t{64} << 20U;
        if (directory_size_ > most) fail("its directory is longer than " + errors::text_of(most) + " bytes");
        if (entries_ > directory_size_ / entry_bytes) fail("its directory is too short for its entries");
        std::vector<std::byte> bytes(directory_size_);
        archive_.read(directory_, bytes);
        std::vector<zip_member> found;
        byte_reader in(bytes, name_);
        for (std::uint64_t k = 0; k < entries_; ++k) found.push_back(entry(in));
        if (in.left() != 0) fail("something follows the entries of its directory");
        for (zip_member& member : found) locate(member);
        check_apart(found);
        return found;
    }

  private:
    static constexpr std::size_t end_bytes = 22;
    static constexpr std::size_t locator_bytes = 20;
    static constexpr std::size_t record_bytes = 56;
    static constexpr std::size_t entry_bytes = 46;
    static constexpr std::size_t local_bytes = 30;
    static constexpr std::uint32_t unset32 = 0xffffffffU;
    static constexpr std::uint16_t unset16 = 0xffffU;

    [[noreturn]] void fail(const std::string& complaint) const {
        throw format_error(name_ + ": bad zip archive: " + complaint);
    }

    [[nodiscard]] std::vector<std::byte> bytes_at(std::uint64_t offset, std::size_t count,
                                                  std::string_view what) const {
        if (offset > archive_.size() || count > archive_.size() - offset) {
            fail(std::string(what) + " is outside of the file");
        }
        std::vector<std::byte> bytes(count);
        archive_.read(static_cast<std::size_t>(offset), bytes);
        return bytes;
    }

    /// The end record is at the end of the file, followed only by a comment whose length it contains.
    void find_directory() {
        const std::size_t size = archive_.size();
        if (size < end_bytes) fail("it is too short");
        const std::size_t tail_size = (std::min)(size, end_bytes + unset16);
        const std::vector<std::byte> tail = bytes_at(size - tail_size, tail_size, "its end");
        std::size_t at = tail_size - end_bytes;
        const auto value = [&](std::size_t i) { return static_cast<unsigned>(tail[i]); };
        const auto is_end = [&](std::size_t i) {
            return value(i) == 'P' && value(i + 1) == 'K' && value(i + 2) == 5 && value(i + 3) == 6 &&
                   (value(i + 20) | value(i + 21) << 8U) == tail_size - end_bytes - i;
        };
        while (!is_end(at)) {
            if (at == 0) fail("it has no end record: is it cut short?");
            --at;
        }
        const std::size_t end_offset = size - tail_size + at;
        byte_reader in(std::span<const std::byte>(tail).subspan(at), name_);
        (void)in.get<std::uint32_t>();
        const auto disk = in.get<std::uint16_t>();
        const auto directory_disk = in.get<std::uint16_t>();
        const auto entries_here = in.get<std::uint16_t>();
        entries_ = in.get<std::uint16_t>();
        directory_size_ = in.get<std::uint32_t>();
        directory_ = in.get<std::uint32_t>();
        const bool is_wide = disk == unset16 || directory_disk == unset16 || entries_ == unset16 ||
                             directory_size_ == unset32 || directory_ == unset32;
        if (!find_directory64(end_offset, is_wide)) {
            if (disk != 0 || directory_disk != 0 || entries_here != entries_) fail("it is one of several");
            directory_end_ = end_offset;
        }
        if (directory_ > directory_end_ || directory_size_ != directory_end_ - directory_) {
            fail("its directory does not end where its end record begins");
        }
    }

    /// Uses the numbers of the 64-bit end record. It may exist even if the old record has valid numbers
    /// (Python writes it from 2 GiB on). Returns false if there is none; with `required` this is an error.
    /// The last bytes of the directory can look like a locator, but then it does not point to a record.
    [[nodiscard]] bool find_directory64(std::size_t end_offset, bool required) {
        const auto missing = [&] {
            if (required) fail("its 64-bit end record is missing");
            return false;
        };
        if (end_offset < locator_bytes) return missing();
        const auto locator = bytes_at(end_offset - locator_bytes, locator_bytes, "its end");
        byte_reader in(locator, name_);
        if (in.get<std::uint32_t>() != 0x07064b50U) return missing();
        const auto disk = in.get<std::uint32_t>();
        const auto record_offset = in.get<std::uint64_t>();
        const auto disks = in.get<std::uint32_t>();
        const std::size_t locator_offset = end_offset - locator_bytes;
        if (record_offset > locator_offset || locator_offset - record_offset < record_bytes) return missing();
        const auto record = bytes_at(record_offset, record_bytes, "its 64-bit end record");
        byte_reader end(record, name_);
        if (end.get<std::uint32_t>() != 0x06064b50U) return missing();
        if (disk != 0 || disks > 1) fail("it is one of several");
        (void)end.get<std::uint64_t>(); // its own size
        (void)end.get<std::uint32_t>(); // versions
        const auto this_disk = end.get<std::uint32_t>();
        const auto directory_disk = end.get<std::uint32_t>();
        const auto entries_here = end.get<std::uint64_t>();
        const auto entries = end.get<std::uint64_t>();
        const auto directory_size = end.get<std::uint64_t>();
        const auto directory = end.get<std::uint64_t>();
        if (this_disk != 0 || directory_disk != 0 || entries_here != entries) fail("it is one of several");
        const bool same = (entries_ == unset16 || entries_ == entries) &&
                          (directory_size_ == unset32 || directory_size_ == directory_size) &&
                          (directory_ == unset32 || directory_ == directory);
        if (!same) fail("its two end records contradict each other");
        entries_ = entries;
        directory_size_ = directory_size;
        directory_ = directory;
        directory_end_ = record_offset;
        return true;
    }

    [[nodiscard]] zip_member entry(byte_reader& in) const {
        if (in.get<std::uint32_t>() != 0x02014b50U) fail("an entry of its directory has no signature");
        (void)in.get<std::uint32_t>(); // versions
        const auto flags = in.get<std::uint16_t>();
        const auto method = in.get<std::uint16_t>();
        (void)in.get<std::uint32_t>(); // time
        zip_member member;
        member.crc = in.get<std::uint32_t>();
        std::uint64_t packed = in.get<std::uint32_t>();
        std::uint64_t size = in.get<std::uint32_t>();
        const auto name_length = in.get<std::uint16_t>();
        const auto extra_length = in.get<std::uint16_t>();
        const auto comment_length = in.get<std::uint16_t>();
        const auto disk = in.get<std::uint16_t>();
        (void)in.get<std::uint16_t>(); // attributes
        (void)in.get<std::uint32_t>();
        std::uint64_t offset = in.get<std::uint32_t>();
        for (const std::byte b : in.take(name_length)) member.name += static_cast<char>(b);
        const std::span<const std::byte> extra = in.take(extra_length);
        (void)in.take(comment_length);

        if (size == unset32 || packed == unset32 || offset == unset32) {
            wide_sizes(extra, member.name, size, packed, offset);
        }
        if (disk != 0 && disk != unset16) fail("member " + member.name + " is in another file");
        if ((flags & 0x2041U) != 0) throw format_error(name_ + ": member " + member.name + " is encrypted");
        if (method != 0 && method != 8) {
            throw format_error(name_ + ": member " + member.name + " is packed by method " +
                               errors::text_of(method) + ", expected 0 (stored) or 8 (deflated)");
        }
        member.deflated = method == 8;
        if (!member.deflated && packed != size) {
            fail("member " + member.name + " is stored, but its two sizes differ");
        }
        // Deflate expands one byte to at most 1032 bytes.
        if (member.deflated && size / 1032 > packed) {
            fail("member " + member.name + " claims " + errors::text_of(size) + " bytes, more than its " +
                 errors::text_of(packed) + " packed ones can hold");
        }
        if (offset > directory_ || packed > directory_ - offset) {
            fail("member " + member.name + " is outside of the file");
        }
        member.packed_size = static_cast<std::size_t>(packed);
        member.size = static_cast<std::size_t>(size);
        member.offset = static_cast<std::size_t>(offset);
        return member;
    }

    /// The numbers that did not fit in 32 bits, in the order of the format; the others are absent.
    void wide_sizes(std::span<const std::byte> extra, const std::string& member, std::uint64_t& size,
                    std::uint64_t& packed, std::uint64_t& offset) const {
        byte_reader in(extra, name_);
        while (in.left() >= 4) {
            const auto id = in.get<std::uint16_t>();
            const auto length = in.get<std::uint16_t>();
            byte_reader field(in.take(length), name_);
            if (id != 1) continue;
            std::size_t needed = 0;
            for (const std::uint64_t* value : {&size, &packed, &offset})
                needed += *value == unset32 ? 8U : 0U;
            if (length < needed) break;
            for (std::uint64_t* value : {&size, &packed, &offset}) {
                if (*value == unset32) *value = field.get<std::uint64_t>();
            }
            return;
        }
        fail("the 64-bit sizes of member " + member + " are missing");
    }

    /// Skips the header before a member's bytes, whose length is stored only there.
    void locate(zip_member& member) const {
        const auto local = bytes_at(member.offset, local_bytes, "member " + member.name);
        byte_reader in(local, name_);
        if (in.get<std::uint32_t>() != 0x04034b50U) fail("member " + member.name + " has no header");
        (void)in.take(22); // the directory has the same value
        const std::size_t name_length = in.get<std::uint16_t>();
        const std::size_t extra_length = in.get<std::uint16_t>();
        const auto own_name = bytes_at(member.offset + local_bytes, name_length, "member " + member.name);
        const bool same = std::equal(own_name.begin(), own_name.end(), member.name.begin(), member.name.end(),
                                     [](std::byte a, char b) { return static_cast<char>(a) == b; });
        if (!same) fail("member " + member.name + " has another name in its header");
        member.offset += local_bytes + name_length + extra_length;
        if (member.offset > directory_ || member.packed_size > directory_ - member.offset) {
            fail("member " + member.name + " is outside of the file");
        }
    }

    /// Archives with members that share bytes are made to unpack to more than their size.
    void check_apart(const std::vector<zip_member>& members) const {
        std::vector<const zip_member*> by_place;
        by_place.reserve(members.size());
        for (const zip_member& member : members) by_place.push_back(&member);
        std::sort(by_place.begin(), by_place.end(),
                  [](const zip_member* a, const zip_member* b) { return a->offset < b->offset; });
        for (std::size_t k = 1; k < by_place.size(); ++k) {
            const zip_member& before = *by_place[k - 1];
            if (before.offset + before.packed_size > by_place[k]->offset) {
                fail("members " + before.name + " and " + by_place[k]->name + " overlap");
            }
        }
        std::sort(by_place.begin(), by_place.end(),
                  [](const zip_member* a, const zip_member* b) { return a->name < b->name; });
        for (std::size_t k = 1; k < by_place.size(); ++k) {
            if (by_place[k - 1]->name == by_place[k]->name) {
                fail("two members have the name " + by_place[k]->name);
            }
        }
    }

    const byte_source& archive_;
    const std::string& name_;
    std::uint64_t directory_ = 0;
    std::uint64_t directory_size_ = 0;
    std::uint64_t directory_end_ = 0;
    std::uint64_t entries_ = 0;
};

} // namespace detail

/// The files in a zip archive, in the order of its central directory, ZIP64 included.
///
/// Errors refer to it by `name`. Throws `format_error` if it is not a zip archive or is damaged, if a member
/// is encrypted, is packed by another method than deflate, or overlaps another one, and if two have the same
/// name. Nothing is unpacked, and names are never used as paths. O(directory).
[[nodiscard]] inline std::vector<zip_member> read_zip_directory(const byte_source& archive,
                                                                const std::string& name) {
    return detail::zip_reader(archive, name).members();
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
