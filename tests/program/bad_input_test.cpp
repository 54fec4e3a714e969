// Every kind of bad input: one line on standard error that names the file and the reason, the exit code, and
// nothing written.

#include "npy.hpp"
#include "process.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <functional>
#include <limits>

namespace bad_input_test {

using namespace program_test;

namespace {

std::vector<float> plain_activations() {
    generator random(1);
    std::vector<float> values(6 * 4);
    for (float& value : values) value = static_cast<float>(random.uniform());
    return values;
}

const std::vector<std::int64_t> plain_labels{0, 1, 2, 0, 1, 2};

void write_good(const scratch_folder& folder) {
    write_npy(folder / "good.npy", plain_activations(), {6, 4});
    write_npy(folder / "labels.npy", plain_labels, {6});
}

// Runs `measure FILE` and expects exit code 1, one line with `file` and `reason`, and no JSON.
void refuses(const scratch_folder& folder, const std::vector<std::string>& arguments, const std::string& file,
             const std::string& reason, int code = 1) {
    std::vector<std::string> all{"measure"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.insert(all.end(), {"--json", folder / "out.json"});
    const auto before = folder.names();
    const outcome result = run(all);
    INFO("said: " << result.err << " expected: " << reason);
    CHECK(result.code == code);
    CHECK(result.out.empty());
    CHECK(is_one_line(result.err));
    CHECK(result.err.find(file) != std::string::npos);
    CHECK(result.err.find(reason) != std::string::npos);
    CHECK(folder.names() == before);
}

void refuses_bytes(const std::string& bytes, const std::string& reason, const std::string& name = "bad.npy") {
    const scratch_folder folder;
    write_good(folder);
    write_bytes(folder / name, bytes);
    CAPTURE(reason);
    // After a good file, whose results must not be printed either.
    refuses(folder, {folder / "good.npy", folder / name}, folder / name, reason);
    // The same for labels.
    refuses(folder, {folder / "good.npy", "--labels", folder / name}, folder / name, reason);
}

std::string with_dictionary(const std::string& dictionary, std::size_t payload = 96) {
    return npy_header(dictionary) + std::string(payload, '\0');
}

} // namespace

TEST_CASE("files that are no .npy") {
    refuses_bytes("", "");
    refuses_bytes("hello, world: this is no array", "");
    refuses_bytes(std::string("\x93NUMPX\x01\x00", 8) + std::string(200, ' '), "");
}

TEST_CASE("an unknown version") {
    std::string bytes = npy_header(npy_dictionary("<f4", {6, 4})) + std::string(96, '\0');
    bytes[6] = 4;
    refuses_bytes(bytes, "version");
    bytes[6] = 1;
    bytes[7] = 1;
    refuses_bytes(bytes, "version");
}

TEST_CASE("a header that is cut") {
    const std::string header = npy_header(npy_dictionary("<f4", {6, 4}));
    for (const std::size_t length : {7U, 9U, 11U, 40U, 127U}) {
        CAPTURE(length);
        refuses_bytes(header.substr(0, length), "");
    }
}

TEST_CASE("data that are cut") {
    const std::string whole = npy_header(npy_dictionary("<f4", {6, 4})) + bytes_of(plain_activations());
    refuses_bytes(whole.substr(0, whole.size() - 1), "96");
    refuses_bytes(npy_header(npy_dictionary("<f4", {6, 4})), "96");
}

TEST_CASE("a header that claims too much") {
    refuses_bytes(with_dictionary(npy_dictionary("<f4", {std::size_t{1} << 30U, std::size_t{1} << 30U})), "");
    refuses_bytes(
        with_dictionary(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }"),
        "");
    refuses_bytes(
        with_dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551617, 2), }"),
        "");
    std::string bytes = npy_header(npy_dictionary("<f4", {6, 4}), 2) + std::string(96, '\0');
    for (std::size_t i = 8; i < 12; ++i) bytes[i] = '\xff';
    refuses_bytes(bytes, "");
}

TEST_CASE("code or nonsense in the header") {
    for (const std::string text : {
             "__import__('os').system('true')",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').getpid(), 4), }",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (-6, 4), }",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (6.0, 4), }",
             "{'descr': '<f4', 'fortran_order': False}",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 4), 'more': 1}",
             "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (6, 4), }",
             "{'descr': '<f4', 'fortran_order': 0, 'shape': (6, 4), }",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 4), } trailing",
             "{{{{{{{{",
         }) {
        CAPTURE(text);
        refuses_bytes(with_dictionary(text), "");
    }
}

