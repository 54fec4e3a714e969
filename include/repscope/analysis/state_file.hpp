#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/tensor/shape.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// One section of a state file; `payload` refers to the bytes that were parsed.
struct state_section {
    std::string kind;                   ///< kind of the payload: "class_sums", "covariance", ...
    std::span<const std::byte> payload; ///< the bytes of the state
};

/// The byte form of one state of a layer.
struct saved_section {
    std::string kind;               ///< "covariance", "class_sums", ...
    std::vector<std::byte> payload; ///< the bytes of the state
};

/// The part of a state file for one layer of a dump: a description of the measured data, and the states.
struct stored_layer {
    std::string name;                    ///< of the layer
    std::string dtype;                   ///< element type of the dump
    std::vector<std::size_t> shape;      ///< of the whole dump, not of the shard
    std::string layout;                  ///< layout of the axes: nu, nchw, ...
    std::string unit;                    ///< what a unit is
    std::string file;                    ///< path at the time of the measurement; may differ between machines
    std::uint64_t first = 0;             ///< the shard's samples are [first, first + count) of shape[0]
    std::uint64_t count = 0;             ///< number of samples of the shard
    std::vector<state_section> sections; ///< the states
};

/// A state file (`.rsm`): the states of a pass over some samples of a dump, with a description of their
/// origin. The description prevents a merge of states of other dumps or other options.
struct state_file {
    std::string name;                       ///< name in error messages, such as a path
    std::uint16_t minor = 0;                ///< format version within the major one
    std::uint32_t shard = 1;                ///< from 1
    std::uint32_t shards = 1;               ///< number of shards
    std::uint32_t labels_crc = 0;           ///< CRC-32 of the labels of all samples; 0 without labels
    std::string options;                    ///< options of the measurement; equal in all shards of a run
    std::string note;                       ///< any other text; may differ between shards
    std::vector<std::int64_t> class_labels; ///< the label of each class; empty without labels
    std::vector<stored_layer> layers;       ///< in the order of the measurement
};

/// The payload of the layer's section of this kind, if there is one.
[[nodiscard]] inline std::optional<std::span<const std::byte>> find_section(const stored_layer& layer,
                                                                            std::string_view kind) {
    for (const state_section& section : layer.sections) {
        if (section.kind == kind) return section.payload;
    }
    return std::nullopt;
}

namespace detail {

// The magic starts with a byte above 127, which no text does, and has both kinds of line ends, which a
// transfer as text would change.
inline constexpr std::array<unsigned char, 8> state_magic{0x8d, 'r', 's', 'm', '\r', '\n', 0x1a, '\n'};
inline constexpr std::uint16_t state_major = 3;
inline constexpr std::uint16_t state_minor = 0;
/// Index of a section that belongs to the file and not to a layer.
inline constexpr std::uint32_t no_layer = 0xffffffffU;
inline constexpr std::size_t max_kind_characters = 64;
/// Of one layer.
inline constexpr std::size_t max_sections = 64;

inline stored_layer parse_layer(std::span<const std::byte> payload, const std::string& name) {
    byte_reader in(payload, name);
    stored_layer layer;
    layer.name = in.get_text();
    layer.dtype = in.get_text();
    const auto rank = in.get<std::uint32_t>();
    in.need(std::size_t{8} * rank);
    for (std::uint32_t axis = 0; axis < rank; ++axis) {
        layer.shape.push_back(static_cast<std::size_t>(in.get<std::uint64_t>()));
    }
    layer.layout = in.get_text();
    layer.unit = in.get_text();
    layer.file = in.get_text();
    layer.first = in.get<std::uint64_t>();
    layer.count = in.get<std::uint64_t>();
    const std::uint64_t samples = layer.shape.empty() ? 0 : layer.shape.front();
    if (layer.first > samples || layer.count > samples - layer.first) {
        throw format_error(name + ": layer '" + layer.name + "': samples " + errors::text_of(layer.first) +
                           " to " + errors::text_of(layer.first) + " + " + errors::text_of(layer.count) +
                           ", the dump holds " + errors::text_of(samples));
    }
    return layer;
}

} // namespace detail

/// Writes a state file to memory, layer by layer.
///
/// Format (little-endian; a text is its length in 32 bits and the characters): magic `8d 72 73 6d 0d 0a 1a
/// 0a`; major and minor version, 16 bits each; sections to the end of the file. A section: kind (text), index
/// of the layer (32 bits, all ones for the file itself), length of the payload (64 bits), payload, CRC-32 of
/// the section before it. First comes "run" (shard, shards, CRC-32 of the labels, options, note), then, with
/// labels, "classes" (the label of each, 64 bits); for each layer "layer" (name, dtype, rank and extents,
/// layout, unit, file, first sample, samples) and its states; at the end of the file "end" (how many sections
/// came before it).
class state_file_writer {
  public:
    /// Begins the file of `run`; its name, minor version and layers are not written.
    explicit state_file_writer(const state_file& run) {
        for (const unsigned char c : detail::state_magic) out_.put(c);
        out_.put(detail::state_major);
        out_.put(detail::state_minor);
        byte_writer head;
        head.put(run.shard);
        head.put(run.shards);
        head.put(run.labels_crc);
        head.put_text(run.options);
        head.put_text(run.note);
        put("run", detail::no_layer, head.bytes());
        if (run.class_labels.empty()) return;
        byte_writer classes;
        classes.put_all(std::span(run.class_labels));
        put("classes", detail::no_layer, classes.bytes());
    }

