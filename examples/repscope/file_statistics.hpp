#pragma once

#include "layer_report.hpp"
#include "layer_statistics.hpp"

#include <repscope/io/block_reader.hpp>
#include <repscope/io/shards.hpp>
#include <repscope/numeric/thread_pool.hpp>

#include <functional>

namespace program {

/// What is known of a file before it is measured: all but the measured parts and the layer's name.
layer_report describe_file(const repscope::io::block_reader& file, bool flatten);

/// The states of some of a file's samples, all of those that `options.labels` keep; otherwise as
/// `measure_file`.
layer_states gather_file(const repscope::io::block_reader& file, repscope::io::sample_range samples,
                         bool flatten, const statistics_options& options, repscope::thread_pool& pool,
                         const std::function<void(double)>& read);

/// Measures one file in one pass, a block of samples at a time. With `flatten` every position of a map is a
/// unit of its own. `read(bytes)` is told how much has been read.
///
/// Throws `data_error` naming sample and place of an activation that is not finite, and
/// `repscope::format_error` when the file cannot be read.
layer_report measure_file(const repscope::io::block_reader& file, bool flatten,
                          const statistics_options& options, repscope::thread_pool& pool,
                          const std::function<void(double)>& read);

} // namespace program
