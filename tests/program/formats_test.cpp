// `repscope measure` on every format: the numbers must not depend on the storage of a dump.

#include "io/layer_files.hpp"
#include "io/zip_bytes.hpp"
#include "npy.hpp"
#include "process.hpp"

#include <bit>
#include <cctype>
#include <cmath>
#include <doctest/doctest.h>
#include <map>
#include <nlohmann/json.hpp>

namespace formats_test {

using namespace program_test;
using repscope::layout;
using repscope_test::element_type;
using repscope_test::element_types;
using repscope_test::little;
using repscope_test::zip_file;
using json = nlohmann::json;

namespace {

/// A layer whose element with a number is 0, 1 or a multiple of 1/8 below 8: every type holds its own.
const repscope_test::layer maps{96, 5, 3, 3};

double value(std::size_t i, bool is_bool, bool is_integer) {
    std::uint64_t state = i * 0x9e3779b97f4a7c15U + 12345;
    state ^= state >> 29U;
    state *= 0xbf58476d1ce4e5b9U;
    state ^= state >> 32U;
    const std::size_t sample = i / (maps.units * maps.positions());
    const std::size_t unit = i / maps.positions() % maps.units;
    const double drawn = static_cast<double>(state % 24) + (sample % 5 == unit % 5 ? 20.0 : 0.0);
    if (is_bool) return drawn > 22 ? 1.0 : 0.0;
    return is_integer ? drawn : drawn / 8;
}

element_type with_values(const element_type& type) {
    const char kind = type.descr[0];
    const bool is_bool = kind == 'b';
    const bool is_integer = kind == 'i' || kind == 'u';
    const std::string descr(type.descr);
    return {type.descr, type.bytes, type.as_float, [=](std::size_t i) {
                const double v = value(i, is_bool, is_integer);
                std::uint64_t bits = static_cast<std::uint64_t>(v);
                if (descr == "f2") bits = repscope_test::half_bits(v);
                if (descr == "f4") bits = std::bit_cast<std::uint32_t>(static_cast<float>(v));
                if (descr == "f8") bits = std::bit_cast<std::uint64_t>(v);
                return std::pair(bits, v);
            }};
}

json measured(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"measure"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.insert(all.end(), {"--json", "-"});
    const outcome result = run(all);
    INFO(result.err);
    REQUIRE(result.code == 0);
    return json::parse(result.out)["layers"];
}

/// Numbers agree to 1e-12 max(1, |a|), everything else exactly.
bool agree(const json& a, const json& b) {
    if (a.is_number() && b.is_number()) {
        const double x = a.get<double>();
        return std::abs(x - b.get<double>()) <= 1e-12 * std::max(1.0, std::abs(x));
    }
    if (a.is_structured()) {
        if (a.type() != b.type() || a.size() != b.size()) return false;
        for (const auto& [key, inside] : a.items()) {
            if (a.is_object() && !b.contains(key)) return false;
            if (!agree(inside, a.is_object() ? b[key] : b[static_cast<std::size_t>(std::stoul(key))]))
                return false;
        }
        return true;
    }
    return a == b;
}

void write_labels(const scratch_folder& folder) {
    std::vector<std::int64_t> labels;
    for (std::size_t n = 0; n < maps.samples; ++n) labels.push_back(static_cast<std::int64_t>(n % 5));
    write_npy(folder / "labels.npy", labels, {maps.samples});
}

} // namespace

TEST_CASE("every dtype, byte order, storage order, layout and container gives the same numbers") {
    const scratch_folder folder;
    write_labels(folder);
    std::map<std::string, json> by_kind; // bool, integers and floats hold different numbers
    for (const element_type& plain : element_types) {
        const element_type type = with_values(plain);
        CAPTURE(type.descr);
        std::vector<zip_file> stored, packed;
        std::vector<std::string> layouts, raw;
        std::string header = "{", data;
        std::filesystem::create_directory(folder.path() / "loose");
        for (const layout axes : {layout::nchw, layout::nhwc, layout::ntd, layout::nup}) {
            const std::string axes_name(to_string(axes));
            layouts.insert(layouts.end(), {"--layout", axes_name + "*=" + axes_name});
            const auto shape = maps.shape(axes);
            std::string extents;
            for (const std::size_t e : shape) extents += (extents.empty() ? "" : ",") + std::to_string(e);
            for (const bool big_endian : {false, true}) {
                for (const bool fortran : {false, true}) {
                    const std::string name =
                        axes_name + (big_endian ? ".big" : ".little") + (fortran ? ".f" : ".c");
                    const std::string bytes = maps.file(axes, fortran, type, big_endian);
                    // Each order is in one of the archives.
                    std::vector<zip_file>& archive = big_endian == fortran ? stored : packed;
                    archive.push_back(
                        {.name = name + ".npy", .contents = bytes, .deflate = &archive == &packed});
                    write_bytes(folder / ("loose/" + name + ".npy"), bytes);
                }
                write_bytes(folder / (axes_name + (big_endian ? ".big.bin" : ".little.bin")),
                            maps.data(axes, false, type, big_endian));
            }
            raw.insert(raw.end(), {"--shape", axes_name + "*=" + extents});
            const std::string bytes = maps.data(axes, false, type, false);
            std::string dtype = type.descr == "b1" ? "BOOL" : std::string(type.descr.substr(0, 1));
            if (dtype != "BOOL") {
                dtype[0] = static_cast<char>(std::toupper(dtype[0]));
                dtype += std::to_string(8 * type.bytes);
            }
            header += (header.size() > 1 ? ",\"" : "\"") + axes_name + "\":{\"dtype\":\"" + dtype +
                      "\",\"shape\":[" + extents + "],\"data_offsets\":[" + std::to_string(data.size()) +
                      "," + std::to_string(data.size() + bytes.size()) + "]}";
            data += bytes;
            // A folder of batches: the samples of C order in three files.
            const std::string batches = folder / (axes_name + "_batches");
            std::filesystem::create_directory(batches);
            const std::size_t sample = bytes.size() / maps.samples;
            std::size_t first = 0;
            for (const std::size_t count : {40U, 9U, 47U}) {
                auto part = shape;
                part[0] = count;
                write_bytes(batches + "/b_" + std::to_string(first + 1) + ".npy",
                            repscope_test::npy_file("<" + std::string(type.descr), part,
                                                    bytes.substr(first * sample, count * sample)));
                first += count;
            }
        }
        write_bytes(folder / "stored.npz", repscope_test::zip_bytes(stored));
        write_bytes(folder / "packed.npz", repscope_test::zip_bytes(packed, {.wide = true}));
        write_bytes(folder / "dump.safetensors", repscope_test::safetensors_bytes(header + "}", data));
        const auto compare = [&](std::vector<std::string> arguments) {
            arguments.insert(arguments.end(), layouts.begin(), layouts.end());
            arguments.insert(arguments.end(), {"--labels", folder / "labels.npy", "--threads", "2"});
            const json layers = measured(arguments);
            const char first = type.descr[0];
            const std::string kind(1, first == 'u' ? 'i' : first);
            for (const json& layer : layers) {
                INFO(layer["name"].get<std::string>());
                CHECK(layer["samples"] == maps.samples);
                CHECK(layer["units"] == maps.units);
                const json numbers{layer["selectivity"], layer["dimensionality"]};
                if (!by_kind.contains(kind)) by_kind[kind] = numbers;
                CHECK(agree(numbers, by_kind[kind]));
            }
            return layers.size();
        };
        CHECK(compare({folder / "stored.npz"}) == 8);
        CHECK(compare({folder / "packed.npz"}) == 8);
        CHECK(compare({folder / "dump.safetensors"}) == 4);
        std::vector<std::string> loose, folders, little_endian = raw, big_endian = raw;
        for (const auto& entry : std::filesystem::directory_iterator(folder / "loose")) {
            loose.push_back(entry.path().string());
        }
        for (const std::string axes : {"nchw", "nhwc", "ntd", "nup"}) {
            folders.push_back(folder / (axes + "_batches"));
            little_endian.push_back(folder / (axes + ".little.bin"));
            big_endian.push_back(folder / (axes + ".big.bin"));
        }
        little_endian.insert(little_endian.end(), {"--dtype", std::string(type.descr)});
        big_endian.insert(big_endian.end(), {"--dtype", ">" + std::string(type.descr)});
        CHECK(compare(loose) == 16);
        CHECK(compare(folders) == 4);
        CHECK(compare(little_endian) == 4);
        CHECK(compare(big_endian) == 4);
    }
    CHECK(by_kind.size() == 3);
}

TEST_CASE("bfloat16 that NumPy saved as V2") {
    const scratch_folder folder;
    write_labels(folder);
    const element_type as_bf16{"V2", 2, true, [](std::size_t i) {
                                   const double v = value(i, false, false);
                                   const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(v));
                                   return std::pair<std::uint64_t, double>(bits >> 16U, v);
                               }};
    write_bytes(folder / "a.npy", repscope_test::npy_file("|V2", maps.shape(layout::nchw),
                                                          maps.data(layout::nchw, false, as_bf16, false)));
    write_bytes(folder / "b.npy", maps.file(layout::nchw, false, with_values(element_types[10]), false));
    const json layers =
        measured({folder / "a.npy", folder / "b.npy", "--dtype", "bf16", "--labels", folder / "labels.npy"});
    CHECK(layers[0]["dtype"] == "<bf16");
    CHECK(layers[0]["selectivity"] == layers[1]["selectivity"]);
    CHECK(layers[0]["dimensionality"] == layers[1]["dimensionality"]);
    const outcome refused = run({"measure", folder / "a.npy"});
    CHECK(refused.code == 1);
    CHECK(refused.err.find("bf16") != std::string::npos);
}

