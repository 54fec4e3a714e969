#pragma once

#include "dumps/labels.hpp"
#include "measure/options.hpp"
#include "measure/result.hpp"
#include "measure/stream/class_table.hpp"
#include "measure/stream/layer.hpp"
#include "measure/stream/member_place.hpp"
#include "support/progress.hpp"

#include <repscope/analysis/state_file.hpp>
#include <repscope/io/byte_stream.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace program {

/// Measures the layers of streams: batches of several layers and their labels, in any order.
///
/// The labels are those of a file, or members of the stream. Rows whose labels have not come yet wait in
/// memory, at most a quarter of --memory. A stream whose first batch has no labels is measured without
/// labels.
class stream_measurement {
  public:
    /// `labels`, unless null, are those of a file.
    stream_measurement(const measure_options& options, const label_set* labels, repscope::thread_pool& pool);

    /// Begins with the moments of a state file, whose bytes need not outlive the call. Before any stream.
    void resume(const repscope::analysis::state_file& state);

    /// Reads a tar archive of .npy members to its end. Errors name it `name`.
    void read_tar(repscope::io::byte_stream& bytes, const std::string& name);
    /// Reads .npy records to the end of the stream: batches of one layer.
    void read_records(repscope::io::byte_stream& bytes, const std::string& name, const std::string& layer);

    /// Ends the streams: checks that they are whole, writes the last snapshot and computes the numbers.
    [[nodiscard]] measure_result finish();

  private:
    enum class label_origin { file, undecided, stream, none };

    struct batch_record {
        std::size_t samples = 0;
        std::uint64_t first = 0;           ///< index of its first sample in the stream
        std::string first_member;          ///< which has that number of samples
        std::vector<std::size_t> layers{}; ///< that have been read
        bool has_labels = false;
        std::vector<std::int32_t> classes{};
        std::vector<waiting_rows> waiting{};
    };

    batch_record& record_of(const std::string& batch, std::size_t samples, const std::string& member);
    stream_layer& layer_of(const std::string& name, const repscope::io::array_header& header,
                           const std::string& member, const std::string& file);
    void add_activations(const member_place& place, const repscope::io::npy_header& header,
                         repscope::io::byte_stream& bytes, const std::string& member,
                         const std::string& file);
    void add_rows(stream_layer& layer, batch_record& record, const repscope::io::stored_array& array,
                  const repscope::io::block_reader& rows, std::size_t skipped);
    /// Reads the rows of a batch from `skipped` on, which wait for their labels.
    void hold_rows(stream_layer& layer, batch_record& record, const repscope::io::stored_array& array,
                   const repscope::io::block_reader& rows, std::size_t skipped);
    void add_labels(const member_place& place, repscope::io::byte_stream& bytes, std::uint64_t size,
                    const std::string& member);
    void measure_without_labels();
    void add_waiting(batch_record& record);
    void allow_waiting(std::size_t bytes, const std::string& member);
    /// Options of the moments of a layer; their memory is what the other layers leave.
    [[nodiscard]] repscope::analysis::layer_accumulator_options moment_options(std::size_t layer) const;
    void begin_moments(stream_layer& layer);
    void grow_classes(stream_layer& layer);
    void sort_classes();
    /// The memory of all layers when `layer` has `samples` samples.
    [[nodiscard]] double estimate_memory(std::size_t layer, std::uint64_t samples);
    /// Throws `data_error` if the layers need more than --memory, also without moments of blocks.
    void require_memory(std::size_t layer, std::uint64_t samples);
    void require_whole() const;
    void after_member(const stream_layer& layer);
    void save_snapshot(bool is_last);
    [[nodiscard]] std::size_t classes() const noexcept;
    [[nodiscard]] label_set classes_of_stream() const;

    const measure_options& options_;
    const label_set* labels_;
    repscope::thread_pool& pool_;
    std::vector<std::int32_t> classes_of_file_; ///< per label of the file; -1 for one that is ignored
    label_origin origin_;
    class_table table_;
    std::vector<std::unique_ptr<stream_layer>> layers_;
    std::unordered_map<std::string, std::size_t> layer_numbers_;
    std::unordered_map<std::string, batch_record> batches_;
    std::vector<double> needed_bytes_; ///< per layer
    std::map<std::string, std::pair<std::string, std::string>>
        joined_; ///< two names that are not alike, per layer
    std::unordered_map<std::string, std::string> first_batch_of_layer_;
    std::string first_batch_;
    std::string last_batch_;
    std::uint64_t next_first_ = 0;
    std::size_t waiting_bytes_ = 0;
    std::vector<std::vector<std::byte>> spare_; ///< memory of rows that waited, since new pages are slow
    std::vector<std::string> notes_;
    bool is_out_of_order_ = false;
    bool has_ignored_labels_ = false;
    std::map<std::string, repscope::analysis::stored_layer> resumed_heads_;
    std::map<std::string, stored_states> resumed_states_;
    std::string resumed_file_;
    progress shown_;
    std::uint64_t most_samples_ = 0;
    std::uint64_t saved_samples_ = 0;
    std::chrono::steady_clock::time_point saved_at_ = std::chrono::steady_clock::now();
};

} // namespace program
