#pragma once

// Opt-in, not part of repscope.hpp: includes <nlohmann/json.hpp>, unless the caller included it before from
// another path.
#ifndef NLOHMANN_JSON_VERSION_MAJOR
#include <nlohmann/json.hpp>
#endif

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/io/array_header.hpp"
#include "repscope/io/byte_source.hpp"
#include "repscope/io/dtype.hpp"
#include "repscope/io/file.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// A tensor in the header of a .safetensors file.
struct safetensors_entry {
    std::string name; ///< of the tensor
    /// The type's name in the file: "F32", "BF16".
    std::string dtype;
    std::vector<std::size_t> shape; ///< extents
    /// Its bytes are [begin, end) after the header.
    std::size_t begin = 0;
    std::size_t end = 0; ///< offset behind its last byte
};

namespace detail {

/// A type's name in the format, its bits per element, and the equivalent `dtype`, if any.
struct safetensors_type {
    std::string_view name;
    std::size_t bits;
    std::optional<dtype> type;
};

inline constexpr std::array safetensors_types{
    safetensors_type{"BOOL", 8, dtype::boolean},   safetensors_type{"U8", 8, dtype::uint8},
    safetensors_type{"I8", 8, dtype::int8},        safetensors_type{"U16", 16, dtype::uint16},
    safetensors_type{"I16", 16, dtype::int16},     safetensors_type{"U32", 32, dtype::uint32},
    safetensors_type{"I32", 32, dtype::int32},     safetensors_type{"U64", 64, dtype::uint64},
    safetensors_type{"I64", 64, dtype::int64},     safetensors_type{"F16", 16, dtype::float16},
    safetensors_type{"BF16", 16, dtype::bfloat16}, safetensors_type{"F32", 32, dtype::float32},
    safetensors_type{"F64", 64, dtype::float64},   safetensors_type{"F8_E4M3", 8, std::nullopt},
    safetensors_type{"F8_E5M2", 8, std::nullopt},  safetensors_type{"F8_E8M0", 8, std::nullopt},
    safetensors_type{"F4", 4, std::nullopt},       safetensors_type{"F6_E2M3", 6, std::nullopt},
    safetensors_type{"F6_E3M2", 6, std::nullopt},  safetensors_type{"C64", 64, std::nullopt},
};

[[nodiscard]] inline const safetensors_type* find_safetensors_type(std::string_view name) noexcept {
    const auto* const place = std::find_if(safetensors_types.begin(), safetensors_types.end(),
                                           [&](const safetensors_type& type) { return type.name == name; });
    return place == safetensors_types.end() ? nullptr : place;
}

/// Handles the header's JSON event by event. It builds nothing that the format does not define, detects
/// repeated keys, and limits nesting to three levels.
class safetensors_header {
  public:
    explicit safetensors_header(const std::string& name) : name_(name) {}

    [[nodiscard]] std::vector<safetensors_entry> take() { return std::move(entries_); }

