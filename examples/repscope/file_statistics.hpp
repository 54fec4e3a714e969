#pragma once

#include "layer_report.hpp"
#include "layer_statistics.hpp"

#include <repscope/io/block_reader.hpp>
#include <repscope/numeric/thread_pool.hpp>

#include <functional>

namespace program {

/// Measures one file in one pass, a block of samples at a time. With `flatten` every position of a map is a
/// unit of its own. `read(bytes)` is told how much has been read.
///
/// Throws `data_error` naming sample and place of an activation that is not finite, and
/// `repscope::format_error` when the file cannot be read.
layer_report measure_file(const repscope::io::block_reader& file, bool flatten,
                          const statistics_options& options, repscope::thread_pool& pool,
                          const std::function<void(double)>& read);

} // namespace program
