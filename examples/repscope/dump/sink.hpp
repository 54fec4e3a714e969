#pragma once

#include <repscope/io/dtype.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace program {

/// An array of a dump, one row per sample.
struct dumped_array {
    std::string name; ///< of its file
    std::vector<std::size_t> row_shape;
};

/// Where the arrays of a dump go. They are written batch by batch.
class dump_sink {
  public:
    virtual ~dump_sink() = default;
    /// Writes the rows of the next batch of array number `array`.
    virtual void write(std::size_t array, std::size_t rows, std::span<const std::byte> elements) = 0;
    /// Gives the files their names, or ends the archive.
    virtual void finish() = 0;
};

/// Arrays of `samples` rows as DIR/NAME.npy, or as members NAME/BATCH.npy of a tar archive on standard output
/// if `out` is "-". Throws `data_error` and `repscope::format_error`.
std::unique_ptr<dump_sink> make_dump_sink(const std::string& out, const std::vector<dumped_array>& arrays,
                                          std::size_t samples, repscope::io::dtype type);

/// Returns file names for tensors: slashes become dots, and other characters that shells or `measure` give a
/// meaning become underscores. Names that would be equal get a number.
std::vector<std::string> file_names(const std::vector<std::string>& tensors);

} // namespace program
