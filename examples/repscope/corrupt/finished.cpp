#include "corrupt/finished.hpp"

#include "corrupt/arrays.hpp"
#include "corrupt/pictures.hpp"
#include "support/errors.hpp"

#include <repscope/io/npy.hpp>
#include <repscope/tensor/shape.hpp>

#include <filesystem>
#include <system_error>
#include <vector>

namespace program {

namespace fs = std::filesystem;

namespace {

bool exists(const std::string& path) {
    std::error_code failure;
    return fs::is_regular_file(path, failure);
}

} // namespace

bool has_finished_picture(const corrupt_work& work, const std::string& path) {
    return work.resume && exists(path);
}

bool has_finished_array(const corrupt_work& work, std::string_view name) {
    const std::string path = array_file(work, name);
    if (!work.resume || !exists(path)) return false;
    const repscope::io::npy_header header = repscope::io::read_npy_header(repscope::io::input_file(path));
    const std::vector<std::size_t> shape = work.images.array_shape(work.severities.size());
    if (header.format.type != repscope::io::dtype::uint8 || header.shape != shape) {
        throw data_error(path, "expected the uint8 array of an earlier run, " +
                                   repscope::format_shape(shape) + ", got " + header.format.name() + " " +
                                   repscope::format_shape(header.shape) + " (do not resume, or remove it)");
    }
    return true;
}

std::size_t count_finished(const corrupt_work& work) {
    if (!work.resume) return 0;
    std::size_t count = 0;
    if (work.writes_arrays()) {
        for (const std::string_view name : work.names) count += has_finished_array(work, name) ? 1U : 0U;
        return count;
    }
    for (const std::string& name : picture_names(work))
        for (const std::string_view corruption : work.names)
            for (const int severity : work.severities)
                count += has_finished_picture(work, picture_path(work, name, corruption, severity)) ? 1U : 0U;
    return count;
}

} // namespace program
