// The pieces of the program that can be tested without running it.

#include "dumps/labels.hpp"
#include "dumps/layer_names.hpp"
#include "dumps/layer_pattern.hpp"
#include "dumps/layout_choice.hpp"
#include "files/foreign_format.hpp"
#include "files/sha256.hpp"
#include "measure/schedule.hpp"
#include "render/text_table.hpp"
#include "study/settings.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <limits>

namespace parts_test {

using namespace program;

namespace {

std::string digest(const std::string& text, std::size_t piece) {
    sha256 hash;
    const auto bytes = std::as_bytes(std::span(text));
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        hash.update(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    }
    return hash.hex_digest();
}

} // namespace

TEST_CASE("sha256: the examples of the standard, and lengths around a block") {
    CHECK(digest("", 1) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(digest("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const std::string two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    CHECK(digest(two_blocks, 56) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    const std::string million(1000000, 'a');
    for (const std::size_t piece : {std::size_t{1} << 20U, std::size_t{63}, std::size_t{65}}) {
        CHECK(digest(million, piece) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    for (const std::size_t length : {54U, 55U, 56U, 57U, 63U, 64U, 65U, 119U, 120U}) {
        CHECK(digest(std::string(length, 'x'), 1) == digest(std::string(length, 'x'), length));
    }
}

TEST_CASE("layers are named by their stem, and by their folder too where stems repeat") {
    const auto of_files = [](const std::vector<std::string>& files) {
        std::vector<layer_origin> origins;
        for (const auto& file : files) origins.push_back({file, {}, false, false});
        return layer_names(origins);
    };
    CHECK(of_files({"a/conv1.npy", "b/conv2.npy"}) == std::vector<std::string>{"conv1", "conv2"});
    CHECK(of_files({"a/conv1.npy", "/x/b/conv1.npy", "fc.npy"}) ==
          std::vector<std::string>{"a/conv1", "b/conv1", "fc"});
    CHECK(of_files({"block.0.relu.npy"}) == std::vector<std::string>{"block.0.relu"});
    CHECK_THROWS_AS(of_files({"x/a/conv1.npy", "y/a/conv1.npy"}), usage_error);
    CHECK_THROWS_AS(of_files({"conv1.npy", "conv1.npy"}), usage_error);
    // Keys of archives, folders and raw files.
    CHECK(layer_names({{"run1.npz", "conv1", false, false},
                       {"run2.npz", "conv1", false, false},
                       {"x/layer3.0.conv1/", {}, true, false},
                       {"layer3.0.conv2", {}, false, true},
                       {"layer3.0.conv3.f32", {}, false, true},
                       {"run2.npz", "enc/fc.1", false, false}}) ==
          std::vector<std::string>{"run1/conv1", "run2/conv1", "layer3.0.conv1", "layer3.0.conv2",
                                   "layer3.0.conv3", "enc/fc.1"});
}

TEST_CASE("labels become classes in their sorted order") {
    const std::vector<std::int64_t> labels{30, 7, 255, 7, 30, 9, 255};
    const label_set all = make_label_set(labels, {}, "l.npy");
    CHECK(all.class_labels == std::vector<std::int64_t>{7, 9, 30, 255});
    CHECK(all.class_counts == std::vector<std::uint64_t>{2, 1, 2, 2});
    CHECK(all.classes == std::vector<std::int32_t>{2, 0, 3, 0, 2, 1, 3});
    CHECK(all.keeps_all());
    const std::vector<std::int64_t> ignored{255};
    const label_set some = make_label_set(labels, ignored, "l.npy");
    CHECK(some.class_labels == std::vector<std::int64_t>{7, 9, 30});
    CHECK(some.kept == std::vector<std::size_t>{0, 1, 3, 4, 5});
    CHECK(some.classes == std::vector<std::int32_t>{2, 0, 0, 2, 1});
    CHECK(some.rows == 7);

    const std::vector<std::int64_t> with_negative{0, 1, -1};
    CHECK_THROWS_AS(make_label_set(with_negative, {}, "l.npy"), data_error);
    const std::vector<std::int64_t> drop_negative{-1};
    CHECK(make_label_set(with_negative, drop_negative, "l.npy").classes == std::vector<std::int32_t>{0, 1});
    const std::vector<std::int64_t> drop_one{1, -1};
    CHECK_THROWS_AS(make_label_set(with_negative, drop_one, "l.npy"), data_error);
}

TEST_CASE("the layout of a file") {
    using repscope::layout;
    const auto chosen = [](std::vector<std::size_t> shape, const std::vector<layout>& stated = {}) {
        return choose_layout(shape, stated, "x.npy", "x");
    };
    CHECK(chosen({5, 3}) == layout::nu);
    CHECK(chosen({5, 3, 8, 8}) == layout::nchw);
    CHECK(chosen({5, 3, 1, 1}) == layout::nchw);
    CHECK_THROWS_AS(chosen({5, 8, 8, 8}), usage_error);
    CHECK_THROWS_AS(chosen({5, 8, 8, 3}), usage_error);
    CHECK_THROWS_AS(chosen({5, 3, 8, 7}), usage_error);
    CHECK_THROWS_AS(chosen({5, 3, 8}), usage_error);
    CHECK(chosen({5, 8, 8, 3}, {layout::nhwc}) == layout::nhwc);
    CHECK(chosen({5, 3, 8}, {layout::nhwc, layout::ntd}) == layout::ntd);
    CHECK(chosen({5, 3}, {layout::nhwc}) == layout::nu);
    CHECK_THROWS_AS(chosen({5}), data_error);
    CHECK_THROWS_AS(chosen({5, 1, 1, 1, 1}), data_error);
    CHECK_THROWS_AS(chosen({5, 0}), data_error);
}

TEST_CASE("numbers and tables for people") {
    CHECK(fixed(0.12345, 3) == "0.123");
    CHECK(fixed(-0.0001, 3) == "0.000");
    CHECK(fixed(std::numeric_limits<double>::quiet_NaN(), 3) == "-");
    CHECK(shortest(1e-6) == "1e-06");
    CHECK(shortest(0.5) == "0.5");
    CHECK(duration(3.2) == "3.2 s");
    CHECK(duration(200) == "3 min 20 s");
    CHECK(duration(3900) == "1 h 5 min");
    CHECK(byte_count(655e6) == "655 MB");
    text_table table({"layer", "units"}, 1);
    table.add_row({"c\xc3\xb6nv", "16"});
    table.add_row({"fc", "1000"});
    CHECK(table.text() == "layer  units\nc\xc3\xb6nv      16\nfc      1000\n");
}

TEST_CASE("the line that converts a file quotes its name") {
    const std::string bytes("\x80\x04\x95\x10", 4);
    const auto line = recognize_foreign(std::as_bytes(std::span(bytes)), "it's.pkl");
    REQUIRE(line.has_value());
    CHECK(line->find("'it\\'s.pkl'") != std::string::npos);
    const std::string own("\x93NUMPY\x01\0", 8);
    CHECK(!recognize_foreign(std::as_bytes(std::span(own)), "x").has_value());
}

TEST_CASE("patterns of layer names") {
    CHECK(matches("conv*", "conv1"));
    CHECK(matches("*", ""));
    CHECK(matches("*.conv?", "layer3.0.conv1"));
    CHECK(matches("a*b*c", "aXbXbXc"));
    CHECK(matches("layer3.0", "layer3.0"));
    CHECK(!matches("layer3.0", "layer3x0"));
    CHECK(!matches("conv*", "xconv"));
    CHECK(!matches("a*b*c", "aXbX"));
    CHECK(!matches("?", ""));
    const layer_choice some({"conv*,fc", "!conv2"});
    CHECK(some.takes("conv1"));
    CHECK(some.takes("fc"));
    CHECK(!some.takes("conv2"));
    CHECK(!some.takes("other"));
    CHECK(some.unused({"conv1", "conv2"}) == std::vector<std::string>{"fc"});
    const layer_choice all({"!labels"});
    CHECK(all.takes("conv1"));
    CHECK(!all.takes("labels"));
    CHECK_THROWS_AS(layer_choice({"a,,b"}), usage_error);
    CHECK(parse_layer_value("a=b=nhwc").pattern == "a=b");
    CHECK(!parse_layer_value("nhwc").pattern.has_value());
}

TEST_CASE("layouts for some layers") {
    using repscope::layout;
    const std::vector<std::size_t> map{5, 3, 8, 8};
    const std::vector<std::size_t> tokens{5, 3, 8};
    const std::vector<layer_value> stated{{"conv*", "nhwc"}, {"*1", "ntd"}, {std::nullopt, "nchw"}};
    CHECK(layouts_for("conv2", map, stated, "f") == std::vector<layout>{layout::nhwc});
    CHECK(layouts_for("conv1", tokens, stated, "f") == std::vector<layout>{layout::ntd});
    CHECK(layouts_for("other", map, stated, "f") == std::vector<layout>{layout::nchw});
    CHECK_THROWS_AS(layouts_for("conv2", tokens, stated, "f"), usage_error);
}

TEST_CASE("a stage has no image or at least two") {
    condition_settings settings;
    CHECK_NOTHROW(check_image_counts(settings));
    settings.corruption_images = 0;
    settings.autoattack_images = 1; // of an attack that does not run
    CHECK_NOTHROW(check_image_counts(settings));
    settings.attack_images = 1;
    CHECK_THROWS_WITH(check_image_counts(settings), "--attack-images: expected 0 or at least 2, got 1");
    settings.attack_images = 2;
    settings.attacks = {"autoattack"};
    CHECK_THROWS_AS(check_image_counts(settings), usage_error);
}

TEST_CASE("layers side by side where that ends first and fits") {
    const layer_cost small{0.1, 0.9, 100};
    const layer_cost large{8.0, 0.1, 100};
    const auto order = [](const std::vector<layer_cost>& costs, std::size_t threads, std::size_t memory) {
        return plan(costs, threads, memory);
    };
    // Two of a kind that threads do not help: side by side, if both fit.
    CHECK(order({small, small}, 2, 200).side_by_side.size() == 2);
    CHECK(order({small, small}, 2, 199).one_by_one == std::vector<std::size_t>{0, 1});
    CHECK(order({small, small}, 1, 200).one_by_one == std::vector<std::size_t>{0, 1});
    // A large one that threads do help goes first and alone.
    const schedule mixed = order({small, large, small}, 2, 1000);
    CHECK(mixed.one_by_one == std::vector<std::size_t>{1});
    CHECK(mixed.side_by_side == std::vector<std::size_t>{0, 2});
    CHECK(order({large}, 2, 1000).one_by_one == std::vector<std::size_t>{0});
    const schedule many = order(std::vector<layer_cost>(9, small), 4, 1000);
    CHECK(many.one_by_one.size() + many.side_by_side.size() == 9);
    CHECK(many.side_by_side.size() >= 8);
}

} // namespace parts_test
