#pragma once

#include "dumps/labels.hpp"
#include "layers/statistics_options.hpp"
#include "measure/pass/row_list.hpp"

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/io/block_reader.hpp>
#include <repscope/moments/sample_reservoir.hpp>
#include <repscope/moments/scatter_matrix.hpp>
#include <repscope/parallel/ordered_section.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace program {

/// The accumulator of the rows of a layer. Throws `repscope::value_error` if its statistics need more than
/// the memory of the options.
repscope::analysis::layer_accumulator accumulator_of(const row_list& rows, std::size_t units,
                                                     const statistics_options& options,
                                                     repscope::thread_pool& pool);

/// Elements of one sample as they are measured.
struct sample_form {
    std::size_t units;
    std::size_t positions;
};

/// One of the files that are read side by side, and what is gathered from it.
class file_side {
  public:
    file_side(const repscope::io::block_reader& file, const sample_form& form, const row_list& rows,
              std::size_t workers, const statistics_options& options, repscope::thread_pool& pool)
        : file_(file), form_(form), rows_(rows), scratch_(workers), labels_(options.labels),
          statistics_(accumulator_of(rows, form.units, options, pool)) {
        if (options.gram_samples == 0) return;
        reservoir_.emplace(form.units, options.gram_samples);
        first_sample_ = options.layer.first_sample;
    }

    [[nodiscard]] repscope::analysis::layer_accumulator& statistics() noexcept { return statistics_; }
    [[nodiscard]] const repscope::io::block_reader& file() const noexcept { return file_; }

    /// Takes the memory of the next batch, to which several threads write.
    void begin_batch();
    /// The values of the units of the batch, (rows, units).
    [[nodiscard]] const double* values() const noexcept { return values_; }
    /// The values of the batch for measures of units.
    [[nodiscard]] const double* selective() const noexcept {
        return rectified_ == nullptr ? values_ : rectified_;
    }

    /// Reads rows [first, first + count) of the batch that begins at row `row`; `part` numbers the calls.
    void read(std::size_t row, std::size_t first, std::size_t count, std::size_t part, std::size_t worker);

    /// States that the rows of the batch that begins at row `row` have been read.
    void commit(std::size_t row, std::size_t count);
    /// The classes of the rows of the last batch, none without labels, and their indices in the file.
    [[nodiscard]] std::span<const std::int32_t> classes() const noexcept { return classes_; }
    [[nodiscard]] std::span<const std::size_t> places() const noexcept { return places_; }

    /// Samples whose activations are all 0, of the passes before `stop_counting`.
    [[nodiscard]] std::size_t zero_samples() const noexcept;
    void stop_counting() noexcept { counts_ = false; }

    /// The Gram matrix of a random subset of the samples, none unless the options ask for it. Frees the
    /// samples.
    [[nodiscard]] std::optional<repscope::scatter_matrix> take_gram(repscope::thread_pool& pool);

    /// Throws `data_error` for the value in the last batch, up to row `end`, that made a sum not finite.
    void name_not_finite(std::size_t end);

  private:
    struct scratch {
        repscope::io::read_buffer buffer;
        std::vector<float> floats;
        std::vector<double> doubles;
        std::size_t zero_samples = 0; ///< in the rows of this thread
    };

    template <typename Scalar>
    void read_as(std::size_t row, std::size_t first, std::size_t count, std::size_t part, scratch& own,
                 std::vector<Scalar>& memory);

    const repscope::io::block_reader& file_;
    sample_form form_;
    const row_list& rows_;
    std::vector<scratch> scratch_;
    const label_set* labels_;
    repscope::analysis::layer_accumulator statistics_;
    std::span<const std::int32_t> classes_;
    std::span<const std::size_t> places_;
    std::vector<std::size_t> row_places_;
    double* values_ = nullptr;
    double* rectified_ = nullptr;
    bool counts_ = true;
    std::optional<repscope::sample_reservoir> reservoir_;
    std::uint64_t first_sample_ = 0;
    std::unique_ptr<repscope::ordered_section> batch_;
};

} // namespace program
