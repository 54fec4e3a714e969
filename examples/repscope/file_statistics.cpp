#include "file_statistics.hpp"

#include "failure.hpp"
#include "unit_values.hpp"

#include <repscope/error.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace program {

namespace {

namespace io = repscope::io;

// What one thread reads at a time: small enough to be still in its second-level cache when it is summed.
constexpr std::size_t read_bytes = std::size_t{512} << 10U;

struct scratch {
    io::read_buffer buffer;
    std::vector<float> floats;
    std::vector<double> doubles;
};

// The rows of the file that are measured, in order.
class row_list {
  public:
    row_list(io::sample_range samples, const label_set* labels)
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

class file_measurement {
  public:
    file_measurement(const io::block_reader& file, io::sample_range samples, bool flatten,
                     const statistics_options& options, repscope::thread_pool& pool)
        : file_(file), pool_(pool), first_sample_(samples.first), rows_(samples, options.labels),
          units_(flatten ? file.units() * file.positions() : file.units()),
          positions_(flatten ? 1 : file.positions()), scratch_(pool.size()),
          statistics_(rows_.size(), units_, options, pool, rows_.first()) {}

    void run(const std::function<void(double)>& read) {
        const std::size_t a_read =
            file_.samples_at_a_time(std::max<std::size_t>(1, read_bytes / file_.sample_bytes()));
        for (std::size_t row = 0; row < rows_.size();) {
            const std::size_t count = std::min(statistics_.room(), rows_.size() - row);
            double* const values = statistics_.next_values();
            double* const rectified = statistics_.next_rectified();
            // Samples are read and averaged by themselves, so it does not matter how they are shared out.
            pool_.for_each((count + a_read - 1) / a_read, [&](std::size_t part, std::size_t worker) {
                const std::size_t first = part * a_read;
                const std::size_t now = std::min(a_read, count - first);
                read_rows(row + first, now, scratch_[worker], values + first * units_,
                          rectified == nullptr ? nullptr : rectified + first * units_);
            });
            try {
                statistics_.commit(count);
                if (row + count == rows_.size()) statistics_.flush();
            } catch (const repscope::value_error&) {
                name_not_finite(row + count);
                throw;
            }
            row += count;
            read(static_cast<double>(rows_[row - 1] + 1 - first_sample_) *
                 static_cast<double>(file_.sample_bytes()));
        }
    }

    [[nodiscard]] layer_states take() { return statistics_.take(); }

  private:
    void read_rows(std::size_t row, std::size_t count, scratch& own, double* values,
                   double* rectified) const {
        if (file_.reads_as_float())
            read_rows(row, count, own.buffer, own.floats, values, rectified);
        else
            read_rows(row, count, own.buffer, own.doubles, values, rectified);
    }

    template <typename Scalar>
    void read_rows(std::size_t row, std::size_t count, io::read_buffer& buffer, std::vector<Scalar>& memory,
                   double* values, double* rectified) const {
        const std::size_t elements = units_ * positions_;
        if (memory.size() < count * elements) memory.resize(count * elements);
        for (std::size_t done = 0; done < count;) {
            const std::size_t length = rows_.run(row + done, count - done);
            file_.read(rows_[row + done], length, memory.data() + done * elements, buffer);
            done += length;
        }
        unit_values(memory.data(), count, units_, positions_, values, rectified);
    }

    // Looks through the last batch, up to row `end`, for what made a sum not finite.
    void name_not_finite(std::size_t end) {
        io::read_buffer buffer;
        std::vector<double> sample(units_ * positions_);
        for (std::size_t row = statistics_.rows_taken(); row < end; ++row) {
            file_.read(rows_[row], 1, sample.data(), buffer);
            for (std::size_t i = 0; i < sample.size(); ++i) {
                if (std::isfinite(sample[i])) continue;
                std::string place = "unit " + std::to_string(i / positions_);
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
                                                   "; wanted finite activations");
            }
        }
        throw data_error(file_.path(), "holds activations so large that their sums overflow");
    }

    const io::block_reader& file_;
    repscope::thread_pool& pool_;
    std::size_t first_sample_;
    row_list rows_;
    std::size_t units_;
    std::size_t positions_;
    std::vector<scratch> scratch_;
    layer_statistics statistics_;
};

} // namespace

layer_report describe_file(const io::block_reader& file, bool flatten) {
    layer_report report;
    report.file = file.path();
    report.dtype = file.format().name();
    report.shape = file.shape();
    report.layout = std::string(to_string(file.axes()));
    report.unit = flatten || file.axes() == repscope::layout::nu ? "unit" : "channel_mean";
    return report;
}

layer_states gather_file(const io::block_reader& file, io::sample_range samples, bool flatten,
                         const statistics_options& options, repscope::thread_pool& pool,
                         const std::function<void(double)>& read) {
    try {
        file_measurement measurement(file, samples, flatten, options, pool);
        measurement.run(read);
        return measurement.take();
    } catch (const repscope::format_error&) {
        throw; // names the file itself
    } catch (const repscope::error& e) {
        throw data_error(file.path(), without_function_name(e.what()));
    }
}

layer_report measure_file(const io::block_reader& file, bool flatten, const statistics_options& options,
                          repscope::thread_pool& pool, const std::function<void(double)>& read) {
    layer_report report = describe_file(file, flatten);
    const layer_states states = gather_file(file, {0, file.samples()}, flatten, options, pool, read);
    try {
        measure_states(states, terms_of(options), report);
    } catch (const repscope::error& e) {
        throw data_error(file.path(), without_function_name(e.what()));
    }
    return report;
}

} // namespace program
