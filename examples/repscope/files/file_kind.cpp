#include "files/file_kind.hpp"

#include <repscope/error.hpp>
#include <repscope/io/file.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <utility>

namespace program {

namespace {

constexpr std::array<std::pair<std::string_view, file_kind>, 26> extensions{{
    {".json", file_kind::json},         {".csv", file_kind::csv},
    {".html", file_kind::html},         {".htm", file_kind::html},
    {".svg", file_kind::svg},           {".npy", file_kind::npy},
    {".npz", file_kind::npz},           {".rsm", file_kind::state},
    {".png", file_kind::png},           {".jpg", file_kind::jpeg},
    {".jpeg", file_kind::jpeg},         {".webp", file_kind::webp},
    {".bmp", file_kind::bmp},           {".gif", file_kind::gif},
    {".tif", file_kind::tiff},          {".tiff", file_kind::tiff},
    {".heic", file_kind::heif},         {".avif", file_kind::heif},
    {".ppm", file_kind::other_picture}, {".pgm", file_kind::other_picture},
    {".safetensors", file_kind::other}, {".h5", file_kind::other},
    {".pt", file_kind::other},          {".pth", file_kind::other},
    {".zip", file_kind::other},         {".gz", file_kind::other},
}};

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

// Text is told by its first character, which files of numbers may begin with too: they hold zero bytes.
file_kind kind_of_text(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return file_kind::other;
    constexpr std::string_view mark = "\xef\xbb\xbf";
    if (text.starts_with(mark)) text.remove_prefix(mark.size());
    constexpr std::string_view blank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return file_kind::other;
    text.remove_prefix(first);
    const std::size_t second = text.find_first_not_of(blank, 1);
    const char next = second == std::string_view::npos ? '\0' : text[second];
    if (text[0] == '{' && (next == '"' || next == '}')) return file_kind::json;
    if (text[0] == '[' && (next == '{' || next == '[' || next == '"' || next == ']' || next == '-' ||
                           std::isdigit(static_cast<unsigned char>(next)) != 0)) {
        return file_kind::json;
    }
    if (text[0] == '<') {
        const std::string markup = lower(std::string(text));
        if (markup.starts_with("<!doctype html") || markup.starts_with("<html")) return file_kind::html;
        return markup.find("<svg") != std::string::npos ? file_kind::svg : file_kind::other;
    }
    const std::string_view line = text.substr(0, text.find('\n'));
    return line.find(',') != std::string_view::npos ? file_kind::csv : file_kind::other;
}

// A picture of a format that the program neither reads nor writes.
std::optional<file_kind> other_picture(std::string_view head) {
    if (head.size() > 8 && head.substr(4, 4) == "ftyp") {
        for (const std::string_view brand : {"heic", "heix", "mif1", "msf1", "avif"})
            if (head.substr(8).starts_with(brand)) return file_kind::heif;
    }
    // A text may begin with these letters.
    if (head.find('\0') == std::string_view::npos) return std::nullopt;
    if (head.starts_with("GIF8")) return file_kind::gif;
    if (head.starts_with("BM")) return file_kind::bmp;
    if (head.starts_with("II*") || head.starts_with("MM")) return file_kind::tiff;
    return std::nullopt;
}

// The first bytes of a file, or fewer where it is shorter; nothing where it cannot be read.
std::optional<std::string> first_bytes(const std::string& path, std::size_t count) {
    try {
        std::string text;
        for (const std::byte b : repscope::io::input_file(path).beginning(count)) {
            text += static_cast<char>(b);
        }
        return text;
    } catch (const repscope::format_error&) {
        return std::nullopt;
    }
}

} // namespace

std::string_view to_string(file_kind kind) noexcept {
    switch (kind) {
    case file_kind::json:
        return "JSON";
    case file_kind::csv:
        return "CSV";
    case file_kind::html:
        return "HTML";
    case file_kind::svg:
        return "SVG";
    case file_kind::npy:
        return "a NumPy array";
    case file_kind::npz:
        return "an archive of NumPy arrays";
    case file_kind::state:
        return "a state file";
    case file_kind::png:
        return "a PNG picture";
    case file_kind::jpeg:
        return "a JPEG picture";
    case file_kind::webp:
        return "a WebP picture";
    case file_kind::gif:
        return "a GIF picture";
    case file_kind::bmp:
        return "a BMP picture";
    case file_kind::tiff:
        return "a TIFF picture";
    case file_kind::heif:
        return "a HEIF or AVIF picture";
    case file_kind::other_picture:
        return "a picture of another format";
    case file_kind::other:
        break;
    }
    return "another kind of file";
}

std::optional<file_kind> kind_by_name(const std::string& path) {
    const std::string extension = lower(std::filesystem::path(path).extension().string());
    const auto* const place = std::find_if(extensions.begin(), extensions.end(),
                                           [&](const auto& entry) { return entry.first == extension; });
    if (place == extensions.end()) return std::nullopt;
    return place->second;
}

std::optional<file_kind> kind_by_content(const std::string& path) {
    const std::optional<std::string> bytes = first_bytes(path, 1024);
    if (!bytes) return file_kind::other;
    if (bytes->empty()) return std::nullopt;
    const std::string_view head = *bytes;
    if (head.starts_with("\x93NUMPY")) return file_kind::npy;
    if (head.starts_with("PK\x03\x04") || head.starts_with("PK\x05\x06")) return file_kind::npz;
    if (head.starts_with("\x8drsm\r\n\x1a\n")) return file_kind::state;
    if (head.starts_with("\x89PNG\r\n\x1a\n")) return file_kind::png;
    if (head.starts_with("\xff\xd8\xff")) return file_kind::jpeg;
    if (head.starts_with("RIFF") && head.substr(0, 12).ends_with("WEBP")) return file_kind::webp;
    if (const auto picture = other_picture(head)) return picture;
    return kind_of_text(head);
}

} // namespace program