TEST_CASE("types that are no real numbers") {
    for (const std::string descr : {"|O", "<c8", "<c16", "|S8", "<U4", "|V8", "<M8[ns]", "<f16", "<x4"}) {
        CAPTURE(descr);
        refuses_bytes(with_dictionary(npy_dictionary(descr, {6, 4}), 400), "");
    }
    refuses_bytes(
        with_dictionary("{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (6,), }",
                        400),
        "");
}

TEST_CASE("shapes that are no activations") {
    const scratch_folder folder;
    write_npy(folder / "rank1.npy", std::vector<float>(24, 1.0F), {24});
    write_npy(folder / "rank5.npy", std::vector<float>(24, 1.0F), {2, 3, 2, 2, 1});
    write_npy(folder / "none.npy", std::vector<float>{}, {0, 4});
    write_npy(folder / "unitless.npy", std::vector<float>{}, {6, 0});
    refuses(folder, {folder / "rank1.npy"}, "rank1.npy", "(24,)");
    refuses(folder, {folder / "rank5.npy"}, "rank5.npy", "(2, 3, 2, 2, 1)");
    refuses(folder, {folder / "none.npy"}, "none.npy", "(0, 4)");
    refuses(folder, {folder / "unitless.npy"}, "unitless.npy", "(6, 0)");
}

TEST_CASE("activations that are not finite are named by sample and place") {
    const scratch_folder folder;
    const std::size_t samples = 700;
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
        std::vector<float> values(samples * 3 * 5 * 5, 0.5F);
        values[((613 * 3 + 2) * 5 + 4) * 5 + 1] = bad;
        write_npy(folder / "maps.npy", values, {samples, 3, 5, 5});
        std::vector<std::int64_t> labels(samples);
        for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<std::int64_t>(i % 3);
        write_npy(folder / "labels.npy", labels, {samples});
        for (const std::string how : {"undefined", "rectify", "shift"}) {
            for (const std::string threads : {"1", "2"}) {
                refuses(folder,
                        {folder / "maps.npy", "--labels", folder / "labels.npy", "--signed", how, "--threads",
                         threads},
                        "maps.npy", "sample 613");
                refuses(folder, {folder / "maps.npy", "--signed", how, "--threads", threads, "--batch", "7"},
                        "maps.npy", "channel 2");
            }
        }
        refuses(folder, {folder / "maps.npy"}, "maps.npy", std::isnan(bad) ? "nan" : "inf");
        refuses(folder, {folder / "maps.npy", "--spatial", "flatten"}, "maps.npy", "sample 613");
    }
}

TEST_CASE("labels that do not fit") {
    const scratch_folder folder;
    write_good(folder);
    const auto refuses_labels = [&](const std::string& reason) {
        refuses(folder, {folder / "good.npy", "--labels", folder / "bad.npy"}, "bad.npy", reason);
    };
    write_npy(folder / "bad.npy", std::vector<std::int64_t>{0, 1, 2, 0, 1}, {5});
    refuses_labels("5 labels");
    write_npy(folder / "bad.npy", std::vector<std::int64_t>{0, 1, 2, 0, -1, 2}, {6});
    refuses_labels("-1");
    write_npy(folder / "bad.npy", std::vector<float>{0, 1, 2, 0.5F, 1, 2}, {6});
    refuses_labels("whole numbers, got 0.5 at position 3");
    write_npy(folder / "bad.npy", std::vector<std::int64_t>{0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0}, {6, 2});
    refuses_labels("one-hot");
    write_npy(folder / "bad.npy", std::vector<std::int64_t>{0, 2, 2, 0, 0, 2, 0, 2, 0, 2, 2, 0}, {6, 2});
    refuses_labels("one-hot");
    write_npy(folder / "bad.npy", std::vector<std::int64_t>{4, 4, 4, 4, 4, 4}, {6});
    refuses_labels("class");
    write_npy(folder / "bad.npy", std::vector<std::int64_t>(6 * 2 * 2, 0), {6, 2, 2});
    refuses_labels("(6, 2, 2)");
}

