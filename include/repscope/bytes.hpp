#pragma once

#include "repscope/error.hpp"
#include "repscope/temporary_names.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A number with a fixed size in a file: an integer, `float` or `double`.
template <typename T>
concept fixed_number =
    (std::integral<T> && !std::same_as<T, bool>) || std::same_as<T, float> || std::same_as<T, double>;

namespace detail {

template <std::size_t Bytes>
struct unsigned_of_size;
template <>
struct unsigned_of_size<1> {
    using type = std::uint8_t;
};
template <>
struct unsigned_of_size<2> {
    using type = std::uint16_t;
};
template <>
struct unsigned_of_size<4> {
    using type = std::uint32_t;
};
template <>
struct unsigned_of_size<8> {
    using type = std::uint64_t;
};

/// The CRC-32 of zip, gzip and PNG, eight bytes at a time.
inline constexpr auto crc32_tables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
        tables[0][byte] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8U) ^ tables[0][before & 0xffU];
        }
    }
    return tables;
}();

[[nodiscard]] inline std::string errno_text() { return std::strerror(errno); }

/// A file descriptor that is closed by the destructor.
class descriptor {
  public:
    descriptor() = default;
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    /// Closes it; returns false and sets errno if the system reports a late error.
    [[nodiscard]] bool close() noexcept { return ::close(std::exchange(fd_, -1)) == 0; }

  private:
    int fd_ = -1;
};

} // namespace detail

/// CRC-32 (polynomial 0xedb88320) of `bytes`, continued from the CRC of the bytes before.
[[nodiscard]] constexpr std::uint32_t crc32(std::span<const std::byte> bytes,
                                            std::uint32_t before = 0) noexcept {
    const auto& tables = detail::crc32_tables;
    std::uint32_t crc = ~before;
    std::size_t i = 0;
    const auto at = [&](std::size_t k) { return static_cast<std::uint32_t>(bytes[i + k]); };
    for (; i + 8 <= bytes.size(); i += 8) {
        const std::uint32_t low = crc ^ (at(0) | at(1) << 8U | at(2) << 16U | at(3) << 24U);
        crc = tables[7][low & 0xffU] ^ tables[6][(low >> 8U) & 0xffU] ^ tables[5][(low >> 16U) & 0xffU] ^
              tables[4][low >> 24U] ^ tables[3][at(4)] ^ tables[2][at(5)] ^ tables[1][at(6)] ^
              tables[0][at(7)];
    }
    for (; i < bytes.size(); ++i) crc = (crc >> 8U) ^ tables[0][(crc ^ at(0)) & 0xffU];
    return ~crc;
}

/// Writes states and parameters as little-endian bytes on any machine.
class byte_writer {
  public:
    /// Appends a number.
    template <fixed_number T>
    void put(T value) {
        const auto bits = std::bit_cast<typename detail::unsigned_of_size<sizeof(T)>::type>(value);
        const std::size_t at = bytes_.size();
        bytes_.resize(at + sizeof(T));
        for (std::size_t k = 0; k < sizeof(T); ++k) {
            bytes_[at + k] = static_cast<std::byte>((bits >> (8 * k)) & 0xffU);
        }
    }
    /// Appends the numbers without their count.
    template <fixed_number T>
    void put_all(std::span<const T> values) {
        if constexpr (std::endian::native == std::endian::little) {
            put_bytes(std::as_bytes(values));
        } else {
            for (const T value : values) put(value);
        }
    }
    /// Writes the length, then the characters.
    void put_text(std::string_view text) {
        put(static_cast<std::uint32_t>(text.size()));
        for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    }
    /// Appends bytes without their count.
    void put_bytes(std::span<const std::byte> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    /// The bytes that were written.
    [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }
    /// Returns the bytes and becomes empty.
    [[nodiscard]] std::vector<std::byte> take() noexcept { return std::exchange(bytes_, {}); }

  private:
    std::vector<std::byte> bytes_;
};

/// Reads the bytes of a `byte_writer`. Every read is checked and throws `format_error` if the bytes end too
/// early.
class byte_reader {
  public:
    /// `name` identifies the bytes in error messages, such as a path.
    explicit byte_reader(std::span<const std::byte> bytes, std::string name = "bytes")
        : bytes_(bytes), name_(std::move(name)) {}

