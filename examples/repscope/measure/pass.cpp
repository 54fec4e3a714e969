#include "measure/pass.hpp"

#include "layers/stored_states.hpp"
#include "layers/unit_values.hpp"
#include "layers/zero_samples.hpp"
#include "render/text_table.hpp"
#include "support/errors.hpp"

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/dimensionality/representation_change.hpp>
#include <repscope/error.hpp>
#include <repscope/parallel/ordered_section.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace program {

namespace {

namespace analysis = repscope::analysis;
namespace io = repscope::io;

// What one thread reads at a time: small enough to be still in its second-level cache when it is summed.
constexpr std::size_t read_bytes = std::size_t{512} << 10U;

struct scratch {
    io::read_buffer buffer;
    std::vector<float> floats;
    std::vector<double> doubles;
    std::size_t zero_samples = 0; ///< seen by this thread
};

// The rows of the file that are measured, in order.
class row_list {
  public:
    row_list(analysis::sample_range samples, const label_set* labels)
        : kept_(labels == nullptr || labels->keeps_all() ? nullptr : &labels->kept), first_(samples.first),
          size_(samples.count) {
        if (kept_ == nullptr) return;
        const auto place = [&](std::size_t row) {
            return static_cast<std::size_t>(std::lower_bound(kept_->begin(), kept_->end(), row) -
                                            kept_->begin());
        };
        first_ = place(samples.first);
        size_ = place(samples.first + samples.count) - first_;
    }

    // The first row's place among those that are kept.
    [[nodiscard]] std::size_t first() const noexcept { return first_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t operator[](std::size_t row) const noexcept {
        return kept_ == nullptr ? first_ + row : (*kept_)[first_ + row];
    }
    // Rows from `row` on, at most `most`, that follow each other in the file.
    [[nodiscard]] std::size_t run(std::size_t row, std::size_t most) const noexcept {
        if (kept_ == nullptr) return most;
        std::size_t length = 1;
        while (length < most && (*this)[row + length] == (*this)[row] + length) ++length;
        return length;
    }

  private:
    const std::vector<std::size_t>* kept_;
    std::size_t first_;
    std::size_t size_;
};

analysis::sample_range samples_of(const file_task& task) {
    return task.samples.value_or(analysis::sample_range{0, task.file->samples()});
}

// Elements of one sample as they are measured.
struct sample_form {
    std::size_t units;
    std::size_t positions;
};

sample_form form_of(const file_task& task) {
    const io::block_reader& file = *task.file;
    if (task.flatten) return {file.units() * file.positions(), 1};
    return {file.units(), file.positions()};
}

// Throws when the memory allowed does not hold the statistics.
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

// One of the files that are read side by side, and what is gathered from it.
class side {
  public:
    side(const io::block_reader& file, const sample_form& form, const row_list& rows, std::size_t workers,
         const statistics_options& options, repscope::thread_pool& pool)
        : file_(file), form_(form), rows_(rows), scratch_(workers), labels_(options.labels),
          statistics_(accumulator_of(rows, form.units, options, pool)) {}

    [[nodiscard]] analysis::layer_accumulator& statistics() noexcept { return statistics_; }
    [[nodiscard]] const io::block_reader& file() const noexcept { return file_; }

    // Where the batch goes that is read next; the threads that read it take these, not the state.
    void begin_batch() {
        values_ = statistics_.next_values();
        rectified_ = statistics_.next_rectified();
        batch_ = std::make_unique<repscope::ordered_section>();
    }
    [[nodiscard]] const double* values() const noexcept { return values_; }

    // Rows [first, first + count) of the batch that begins at row `row`; `part` numbers the calls.
    void read(std::size_t row, std::size_t first, std::size_t count, std::size_t part, std::size_t worker) {
        scratch& own = scratch_[worker];
        if (file_.reads_as_float())
            read_as(row, first, count, part, own, own.floats);
        else
            read_as(row, first, count, part, own, own.doubles);
    }

    // The rows of the batch that begins at row `row` have been read.
    void commit(std::size_t row, std::size_t count) {
        if (labels_ == nullptr) {
            std::vector<std::size_t> places(count);
            for (std::size_t i = 0; i < count; ++i) places[i] = rows_[row + i];
            statistics_.commit(count, {}, places);
        } else {
            const std::size_t first = rows_.first() + row;
            statistics_.commit(count, std::span(labels_->classes).subspan(first, count),
                               std::span(labels_->kept).subspan(first, count));
        }
        if (row + count == rows_.size()) statistics_.flush();
    }

