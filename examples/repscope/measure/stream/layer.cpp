#include "measure/stream/layer.hpp"

#include "layers/unit_values.hpp"
#include "measure/pass/zero_samples.hpp"
#include "support/errors.hpp"

#include <repscope/error.hpp>
#include <repscope/io/byte_source.hpp>
#include <repscope/parallel/ordered_section.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

namespace program {

namespace {

// What one thread reads at a time: small enough to be still in its second-level cache when it is summed.
constexpr std::size_t stream_read_bytes = std::size_t{512} << 10U;

// Whether all values are finite: the product of any other and 0 is NaN. With the compiler's vectors, because
// a pass over a row costs as much as its conversion.
bool all_finite(const double* values, std::size_t count) {
    typedef double eight __attribute__((vector_size(64)));
    eight products{};
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        eight now;
        std::memcpy(&now, values + i, sizeof now);
        products += now * 0.0;
    }
    double product = 0.0;
    for (std::size_t k = 0; k < 8; ++k) product += products[k];
    for (; i < count; ++i) product += values[i] * 0.0;
    return product == 0.0;
}

// Throws for the first element of a sample that is not finite; returns if all are.
template <typename Scalar>
void require_finite(const Scalar* sample, const repscope::io::block_reader& batch, std::size_t row) {
    for (std::size_t i = 0; i < batch.units() * batch.positions(); ++i) {
        if (std::isfinite(sample[i])) continue;
        std::string place = "unit " + std::to_string(i);
        if (batch.positions() != 1) {
            place = "channel " + std::to_string(i / batch.positions()) + ", position " +
                    std::to_string(i % batch.positions());
        }
        throw data_error(batch.path(), std::string("holds ") +
                                           (std::isnan(sample[i])   ? "nan"
                                            : sample[i] > Scalar(0) ? "inf"
                                                                    : "-inf") +
                                           " at sample " + std::to_string(row) + ", " + place +
                                           "; expected finite activations");
    }
}

} // namespace

stream_layer::stream_layer(std::string name, std::string file, repscope::io::array_header first,
                           repscope::layout axes, bool flatten)
    : name_(std::move(name)), file_(std::move(file)), first_(std::move(first)), axes_(axes),
      flatten_(flatten) {
    const bool units_last = axes == repscope::layout::nhwc || axes == repscope::layout::ntd;
    const std::size_t elements = first_.size() / first_.shape[0];
    units_ = units_last ? first_.shape.back() : first_.shape[1];
    positions_ = elements / units_;
    if (flatten_) {
        units_ = elements;
        positions_ = 1;
    }
}

void stream_layer::require_same(const repscope::io::array_header& header, const std::string& member) const {
    const auto& shape = header.shape;
    if (header.format == first_.format && shape.size() == first_.shape.size() &&
        std::equal(shape.begin() + 1, shape.end(), first_.shape.begin() + 1)) {
        return;
    }
    throw data_error(member, "holds " + header.format.name() + " of shape " + repscope::format_shape(shape) +
                                 ", the first batch of layer " + name_ + " " + first_.format.name() +
                                 " of shape " + repscope::format_shape(first_.shape) +
                                 ": expected one type, and shapes that differ in their first extent only");
}

void stream_layer::begin(const repscope::analysis::layer_accumulator_options& options) {
    moments_.emplace(units_, options);
}

void stream_layer::resume(stored_states&& states, const repscope::analysis::stored_layer& stored,
                          const std::string& file) {
    const layer_report described = describe();
    const bool fits = stored.dtype == described.dtype && stored.shape.size() == described.shape.size() &&
                      std::equal(stored.shape.begin() + 1, stored.shape.end(), described.shape.begin() + 1) &&
                      stored.layout == described.layout && stored.unit == described.unit;
    if (!fits) {
        throw data_error(file, "layer '" + name_ + "': " + stored.dtype + " of shape " +
                                   repscope::format_shape(stored.shape) + ", " + stored.layout +
                                   ", the stream has " + described.dtype + " of shape " +
                                   repscope::format_shape(first_.shape) + ", " + described.layout);
    }
    moments_ = std::move(states.moments);
    resumed_ = stored.count;
    flushed_ = {stored.count, states.input.zero_samples.value_or(0)};
    added_ = flushed_;
}