    /// Adds a layer and its sections. O(bytes).
    void add(const stored_layer& layer) {
        byte_writer head;
        head.put_text(layer.name);
        head.put_text(layer.dtype);
        head.put(static_cast<std::uint32_t>(layer.shape.size()));
        for (const std::size_t extent : layer.shape) head.put(static_cast<std::uint64_t>(extent));
        head.put_text(layer.layout);
        head.put_text(layer.unit);
        head.put_text(layer.file);
        head.put(layer.first);
        head.put(layer.count);
        put("layer", layers_, head.bytes());
        for (const state_section& section : layer.sections) put(section.kind, layers_, section.payload);
        ++layers_;
    }

    /// Ends the file and returns its bytes.
    [[nodiscard]] std::vector<std::byte> finish() {
        byte_writer end;
        end.put(sections_);
        put("end", detail::no_layer, end.bytes());
        return out_.take();
    }

  private:
    void put(std::string_view kind, std::uint32_t layer, std::span<const std::byte> payload) {
        byte_writer head;
        head.put_text(kind);
        head.put(layer);
        head.put(static_cast<std::uint64_t>(payload.size()));
        out_.put_bytes(head.bytes());
        out_.put_bytes(payload);
        out_.put(crc32(payload, crc32(head.bytes())));
        ++sections_;
    }

    byte_writer out_;
    std::uint32_t layers_ = 0;
    std::uint64_t sections_ = 0;
};

/// Parses a state file without side effects; allocations are bounded by the size of `bytes`.
///
/// `bytes` must outlive the result, whose payloads refer to them; errors refer to them by `name`. Unknown
/// sections of a layer are kept and unknown sections of the file are skipped, so files of a later minor
/// version can be read. Throws `format_error` for another magic or major version, a wrong checksum, and bytes
/// that are cut, continue after the end or contradict themselves. O(bytes).
[[nodiscard]] inline state_file parse_state_file(std::span<const std::byte> bytes, const std::string& name) {
    byte_reader in(bytes, name);
    const auto fail = [&](const std::string& complaint) { throw format_error(name + ": " + complaint); };
    for (std::size_t i = 0; i < detail::state_magic.size(); ++i) {
        if (i >= bytes.size() || in.get<std::uint8_t>() != detail::state_magic[i]) {
            fail("not a state file: it does not begin as one");
        }
    }
    const auto major = in.get<std::uint16_t>();
    if (major != detail::state_major) {
        fail("a state file of format " + errors::text_of(major) + ", this version reads format " +
             errors::text_of(detail::state_major));
    }
    state_file file;
    file.name = name;
    file.minor = in.get<std::uint16_t>();
    bool has_run = false;
    bool has_end = false;
    for (std::uint64_t sections = 0; !has_end; ++sections) {
        if (in.left() == 0) fail("cut short: no end section");
        const std::size_t at = bytes.size() - in.left();
        byte_reader length(bytes.subspan(at), name);
        if (length.get<std::uint32_t>() > detail::max_kind_characters) {
            fail("damaged: no section begins at byte " + errors::text_of(at));
        }
        const std::string kind = in.get_text();
        const auto layer = in.get<std::uint32_t>();
        const std::string whose =
            layer < file.layers.size() ? "layer '" + file.layers[layer].name + "', " + kind : kind;
        const auto size = in.get<std::uint64_t>();
        if (size > in.left()) {
            fail("cut short: " + whose + " takes " + errors::text_of(size) + " bytes, got " +
                 errors::text_of(in.left()));
        }
        const auto payload = in.take(static_cast<std::size_t>(size));
        const auto section = bytes.subspan(at, bytes.size() - in.left() - at);
        if (crc32(section) != in.get<std::uint32_t>())
            fail("damaged: the checksum of " + whose + " does not fit");

        const std::string within = name + ": " + whose;
        byte_reader part(payload, within);
        if (!has_run && kind != "run") fail("the first section is " + kind + ", expected run");
        if (layer != detail::no_layer) {
            if (kind == "layer" && layer == file.layers.size()) {
                file.layers.push_back(detail::parse_layer(payload, within));
            } else if (kind != "layer" && layer + std::size_t{1} == file.layers.size()) {
                if (find_section(file.layers.back(), kind)) fail(whose + " occurs twice");
                if (file.layers.back().sections.size() == detail::max_sections) {
                    fail(whose + " is one section too many");
                }
                file.layers.back().sections.push_back({kind, payload});
            } else {
                fail("section " + kind + " of layer " + errors::text_of(layer) + " is out of place");
            }
        } else if (kind == "run") {
            if (has_run) fail("run occurs twice");
            has_run = true;
            file.shard = part.get<std::uint32_t>();
            file.shards = part.get<std::uint32_t>();
            if (file.shard < 1 || file.shard > file.shards) {
                fail("claims to be shard " + errors::text_of(file.shard) + " of " +
                     errors::text_of(file.shards));
            }
            file.labels_crc = part.get<std::uint32_t>();
            file.options = part.get_text();
            file.note = part.get_text();
        } else if (kind == "classes") {
            if (!file.class_labels.empty()) fail("classes occurs twice");
            if (size == 0 || size % 8 != 0) fail("classes takes " + errors::text_of(size) + " bytes");
            file.class_labels.resize(static_cast<std::size_t>(size / 8));
            part.get_all(std::span(file.class_labels));
        } else if (kind == "end") {
            has_end = true;
            if (part.get<std::uint64_t>() != sections) fail("damaged: sections are missing");
        }
    }
    if (in.left() != 0) fail(errors::text_of(in.left()) + " bytes behind the end section");
    return file;
}

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
