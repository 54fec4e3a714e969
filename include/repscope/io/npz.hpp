#pragma once

// Opt-in, not part of repscope.hpp: includes <zlib.h>. The program that uses it links zlib.

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/io/array_header.hpp"
#include "repscope/io/byte_source.hpp"
#include "repscope/io/file.hpp"
#include "repscope/io/npy.hpp"
#include "repscope/io/zip_directory.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

namespace detail {

[[nodiscard]] inline std::uint32_t zlib_crc(std::span<const std::byte> bytes, std::uint32_t before = 0) {
    uLong crc = before;
    while (!bytes.empty()) {
        const std::size_t now =
            (std::min)(bytes.size(), static_cast<std::size_t>((std::numeric_limits<uInt>::max)()));
        crc = ::crc32(crc, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(now));
        bytes = bytes.subspan(now);
    }
    return static_cast<std::uint32_t>(crc);
}

/// A stored member of a zip archive, read in place. The checksums of the pieces are kept and joined by
/// `verify`, so that the bytes are read once, in any order.
class stored_member final : public byte_source {
  public:
    stored_member(std::shared_ptr<const byte_source> archive, zip_member member, std::string name)
        : archive_(std::move(archive)), member_(std::move(member)), name_(std::move(name)) {}

    void read(std::size_t offset, std::span<std::byte> bytes) const override {
        if (offset > member_.size || bytes.size() > member_.size - offset) {
            throw format_error(name_ + ": ended early, at byte " + errors::text_of(member_.size));
        }
        archive_->read(member_.offset + offset, bytes);
        // Checksums of small pieces are not kept: they are read again.
        constexpr std::size_t least = std::size_t{16} << 10U;
        if (bytes.size() < least) return;
        const std::uint32_t crc = zlib_crc(bytes);
        const std::lock_guard lock(mutex_);
        pieces_.push_back({offset, bytes.size(), crc});
    }
    [[nodiscard]] std::size_t size() const noexcept override { return member_.size; }

    void verify() const override {
        const std::lock_guard lock(mutex_);
        std::sort(pieces_.begin(), pieces_.end(),
                  [](const piece& a, const piece& b) { return a.offset < b.offset; });
        std::uint32_t crc = 0;
        std::size_t done = 0;
        for (const piece& next : pieces_) {
            if (next.offset < done) continue; // read twice
            crc = crc_of(done, next.offset, crc);
            crc = static_cast<std::uint32_t>(crc32_combine(crc, next.crc, static_cast<z_off_t>(next.length)));
            done = next.offset + next.length;
        }
        crc = crc_of(done, member_.size, crc);
        if (crc != member_.crc) throw format_error(name_ + ": is damaged: its checksum is wrong");
    }

  private:
    struct piece {
        std::size_t offset;
        std::size_t length;
        std::uint32_t crc;
    };

    [[nodiscard]] std::uint32_t crc_of(std::size_t begin, std::size_t end, std::uint32_t crc) const {
        std::vector<std::byte> bytes((std::min)(end - begin, std::size_t{1} << 20U));
        while (begin < end) {
            const auto now = std::span(bytes).first((std::min)(bytes.size(), end - begin));
            archive_->read(member_.offset + begin, now);
            crc = zlib_crc(now, crc);
            begin += now.size();
        }
        return crc;
    }

    std::shared_ptr<const byte_source> archive_;
    zip_member member_;
    std::string name_;
    mutable std::mutex mutex_;
    mutable std::vector<piece> pieces_;
};

/// A deflated member of a zip archive as a stream. Reads forward are fast; a read of earlier bytes unpacks
/// from the beginning.
class deflated_member final : public byte_source {
  public:
    deflated_member(std::shared_ptr<const byte_source> archive, zip_member member, std::string name)
        : archive_(std::move(archive)), member_(std::move(member)), name_(std::move(name)),
          packed_(std::size_t{256} << 10U) {
        if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK)
            throw format_error(name_ + ": zlib cannot be started");
    }
    deflated_member(const deflated_member&) = delete;
    deflated_member& operator=(const deflated_member&) = delete;
    ~deflated_member() override { inflateEnd(&stream_); }

    void read(std::size_t offset, std::span<std::byte> bytes) const override {
        if (offset > member_.size || bytes.size() > member_.size - offset) {
            throw format_error(name_ + ": ended early, at byte " + errors::text_of(member_.size));
        }
        const std::lock_guard lock(mutex_);
        if (offset < unpacked_) start_again();
        skip_to(offset);
        unpack(bytes);
    }
    [[nodiscard]] std::size_t size() const noexcept override { return member_.size; }
    [[nodiscard]] bool in_order() const noexcept override { return true; }

    void verify() const override {
        const std::lock_guard lock(mutex_);
        if (verified_) return;
        skip_to(member_.size);
        unpack({});
    }

  private:
    [[noreturn]] void fail(const std::string& complaint) const {
        throw format_error(name_ + ": is damaged: " + complaint);
    }

    void start_again() const {
        inflateReset(&stream_);
        stream_.avail_in = 0;
        taken_ = 0;
        unpacked_ = 0;
        crc_ = 0;
        ended_ = false;
    }

    void skip_to(std::size_t offset) const {
        std::vector<std::byte> skipped((std::min)(offset - unpacked_, std::size_t{256} << 10U));
        while (unpacked_ < offset) {
            unpack(std::span(skipped).first((std::min)(skipped.size(), offset - unpacked_)));
        }
    }