    // What nlohmann::json::sax_parse calls.
    bool null() { fail("expected no null"); }
    bool boolean(bool) { fail("expected no true or false"); }
    bool number_integer(std::int64_t value) {
        fail("expected no negative number, got " + errors::text_of(value));
    }
    bool number_float(double, const std::string& text) {
        fail("expected integers, got " + text.substr(0, 40));
    }
    bool binary(std::vector<std::uint8_t>&) { fail("expected no binary value"); }
    bool number_unsigned(std::uint64_t value) {
        if (place_ != place::shape && place_ != place::offsets) fail("unexpected number");
        if (value > (std::numeric_limits<std::size_t>::max)()) fail("a number does not fit in an index");
        numbers_.push_back(static_cast<std::size_t>(value));
        if (numbers_.size() > 64) fail("tensor " + entry_.name + " has more than 64 axes");
        return true;
    }
    bool string(std::string& text) {
        if (place_ == place::metadata) return true;
        if (place_ != place::tensor || key_ != "dtype") fail("unexpected text");
        entry_.dtype = text;
        return true;
    }
    bool start_object(std::size_t) {
        if (place_ == place::outside) {
            place_ = place::top;
        } else if (place_ == place::top && key_ == "__metadata__") {
            place_ = place::metadata;
        } else if (place_ == place::top) {
            place_ = place::tensor;
            entry_ = {};
            entry_.name = key_;
            keys_.clear();
        } else {
            fail("unexpected object");
        }
        return true;
    }
    bool key(std::string& text) {
        const auto twice = [&] { fail("the key '" + text.substr(0, 80) + "' occurs twice"); };
        if (place_ == place::top) {
            if (!names_.insert(text).second) twice();
        } else if (place_ == place::tensor) {
            if (std::find(keys_.begin(), keys_.end(), text) != keys_.end()) twice();
            keys_.push_back(text);
        }
        if (place_ == place::tensor && text != "dtype" && text != "shape" && text != "data_offsets") {
            fail("tensor " + entry_.name + " has the unknown key '" + text.substr(0, 80) + "'");
        }
        key_ = text;
        return true;
    }
    bool start_array(std::size_t) {
        if (place_ != place::tensor || (key_ != "shape" && key_ != "data_offsets")) {
            fail("unexpected array");
        }
        place_ = key_ == "shape" ? place::shape : place::offsets;
        numbers_.clear();
        return true;
    }
    bool end_array() {
        if (place_ == place::shape) {
            entry_.shape = numbers_;
        } else {
            if (numbers_.size() != 2) fail("tensor " + entry_.name + ": expected two data_offsets");
            entry_.begin = numbers_[0];
            entry_.end = numbers_[1];
        }
        place_ = place::tensor;
        return true;
    }
    bool end_object() {
        if (place_ == place::tensor) {
            if (keys_.size() != 3) fail("tensor " + entry_.name + " lacks dtype, shape or data_offsets");
            if (entry_.dtype.empty()) fail("tensor " + entry_.name + " has no dtype");
            entries_.push_back(std::move(entry_));
        }
        place_ = place_ == place::top ? place::outside : place::top;
        return true;
    }
    template <typename Exception>
    bool parse_error(std::size_t position, const std::string&, const Exception&) {
        fail("no JSON at byte " + errors::text_of(position));
    }

  private:
    enum class place { outside, top, metadata, tensor, shape, offsets };

    [[noreturn]] void fail(const std::string& complaint) const {
        throw format_error(name_ + ": bad safetensors header: " + complaint);
    }

    const std::string& name_;
    place place_ = place::outside;
    std::string key_;
    std::set<std::string> names_;
    std::vector<std::string> keys_;
    std::vector<std::size_t> numbers_;
    safetensors_entry entry_;
    std::vector<safetensors_entry> entries_;
};

} // namespace detail

