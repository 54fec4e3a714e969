#include "repscope/analysis/state_file.hpp"

#include "repscope/analysis/shards.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

namespace state_file_test {

namespace analysis = repscope::analysis;
using bytes = std::vector<std::byte>;

namespace {

bytes payload_of(std::size_t size, unsigned seed) {
    bytes made(size);
    for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::byte>((i * 37 + seed) & 0xffU);
    return made;
}

const bytes first_payload = payload_of(75, 3);
const bytes second_payload = payload_of(9, 200);

/// Two layers of 10 samples; shard 2 of 3 has samples 4 to 6.
analysis::state_file example(std::uint32_t shard = 2) {
    analysis::state_file file;
    file.name = "shard" + std::to_string(shard) + ".rsm";
    file.shard = shard;
    file.shards = 3;
    file.labels_crc = 0x12345678;
    file.options = R"({"signed":"rectify"})";
    file.note = "host b";
    file.class_labels = {-7, 0, std::int64_t{1} << 40};
    const std::uint64_t first = shard == 1 ? 0 : shard == 2 ? 4 : 7;
    const std::uint64_t count = shard == 1 ? 4 : 3;
    file.layers.push_back({"layer3.0.conv1",
                           "<f4",
                           {10, 5, 2, 3},
                           "nchw",
                           "channel_mean",
                           "/data/a.npy",
                           first,
                           count,
                           {{"covariance", first_payload}, {"class_sums", second_payload}}});
    file.layers.push_back({"fc", ">f8", {10, 7}, "nu", "unit", "b.npy", first, count, {{"covariance", {}}}});
    return file;
}

bytes written(const analysis::state_file& file) {
    analysis::state_file_writer writer(file);
    for (const auto& layer : file.layers) writer.add(layer);
    return writer.finish();
}

std::string message_of(auto&& body) {
    try {
        body();
    } catch (const repscope::format_error& e) {
        return e.what();
    }
    return "nothing thrown";
}

std::string parse_message(const bytes& damaged) {
    return message_of([&] { (void)analysis::parse_state_file(damaged, "x.rsm"); });
}

/// Sections by the description of the format, with checksums that fit: what only a writer could get wrong.
class hand_made {
  public:
    hand_made& section(std::string_view kind, std::uint32_t layer, const bytes& payload) {
        repscope::byte_writer out;
        out.put_text(kind);
        out.put(layer);
        out.put(static_cast<std::uint64_t>(payload.size()));
        out.put_bytes(payload);
        out.put(repscope::crc32(out.bytes()));
        bytes_.insert(bytes_.end(), out.bytes().begin(), out.bytes().end());
        ++sections_;
        return *this;
    }
    hand_made& run(std::uint32_t shard = 1, std::uint32_t shards = 1) {
        repscope::byte_writer out;
        for (const std::uint32_t v : {shard, shards, 0U}) out.put(v);
        out.put_text("{}");
        out.put_text("");
        return section("run", file, out.bytes());
    }
    hand_made& layer(std::uint32_t index, const std::vector<std::uint64_t>& shape, std::uint64_t first,
                     std::uint64_t count) {
        repscope::byte_writer out;
        out.put_text("fc");
        out.put_text("<f4");
        out.put(static_cast<std::uint32_t>(shape.size()));
        for (const auto extent : shape) out.put(extent);
        for (const auto* text : {"nu", "unit", "fc.npy"}) out.put_text(text);
        out.put(first);
        out.put(count);
        return section("layer", index, out.bytes());
    }
    hand_made& end(std::uint64_t missing = 0) {
        repscope::byte_writer out;
        out.put(sections_ + missing);
        return section("end", file, out.bytes());
    }
    [[nodiscard]] bytes all(std::uint16_t major = 3, std::uint16_t minor = 0) const {
        repscope::byte_writer out;
        for (const unsigned c : {0x8dU, 0x72U, 0x73U, 0x6dU, 0x0dU, 0x0aU, 0x1aU, 0x0aU}) {
            out.put(static_cast<std::uint8_t>(c));
        }
        out.put(major);
        out.put(minor);
        out.put_bytes(bytes_);
        return out.bytes();
    }
    static constexpr std::uint32_t file = 0xffffffffU;

