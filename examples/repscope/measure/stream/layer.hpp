#pragma once

#include "layers/report.hpp"
#include "layers/statistics_options.hpp"
#include "layers/stored_states.hpp"

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/io/array_header.hpp>
#include <repscope/io/block_reader.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace program {

/// Where rows of a batch are written: (rows, units) values of units, the same of max(a, 0) unless null, and
/// for each row whether all of its elements are 0.
struct row_target {
    double* values = nullptr;
    double* rectified = nullptr;
    unsigned char* is_zero = nullptr;
};

/// Rows of a layer that wait for their labels: the elements as in the stream, or the values of units, which
/// are fewer if a unit has several positions.
struct waiting_rows {
    std::size_t layer = 0; ///< index of the layer
    std::size_t count = 0;
    std::size_t counted_bytes = 0; ///< among the bytes that wait
    /// The array of elements, whose bytes begin with those of `stored`; without an array: values of units.
    std::optional<repscope::io::array_header> header{};
    std::string member{}; ///< of the array
    std::vector<std::byte> stored{};
    std::vector<double> values{};
    std::vector<double> rectified{};
    std::vector<unsigned char> is_zero{};
};

/// One layer of a stream: a description, and the moments of the samples so far.
class stream_layer {
  public:
    /// Counts of the samples that the moments include.
    struct progress_counts {
        std::uint64_t samples = 0; ///< of the stream, without labels as well
        std::uint64_t zero_samples = 0;
    };

    /// `first` is the header of the first batch, whose layout is `axes`.
    stream_layer(std::string name, std::string file, repscope::io::array_header first, repscope::layout axes,
                 bool flatten);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] repscope::layout axes() const noexcept { return axes_; }
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    [[nodiscard]] bool has_moments() const noexcept { return moments_.has_value(); }
    [[nodiscard]] repscope::analysis::layer_accumulator& moments() noexcept { return *moments_; }
    /// Samples that were read, those that wait for labels included.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
    /// The counts at the last row that left the buffer of the moments.
    [[nodiscard]] const progress_counts& flushed() const noexcept { return flushed_; }

    /// Throws `data_error` unless a batch has the type and the extents of the first one, apart from the
    /// number of samples.
    void require_same(const repscope::io::array_header& header, const std::string& member) const;

    /// Begins the moments.
    void begin(const repscope::analysis::layer_accumulator_options& options);
    /// Begins with the moments of a state file, of the first `samples` samples. Throws `data_error` that
    /// names `file` if it describes another layer.
    void resume(stored_states&& states, const repscope::analysis::stored_layer& stored,
                const std::string& file);

    /// How many of the next `samples` samples are in the moments already (--resume).
    [[nodiscard]] std::size_t samples_to_skip(std::size_t samples) const noexcept;

    /// Adds rows [first, samples) of a batch to the moments. `classes`: of all samples of the batch, negative
    /// for those that are left out; empty without labels. `place`: index of the batch's first sample.
    void add(const repscope::io::block_reader& batch, std::size_t first,
             std::span<const std::int32_t> classes, std::uint64_t place, repscope::thread_pool& pool);
    /// Reads rows [first, first + count) of a batch and appends them to `rows`.
    void hold(const repscope::io::block_reader& batch, std::size_t first, std::size_t count, bool rectify,
              waiting_rows& rows, repscope::thread_pool& pool);
    /// Adds rows that waited, the last ones of a batch; `classes` and `place` as above.
    void add(const waiting_rows& rows, std::span<const std::int32_t> classes, std::uint64_t place,
             repscope::thread_pool& pool);
    /// States that a batch of `samples` samples ends; it may wait for its labels.
    void end_batch(std::size_t samples) noexcept { position_ += samples; }

    /// The description and the counts, without measures.
    [[nodiscard]] layer_report describe() const;
    /// Adds the buffered rows to the moments.
    void flush();
    /// Ends the layer. Throws `data_error`.
    [[nodiscard]] layer_report finish(std::span<const std::int64_t> class_labels,
                                      std::span<const std::string> class_names);

  private:
    using fill_rows = std::function<void(std::size_t first, std::size_t count, const row_target& target)>;

    void read(const repscope::io::block_reader& batch, std::size_t first, std::size_t count,
              const row_target& target, repscope::thread_pool& pool);
    void append(std::size_t first, std::size_t count, std::span<const std::int32_t> classes,
                std::uint64_t place, const fill_rows& fill);
    void commit(std::size_t rows, std::span<const std::int32_t> classes, std::span<const std::size_t> places);

    std::string name_;
    std::string file_;
    repscope::io::array_header first_;
    repscope::layout axes_;
    bool flatten_;
    std::size_t units_ = 0;
    std::size_t positions_ = 0;
    std::optional<repscope::analysis::layer_accumulator> moments_;
    std::uint64_t position_ = 0;
    std::uint64_t resumed_ = 0; ///< samples of a state file
    progress_counts added_{};   ///< to the moments and their buffer
    progress_counts flushed_{};
    std::vector<double> values_; ///< of rows among which some are left out
    std::vector<double> rectified_;
    std::vector<unsigned char> is_zero_;
    struct scratch {
        repscope::io::read_buffer buffer;
        std::vector<float> floats;
        std::vector<double> doubles;
    };
    std::vector<scratch> scratch_; ///< per thread
};

} // namespace program