TEST_CASE("labels of every format") {
    const scratch_folder folder;
    write_labels(folder);
    write_bytes(folder / "a.npy", maps.file(layout::nchw, false, with_values(element_types[10]), false));
    std::string idx = std::string("\0\0\x08\1\0\0\0\x60", 8);
    std::string csv = "name,label\n", column, one_hot, eights;
    for (std::size_t n = 0; n < maps.samples; ++n) {
        idx += static_cast<char>(n % 5);
        csv += "\"image, " + std::to_string(n) + "\"," + std::to_string(n % 5) + "\r\n";
        column += std::to_string(n % 5) + "\n";
        eights += little(n % 5, 8);
        for (std::size_t c = 0; c < 5; ++c) one_hot += static_cast<char>(n % 5 == c ? 1 : 0);
    }
    write_bytes(folder / "l.idx", idx);
    write_bytes(folder / "l.csv", csv);
    write_bytes(folder / "l.txt", column);
    const std::string labels = slurp(folder / "labels.npy");
    write_bytes(
        folder / "l.npz",
        repscope_test::zip_bytes({{.name = "y.npy", .contents = labels},
                                  {.name = "hot.npy",
                                   .contents = repscope_test::npy_file("|b1", {maps.samples, 5}, one_hot),
                                   .deflate = true}}));
    write_bytes(folder / "one.npz",
                repscope_test::zip_bytes({{.name = "y.npy", .contents = labels, .deflate = true}}));
    write_bytes(folder / "l.safetensors",
                repscope_test::safetensors_bytes(
                    R"({"y":{"dtype":"I64","shape":[96],"data_offsets":[0,768]}})", eights));
    const auto with = [&](const std::string& file) {
        return measured({folder / "a.npy", "--labels", folder / file});
    };
    const json expected = with("labels.npy");
    for (const std::string file : {"l.idx", "l.csv:label", "l.txt", "l.npz:y", "l.npz:hot", "one.npz",
                                   "l.safetensors:y", "l.safetensors"}) {
        CAPTURE(file);
        CHECK(with(file) == expected);
    }
    const auto refuses = [&](const std::string& file, const std::string& reason) {
        const outcome result = run({"measure", folder / "a.npy", "--labels", folder / file});
        CHECK(result.code == 1);
        CHECK(is_one_line(result.err));
        CHECK(result.err.find(reason) != std::string::npos);
    };
    refuses("l.npz", "expected the one of the labels");
    refuses("l.npz:none", "holds no array 'none'");
    refuses("l.csv", "2 columns");
    refuses("l.csv:none", "no column 'none'");
    refuses("labels.npy:y", "is not an archive");
    refuses("none.npz:y", "no such file");
    // The labels of an archive are not a layer of it.
    write_bytes(folder / "all.npz",
                repscope_test::zip_bytes({{.name = "conv.1.npy", .contents = slurp(folder / "a.npy")},
                                          {.name = "y.npy", .contents = labels}}));
    const json layers = measured({folder / "all.npz", "--labels", folder / "all.npz:y"});
    REQUIRE(layers.size() == 1);
    CHECK(layers[0]["name"] == "conv.1");
    CHECK(layers[0]["file"] == folder / "all.npz:conv.1");
    CHECK(measured({folder / "all.npz:conv.1"}).size() == 1);
    CHECK(measured({folder / "all.npz", "--layers", "conv*"}).size() == 1);
    CHECK(run({"measure", folder / "all.npz"}).err.find("--layers") != std::string::npos);
}

} // namespace formats_test
