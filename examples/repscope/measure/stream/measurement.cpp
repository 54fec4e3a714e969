#include "measure/stream/measurement.hpp"

#include "dumps/layout_choice.hpp"
#include "measure/inputs.hpp"
#include "support/errors.hpp"
#include "support/format.hpp"
#include "support/plural.hpp"

#include <repscope/error.hpp>
#include <repscope/io/byte_source.hpp>
#include <repscope/io/npy_folder.hpp>
#include <repscope/io/npy_stream.hpp>
#include <repscope/io/tar_reader.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>

namespace program {

namespace {

namespace io = repscope::io;

member_names names_of_members(const measure_options& options) {
    if (options.webdataset) return member_names::webdataset;
    return options.no_batches ? member_names::layers : member_names::folders;
}

} // namespace

stream_measurement::stream_measurement(const measure_options& options, const label_set* labels,
                                       repscope::thread_pool& pool)
    : options_(options), labels_(labels), pool_(pool),
      origin_(labels == nullptr ? label_origin::undecided : label_origin::file), table_(options.ignored),
      shown_("measure", 0, "samples") {
    if (labels == nullptr) return;
    classes_of_file_.assign(labels->rows, -1);
    for (std::size_t i = 0; i < labels->kept.size(); ++i)
        classes_of_file_[labels->kept[i]] = labels->classes[i];
}

void stream_measurement::read_tar(io::byte_stream& bytes, const std::string& name) {
    const layer_choice chosen(options_.layers);
    io::tar_reader archive(bytes);
    while (const auto member = archive.next()) {
        const member_place place = place_of_member(member->name, names_of_members(options_), name);
        const std::string spelled = name + ": member " + member->name;
        io::byte_stream& contents = archive.contents();
        if (place.is_labels) {
            add_labels(place, contents, member->size, spelled);
            continue;
        }
        if (!chosen.takes(place.layer)) continue;
        const std::uint64_t before = contents.position();
        const io::npy_header header = io::read_npy_header(contents, spelled, options_.arrays().pairs());
        const std::uint64_t claimed =
            header.size() * io::size_of(header.format.type) + (contents.position() - before);
        if (claimed != member->size) {
            throw data_error(spelled, "shape " + repscope::format_shape(header.shape) + " of " +
                                          header.format.name() + " takes " + std::to_string(claimed) +
                                          " bytes with its header, the member holds " +
                                          std::to_string(member->size));
        }
        add_activations(place, header, contents, spelled, name);
    }
}

void stream_measurement::read_records(io::byte_stream& bytes, const std::string& name,
                                      const std::string& layer) {
    // Labels are no records of a layer.
    if (origin_ == label_origin::undecided) origin_ = label_origin::none;
    if (!layer_choice(options_.layers).takes(layer)) throw usage_error("no layer is left to be measured");
    for (std::size_t record = 0; !bytes.peek(1).empty(); ++record) {
        const std::string spelled = name + ": record " + std::to_string(record);
        const io::npy_header header = io::read_npy_header(bytes, spelled, options_.arrays().pairs());
        add_activations({layer, std::to_string(record), false}, header, bytes, spelled, name);
    }
}

stream_measurement::batch_record& stream_measurement::record_of(const std::string& batch, std::size_t samples,
                                                                const std::string& member) {
    const auto [place, is_new] = batches_.try_emplace(batch);
    batch_record& record = place->second;
    if (is_new) {
        allow_waiting(sizeof(batch_record) + 2 * batch.size() + member.size(), member);
        record.samples = samples;
        record.first_member = member;
    } else if (record.samples != samples) {
        throw data_error(member, "holds " + counted(samples, "sample") + ", but " + record.first_member +
                                     ", of the same batch, " + std::to_string(record.samples));
    }
    return record;
}

stream_layer& stream_measurement::layer_of(const std::string& name, const io::array_header& header,
                                           const std::string& member, const std::string& file) {
    if (const auto place = layer_numbers_.find(name); place != layer_numbers_.end()) {
        layers_[place->second]->require_same(header, member);
        return *layers_[place->second];
    }
    const auto stated = layouts_for(name, header.shape, parse_layer_values(options_.layouts), member);
    const auto axes = choose_layout(header.shape, stated, member, name);
    const bool flatten = positions_are_units(options_, name, axes);
    auto layer = std::make_unique<stream_layer>(name, file, header, axes, flatten);
    if (const auto stored = resumed_states_.find(name); stored != resumed_states_.end()) {
        layer->resume(std::move(stored->second), resumed_heads_.at(name), resumed_file_);
        resumed_states_.erase(stored);
    }
    layer_numbers_.emplace(name, layers_.size());
    needed_bytes_.push_back(0.0);
    layers_.push_back(std::move(layer));
    return *layers_.back();
}

void stream_measurement::add_activations(const member_place& place, const io::npy_header& header,
                                         io::byte_stream& bytes, const std::string& member,
                                         const std::string& file) {
    if (header.shape.empty()) throw data_error(member, "expected activations of rank 2, 3 or 4, got rank 0");
    const std::size_t samples = header.shape[0];
    stream_layer& layer = layer_of(place.layer, header, member, file);
    const std::size_t number = layer_numbers_.at(place.layer);
    if (origin_ == label_origin::undecided && !first_batch_.empty() && first_batch_ != place.batch + "/")
        measure_without_labels();
    batch_record& record = record_of(place.batch, samples, member);
    if (record.layers.empty()) {
        record.first = next_first_;
        next_first_ += samples;
        if (first_batch_.empty()) first_batch_ = place.batch + "/";
        if (!last_batch_.empty() && !io::natural_less(last_batch_, place.batch)) is_out_of_order_ = true;
        last_batch_ = place.batch;
    }
    if (std::find(record.layers.begin(), record.layers.end(), number) != record.layers.end())
        throw data_error(member, "layer " + place.layer + " has batch " + place.batch + " twice");
    record.layers.push_back(number);
    const std::string& first_name = first_batch_of_layer_.try_emplace(place.layer, place.batch).first->second;
    if (io::without_trailing_number(first_name) != io::without_trailing_number(place.batch))
        joined_.try_emplace(place.layer, first_name, place.batch);
    if (labels_ != nullptr && record.first + samples > labels_->rows) {
        throw data_error(labels_->file, std::to_string(labels_->rows) + " labels, but layer " + place.layer +
                                            " of " + file + " holds at least " +
                                            std::to_string(record.first + samples) + " samples");
    }
    require_memory(number, layer.position() + samples);
    const std::size_t skipped = layer.samples_to_skip(samples);
    const io::stored_array array = io::forward_array(bytes, header, member, options_.memory / 4);
    const io::block_reader rows(array, layer.axes());
    if (skipped < samples) add_rows(layer, record, array, rows, skipped);
    rows.verify();
    layer.end_batch(samples);
    after_member(layer);
}

void stream_measurement::add_rows(stream_layer& layer, batch_record& record, const io::stored_array& array,
                                  const io::block_reader& rows, std::size_t skipped) {
    if (origin_ == label_origin::undecided || (origin_ == label_origin::stream && !record.has_labels)) {
        hold_rows(layer, record, array, rows, skipped);
        return;
    }
    if (!layer.has_moments()) begin_moments(layer);
    grow_classes(layer);
    std::span<const std::int32_t> classes = record.classes;
    if (origin_ == label_origin::file)
        classes = std::span(classes_of_file_).subspan(static_cast<std::size_t>(record.first), record.samples);
    layer.add(rows, skipped, classes, record.first, pool_);
}

void stream_measurement::hold_rows(stream_layer& layer, batch_record& record, const io::stored_array& array,
                                   const io::block_reader& rows, std::size_t skipped) {
    const bool rectify = options_.negatives == "rectify";
    const std::size_t value_bytes = layer.units() * sizeof(double) * (rectify ? 2 : 1) + 1;
    waiting_rows held;
    held.layer = layer_numbers_.at(layer.name());
    if (skipped == 0 && !array.header.fortran_order && rows.sample_bytes() <= value_bytes) {
        held.header = array.header;
        held.member = array.name;
        if (!spare_.empty()) {
            held.stored = std::move(spare_.back());
            spare_.pop_back();
        }
    }
    const std::size_t row_bytes = held.header ? rows.sample_bytes() : value_bytes;
    constexpr std::size_t bytes_at_a_time = std::size_t{8} << 20U;
    const std::size_t rows_at_a_time = std::max<std::size_t>(1, bytes_at_a_time / row_bytes);
    while (skipped + held.count < rows.samples()) {
        const std::size_t next = skipped + held.count;
        const std::size_t count = std::min(rows_at_a_time, rows.samples() - next);
        const std::size_t bytes = count * row_bytes;
        if (origin_ == label_origin::undecided && waiting_bytes_ + bytes > options_.memory / 4) {
            record.waiting.push_back(std::move(held));
            measure_without_labels();
            if (!layer.has_moments()) begin_moments(layer);
            layer.add(rows, next, {}, record.first, pool_);
            return;
        }
        allow_waiting(bytes, rows.path());
        held.counted_bytes += bytes;
        if (!held.header) {
            layer.hold(rows, next, count, rectify, held, pool_);
            continue;
        }
        const std::size_t begin = held.count * row_bytes;
        if (held.stored.size() < begin + bytes) held.stored.resize(begin + bytes);
        array.bytes->read(begin, std::span(held.stored).subspan(begin, bytes));
        held.count += count;
    }
    record.waiting.push_back(std::move(held));
}

void stream_measurement::add_labels(const member_place& place, io::byte_stream& bytes, std::uint64_t size,
                                    const std::string& member) {
    if (origin_ == label_origin::file) {
        has_ignored_labels_ = true;
        return;
    }
    if (origin_ == label_origin::none) {
        throw data_error(member,
                         "comes after activations that were measured without labels; expected the labels of "
                         "a batch before its activations, or in the first batch (or --labels FILE)");
    }
    if (size > options_.memory / 4) {
        throw data_error(member, "holds labels of " + byte_count(static_cast<double>(size)) +
                                     ", more than a quarter of --memory");
    }
    // Grows with the bytes that exist, not with those that a header claims.
    constexpr std::size_t step = std::size_t{4} << 20U;
    std::vector<std::byte> contents;
    while (contents.size() < size) {
        const std::size_t before = contents.size();
        contents.resize(before + static_cast<std::size_t>(std::min<std::uint64_t>(step, size - before)));
        bytes.read(std::span(contents).subspan(before));
    }
    std::vector<std::int32_t> classes =
        table_.classes_of(std::make_shared<io::owned_memory_source>(std::move(contents), member), member);
    batch_record& record = record_of(place.batch, classes.size(), member);
    if (record.has_labels) throw data_error(member, "batch " + place.batch + " has labels twice");
    allow_waiting(classes.size() * sizeof(std::int32_t), member);
    record.has_labels = true;
    record.classes = std::move(classes);
    origin_ = label_origin::stream;
    add_waiting(record);
}

void stream_measurement::add_waiting(batch_record& record) {
    for (waiting_rows& rows : record.waiting) {
        stream_layer& layer = *layers_[rows.layer];
        if (!layer.has_moments()) begin_moments(layer);
        grow_classes(layer);
        layer.add(rows, record.classes, record.first, pool_);
        waiting_bytes_ -= std::min(waiting_bytes_, rows.counted_bytes);
        if (rows.header) spare_.push_back(std::move(rows.stored));
    }
    record.waiting = {};
}

void stream_measurement::measure_without_labels() {
    origin_ = label_origin::none;
    for (auto& [name, record] : batches_) add_waiting(record);
}

void stream_measurement::allow_waiting(std::size_t bytes, const std::string& member) {
    waiting_bytes_ += bytes;
    if (waiting_bytes_ <= options_.memory / 4) return;
    throw data_error(member, "labels and activations that wait for their labels take more than a quarter of "
                             "--memory (" +
                                 byte_count(static_cast<double>(options_.memory) / 4) +
                                 "); expected the labels of a batch next to its activations");
}

std::size_t stream_measurement::classes() const noexcept {
    constexpr std::size_t least = 16; // so that few layers grow
    if (origin_ == label_origin::file) return labels_->class_labels.size();
    return origin_ == label_origin::stream ? std::max(least, table_.size()) : 0;
}

repscope::analysis::layer_accumulator_options stream_measurement::moment_options(std::size_t layer) const {
    if (layers_[layer]->has_moments()) {
        repscope::analysis::layer_accumulator_options options = layers_[layer]->moments().options();
        options.classes = std::max(options.classes, classes());
        // Moments of blocks that exist count, even if more classes would leave no memory for new ones.
        constexpr std::size_t none = 1;
        options.max_bytes_with_blocks =
            layers_[layer]->moments().has_blocks() ? std::numeric_limits<std::size_t>::max() : none;
        return options;
    }
    repscope::analysis::layer_accumulator_options options = options_.statistics().layer;
    options.threads = pool_;
    options.classes = classes();
    double others = 0.0;
    for (std::size_t k = 0; k < layers_.size(); ++k) others += k == layer ? 0.0 : needed_bytes_[k];
    const double spare = static_cast<double>(options_.memory) - others;
    options.max_bytes = options.max_bytes_with_blocks = spare > 1 ? static_cast<std::size_t>(spare) : 1;
    return options;
}

void stream_measurement::begin_moments(stream_layer& layer) {
    const auto place =
        std::find_if(layers_.begin(), layers_.end(), [&](const auto& each) { return each.get() == &layer; });
    layer.begin(moment_options(static_cast<std::size_t>(place - layers_.begin())));
}

void stream_measurement::grow_classes(stream_layer& layer) {
    if (origin_ != label_origin::stream) return;
    const std::size_t before = layer.moments().options().classes;
    if (table_.size() <= before) return;
    std::vector<std::size_t> same(before);
    for (std::size_t c = 0; c < before; ++c) same[c] = c;
    layer.moments().renumber_classes(same, std::max(2 * before, table_.size()));
}

void stream_measurement::sort_classes() {
    for (const auto& layer : layers_) {
        if (layer->has_moments()) grow_classes(*layer);
    }
    const std::vector<std::size_t> numbers = table_.sort();
    for (const auto& layer : layers_) {
        if (layer->has_moments()) layer->moments().renumber_classes(numbers, numbers.size());
    }
    for (auto& [name, record] : batches_) {
        for (std::int32_t& c : record.classes) {
            if (c >= 0) c = static_cast<std::int32_t>(numbers[static_cast<std::size_t>(c)]);
        }
    }
}

double stream_measurement::estimate_memory(std::size_t layer, std::uint64_t samples) {
    needed_bytes_[layer] = repscope::analysis::layer_accumulator::bytes_needed(
        samples, layers_[layer]->units(), moment_options(layer));
    return std::accumulate(needed_bytes_.begin(), needed_bytes_.end(), 0.0);
}

void stream_measurement::require_memory(std::size_t layer, std::uint64_t samples) {
    const auto limit = static_cast<double>(options_.memory);
    double all = estimate_memory(layer, samples);
    // Intervals are left out before the stream is refused: those of the layers that came first, since the
    // options of this layer have taken theirs into account.
    for (std::size_t k = 0; k < layers_.size() && all > limit; ++k) {
        if (!layers_[k]->has_moments() || !layers_[k]->moments().has_blocks()) continue;
        layers_[k]->moments().release_blocks();
        all = estimate_memory(k, std::max(layers_[k]->position(), k == layer ? samples : 0));
    }
    if (all <= limit) return;
    throw data_error(layers_[layer]->name(), "the statistics of " + counted(layers_.size(), "layer") +
                                                 " of the stream take " + byte_count(all) +
                                                 ", more than --memory allows (" +
                                                 byte_count(static_cast<double>(options_.memory)) + ")");
}

void stream_measurement::require_whole() const {
    if (layers_.empty()) throw usage_error("no layer is left to be measured");
    for (const auto& [batch, record] : batches_) {
        if (record.layers.empty())
            throw data_error(record.first_member, "labels of a batch without activations");
        if (origin_ == label_origin::stream && !record.has_labels)
            throw data_error(record.first_member, "the stream has no labels of batch " + batch);
        if (record.layers.size() == layers_.size()) continue;
        for (std::size_t k = 0; k < layers_.size(); ++k) {
            if (std::find(record.layers.begin(), record.layers.end(), k) != record.layers.end()) continue;
            throw data_error(record.first_member,
                             "layer " + layers_[k]->name() + " lacks this batch, " + batch);
        }
    }
    for (const auto& layer : layers_) {
        if (labels_ != nullptr && layer->position() != labels_->rows) {
            throw data_error(labels_->file, std::to_string(labels_->rows) + " labels, but layer " +
                                                layer->name() + " holds " +
                                                std::to_string(layer->position()) + " samples");
        }
        const auto stored = resumed_heads_.find(layer->name());
        if (stored != resumed_heads_.end() && layer->position() < stored->second.count) {
            throw data_error(resumed_file_,
                             "layer '" + layer->name() + "': " + std::to_string(stored->second.count) +
                                 " samples, the stream holds " + std::to_string(layer->position()));
        }
    }
    if (!resumed_states_.empty()) {
        throw data_error(resumed_file_,
                         "layer '" + resumed_states_.begin()->first + "' is not in the stream");
    }
    if (origin_ == label_origin::stream && table_.size() < 2) {
        throw data_error("labels", table_.size() == 0
                                       ? "expected labels of at least 2 classes, got none"
                                       : "expected labels of at least 2 classes, got the single class " +
                                             (table_.class_names().empty()
                                                  ? std::to_string(table_.class_labels().front())
                                                  : table_.class_names().front()));
    }
}

void stream_measurement::after_member(const stream_layer& layer) {
    most_samples_ = std::max(most_samples_, layer.position());
    shown_.done(static_cast<double>(most_samples_), layer.name());
    if (options_.snapshot.empty()) return;
    constexpr std::chrono::minutes interval(10);
    const bool is_due = options_.snapshot_every != 0
                            ? most_samples_ - saved_samples_ >= options_.snapshot_every
                            : std::chrono::steady_clock::now() - saved_at_ >= interval;
    if (is_due) save_snapshot(false);
}

measure_result stream_measurement::finish() {
    if (origin_ == label_origin::undecided) measure_without_labels();
    require_whole();
    std::vector<std::string> names;
    std::vector<repscope::layout> layouts;
    for (const auto& layer : layers_) {
        names.push_back(layer->name());
        layouts.push_back(layer->axes());
    }
    for (const std::string& pattern : layer_choice(options_.layers).unused(names))
        throw usage_error("--layers: no layer is called like " + pattern);
    require_used("--layout", parse_layer_values(options_.layouts), names);
    require_used("--unit", parse_layer_values(options_.units), names);
    require_units(options_, layouts);
    if (origin_ == label_origin::stream) sort_classes();
    if (origin_ == label_origin::none && options_.require == "selectivity")
        throw data_error("stream", "--require selectivity: the stream has no labels");
    if (has_ignored_labels_)
        notes_.push_back("the labels of the stream are not read, since --labels is given");
    if (is_out_of_order_ && labels_ != nullptr) {
        notes_.push_back("the batches are not in the natural order of their names; the labels of " +
                         options_.labels + " are those of the samples in the order of the stream");
    }
    for (const auto& [layer, names_of_batches] : joined_) {
        notes_.push_back("layer " + layer +
                         ": members are joined as batches, under names that differ in more "
                         "than a number at their end: " +
                         names_of_batches.first + ", " + names_of_batches.second +
                         " (--no-batches measures each member as a layer)");
    }
    for (const auto& layer : layers_) layer->flush();
    if (!options_.snapshot.empty()) save_snapshot(true);
    measure_result result{{}, options_, notes_, {}};
    const label_set of_stream = classes_of_stream();
    const label_set& known = labels_ != nullptr ? *labels_ : of_stream;
    for (const auto& layer : layers_)
        result.layers.push_back(layer->finish(known.class_labels, known.class_names));
    return result;
}

label_set stream_measurement::classes_of_stream() const {
    label_set set;
    if (origin_ != label_origin::stream) return set;
    set.class_labels = table_.class_labels();
    set.class_names = table_.class_names();
    return set;
}

} // namespace program
