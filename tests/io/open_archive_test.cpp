// Dumps of every format behind one function.

#include "repscope/io/open.hpp"

#include "repscope/io/npz.hpp"
#include "repscope/io/safetensors.hpp"

#include "layer_files.hpp"
#include "support/temporary_directory.hpp"
#include "zip_bytes.hpp"

#include <algorithm>
#include <cstddef>
#include <doctest/doctest.h>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace open_archive_test {

using namespace repscope_test;
namespace io = repscope::io;
using repscope::layout;

namespace {

const element_type& float32() {
    return *std::find_if(element_types.begin(), element_types.end(),
                         [](const element_type& type) { return type.descr == "f4"; });
}

std::string file_of(const layer& made) { return made.file(layout::nu, false, float32(), false); }

std::vector<io::stored_layer> open_any(const std::string& path, const io::open_options& options = {}) {
    return io::open<io::npz_archive, io::safetensors_file>(path, options);
}

void check_elements(const io::stored_layer& opened, const layer& made) {
    const io::block_reader reader(opened.arrays, opened.name, layout::nu);
    CHECK(wrong_elements<double>(reader, made, float32(), 0, made.samples) == 0);
}

// A format of one's own: each line of a file is the name of an array of one element.
struct lines {
    explicit lines(const std::string&) {}
    static bool recognizes(std::span<const std::byte> head, std::string_view path) {
        return path.ends_with(".lines") && head.size() == 16;
    }
    static std::vector<std::string> keys() { return {"a", "b"}; }
    static io::stored_array array(const std::string& key) { return {key, {{}, false, {1}, 0}, nullptr}; }
};
static_assert(io::archive_format<lines>);
static_assert(io::archive_format<io::npz_archive> && io::archive_format<io::safetensors_file>);
static_assert(!io::archive_format<io::stored_array>);

} // namespace

TEST_CASE("a .npy file is a layer, an archive has one per array in its order") {
    const temporary_directory folder;
    const layer flat{9, 6, 1, 1};
    const std::string file = file_of(flat);
    const auto one = open_any(write_bytes(folder / "conv1.npy", file));
    REQUIRE(one.size() == 1);
    CHECK(one[0].name == "conv1");
    check_elements(one[0], flat);

    const auto members =
        zip_bytes({{.name = "b.npy", .contents = file}, {.name = "a.npy", .contents = file}});
    // The first bytes decide, not the name.
    const auto archive = open_any(write_bytes(folder / "run", members));
    REQUIRE(archive.size() == 2);
    CHECK(archive[0].name == "b");
    CHECK(archive[1].name == "a");
    check_elements(archive[1], flat);

    const std::string data = flat.data(layout::nu, false, float32(), false);
    const std::string header =
        R"({"fc":{"dtype":"F32","shape":[9,6],"data_offsets":[0,)" + std::to_string(data.size()) + "]}}";
    for (const std::string& name : {std::string("run.safetensors"), std::string("other")}) {
        const auto tensors = open_any(write_bytes(folder / name, safetensors_bytes(header, data)));
        REQUIRE(tensors.size() == 1);
        CHECK(tensors[0].name == "fc");
        check_elements(tensors[0], flat);
    }
}

TEST_CASE("a folder is one layer if its names differ in a trailing number only, unless it is stated") {
    const temporary_directory folder;
    const layer flat{4, 3, 1, 1};
    std::filesystem::create_directory(folder / "fc");
    for (const std::string& name : {std::string("batch_10"), std::string("batch_9")})
        write_bytes(folder / ("fc/" + name + ".npy"), file_of(flat));
    for (const std::string& path : {folder / "fc", folder / "fc/"}) {
        const auto layers = open_any(path);
        REQUIRE(layers.size() == 1);
        CHECK(layers[0].name == "fc");
        REQUIRE(layers[0].arrays.size() == 2);
        CHECK(layers[0].arrays[0].name.ends_with("batch_9.npy"));
        CHECK(io::block_reader(layers[0].arrays, "fc", layout::nu).samples() == 8);
    }
    const auto apart = open_any(folder / "fc", {.folder = io::folder_files::layers});
    REQUIRE(apart.size() == 2);
    CHECK(apart[0].name == "batch_9");
    check_elements(apart[1], flat);

    const std::vector<std::string> blocks{"d/blocks.0.attn.npy", "d/blocks.1.attn.npy"};
    CHECK(!io::are_batches(blocks, io::folder_files::by_name));
    CHECK(io::are_batches(blocks, io::folder_files::batches));
    const std::vector<std::string> numbers{"d/0001.npy", "d/2.npy"};
    CHECK(io::are_batches(numbers, io::folder_files::by_name));
    const std::vector<std::string> one{"d/1.npy"};
    CHECK(!io::are_batches(one, io::folder_files::by_name));
    const std::vector<std::string> unnumbered{"d/a.npy", "d/a1.npy"};
    CHECK(!io::are_batches(unnumbered, io::folder_files::by_name));
}

TEST_CASE("only named formats are tried; a file of another format is not an archive") {
    const temporary_directory folder;
    const std::string zip =
        write_bytes(folder / "a.npz", zip_bytes({{.name = "a.npy", .contents = file_of({2, 2, 1, 1})}}));
    CHECK(io::open_archive<io::safetensors_file>(zip) == nullptr);
    CHECK(io::open_archive<>(zip) == nullptr);
    CHECK_THROWS_AS((void)io::open<>(zip), repscope::format_error);
    const std::string own = write_bytes(folder / "x.lines", std::string(40, 'x'));
    const auto archive = io::open_archive<io::npz_archive, lines>(own);
    REQUIRE(archive != nullptr);
    CHECK(archive->keys() == std::vector<std::string>{"a", "b"});
    CHECK(io::open<lines>(own).size() == 2);
    CHECK(refusal([&] { (void)open_any(folder / "missing"); }).find("missing: cannot be opened") !=
          std::string::npos);
    std::filesystem::create_directory(folder / "empty");
    CHECK(refusal([&] { (void)open_any(folder / "empty"); }).find("empty: is a directory without .npy") !=
          std::string::npos);
}

TEST_CASE("elements of two bytes without a type are bfloat16 if it is stated") {
    const temporary_directory folder;
    const std::string path = write_bytes(
        folder / "a.npz", zip_bytes({{.name = "a.npy", .contents = npy_file("|V2", {2, 2}, "12345678")}}));
    CHECK_THROWS_AS((void)open_any(path), repscope::format_error);
    const auto layers = open_any(path, {.pairs = io::void2_policy::bfloat16});
    CHECK(layers.at(0).arrays.at(0).header.format.name() == "<bf16");
}

} // namespace open_archive_test
