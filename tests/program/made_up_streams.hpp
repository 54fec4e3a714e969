#pragma once

#include "npy.hpp"
#include "process.hpp"
#include "snapshot.hpp"
#include "support/tar_bytes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// Streams of made-up layers, for the tests of `repscope measure -`.

namespace program_test::streams {

using namespace repscope_test;
using json = nlohmann::json;

inline constexpr std::size_t samples = 300;

// Three layers of the same samples: maps, more units than samples, fewer; labels of 5 classes that appear
// late.
struct layers {
    struct layer {
        std::string name;
        std::vector<std::size_t> extents;
        std::vector<float> values{};
    };
    std::vector<layer> all{{"block.1/conv", {5, 4, 4}}, {"wide", {330}}, {"fc", {6}}};
    std::vector<std::int64_t> labels = std::vector<std::int64_t>(samples);

    layers() {
        generator random(5);
        for (std::size_t i = 0; i < samples; ++i)
            labels[i] = static_cast<std::int64_t>(random.below(i < 40 ? 2 : 5) * 7 + 1);
        for (layer& each : all) {
            each.values.resize(samples * elements(each));
            for (float& v : each.values) v = static_cast<float>(random.uniform());
        }
    }
    static std::size_t elements(const layer& of) {
        std::size_t count = 1;
        for (const std::size_t extent : of.extents) count *= extent;
        return count;
    }
    [[nodiscard]] std::string npy(const layer& of, std::size_t first, std::size_t count) const {
        std::vector<std::size_t> shape{count};
        shape.insert(shape.end(), of.extents.begin(), of.extents.end());
        const auto begin = of.values.begin() + static_cast<std::ptrdiff_t>(first * elements(of));
        const std::vector<float> part(begin, begin + static_cast<std::ptrdiff_t>(count * elements(of)));
        return npy_header(npy_dictionary("<f4", shape)) + bytes_of(part);
    }
    [[nodiscard]] std::string npy_labels(std::size_t first, std::size_t count) const {
        const auto begin = labels.begin() + static_cast<std::ptrdiff_t>(first);
        return npy_header(npy_dictionary("<i8", {count})) +
               bytes_of(std::vector<std::int64_t>(begin, begin + static_cast<std::ptrdiff_t>(count)));
    }
    // Members of all batches; the labels of a batch are behind `labels_after` of its layers, or nowhere.
    [[nodiscard]] std::string tar(std::size_t batch, std::size_t labels_after,
                                  bool long_names = false) const {
        std::string bytes;
        std::size_t number = 0;
        for (std::size_t first = 0; first < samples; first += batch, ++number) {
            const std::size_t count = std::min(batch, samples - first);
            const std::string file = "/" + std::to_string(1000 + number) + ".npy";
            for (std::size_t k = 0; k <= all.size(); ++k) {
                if (k == labels_after) bytes += tar_member("./labels" + file, npy_labels(first, count));
                if (k == all.size()) break;
                // Layers are interleaved in another order in every batch.
                const layer& each = all[(k + number) % all.size()];
                if (long_names) bytes += tar_member("pax", pax_record("path", each.name + file), 'x');
                bytes += tar_member(long_names ? "cut short" : each.name + file, npy(each, first, count));
            }
        }
        return bytes + tar_end();
    }
    // Writes one file per layer; the arguments that measure them.
    [[nodiscard]] std::vector<std::string> dump(const scratch_folder& folder) const {
        std::vector<std::string> arguments{"measure"};
        for (const layer& each : all) {
            arguments.push_back(folder / (std::filesystem::path(each.name).filename().string() + ".npy"));
            write_bytes(arguments.back(), npy(each, 0, samples));
        }
        write_bytes(folder / "labels.npy", npy_labels(0, samples));
        return arguments;
    }
};

// The layers of the JSON by the last component of their names, without what a stream cannot have.
inline json numbers_of(const outcome& result) {
    INFO(result.err);
    REQUIRE(result.code == 0);
    json by_name;
    const json parsed = json::parse(result.out);
    for (json layer : parsed["layers"]) {
        const std::string name = std::filesystem::path(layer["name"].get<std::string>()).filename();
        for (const char* key : {"name", "file", "batches"}) layer.erase(key);
        by_name[name] = layer;
    }
    return by_name;
}

inline outcome run_with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
}

inline outcome piped(const std::string& file, const std::string& arguments) {
    return run({"-c", "cat '" + file + "' | '" + REPSCOPE_PROGRAM + "' measure - " + arguments}, "/bin/sh");
}

// Measures the bytes as a file; the run must fail with one line and no output. Returns the line.
inline std::string refusal(const scratch_folder& folder, const std::string& bytes,
                           const std::vector<std::string>& more = {}, int code = 1) {
    write_bytes(folder / "bad.tar", bytes);
    const auto before = snapshot(folder.path());
    std::vector<std::string> arguments{"measure", folder / "bad.tar", "--json", folder / "numbers.json"};
    const outcome result = run_with(arguments, more);
    CHECK(result.code == code);
    CHECK(result.out.empty());
    CHECK(is_one_line(result.err));
    CHECK(snapshot(folder.path()) == before);
    return result.err;
}

inline bool mentions(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace program_test::streams