    /// The next bytes of the stream; at its end the checksum and size are compared with the directory.
    void unpack(std::span<std::byte> bytes) const {
        std::byte none{};
        std::span<std::byte> left = bytes;
        while (!ended_ && (!left.empty() || unpacked_ == member_.size)) {
            if (stream_.avail_in == 0) take_in();
            const std::size_t room =
                (std::min)(left.size(), static_cast<std::size_t>((std::numeric_limits<uInt>::max)()));
            stream_.next_out = reinterpret_cast<Bytef*>(left.empty() ? &none : left.data());
            stream_.avail_out = static_cast<uInt>(left.empty() ? 1 : room);
            const uInt offered = stream_.avail_out;
            const int status = inflate(&stream_, Z_NO_FLUSH);
            const std::size_t made = offered - stream_.avail_out;
            if (made > left.size()) fail("it unpacks to more than it should");
            crc_ = zlib_crc(left.first(made), crc_);
            unpacked_ += made;
            left = left.subspan(made);
            if (status == Z_STREAM_END) {
                check_end();
            } else if (status == Z_BUF_ERROR && stream_.avail_in == 0 && taken_ == member_.packed_size) {
                fail("its stream has no end");
            } else if (status != Z_OK && status != Z_BUF_ERROR) {
                fail(stream_.msg != nullptr ? stream_.msg : "no deflated data");
            }
        }
        if (!left.empty()) fail("it unpacks to less than it should");
    }

    void take_in() const {
        const std::size_t now = (std::min)(packed_.size(), member_.packed_size - taken_);
        if (now > 0) archive_->read(member_.offset + taken_, std::span(packed_).first(now));
        taken_ += now;
        stream_.next_in = reinterpret_cast<Bytef*>(packed_.data());
        stream_.avail_in = static_cast<uInt>(now);
    }

    void check_end() const {
        ended_ = true;
        if (unpacked_ != member_.size) fail("it unpacks to less than it should");
        if (stream_.avail_in != 0 || taken_ != member_.packed_size) fail("something follows its stream");
        if (crc_ != member_.crc) fail("its checksum is wrong");
        verified_ = true;
    }

    std::shared_ptr<const byte_source> archive_;
    zip_member member_;
    std::string name_;
    mutable std::mutex mutex_;
    mutable z_stream stream_{};
    mutable std::vector<std::byte> packed_;
    mutable std::size_t taken_ = 0;
    mutable std::size_t unpacked_ = 0;
    mutable std::uint32_t crc_ = 0;
    mutable bool ended_ = false;
    mutable bool verified_ = false;
};

} // namespace detail

/// The arrays of an .npz archive, in the format of `numpy.savez` and `numpy.savez_compressed`.
///
/// Stored members are read in place, in any order; deflated ones are unpacked while they are read, which is
/// fast from front to back only. Checksums are compared at the end of a deflated member, and by
/// `byte_source::verify`. Opening reads the central directory and no member.
class npz_archive {
  public:
    /// Throws `format_error` that names the file if it is not a zip archive, is damaged, or holds no .npy
    /// member.
    explicit npz_archive(const std::string& path) : npz_archive(std::make_shared<input_file>(path), path) {}
    /// The same for any bytes; errors refer to them by `name`.
    npz_archive(std::shared_ptr<const byte_source> archive, std::string name)
        : archive_(std::move(archive)), name_(std::move(name)) {
        for (zip_member& member : read_zip_directory(*archive_, name_)) {
            if (!member.name.ends_with(".npy")) continue;
            keys_.push_back(member.name.substr(0, member.name.size() - 4));
            members_.push_back(std::move(member));
        }
        if (keys_.empty()) throw format_error(name_ + ": a zip archive without .npy members");
    }

    /// Returns whether a file begins like a zip archive.
    [[nodiscard]] static bool recognizes(std::span<const std::byte> head, std::string_view path) noexcept {
        (void)path;
        const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
        return text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06");
    }

    /// The names of the arrays, in the order of the archive.
    [[nodiscard]] const std::vector<std::string>& keys() const noexcept { return keys_; }

    /// The array of that name, with its header read and checked. Throws `format_error` if there is none or
    /// its header is bad.
    [[nodiscard]] stored_array array(const std::string& key,
                                     void2_policy pairs = void2_policy::refused) const {
        std::string called = name_ + ":" + key;
        std::shared_ptr<const byte_source> bytes = member(key);
        npy_header header = read_npy_header(*bytes, called, pairs);
        return {std::move(called), std::move(header), std::move(bytes)};
    }

    /// The .npy file of that name, header included. Throws `format_error` if there is none.
    [[nodiscard]] std::shared_ptr<const byte_source> member(const std::string& key) const {
        const auto place = std::find(keys_.begin(), keys_.end(), key);
        if (place == keys_.end()) throw format_error(name_ + ": holds no array '" + key + "'");
        const zip_member& member = members_[static_cast<std::size_t>(place - keys_.begin())];
        const std::string called = name_ + ":" + key;
        if (member.deflated) return std::make_shared<detail::deflated_member>(archive_, member, called);
        return std::make_shared<detail::stored_member>(archive_, member, called);
    }

  private:
    std::shared_ptr<const byte_source> archive_;
    std::string name_;
    std::vector<std::string> keys_;
    std::vector<zip_member> members_;
};

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
