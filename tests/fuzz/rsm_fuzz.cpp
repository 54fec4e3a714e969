// State files, and the states in them. Changed bytes rarely fit their checksum, so the parser is given the
// file as it is and once more with its checksums made right.

#include "repscope/analysis/shards.hpp"
#include "repscope/analysis/state_file.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/moments/covariance.hpp"

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace {

namespace analysis = repscope::analysis;

std::uint64_t number_at(const std::vector<std::byte>& bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t k = 0; k < size; ++k) value |= static_cast<std::uint64_t>(bytes[at + k]) << (8 * k);
    return value;
}

// Sections: kind (length, characters), layer, length, payload, checksum, from byte 12 on.
void repair_checksums(std::vector<std::byte>& bytes) {
    std::size_t at = 12;
    while (bytes.size() >= at + 16) {
        const std::uint64_t kind = number_at(bytes, at, 4);
        if (kind > bytes.size() - at - 16) return;
        const auto head = static_cast<std::size_t>(16 + kind);
        const std::uint64_t payload = number_at(bytes, at + head - 8, 8);
        if (payload > bytes.size() - at - head) return;
        const std::size_t end = at + head + static_cast<std::size_t>(payload);
        if (bytes.size() - end < 4) return;
        const std::uint32_t crc = repscope::crc32(std::span(bytes).subspan(at, end - at));
        for (std::size_t k = 0; k < 4; ++k) bytes[end + k] = static_cast<std::byte>((crc >> (8 * k)) & 0xffU);
        at = end + 4;
    }
}

// Handles a payload like `merge`, for any stated kind.
template <typename State>
void load_and_merge(std::span<const std::byte> payload) {
    try {
        repscope::byte_reader in(payload);
        State state = State::load(in);
        const State same = state;
        state.merge(same);
        if (state.samples() != same.samples() + same.samples()) std::abort();
        repscope::byte_writer out;
        state.save(out);
    } catch (const repscope::error&) {
    }
}

void parse(std::span<const std::byte> bytes) {
    try {
        const analysis::state_file file = analysis::parse_state_file(bytes, "f");
        for (const analysis::stored_layer& layer : file.layers) {
            for (const analysis::state_section& section : layer.sections) {
                if (!section.payload.empty() &&
                    (section.payload.data() < bytes.data() ||
                     section.payload.data() + section.payload.size() > bytes.data() + bytes.size())) {
                    std::abort();
                }
                load_and_merge<repscope::covariance>(section.payload);
                load_and_merge<repscope::class_sums>(section.payload);
                load_and_merge<repscope::class_moments>(section.payload);
            }
        }
        // Sections of the file that are not known are not kept, so only what is written again is the same.
        analysis::state_file_writer writer(file);
        for (const analysis::stored_layer& layer : file.layers) writer.add(layer);
        const std::vector<std::byte> written = writer.finish();
        const analysis::state_file again = analysis::parse_state_file(written, "g");
        analysis::require_same_run(file, again);
        (void)analysis::shard_order(std::vector<analysis::state_file>{file});
    } catch (const repscope::error&) {
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto raw = std::as_bytes(std::span(data, size));
    parse(raw);
    std::vector<std::byte> repaired(raw.begin(), raw.end());
    repair_checksums(repaired);
    parse(repaired);
    return 0;
}
