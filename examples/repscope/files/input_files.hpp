#pragma once

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// A file that was measured.
struct input_record {
    std::string file;
    std::size_t bytes = 0;
    std::optional<std::string> sha256; ///< 64 hexadecimal digits; none where it was not asked for
};

/// The records of files, each once, in the order given. With `hash` all of their bytes are read. Throws
/// `repscope::format_error` if a file cannot be read.
std::vector<input_record> input_records(const std::vector<std::string>& files, bool hash,
                                        repscope::thread_pool& pool);

} // namespace program
