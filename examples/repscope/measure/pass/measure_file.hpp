#pragma once

#include "layers/report.hpp"
#include "layers/statistics_options.hpp"

#include <repscope/analysis/shards.hpp>
#include <repscope/analysis/state_file.hpp>
#include <repscope/io/block_reader.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace program {

/// What is measured of a layer's files.
struct file_task {
    const repscope::io::block_reader* file = nullptr;
    /// The same inputs after a perturbation; none: nothing is compared.
    const repscope::io::block_reader* perturbed = nullptr;
    /// `perturbed` has other inputs, so only the distributions are compared.
    bool unpaired = false;
    /// Every position of a map is a separate unit.
    bool flatten = false;
    /// The part of the samples that is measured; none: all.
    std::optional<repscope::analysis::sample_range> samples = std::nullopt;
};

/// What is known of a layer before it is measured: all but its name and the measured parts.
layer_report describe(const file_task& task);

/// Measures one layer in one pass, a block of samples at a time. `read(bytes)` is told how much has been
/// read.
///
/// Throws `data_error` naming sample and place of an activation that is not finite, and
/// `repscope::format_error` when the file cannot be read.
layer_report measure_file(const file_task& task, const statistics_options& options,
                          repscope::thread_pool& pool, const std::function<void(double)>& read);

/// The states after such a pass over the one file, which was joined of `batches` files, as sections of a
/// state file; otherwise the same.
std::vector<repscope::analysis::saved_section>
gather_file(const file_task& task, const statistics_options& options, repscope::thread_pool& pool,
            const std::function<void(double)>& read, std::size_t batches);

/// Bytes that the task takes at least, without the Gram matrices that it returns.
std::size_t min_bytes(const file_task& task, const statistics_options& options);

/// Throws `data_error` for a task that takes `bytes` bytes if `memory` is less.
void require_memory(const file_task& task, std::size_t bytes, std::size_t memory);

} // namespace program