TEST_CASE("paths that are no files, outputs that cannot be written") {
    const scratch_folder folder;
    write_good(folder);
    std::filesystem::create_directory(folder.path() / "folder.npy");
    refuses(folder, {folder / "missing.npy"}, "missing.npy", "no such file");
    refuses(folder, {folder / "folder.npy"}, "folder.npy", "is a directory without .npy files");
    refuses(folder, {folder / "good.npy", "--labels", folder / "missing.npy"}, "missing.npy", "no such file");
    const auto cannot_write = [&](const std::string& target) {
        const outcome result = run({"measure", folder / "good.npy", "--json", target});
        CHECK(result.code == 1);
        CHECK(is_one_line(result.err));
        CHECK(result.err.find(target) != std::string::npos);
        CHECK(result.out.empty());
    };
    cannot_write(folder / "no-such-folder/out.json");
    cannot_write(folder / "folder.npy");
    cannot_write("/dev/full");
}

TEST_CASE("other formats are answered with the line that converts them") {
    const scratch_folder folder;
    const auto answers = [&](const std::string& name, std::string bytes, const std::string& with) {
        CAPTURE(name);
        bytes.resize(std::max<std::size_t>(bytes.size(), 600), '\0');
        write_bytes(folder / name, bytes);
        refuses(folder, {folder / name}, name, with);
        refuses(folder, {folder / name}, name, "python3 -c \"import");
        std::filesystem::remove(folder / name);
    };
    const auto zip = [](const std::string& member) {
        std::string head("PK\x03\x04", 4);
        head.resize(26, '\0');
        head += static_cast<char>(member.size());
        head += std::string(3, '\0');
        return head + member;
    };
    answers("acts.pt", zip("archive/data.pkl"), "torch.load");
    answers("old.pt", "\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "torch.load");
    answers("acts.pkl", "\x80\x04\x95\x10", "pickle.load");
    answers("acts.h5", "\x89HDF\r\n\x1a\n", "h5py");
    answers("acts.mat", "MATLAB 5.0 MAT-file, Platform: GLNXA64", "loadmat");
    answers("new.mat", "MATLAB 7.3 MAT-file, Platform: GLNXA64", "h5py");
    // The first record's length, 24, and its masked CRC-32C.
    answers("acts.tfrecord", std::string("\x18\0\0\0\0\0\0\0", 8) + "\xa3\x7f\x4b\x22", "TFRecordDataset");
}

TEST_CASE("wrong usage is exit code 2") {
    const scratch_folder folder;
    write_good(folder);
    write_npy(folder / "cube.npy", std::vector<float>(6 * 5 * 5 * 5, 1.0F), {6, 5, 5, 5});
    write_npy(folder / "oblong.npy", std::vector<float>(6 * 3 * 4 * 5, 1.0F), {6, 3, 4, 5});
    write_npy(folder / "tokens.npy", std::vector<float>(6 * 3 * 4, 1.0F), {6, 3, 4});
    refuses(folder, {folder / "cube.npy"}, "cube.npy", "--layout", 2);
    refuses(folder, {folder / "oblong.npy"}, "oblong.npy",
            "nchw (3 channels of 4 x 5) or nhwc (5 channels of 3 x 4)", 2);
    refuses(folder, {folder / "tokens.npy"}, "tokens.npy", "--layout", 2);
    refuses(folder, {folder / "tokens.npy", "--layout", "nchw"}, "tokens.npy", "--layout", 2);
    refuses(folder, {folder / "good.npy", folder / "good.npy"}, "good.npy", "layer", 2);
    refuses(folder, {folder / "good.npy", "--no-such-option"}, "--no-such-option", "", 2);
    refuses(folder, {folder / "good.npy", "--layout", "abc"}, "--layout", "abc", 2);
    refuses(folder, {folder / "good.npy", "--signed", "maybe"}, "--signed", "maybe", 2);
    refuses(folder, {folder / "good.npy", "--epsilon", "-1"}, "--epsilon", "", 2);
    refuses(folder, {folder / "good.npy", "--threads", "-1"}, "--threads", "", 2);
    refuses(folder, {folder / "good.npy", "--batch", "0"}, "--batch", "", 2);
    refuses(folder, {folder / "good.npy", "--memory", "lots"}, "--memory", "", 2);
    refuses(folder, {folder / "good.npy", "--require", "selectivity"}, "--labels", "selectivity", 2);
    refuses(folder, {}, "ACT", "", 2);

    for (const std::string argument : {"nonsense", "--nonsense"}) {
        const outcome result = run({argument});
        CHECK(result.code == 2);
        CHECK(is_one_line(result.err));
        CHECK(result.out.empty());
    }
}

TEST_CASE("a line feed in a file's name does not break the one line") {
    const scratch_folder folder;
    const outcome result = run({"measure", folder / "two\nlines.npy"});
    CHECK(result.code == 1);
    CHECK(is_one_line(result.err));
}

} // namespace bad_input_test