    /// Reads a number.
    template <fixed_number T>
    [[nodiscard]] T get() {
        const std::span<const std::byte> from = take(sizeof(T));
        std::uint64_t bits = 0;
        for (std::size_t k = 0; k < sizeof(T); ++k) bits |= static_cast<std::uint64_t>(from[k]) << (8 * k);
        return std::bit_cast<T>(static_cast<typename detail::unsigned_of_size<sizeof(T)>::type>(bits));
    }
    /// Fills `values`.
    template <fixed_number T>
    void get_all(std::span<T> values) {
        const std::span<const std::byte> from = take(values.size_bytes());
        if constexpr (std::endian::native == std::endian::little) {
            if (!from.empty()) std::memcpy(values.data(), from.data(), from.size());
        } else {
            byte_reader part(from);
            for (T& value : values) value = part.get<T>();
        }
    }
    /// Reads a text that `byte_writer::put_text` wrote.
    [[nodiscard]] std::string get_text() {
        const std::span<const std::byte> from = take(get<std::uint32_t>());
        std::string text;
        for (const std::byte b : from) text += static_cast<char>(b);
        return text;
    }
    /// Returns the next `count` bytes without a copy.
    [[nodiscard]] std::span<const std::byte> take(std::size_t count) {
        need(count);
        const auto part = bytes_.subspan(at_, count);
        at_ += count;
        return part;
    }
    /// Number of bytes that remain.
    [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }
    /// Throws `format_error` unless `count` more bytes are available; call it before an allocation of a
    /// stored length.
    void need(std::size_t count) const {
        if (count > left()) {
            throw format_error(name_ + ": cut short: expected " + errors::text_of(count) + " more bytes at " +
                               errors::text_of(at_) + ", got " + errors::text_of(left()));
        }
    }
    /// Name in error messages.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

  private:
    std::span<const std::byte> bytes_;
    std::string name_;
    std::size_t at_ = 0;
};

/// Reads a whole file. Throws `format_error` that names the file if it cannot be read or is longer than
/// `most` bytes.
[[nodiscard]] inline std::vector<std::byte> read_file(const std::string& path,
                                                      std::size_t most = std::size_t{1} << 40U) {
    const detail::descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat about {};
    if (file.get() < 0 || ::fstat(file.get(), &about) != 0) {
        throw format_error(path + ": cannot be opened: " + detail::errno_text());
    }
    if (S_ISDIR(about.st_mode)) throw format_error(path + ": is a directory, expected a file");
    if (static_cast<std::size_t>(about.st_size) > most) {
        throw format_error(path + ": expected at most " + errors::text_of(most) + " bytes, got " +
                           errors::text_of(about.st_size));
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(about.st_size));
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw format_error(path + ": cannot be read: " + detail::errno_text());
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
}

/// A file that gets its name only when it is complete. It is written in the same folder under a temporary
/// name and renamed by `commit()`. Without a commit the temporary file is removed, also after a signal whose
/// handler calls `remove_temporary_files()`. Errors are `format_error`s that name the path. A directory or a
/// device of that name is refused.
class atomic_file {
  public:
    /// The file appears at `path` when it is published.
    explicit atomic_file(std::string path) : path_(std::move(path)) {
        struct stat about {};
        if (::stat(path_.c_str(), &about) == 0 && !S_ISREG(about.st_mode)) {
            throw format_error(path_ + ": cannot be written: is " +
                               (S_ISDIR(about.st_mode) ? "a directory" : "not a regular file"));
        }
        // mkstemp is not used: its files are private, and a change of their mode needs the umask, which all
        // threads share.
        static std::atomic<unsigned> next{0};
        do {
            temporary_ =
                path_ + ".part-" + errors::text_of(::getpid()) + "-" + errors::text_of(next.fetch_add(1));
            registered_.emplace(temporary_);
            file_ = detail::descriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                              S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH));
        } while (file_.get() < 0 && errno == EEXIST);
        if (file_.get() < 0) throw format_error(path_ + ": cannot be written: " + detail::errno_text());
    }
    atomic_file(const atomic_file&) = delete;
    atomic_file& operator=(const atomic_file&) = delete;
    ~atomic_file() {
        if (!temporary_.empty()) ::unlink(temporary_.c_str());
    }

    /// Appends bytes.
    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ssize_t put = ::write(file_.get(), bytes.data(), bytes.size());
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) throw format_error(path_ + ": cannot be written: " + detail::errno_text());
            bytes = bytes.subspan(static_cast<std::size_t>(put));
        }
    }
    /// Appends a text.
    void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

    /// Closes the file and gives it its name.
    void commit() {
        if (!file_.close() || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
            throw format_error(path_ + ": cannot be written: " + detail::errno_text());
        }
        temporary_.clear();
        registered_.reset();
    }
    /// The path of the published file.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
    std::string temporary_;
    std::optional<temporary_name> registered_; ///< while the file has its temporary name
    detail::descriptor file_;
};

/// Writes a whole file with `atomic_file`.
inline void write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
    atomic_file file(path);
    file.write(bytes);
    file.commit();
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
