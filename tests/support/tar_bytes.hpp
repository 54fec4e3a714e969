#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// Writes tar archives by the format's description, apart from the reader under test.

namespace repscope_test {

inline std::string padded_to_block(std::string bytes) {
    bytes.resize((bytes.size() + 511) / 512 * 512, '\0');
    return bytes;
}

/// Replaces the checksum of a header.
inline void fix_tar_checksum(std::string& header) {
    for (std::size_t i = 148; i < 156; ++i) header[i] = ' ';
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(header[i]);
    for (std::size_t i = 0; i < 6; ++i)
        header[148 + i] = static_cast<char>('0' + (sum >> (3 * (5 - i)) & 7U));
    header[154] = '\0';
    header[155] = ' ';
}

/// A header of the format ustar.
inline std::string tar_header(const std::string& name, std::uint64_t size, char type = '0') {
    std::string header(512, '\0');
    header.replace(0, name.size(), name);
    header.replace(100, 8, std::string("0000644\0", 8));
    for (std::size_t i = 0; i < 11; ++i)
        header[124 + i] = static_cast<char>('0' + (size >> (3 * (10 - i)) & 7U));
    header[156] = type;
    header.replace(257, 8, std::string("ustar\00000", 8));
    fix_tar_checksum(header);
    return header;
}

inline std::string tar_member(const std::string& name, const std::string& contents, char type = '0') {
    return tar_header(name, contents.size(), type) + padded_to_block(contents);
}

/// A record of a pax header: its length counts itself.
inline std::string pax_record(const std::string& key, const std::string& value) {
    const std::string rest = " " + key + "=" + value + "\n";
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) ++length;
    return std::to_string(length) + rest;
}

inline std::string tar_end() { return std::string(1024, '\0'); }

inline std::string tar_of(const std::vector<std::pair<std::string, std::string>>& members) {
    std::string bytes;
    for (const auto& [name, contents] : members) bytes += tar_member(name, contents);
    return bytes + tar_end();
}

} // namespace repscope_test