std::size_t stream_layer::samples_to_skip(std::size_t samples) const noexcept {
    if (position_ >= resumed_) return 0;
    return static_cast<std::size_t>(std::min<std::uint64_t>(samples, resumed_ - position_));
}

void stream_layer::read(const repscope::io::block_reader& batch, std::size_t first, std::size_t count,
                        const row_target& target, repscope::thread_pool& pool) {
    if (scratch_.size() < pool.size()) scratch_.resize(pool.size());
    const std::size_t elements = units_ * positions_;
    const std::size_t rows_per_read =
        batch.samples_at_a_time(std::max<std::size_t>(1, stream_read_bytes / batch.sample_bytes()));
    repscope::ordered_section section;
    const auto read_as = [&](std::size_t part, scratch& memory, auto& tile) {
        const std::size_t begin = part * rows_per_read;
        const std::size_t rows = std::min(rows_per_read, count - begin);
        if (tile.size() < rows * elements) tile.resize(rows * elements);
        const auto fill = [&] { batch.read(first + begin, rows, tile.data(), memory.buffer); };
        if (!section.enter(part, fill)) return; // another thread is about to throw
        double* const values = target.values + begin * units_;
        unit_values(tile.data(), rows, units_, positions_, values,
                    target.rectified == nullptr ? nullptr : target.rectified + begin * units_);
        for (std::size_t i = 0; i < rows; ++i) {
            const auto* const sample = tile.data() + i * elements;
            target.is_zero[begin + i] = is_zero_sample(sample, elements) ? 1 : 0;
            if (!all_finite(values + i * units_, units_)) require_finite(sample, batch, first + begin + i);
        }
    };
    pool.for_each((count + rows_per_read - 1) / rows_per_read, [&](std::size_t part, std::size_t worker) {
        scratch& memory = scratch_[worker];
        if (batch.reads_as_float())
            read_as(part, memory, memory.floats);
        else
            read_as(part, memory, memory.doubles);
    });
}

void stream_layer::commit(std::size_t rows, std::span<const std::int32_t> classes,
                          std::span<const std::size_t> places) {
    const std::uint64_t taken = moments_->rows_taken();
    try {
        moments_->commit(rows, classes, places);
    } catch (const repscope::value_error& e) {
        throw data_error(file_, "layer " + name_ + ": " + without_function_name(e.what()));
    }
    if (moments_->rows_taken() != taken) flushed_ = added_;
}

void stream_layer::append(std::size_t first, std::size_t count, std::span<const std::int32_t> classes,
                          std::uint64_t place, const fill_rows& fill) {
    std::vector<std::int32_t> kept_classes;
    std::vector<std::size_t> places;
    for (std::size_t done = 0; done < count;) {
        const std::size_t now = std::min(count - done, moments_->room());
        const std::size_t row = first + done;
        const auto here = classes.empty() ? classes : classes.subspan(row, now);
        const bool keeps_all = std::none_of(here.begin(), here.end(), [](std::int32_t c) { return c < 0; });
        is_zero_.resize(now);
        row_target target{moments_->next_values(), moments_->next_rectified(), is_zero_.data()};
        const row_target kept = target;
        if (!keeps_all) {
            values_.resize(now * units_);
            target.values = values_.data();
            if (kept.rectified != nullptr) {
                rectified_.resize(now * units_);
                target.rectified = rectified_.data();
            }
        }
        fill(row, now, target);
        std::size_t rows = 0;
        kept_classes.clear();
        places.clear();
        for (std::size_t i = 0; i < now; ++i) {
            if (!here.empty() && here[i] < 0) continue;
            if (!keeps_all) {
                std::copy_n(target.values + i * units_, units_, kept.values + rows * units_);
                if (kept.rectified != nullptr)
                    std::copy_n(target.rectified + i * units_, units_, kept.rectified + rows * units_);
                kept_classes.push_back(here[i]);
            }
            places.push_back(static_cast<std::size_t>(place + row + i));
            added_.zero_samples += is_zero_[i];
            ++rows;
        }
        added_.samples += now;
        if (rows > 0) commit(rows, keeps_all ? here : std::span<const std::int32_t>(kept_classes), places);
        done += now;
    }
}