  private:
    bytes bytes_;
    std::uint64_t sections_ = 0;
};

} // namespace

TEST_CASE("written files are read back") {
    const bytes all = written(example());
    const analysis::state_file read = analysis::parse_state_file(all, "a.rsm");
    const analysis::state_file expected = example();
    CHECK(read.name == "a.rsm");
    CHECK(read.minor == 0);
    CHECK(read.shard == 2);
    CHECK(read.shards == 3);
    CHECK(read.labels_crc == 0x12345678);
    CHECK(read.options == expected.options);
    CHECK(read.note == expected.note);
    CHECK(read.class_labels == expected.class_labels);
    REQUIRE(read.layers.size() == 2);
    for (std::size_t k = 0; k < 2; ++k) {
        CHECK(read.layers[k].name == expected.layers[k].name);
        CHECK(read.layers[k].dtype == expected.layers[k].dtype);
        CHECK(read.layers[k].shape == expected.layers[k].shape);
        CHECK(read.layers[k].layout == expected.layers[k].layout);
        CHECK(read.layers[k].unit == expected.layers[k].unit);
        CHECK(read.layers[k].file == expected.layers[k].file);
        CHECK(read.layers[k].first == 4);
        CHECK(read.layers[k].count == 3);
    }
    const auto found = analysis::find_section(read.layers[0], "class_sums");
    REQUIRE(found.has_value());
    CHECK(bytes(found->begin(), found->end()) == second_payload);
    CHECK(analysis::find_section(read.layers[1], "covariance")->empty());
    CHECK_FALSE(analysis::find_section(read.layers[1], "class_sums").has_value());
    analysis::state_file rewritten = read;
    CHECK(written(rewritten) == all);
}

TEST_CASE("the format is the one described") {
    hand_made by_hand;
    by_hand.run(3, 8).layer(0, {10, 7}, 2, 5).section("covariance", 0, first_payload).end();
    analysis::state_file same;
    same.shard = 3;
    same.shards = 8;
    same.options = "{}";
    same.layers.push_back(
        {"fc", "<f4", {10, 7}, "nu", "unit", "fc.npy", 2, 5, {{"covariance", first_payload}}});
    CHECK(written(same) == by_hand.all());
}

TEST_CASE("every cut and every changed byte is noticed") {
    const bytes all = written(example());
    for (std::size_t size = 0; size < all.size(); ++size) {
        CAPTURE(size);
        CHECK(parse_message(bytes(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size)))
                  .starts_with("x.rsm: "));
    }
    for (std::size_t at = 0; at < all.size(); ++at) {
        CAPTURE(at);
        bytes changed = all;
        changed[at] ^= std::byte{0x10};
        // A later minor version is not damage.
        if (at == 10 || at == 11) {
            CHECK(analysis::parse_state_file(changed, "x.rsm").minor != 0);
        } else {
            CHECK(parse_message(changed).starts_with("x.rsm: "));
        }
    }
}

TEST_CASE("sections of a later minor version are skipped or kept") {
    hand_made later;
    later.run().section("provenance", hand_made::file, first_payload);
    later.layer(0, {10, 7}, 0, 10).section("covariance", 0, first_payload);
    later.section("tuning_moments", 0, second_payload).end();
    const bytes all = later.all(3, 9);
    const auto read = analysis::parse_state_file(all, "x.rsm");
    CHECK(read.minor == 9);
    REQUIRE(read.layers.size() == 1);
    CHECK(read.layers[0].sections.size() == 2);
    CHECK(analysis::find_section(read.layers[0], "tuning_moments").has_value());
}