    // Samples whose activations are all 0; all passes after the first leave it as it is.
    [[nodiscard]] std::size_t zero_samples() const noexcept {
        std::size_t count = 0;
        for (const scratch& each : scratch_) count += each.zero_samples;
        return count;
    }
    void stop_counting() noexcept { counts_ = false; }

    // Looks through the last batch, up to row `end`, for what made a sum not finite.
    void name_not_finite(std::size_t end) {
        io::read_buffer buffer;
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

  private:
    template <typename Scalar>
    void read_as(std::size_t row, std::size_t first, std::size_t count, std::size_t part, scratch& own,
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

    const io::block_reader& file_;
    sample_form form_;
    const row_list& rows_;
    std::vector<scratch> scratch_;
    const label_set* labels_;
    analysis::layer_accumulator statistics_;
    double* values_ = nullptr;
    double* rectified_ = nullptr;
    bool counts_ = true;
    std::unique_ptr<repscope::ordered_section> batch_;
};

// Of the differences of a comparison.
statistics_options of_difference(statistics_options options) {
    options.labels = nullptr;
    options.layer.measures = options.layer.measures & analysis::covariance_measures;
    return options;
}

// Of a perturbed layer, whose numbers are compared with those of the clean one.
statistics_options of_perturbed(statistics_options options) {
    options.layer.inference = false;
    options.layer.measures = options.compared_measures();
    return options;
}

// Of several states that share what is allowed.
statistics_options share_of(statistics_options options, const file_task& task) {
    if (task.perturbed != nullptr) options.layer.max_bytes /= 3;
    return options;
}

// Rows that a thread reads at a time: fewer where a tile would take too much of the memory allowed.
std::size_t rows_of_read(const file_task& task, const statistics_options& options, std::size_t threads) {
    const io::block_reader& file = *task.file;
    const std::size_t max_rows =
        file.samples_at_a_time(std::max<std::size_t>(1, read_bytes / file.sample_bytes()));
    const std::size_t row =
        file.units() * file.positions() * (file.reads_as_float() ? sizeof(float) : sizeof(double));
    return std::clamp<std::size_t>(options.memory() / 4 / threads / row, 1, max_rows);
}

class file_measurement {
  public:
    file_measurement(const file_task& task, const statistics_options& options, repscope::thread_pool& pool)
        : pool_(pool), labels_(options.labels), form_(form_of(task)), rows_(samples_of(task), options.labels),
          first_sample_(samples_of(task).first), a_read_(rows_of_read(task, options, pool.size())) {
        const statistics_options each = share_of(options, task);
        sides_.push_back(std::make_unique<side>(*task.file, form_, rows_, pool.size(), each, pool));
        if (task.perturbed == nullptr) return;
        const statistics_options compared = of_perturbed(each);
        sides_.push_back(std::make_unique<side>(*task.perturbed, form_, rows_, pool.size(), compared, pool));
        if (compared.needs_difference())
            difference_ = accumulator_of(rows_, form_.units, of_difference(compared), pool);
    }

    void run(const std::function<void(double)>& read) {
        for (std::size_t row = 0; row < rows_.size();) {
            std::size_t count = rows_.size() - row;
            for (const auto& each : sides_) count = std::min(count, each->statistics().room());
            if (difference_) count = std::min(count, difference_->room());
            for (const auto& each : sides_) each->begin_batch();
            double* const differences = difference_ ? difference_->next_values() : nullptr;
            // Samples are read and averaged by themselves, so it does not matter how they are shared out.
            pool_.for_each((count + a_read_ - 1) / a_read_, [&](std::size_t part, std::size_t worker) {
                const std::size_t first = part * a_read_;
                const std::size_t now = std::min(a_read_, count - first);
                for (const auto& each : sides_) each->read(row, first, now, part, worker);
                if (differences == nullptr) return;
                for (std::size_t i = first * form_.units; i < (first + now) * form_.units; ++i) {
                    differences[i] = sides_[1]->values()[i] - sides_[0]->values()[i];
                }
            });
            row += count;
            for (const auto& each : sides_) {
                try {
                    each->commit(row - count, count);
                } catch (const repscope::value_error&) {
                    each->name_not_finite(row);
                    throw;
                }
            }
            if (difference_) {
                difference_->commit(count);
                if (row == rows_.size()) difference_->flush();
            }
            double bytes = 0.0;
            for (const auto& each : sides_) bytes += static_cast<double>(each->file().sample_bytes());
            read(static_cast<double>(rows_[row - 1] + 1 - first_sample_) * bytes);
        }
        for (const auto& each : sides_) each->file().verify();
    }

    // Of a single file.
    [[nodiscard]] std::vector<analysis::saved_section> save(std::size_t batches) {
        return save_states(sides_[0]->statistics(), {sides_[0]->zero_samples(), batches});
    }

    void finish(layer_report& report) {
        if (sides_.size() == 2) {
            comparison_report& comparison = report.comparison.emplace();
            comparison.relative_size = std::numeric_limits<double>::quiet_NaN();
            if (difference_) {
                comparison.relative_size = repscope::relative_size_of_change(
                    sides_[0]->statistics().covariance(), difference_->covariance());
                comparison.difference = difference_->finish().dimensionality;
                difference_.reset();
            }
            layer_report part;
            add_measures(sides_[1]->statistics().finish(), part);
            const io::block_reader& file = sides_[1]->file();
            comparison.file = file.path();
            comparison.dtype = file.format().name();
            comparison.shape = file.shape();
            comparison.zero_samples = sides_[1]->zero_samples();
            comparison.selectivity = std::move(part.selectivity);
            comparison.dimensionality = std::move(part.dimensionality);
            comparison.power_law = part.power_law;
            comparison.rankme = part.rankme;
            comparison.geometry = std::move(part.geometry);
            sides_.pop_back();
        }
        report.zero_samples = sides_[0]->zero_samples();
        sides_[0]->stop_counting();
        // Error bars may need the rows once more.
        analysis::layer_accumulator& statistics = sides_[0]->statistics();
        while (statistics.next_pass()) run([](double) {});
        add_measures(statistics.finish(), report);
    }

  private:
    void add_measures(analysis::layer_report&& measured, layer_report& report) const {
        if (labels_ == nullptr)
            program::add_measures(std::move(measured), {}, {}, report);
        else
            program::add_measures(std::move(measured), labels_->class_labels, labels_->class_names, report);
    }

    repscope::thread_pool& pool_;
    const label_set* labels_;
    sample_form form_;
    row_list rows_;
    std::size_t first_sample_;
    std::size_t a_read_;
    std::vector<std::unique_ptr<side>> sides_;
    std::optional<analysis::layer_accumulator> difference_;
};

} // namespace

std::size_t min_bytes(const file_task& task, const statistics_options& options) {
    const row_list rows(samples_of(task), options.labels);
    const std::size_t units = form_of(task).units;
    const auto needed = [&](const statistics_options& each) {
        return analysis::layer_accumulator::bytes_needed(rows.size(), units,
                                                         each.accumulator_options(rows.size(), 1));
    };
    double bytes = needed(options);
    if (task.perturbed != nullptr) {
        const statistics_options compared = of_perturbed(options);
        bytes += needed(compared);
        if (compared.needs_difference()) bytes += needed(of_difference(compared));
    }
    return bytes < 0x1p62 ? static_cast<std::size_t>(bytes) : std::size_t{1} << 62U;
}

layer_report describe(const file_task& task) {
    const io::block_reader& file = *task.file;
    layer_report report;
    report.file = file.path();
    report.dtype = file.format().name();
    report.shape = file.shape();
    report.layout = std::string(to_string(file.axes()));
    report.unit = task.flatten || file.axes() == repscope::layout::nu ? "unit" : "channel_mean";
    return report;
}

namespace {

// Runs a pass over the files, and `use` on what it gathered; errors name the file.
template <typename Use>
auto measurement_of(const file_task& task, const statistics_options& options, repscope::thread_pool& pool,
                    const std::function<void(double)>& read, Use&& use) {
    try {
        file_measurement measurement(task, options, pool);
        measurement.run(read);
        return use(measurement);
    } catch (const repscope::format_error&) {
        throw; // names the file itself
    } catch (const repscope::error& e) {
        throw data_error(task.file->path(), without_function_name(e.what()));
    }
}

} // namespace

layer_report measure_file(const file_task& task, const statistics_options& options,
                          repscope::thread_pool& pool, const std::function<void(double)>& read) {
    layer_report report = describe(task);
    measurement_of(task, options, pool, read,
                   [&](file_measurement& measurement) { measurement.finish(report); });
    return report;
}

std::vector<analysis::saved_section> gather_file(const file_task& task, const statistics_options& options,
                                                 repscope::thread_pool& pool,
                                                 const std::function<void(double)>& read,
                                                 std::size_t batches) {
    return measurement_of(task, options, pool, read,
                          [&](file_measurement& measurement) { return measurement.save(batches); });
}

} // namespace program