/// Reads the header of a .safetensors file: its tensors in the order of their bytes, and the offset of the
/// bytes.
///
/// Errors refer to it by `name`. Throws `format_error` if the header is longer than 100 MB or than the file,
/// is not a JSON object followed by spaces, or has a repeated key or content that the format does not define.
/// The tensors must cover the bytes after it without holes and overlaps, and the size of each must match its
/// type and shape. O(header).
[[nodiscard]] inline std::pair<std::vector<safetensors_entry>, std::size_t>
read_safetensors_header(const byte_source& file, const std::string& name) {
    constexpr std::size_t prefix = 8;
    constexpr std::uint64_t most = 100'000'000;
    const auto fail = [&](const std::string& complaint) {
        throw format_error(name + ": bad safetensors header: " + complaint);
    };
    if (file.size() < prefix) throw format_error(name + ": too short for a .safetensors file");
    const auto length = byte_reader(file.beginning(prefix), name).get<std::uint64_t>();
    if (length > most || length > file.size() - prefix) {
        fail("claims " + errors::text_of(length) + " bytes, expected at most " +
             errors::text_of((std::min<std::uint64_t>)(most, file.size() - prefix)));
    }
    std::string text(static_cast<std::size_t>(length), ' ');
    file.read(prefix, std::as_writable_bytes(std::span(text)));
    if (!text.starts_with('{')) fail("does not begin with {");
    text.resize(text.find_last_not_of(' ') + 1);
    if (!text.ends_with('}')) fail("something follows the object");
    detail::safetensors_header events(name);
    (void)nlohmann::json::sax_parse(text, &events);
    std::vector<safetensors_entry> entries = events.take();

    std::sort(entries.begin(), entries.end(), [](const safetensors_entry& a, const safetensors_entry& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    const std::size_t held = file.size() - prefix - static_cast<std::size_t>(length);
    std::size_t at = 0;
    for (const safetensors_entry& entry : entries) {
        const std::string tensor = "tensor " + entry.name;
        if (entry.begin != at || entry.end < entry.begin) {
            fail(tensor + " is at bytes " + errors::text_of(entry.begin) + " to " +
                 errors::text_of(entry.end) + ", expected them to begin at " + errors::text_of(at));
        }
        if (entry.end > held) fail(tensor + " ends behind the file");
        const detail::safetensors_type* type = detail::find_safetensors_type(entry.dtype);
        if (type != nullptr) {
            const auto bits = array_bytes(entry.shape, type->bits);
            if (!bits || *bits % 8 != 0 || *bits / 8 != entry.end - entry.begin) {
                fail(tensor + " of " + entry.dtype + " and shape " + format_shape(entry.shape) +
                     " does not take the " + errors::text_of(entry.end - entry.begin) + " bytes it has");
            }
        }
        at = entry.end;
    }
    if (at != held) {
        fail("its tensors take " + errors::text_of(at) + " bytes, the file holds " + errors::text_of(held));
    }
    return {std::move(entries), prefix + static_cast<std::size_t>(length)};
}

/// The tensors of a .safetensors file, read in place.
class safetensors_file {
  public:
    /// Throws `format_error` as `read_safetensors_header` does, and if there are no tensors.
    explicit safetensors_file(const std::string& path)
        : safetensors_file(std::make_shared<input_file>(path), path) {}
    /// The same for any bytes; errors refer to them by `name`.
    safetensors_file(std::shared_ptr<const byte_source> bytes, std::string name)
        : bytes_(std::move(bytes)), name_(std::move(name)) {
        std::tie(entries_, data_) = read_safetensors_header(*bytes_, name_);
        if (entries_.empty()) throw format_error(name_ + ": holds no tensors");
    }

    /// Returns whether a file is of this format, which has no magic number: its name ends with
    /// `.safetensors`, or it begins with a length below 2^32 and a brace.
    [[nodiscard]] static bool recognizes(std::span<const std::byte> head, std::string_view path) noexcept {
        const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
        return path.ends_with(".safetensors") ||
               (text.size() >= 9 && text.substr(4, 5) == std::string_view("\0\0\0\0{", 5));
    }

    /// The names of the tensors, in the order of their bytes.
    [[nodiscard]] std::vector<std::string> keys() const {
        std::vector<std::string> names;
        for (const safetensors_entry& entry : entries_) names.push_back(entry.name);
        return names;
    }

    /// In the order of their bytes.
    [[nodiscard]] const std::vector<safetensors_entry>& entries() const noexcept { return entries_; }

    /// The tensor of that name. Throws `format_error` if there is none, or its element type is not supported.
    [[nodiscard]] stored_array array(const std::string& key) const {
        const auto place = std::find_if(entries_.begin(), entries_.end(),
                                        [&](const safetensors_entry& entry) { return entry.name == key; });
        if (place == entries_.end()) throw format_error(name_ + ": holds no tensor '" + key + "'");
        const detail::safetensors_type* type = detail::find_safetensors_type(place->dtype);
        if (type == nullptr || !type->type) {
            throw format_error(name_ + ":" + key + ": elements of type " + place->dtype.substr(0, 40) +
                               " are not supported");
        }
        return {name_ + ":" + key, {{*type->type, false}, false, place->shape, data_ + place->begin}, bytes_};
    }

  private:
    std::shared_ptr<const byte_source> bytes_;
    std::string name_;
    std::vector<safetensors_entry> entries_;
    std::size_t data_ = 0;
};

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
