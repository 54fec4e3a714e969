#include "measure/pass/file_side.hpp"

#include "layers/unit_values.hpp"
#include "measure/pass/zero_samples.hpp"
#include "render/text_table.hpp"
#include "support/errors.hpp"

#include <repscope/error.hpp>
#include <repscope/moments/gram_matrix.hpp>

#include <cmath>
#include <string>

namespace program {

namespace analysis = repscope::analysis;

analysis::layer_accumulator accumulator_of(const row_list& rows, std::size_t units,
                                           const statistics_options& options, repscope::thread_pool& pool) {
    const auto of_layer = options.accumulator_options(rows.size(), pool);
    const double needed = analysis::layer_accumulator::bytes_needed(rows.size(), units, of_layer);
    if (needed > static_cast<double>(options.memory())) {
        throw repscope::value_error("the statistics of " + std::to_string(units) + " units take " +
                                    byte_count(needed) + ", more than --memory allows (" +
                                    byte_count(static_cast<double>(options.memory())) + ")");
    }
    return analysis::layer_accumulator(units, of_layer);
}

template <typename Scalar>
void file_side::read_as(std::size_t row, std::size_t first, std::size_t count, std::size_t part, scratch& own,
                        std::vector<Scalar>& memory) {
    const std::size_t elements = form_.units * form_.positions;
    if (memory.size() < count * elements) memory.resize(count * elements);
    const auto fill = [&] {
        for (std::size_t done = 0; done < count;) {
            const std::size_t length = rows_.run(row + first + done, count - done);
            file_.read(rows_[row + first + done], length, memory.data() + done * elements, own.buffer);
            done += length;
        }
    };
    if (!file_.in_order())
        fill();
    else if (!batch_->enter(part, fill))
        return; // another thread is about to throw
    if (counts_) own.zero_samples += count_zero_samples(memory.data(), count, elements);
    unit_values(memory.data(), count, form_.units, form_.positions, values_ + first * form_.units,
                rectified_ == nullptr ? nullptr : rectified_ + first * form_.units);
}

void file_side::begin_batch() {
    values_ = statistics_.next_values();
    rectified_ = statistics_.next_rectified();
    batch_ = std::make_unique<repscope::ordered_section>();
}
void file_side::read(std::size_t row, std::size_t first, std::size_t count, std::size_t part,
                     std::size_t worker) {
    scratch& own = scratch_[worker];
    if (file_.reads_as_float())
        read_as(row, first, count, part, own, own.floats);
    else
        read_as(row, first, count, part, own, own.doubles);
}

void file_side::commit(std::size_t row, std::size_t count) {
    if (labels_ == nullptr) {
        row_places_.resize(count);
        for (std::size_t i = 0; i < count; ++i) row_places_[i] = rows_[row + i];
        places_ = row_places_;
    } else {
        const std::size_t first = rows_.first() + row;
        classes_ = std::span(labels_->classes).subspan(first, count);
        places_ = std::span(labels_->kept).subspan(first, count);
    }
    statistics_.commit(count, classes_, places_);
    if (reservoir_) {
        reservoir_->update(repscope::tensor_view<const double, 2>(values_, {count, form_.units}),
                           {.first_index = first_sample_, .places = places_});
    }
    if (row + count == rows_.size()) statistics_.flush();
}

std::optional<repscope::scatter_matrix> file_side::take_gram(repscope::thread_pool& pool) {
    if (!reservoir_) return std::nullopt;
    const repscope::reservoir_samples kept = reservoir_->sorted();
    reservoir_.reset();
    const repscope::tensor_view<const double, 2> rows(kept.values.data(), {kept.index.size(), form_.units});
    return repscope::gram_matrix(rows, {.threads = pool});
}

std::size_t file_side::zero_samples() const noexcept {
    std::size_t count = 0;
    for (const scratch& each : scratch_) count += each.zero_samples;
    return count;
}
void file_side::name_not_finite(std::size_t end) {
    repscope::io::read_buffer buffer;
    std::vector<double> sample(form_.units * form_.positions);
    for (auto row = static_cast<std::size_t>(statistics_.rows_taken()); row < end; ++row) {
        file_.read(rows_[row], 1, sample.data(), buffer);
        for (std::size_t i = 0; i < sample.size(); ++i) {
            if (std::isfinite(sample[i])) continue;
            std::string place = "unit " + std::to_string(i / form_.positions);
            if (file_.positions() != 1) {
                const std::size_t channel = i / file_.positions();
                place = "channel " + std::to_string(channel) + ", position " +
                        std::to_string(i % file_.positions());
            }
            throw data_error(file_.path(), std::string("holds ") +
                                               (std::isnan(sample[i]) ? "nan"
                                                : sample[i] > 0.0     ? "inf"
                                                                      : "-inf") +
                                               " at sample " + std::to_string(rows_[row]) + ", " + place +
                                               "; expected finite activations");
        }
    }
    throw data_error(file_.path(), "holds activations so large that their sums overflow");
}

} // namespace program
