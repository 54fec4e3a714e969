#include "files/input_files.hpp"

#include "files/sha256.hpp"

#include <repscope/io/file.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace program {

namespace {

std::string hash_of(const repscope::io::input_file& file) {
    sha256 digest;
    std::vector<std::byte> bytes(std::min(file.size(), std::size_t{4} << 20U));
    for (std::size_t done = 0; done < file.size();) {
        const auto now = std::span(bytes).first(std::min(bytes.size(), file.size() - done));
        file.read(done, now);
        digest.update(now);
        done += now.size();
    }
    return digest.hex_digest();
}

} // namespace

std::vector<input_record> input_records(const std::vector<std::string>& files, bool hash,
                                        repscope::thread_pool& pool) {
    std::vector<input_record> records;
    for (const std::string& file : files) {
        const auto is_it = [&](const input_record& record) { return record.file == file; };
        if (std::none_of(records.begin(), records.end(), is_it)) records.push_back({file, 0, {}});
    }
    pool.for_each(records.size(), [&](std::size_t k) {
        const repscope::io::input_file file(records[k].file);
        records[k].bytes = file.size();
        if (hash) records[k].sha256 = hash_of(file);
    });
    return records;
}

} // namespace program
