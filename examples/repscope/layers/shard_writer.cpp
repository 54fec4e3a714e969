#include "layers/shard_writer.hpp"

#include "support/errors.hpp"

#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

namespace program {

namespace {

namespace analysis = repscope::analysis;

// Of all samples, so that shards with other samples agree: the label of each as 64 bits, and for one that is
// left out the lowest number, which no label can be.
std::uint32_t crc_of(const label_set& labels) {
    constexpr std::size_t chunk_size = 8192;
    std::uint32_t crc = 0;
    repscope::byte_writer bytes;
    std::size_t next = 0;
    for (std::size_t row = 0; row < labels.rows; ++row) {
        std::int64_t label = std::numeric_limits<std::int64_t>::min();
        if (next < labels.kept.size() && labels.kept[next] == row) {
            label = labels.class_labels[static_cast<std::size_t>(labels.classes[next++])];
        }
        bytes.put(label);
        if (bytes.bytes().size() >= chunk_size) crc = repscope::crc32(bytes.take(), crc);
    }
    for (const std::string& name : labels.class_names) bytes.put_text(name);
    return repscope::crc32(bytes.bytes(), crc);
}

analysis::state_file header_of(const shard_choice& choice, const std::string& options,
                               const std::string& note, const label_set* labels) {
    analysis::state_file header;
    header.shard = choice.shard;
    header.shards = choice.shards;
    header.options = options;
    header.note = note;
    if (labels != nullptr) {
        header.labels_crc = crc_of(*labels);
        header.class_labels = labels->class_labels;
    }
    return header;
}

} // namespace

std::string shard_choice::text() const {
    return "shard " + std::to_string(shard) + " of " + std::to_string(shards);
}

shard_choice parse_shard(const std::string& text) {
    shard_choice choice;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, choice.shard);
    bool good = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
    if (good) {
        const auto second = std::from_chars(first.ptr + 1, end, choice.shards);
        good = second.ec == std::errc() && second.ptr == end;
    }
    constexpr std::uint32_t most = std::uint32_t{1} << 20U;
    if (!good || choice.shard < 1 || choice.shard > choice.shards || choice.shards > most) {
        throw usage_error("--shard: expected i/n with i from 1 to n, at most 2^20, got " + text);
    }
    return choice;
}

shard_writer::shard_writer(const shard_choice& choice, const std::string& options, const std::string& note,
                           const label_set* labels)
    : writer_(header_of(choice, options, note, labels)) {}

void shard_writer::add(const layer_report& described, const analysis::sample_range& samples,
                       const std::vector<analysis::saved_section>& states) {
    std::vector<analysis::state_section> sections;
    for (const auto& state : states) sections.push_back({state.kind, state.payload});
    writer_.add({described.name, described.dtype, described.shape, described.layout, described.unit,
                 described.file.value_or(""), samples.first, samples.count, std::move(sections)});
}

std::vector<std::byte> shard_writer::finish() { return writer_.finish(); }

} // namespace program