TEST_CASE("errors name inconsistent files and the place") {
    const bytes text{std::byte{'P'}, std::byte{'K'}};
    const auto lies = [](hand_made& made) { return parse_message(made.all()); };
    const auto built = [&](auto&& build) {
        hand_made made;
        build(made);
        return lies(made);
    };
    const std::vector<std::pair<std::string, std::string>> table{
        {parse_message({}), "x.rsm: not a state file: it does not begin as one"},
        {parse_message(text), "x.rsm: not a state file: it does not begin as one"},
        {parse_message(hand_made().run().end().all(1)),
         "x.rsm: a state file of format 1, this version reads format 3"},
        {parse_message(hand_made().all()), "x.rsm: cut short: no end section"},
        {built([](auto& m) { m.run(); }), "x.rsm: cut short: no end section"},
        {built([](auto& m) { m.end(); }), "x.rsm: the first section is end, expected run"},
        {built([](auto& m) { m.run(0, 3).end(); }), "x.rsm: claims to be shard 0 of 3"},
        {built([](auto& m) { m.run(4, 3).end(); }), "x.rsm: claims to be shard 4 of 3"},
        {built([](auto& m) { m.run().run().end(); }), "x.rsm: run occurs twice"},
        {built([](auto& m) { m.run().end(1); }), "x.rsm: damaged: sections are missing"},
        {built([](auto& m) { m.run().end().section("run", hand_made::file, {}); }),
         "x.rsm: 23 bytes behind the end section"},
        {built([](auto& m) { m.run().section("classes", hand_made::file, bytes(12)).end(); }),
         "x.rsm: classes takes 12 bytes"},
        {built([](auto& m) { m.run().section("covariance", 0, {}).end(); }),
         "x.rsm: section covariance of layer 0 is out of place"},
        {built([](auto& m) {
             m.run().layer(1, {4, 2}, 0, 4).end();
         }),
         "x.rsm: section layer of layer 1 is out of place"},
        {built([](auto& m) {
             m.run().layer(0, {4, 2}, 0, 4).layer(0, {4, 2}, 0, 4).end();
         }),
         "x.rsm: section layer of layer 0 is out of place"},
        {built([](auto& m) {
             m.run().layer(0, {4, 2}, 3, 2).end();
         }),
         "x.rsm: layer: layer 'fc': samples 3 to 3 + 2, the dump holds 4"},
        {built([](auto& m) {
             m.run().layer(0, {4, 2}, ~std::uint64_t{0}, 2).end();
         }),
         "x.rsm: layer: layer 'fc': samples 18446744073709551615 to 18446744073709551615 + 2, the dump "
         "holds 4"},
        {built([](auto& m) { m.run().layer(0, {}, 0, 1).end(); }),
         "x.rsm: layer: layer 'fc': samples 0 to 0 + 1, the dump holds 0"},
        {built([](auto& m) {
             m.run().layer(0, {4, 2}, 0, 4).section("covariance", 0, {}).section("covariance", 0, {}).end();
         }),
         "x.rsm: layer 'fc', covariance occurs twice"},
        {built([](auto& m) { m.run().section("layer", 0, bytes(3)).end(); }),
         "x.rsm: layer: cut short: expected 4 more bytes at 0, got 3"},
        {built([](auto& m) { m.run().section("run", hand_made::file, bytes(2)).end(); }),
         "x.rsm: run occurs twice"},
        {built([](auto& m) { m.section("run", hand_made::file, bytes(2)).end(); }),
         "x.rsm: run: cut short: expected 4 more bytes at 0, got 2"},
        {built([](auto& m) { m.run().section(std::string(65, 'k'), hand_made::file, {}).end(); }),
         "x.rsm: damaged: no section begins at byte 57"},
    };
    for (const auto& [got, expected] : table) CHECK(got == expected);

    // A rank that would take more bytes than there are is refused before anything is allocated.
    repscope::byte_writer out;
    out.put_text("fc");
    out.put_text("<f4");
    out.put(0xffffffffU);
    hand_made huge;
    huge.run().section("layer", 0, out.bytes()).end();
    CHECK(lies(huge) == "x.rsm: layer: cut short: expected 34359738360 more bytes at 17, got 0");

    hand_made many;
    many.run().layer(0, {4, 2}, 0, 4);
    for (int k = 0; k < 65; ++k) many.section("state" + std::to_string(k), 0, {});
    many.end();
    CHECK(lies(many) == "x.rsm: layer 'fc', state64 is one section too many");

    bytes payload = written(example());
    const auto at = std::search(payload.begin(), payload.end(), first_payload.begin(), first_payload.end());
    at[50] ^= std::byte{1};
    CHECK(parse_message(payload) == "x.rsm: damaged: the checksum of layer 'layer3.0.conv1', covariance does "
                                    "not fit");
}

