#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/io/byte_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <span>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// A file that several threads can read at any offset at once. Errors are `format_error`s that name it.
class input_file final : public byte_source {
  public:
    /// Throws if the file does not exist, is not a regular file, or may not be read.
    explicit input_file(std::string path)
        : path_(std::move(path)),
          // Opened without blocking: opening a pipe would wait for a writer.
          file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        struct stat about {};
        if (file_.get() < 0 || ::fstat(file_.get(), &about) != 0) {
            throw format_error(path_ + ": cannot be opened: " + repscope::detail::errno_text());
        }
        if (S_ISDIR(about.st_mode)) throw format_error(path_ + ": is a directory, expected a file");
        if (!S_ISREG(about.st_mode)) throw format_error(path_ + ": is not a regular file");
        size_ = static_cast<std::size_t>(about.st_size);
    }

    /// The path of the file.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// Size in bytes at the time of opening.
    [[nodiscard]] std::size_t size() const noexcept override { return size_; }

    /// Fills `bytes` from the given offset; throws if the file ends before.
    void read(std::size_t offset, std::span<std::byte> bytes) const override {
        // Reads of a few MiB are as fast as longer ones and delay a signal only briefly.
        constexpr std::size_t most = std::size_t{4} << 20U;
        while (!bytes.empty()) {
            const ssize_t got = ::pread(file_.get(), bytes.data(), (std::min)(bytes.size(), most),
                                        static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw format_error(path_ + ": cannot be read: " + repscope::detail::errno_text());
            if (got == 0) throw format_error(path_ + ": ended early, at byte " + errors::text_of(offset));
            bytes = bytes.subspan(static_cast<std::size_t>(got));
            offset += static_cast<std::size_t>(got);
        }
    }

  private:
    std::string path_;
    repscope::detail::descriptor file_;
    std::size_t size_ = 0;
};

/// A file that is opened for every read, for arrays of more files than can stay open.
class reopening_file final : public byte_source {
  public:
    /// `file` is not kept open and must not change its size.
    explicit reopening_file(const input_file& file) : path_(file.path()), size_(file.size()) {}

    void read(std::size_t offset, std::span<std::byte> bytes) const override {
        const input_file file(path_);
        if (file.size() != size_) throw format_error(path_ + ": changed while it was read");
        file.read(offset, bytes);
    }
    [[nodiscard]] std::size_t size() const noexcept override { return size_; }

  private:
    std::string path_;
    std::size_t size_;
};

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
