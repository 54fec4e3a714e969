#pragma once

#include "repscope/analysis/state_file.hpp"
#include "repscope/error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// The samples of a shard.
struct sample_range {
    std::size_t first = 0; ///< index of the first sample
    std::size_t count = 0; ///< number of samples
};

/// Returns the samples of shard `shard` (from 1) of `shards`: a contiguous range; sizes differ by at most
/// one. Throws `value_error` unless 1 <= shard <= shards <= 2^20.
[[nodiscard]] inline sample_range samples_of_shard(std::size_t samples, std::uint32_t shard,
                                                   std::uint32_t shards) {
    if (shard < 1 || shard > shards || shards > (std::uint32_t{1} << 20U)) {
        errors::throw_value_error("analysis::samples_of_shard",
                                  "expected shard 1 .. n of n, at most 2^20, got " + errors::text_of(shard) +
                                      " of " + errors::text_of(shards));
    }
    // The first samples % shards of them take one more.
    const std::size_t each = samples / shards;
    const std::size_t longer = samples % shards;
    const std::size_t before = shard - std::size_t{1};
    return {before * each + (std::min)(before, longer), each + (before < longer ? 1 : 0)};
}

/// Throws `format_error` unless `other` is a shard of the same run as `first`. Both must have the same number
/// of shards, options and labels, and the same layers of the same dump; the message names `other` and the
/// difference.
inline void require_same_run(const state_file& first, const state_file& other) {
    const auto require = [&](bool same, const std::string& what, const std::string& expected,
                             const std::string& got) {
        if (!same) {
            throw format_error(other.name + ": not of one run with " + first.name + ": " + what + " " + got +
                               ", expected " + expected);
        }
    };
    require(other.shards == first.shards, "shards", errors::text_of(first.shards),
            errors::text_of(other.shards));
    require(other.options == first.options, "options", first.options, other.options);
    require(other.class_labels.empty() == first.class_labels.empty(), "labels",
            first.class_labels.empty() ? "none" : "some", other.class_labels.empty() ? "none" : "some");
    require(other.labels_crc == first.labels_crc && other.class_labels == first.class_labels,
            "labels with CRC-32", errors::text_of(first.labels_crc), errors::text_of(other.labels_crc));
    require(other.layers.size() == first.layers.size(), "layers", errors::text_of(first.layers.size()),
            errors::text_of(other.layers.size()));
    for (std::size_t k = 0; k < first.layers.size(); ++k) {
        const stored_layer& a = first.layers[k];
        const stored_layer& b = other.layers[k];
        require(b.name == a.name, "layer " + errors::text_of(k), "'" + a.name + "'", "'" + b.name + "'");
        const std::string layer = "layer '" + a.name + "', ";
        require(b.shape == a.shape, layer + "shape", format_shape(a.shape), format_shape(b.shape));
        require(b.dtype == a.dtype, layer + "dtype", a.dtype, b.dtype);
        require(b.layout == a.layout, layer + "layout", a.layout, b.layout);
        require(b.unit == a.unit, layer + "unit", a.unit, b.unit);
    }
}

/// Returns the order in which shards are merged, as indices into `files`: by shard number, for any order of
/// the files.
///
/// Uses the files' own descriptions only. Throws `format_error` if the files are not all shards of one run,
/// if a shard occurs twice or is missing, or if their samples leave a gap. The message names the file or the
/// missing shard. `value_error` without files.
[[nodiscard]] inline std::vector<std::size_t> shard_order(std::span<const state_file> files) {
    if (files.empty()) errors::throw_value_error("analysis::shard_order", "expected at least 1 state file");
    std::vector<std::size_t> order(files.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return files[a].shard < files[b].shard; });
    for (const state_file& file : files) require_same_run(files.front(), file);
    const std::uint32_t shards = files.front().shards;
    for (std::size_t i = 1; i < order.size(); ++i) {
        const state_file& before = files[order[i - 1]];
        const state_file& file = files[order[i]];
        if (file.shard == before.shard) {
            throw format_error(file.name + ": is shard " + errors::text_of(file.shard) + " of " +
                               errors::text_of(shards) + ", as is " + before.name);
        }
    }
    if (order.size() < shards) {
        std::string missing;
        std::size_t named_shards = 0;
        std::size_t at = 0;
        for (std::uint32_t shard = 1; shard <= shards; ++shard) {
            if (at < order.size() && files[order[at]].shard == shard) {
                ++at;
                continue;
            }
            if (++named_shards > 8) {
                missing += ", ...";
                break;
            }
            missing += (missing.empty() ? "" : ", ") + errors::text_of(shard);
        }
        throw format_error("expected " + errors::text_of(shards) + " shards, as " + files.front().name +
                           " states, missing: " + missing);
    }
    for (std::size_t k = 0; k < files.front().layers.size(); ++k) {
        std::uint64_t next = 0;
        const auto place = [&](const state_file& file) {
            return file.name + ": layer '" + file.layers[k].name + "': ";
        };
        for (const std::size_t i : order) {
            const stored_layer& layer = files[i].layers[k];
            if (layer.first != next) {
                throw format_error(place(files[i]) + "begins with sample " + errors::text_of(layer.first) +
                                   ", expected " + errors::text_of(next));
            }
            next += layer.count;
        }
        const state_file& last = files[order.back()];
        if (last.layers[k].shape.empty() || next != last.layers[k].shape.front()) {
            throw format_error(place(last) + "the shards end at sample " + errors::text_of(next) + " of " +
                               format_shape(last.layers[k].shape));
        }
    }
    return order;
}

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