TEST_CASE("samples of shards") {
    for (const std::size_t samples : {0U, 1U, 7U, 240U}) {
        for (const std::uint32_t shards : {1U, 2U, 3U, 9U}) {
            std::size_t next = 0;
            for (std::uint32_t shard = 1; shard <= shards; ++shard) {
                const auto part = analysis::samples_of_shard(samples, shard, shards);
                CHECK(part.first == next);
                CHECK(part.count >= samples / shards);
                CHECK(part.count <= samples / shards + 1);
                next += part.count;
            }
            CHECK(next == samples);
        }
    }
    CHECK_THROWS_WITH_AS(
        (void)analysis::samples_of_shard(10, 0, 3),
        "repscope::analysis::samples_of_shard: expected shard 1 .. n of n, at most 2^20, got 0 of 3",
        repscope::value_error);
    CHECK_THROWS_AS((void)analysis::samples_of_shard(10, 4, 3), repscope::value_error);
    CHECK_THROWS_AS((void)analysis::samples_of_shard(10, 1, 2000000), repscope::value_error);
}

TEST_CASE("shards come in any order") {
    const std::vector<analysis::state_file> files{example(3), example(1), example(2)};
    CHECK(analysis::shard_order(files) == std::vector<std::size_t>{1, 2, 0});
}

TEST_CASE("gaps, doubles and foreign shards are refused by name") {
    const auto refused = [](std::vector<analysis::state_file> files) {
        return message_of([&] { (void)analysis::shard_order(files); });
    };
    CHECK(refused({example(3), example(1)}) == "expected 3 shards, as shard3.rsm states, missing: 2");
    CHECK(refused({example(2)}) == "expected 3 shards, as shard2.rsm states, missing: 1, 3");
    analysis::state_file twice = example(2);
    twice.name = "copy.rsm";
    CHECK(refused({example(3), example(1), example(2), twice}) ==
          "copy.rsm: is shard 2 of 3, as is shard2.rsm");

    const auto foreign = [&](auto&& change) {
        analysis::state_file other = example(2);
        change(other);
        return refused({example(1), other, example(3)});
    };
    const std::string begin = "shard2.rsm: not of one run with shard1.rsm: ";
    CHECK(foreign([](auto& f) { f.shards = 4; }) == begin + "shards 4, expected 3");
    CHECK(foreign([](auto& f) { f.options = "{}"; }) ==
          begin + "options {}, expected {\"signed\":\"rectify\"}");
    CHECK(foreign([](auto& f) { f.class_labels.clear(); }) == begin + "labels none, expected some");
    CHECK(foreign([](auto& f) { f.labels_crc = 5; }) == begin + "labels with CRC-32 5, expected 305419896");
    CHECK(foreign([](auto& f) { f.layers.pop_back(); }) == begin + "layers 1, expected 2");
    CHECK(foreign([](auto& f) { f.layers[1].name = "fc2"; }) == begin + "layer 1 'fc2', expected 'fc'");
    CHECK(foreign([](auto& f) {
              f.layers[1].shape = {11, 7};
          }) == begin + "layer 'fc', shape (11, 7), expected (10, 7)");
    CHECK(foreign([](auto& f) { f.layers[1].dtype = "<f4"; }) ==
          begin + "layer 'fc', dtype <f4, expected >f8");
    CHECK(foreign([](auto& f) { f.layers[0].layout = "nhwc"; }) ==
          begin + "layer 'layer3.0.conv1', layout nhwc, expected nchw");
    CHECK(foreign([](auto& f) { f.layers[0].unit = "unit"; }) ==
          begin + "layer 'layer3.0.conv1', unit unit, expected channel_mean");
    CHECK(foreign([](auto& f) { f.layers[1].first = 5; }) ==
          "shard2.rsm: layer 'fc': begins with sample 5, expected 4");
    CHECK(foreign([](auto& f) { f.note = "host c", f.layers[1].file = "elsewhere.npy"; }) ==
          "nothing thrown");

    analysis::state_file last = example(3);
    last.layers[0].count = 2;
    CHECK(refused({example(1), example(2), last}) ==
          "shard3.rsm: layer 'layer3.0.conv1': the shards end at sample 9 of (10, 5, 2, 3)");
    CHECK_THROWS_AS((void)analysis::shard_order({}), repscope::value_error);
}

} // namespace state_file_test