void stream_layer::add(const repscope::io::block_reader& batch, std::size_t first,
                       std::span<const std::int32_t> classes, std::uint64_t place,
                       repscope::thread_pool& pool) {
    append(first, batch.samples() - first, classes, place,
           [&](std::size_t row, std::size_t count, const row_target& target) {
               read(batch, row, count, target, pool);
           });
}

void stream_layer::hold(const repscope::io::block_reader& batch, std::size_t first, std::size_t count,
                        bool rectify, waiting_rows& rows, repscope::thread_pool& pool) {
    const std::size_t before = rows.count;
    rows.values.resize((before + count) * units_);
    if (rectify) rows.rectified.resize((before + count) * units_);
    rows.is_zero.resize(before + count);
    read(batch, first, count,
         {rows.values.data() + before * units_, rectify ? rows.rectified.data() + before * units_ : nullptr,
          rows.is_zero.data() + before},
         pool);
    rows.count = before + count;
}

void stream_layer::add(const waiting_rows& rows, std::span<const std::int32_t> classes, std::uint64_t place,
                       repscope::thread_pool& pool) {
    const std::size_t begin = classes.empty() ? 0 : classes.size() - rows.count;
    if (rows.header) {
        const repscope::io::block_reader batch(
            repscope::io::stored_array{
                rows.member, *rows.header,
                std::make_shared<repscope::io::memory_source>(rows.stored, rows.member)},
            axes_);
        append(begin, rows.count, classes, place,
               [&](std::size_t row, std::size_t count, const row_target& target) {
                   read(batch, row - begin, count, target, pool);
               });
        return;
    }
    append(begin, rows.count, classes, place,
           [&](std::size_t row, std::size_t count, const row_target& target) {
               const std::size_t at = row - begin;
               std::copy_n(rows.values.data() + at * units_, count * units_, target.values);
               if (target.rectified != nullptr)
                   std::copy_n(rows.rectified.data() + at * units_, count * units_, target.rectified);
               std::copy_n(rows.is_zero.data() + at, count, target.is_zero);
           });
}

layer_report stream_layer::describe() const {
    layer_report report;
    report.name = name_;
    report.file = file_;
    report.dtype = first_.format.name();
    report.shape = first_.shape;
    report.shape[0] = static_cast<std::size_t>(position_);
    report.layout = std::string(to_string(axes_));
    report.unit = flatten_ || axes_ == repscope::layout::nu ? "unit" : "channel_mean";
    report.zero_samples = static_cast<std::size_t>(added_.zero_samples);
    return report;
}

void stream_layer::flush() {
    try {
        moments_->flush();
    } catch (const repscope::value_error& e) {
        throw data_error(file_, "layer " + name_ + ": " + without_function_name(e.what()));
    }
    flushed_ = added_;
}

layer_report stream_layer::finish(std::span<const std::int64_t> class_labels,
                                  std::span<const std::string> class_names) {
    layer_report report = describe();
    try {
        add_measures(moments_->finish(), class_labels, class_names, report);
    } catch (const repscope::error& e) {
        throw data_error(file_, "layer " + name_ + ": " + without_function_name(e.what()));
    }
    moments_.reset();
    return report;
}

} // namespace program
