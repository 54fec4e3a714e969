#include "measure/pass/measure_file.hpp"

#include "layers/stored_states.hpp"
#include "measure/pass/file_side.hpp"
#include "measure/pass/row_list.hpp"
#include "support/errors.hpp"
#include "support/format.hpp"

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/analysis/layer_similarity.hpp>
#include <repscope/dimensionality/representation_change.hpp>
#include <repscope/error.hpp>
#include <repscope/geometry/representation_drift.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace program {

namespace {

namespace analysis = repscope::analysis;
namespace io = repscope::io;

// What one thread reads at a time: small enough to be still in its second-level cache when it is summed.
constexpr std::size_t read_bytes = std::size_t{512} << 10U;

analysis::sample_range samples_of(const file_task& task) {
    return task.samples.value_or(analysis::sample_range{0, task.file->samples()});
}

sample_form form_of(const file_task& task) {
    const io::block_reader& file = *task.file;
    if (task.flatten) return {file.units() * file.positions(), 1};
    return {file.units(), file.positions()};
}

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

// Of other samples of a layer, whose distribution is compared.
statistics_options of_other_samples(statistics_options options) {
    options.labels = nullptr;
    options.layer.inference = false;
    options.layer.measures = {analysis::measure::participation_ratio};
    return options;
}

// Of a layer whose distribution is compared.
statistics_options with_covariance(statistics_options options) {
    options.layer.needs_covariance = true;
    return options;
}

// Of each of two dumps that share what is allowed.
statistics_options half_of(statistics_options options) {
    options.layer.max_bytes /= 2;
    options.layer.max_bytes_with_blocks /= 2;
    return options;
}

// What a drift holds beside the states: of each covariance its products, eigenvectors and the factor, which
// has the rows of few samples, and the product of both factors with its copy for the singular values.
double bytes_of_drift(std::size_t first, std::size_t second, std::size_t units) {
    const auto u = static_cast<double>(units);
    const auto order = [&](std::size_t rows) { return std::min(static_cast<double>(rows), u); };
    const auto of_side = [&](double n) { return 3 * n * n + (n < u ? 2 * n * u : 0); };
    const double a = order(first), b = order(second);
    return sizeof(double) * (of_side(a) + of_side(b) + 2 * a * b);
}

// Of several states that share what is allowed.
statistics_options share_of(statistics_options options, const file_task& task) {
    if (task.perturbed != nullptr && !task.unpaired) {
        options.layer.max_bytes /= 3;
        options.layer.max_bytes_with_blocks /= 3;
    }
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

// Bytes of the statistics of all files that are read side by side.
double bytes_of_sides(const file_task& task, const statistics_options& options, std::size_t rows,
                      std::size_t units) {
    const auto needed = [&](const statistics_options& each) {
        return analysis::layer_accumulator::bytes_needed(rows, units, each.accumulator_options(rows, 1));
    };
    const statistics_options each = share_of(options, task);
    double bytes = needed(each);
    if (task.perturbed == nullptr) return bytes;
    const statistics_options compared = of_perturbed(each);
    bytes += needed(compared);
    if (compared.needs_difference()) bytes += needed(of_difference(compared));
    return bytes;
}

// Of the similarity of two files whose statistics take `bytes` bytes.
analysis::layer_accumulator_options options_of_pair(const statistics_options& options, std::size_t rows,
                                                    double bytes) {
    analysis::layer_accumulator_options result = options.accumulator_options(rows, 1);
    const double spare = static_cast<double>(result.max_bytes_with_blocks) - bytes;
    result.max_bytes_with_blocks = spare > 1 ? static_cast<std::size_t>(spare) : 1;
    return result;
}

class file_measurement {
  public:
    file_measurement(const file_task& task, const statistics_options& options, repscope::thread_pool& pool)
        : pool_(pool), labels_(options.labels), form_(form_of(task)), rows_(samples_of(task), options.labels),
          first_sample_(samples_of(task).first), a_read_(rows_of_read(task, options, pool.size())) {
        const statistics_options each = share_of(options, task);
        sides_.push_back(std::make_unique<file_side>(*task.file, form_, rows_, pool.size(), each, pool));
        if (task.perturbed == nullptr) return;
        const statistics_options compared = of_perturbed(each);
        sides_.push_back(
            std::make_unique<file_side>(*task.perturbed, form_, rows_, pool.size(), compared, pool));
        if (compared.needs_difference())
            difference_ = accumulator_of(rows_, form_.units, of_difference(compared), pool);
        if (options.layer.measures.contains_any(analysis::similarity_measures)) {
            const double bytes = bytes_of_sides(task, options, rows_.size(), form_.units);
            similarity_.emplace(form_.units, options_of_pair(options, rows_.size(), bytes));
        }
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
            if (similarity_) {
                const auto rows_of = [&](const file_side& one) {
                    using matrix = repscope::tensor_view<const double, 2>;
                    return analysis::similarity_rows{matrix(one.values(), {count, form_.units}),
                                                     matrix(one.selective(), {count, form_.units})};
                };
                similarity_->update(rows_of(*sides_[0]), rows_of(*sides_[1]), sides_[0]->classes(),
                                    sides_[0]->places(), pool_);
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

    /// The states of the first file, before they are evaluated.
    [[nodiscard]] const repscope::covariance& covariance() const {
        return sides_[0]->statistics().covariance();
    }

    // Of a single file.
    [[nodiscard]] std::vector<analysis::saved_section> save(std::size_t batches) {
        return save_states(sides_[0]->statistics(), {sides_[0]->zero_samples(), batches});
    }

    void finish(layer_report& report) {
        report.gram = sides_[0]->take_gram(pool_);
        if (sides_.size() == 2) report.perturbed_gram = sides_[1]->take_gram(pool_);
        if (similarity_) {
            report.similarity = similarity_->finish(sides_[0]->statistics(), sides_[1]->statistics(), pool_);
            similarity_.reset(); // further passes read the clean file alone
        }
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
    std::vector<std::unique_ptr<file_side>> sides_;
    std::optional<analysis::layer_accumulator> difference_;
    std::optional<analysis::layer_similarity> similarity_;
};

} // namespace

std::size_t min_bytes(const file_task& task, const statistics_options& options) {
    const row_list rows(samples_of(task), options.labels);
    const std::size_t units = form_of(task).units;
    const auto needed = [&](const statistics_options& each) {
        return analysis::layer_accumulator::bytes_needed(rows.size(), units,
                                                         each.accumulator_options(rows.size(), 1));
    };
    double bytes = 0;
    if (task.unpaired) {
        const statistics_options half = half_of(options);
        bytes += needed(with_covariance(half));
        const auto other = of_other_samples(half);
        const std::size_t samples = task.perturbed->samples();
        bytes +=
            analysis::layer_accumulator::bytes_needed(samples, units, other.accumulator_options(samples, 1));
        bytes += bytes_of_drift(rows.size(), samples, units);
    } else {
        bytes = bytes_of_sides(task, options, rows.size(), units);
        if (task.perturbed != nullptr && options.layer.measures.contains_any(analysis::similarity_measures)) {
            bytes += analysis::layer_similarity::bytes_needed(rows.size(), units,
                                                              options_of_pair(options, rows.size(), bytes));
        }
    }
    const double kept = static_cast<double>(std::min(options.gram_samples, rows.size()));
    bytes += (task.perturbed == nullptr ? 1 : 2) * sizeof(double) * kept * 3 * static_cast<double>(units);
    return bytes < 0x1p62 ? static_cast<std::size_t>(bytes) : std::size_t{1} << 62U;
}

void require_memory(const file_task& task, std::size_t bytes, std::size_t memory) {
    if (bytes <= memory) return;
    throw data_error(task.file->path(), "the statistics of " + std::to_string(form_of(task).units) +
                                            " units take " + byte_count(static_cast<double>(bytes)) +
                                            ", more than --memory allows (" +
                                            byte_count(static_cast<double>(memory)) + ")");
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

void require_two(const std::string& file, std::size_t samples) {
    if (samples >= 2) return;
    throw data_error(file, "has " + std::to_string(samples) + (samples == 1 ? " sample" : " samples") +
                               ", expected at least 2 for --unpaired");
}

// The drift between the distributions of two files, which are read one after the other.
layer_report measure_drift(const file_task& task, const statistics_options& options,
                           repscope::thread_pool& pool, const std::function<void(double)>& read) {
    layer_report report = describe(task);
    file_task first = task, second = task;
    first.perturbed = second.perturbed = nullptr;
    second.file = task.perturbed;
    const statistics_options half = with_covariance(half_of(options));
    const row_list rows(samples_of(first), options.labels);
    require_two(task.file->path(), rows.size());
    require_two(task.perturbed->path(), task.perturbed->samples());
    const double bytes =
        static_cast<double>(task.file->samples()) * static_cast<double>(task.file->sample_bytes());
    measurement_of(first, half, pool, read, [&](file_measurement& measurement) {
        drift_report& drift = report.drift.emplace();
        drift.file = task.perturbed->path();
        drift.samples = task.perturbed->samples();
        measurement_of(
            second, of_other_samples(half), pool, [&](double done) { read(bytes + done); },
            [&](file_measurement& other) {
                try {
                    drift.measured = repscope::representation_drift(measurement.covariance(),
                                                                    other.covariance(), {.threads = pool});
                } catch (const repscope::error& e) { // of both
                    throw data_error(task.file->path() + ", " + task.perturbed->path(),
                                     without_function_name(e.what()));
                }
            });
        measurement.finish(report);
    });
    return report;
}

} // namespace

layer_report measure_file(const file_task& task, const statistics_options& options,
                          repscope::thread_pool& pool, const std::function<void(double)>& read) {
    if (task.unpaired) return measure_drift(task, options, pool, read);
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
