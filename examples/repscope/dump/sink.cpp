#include "dump/sink.hpp"

#include "files/output_file.hpp"
#include "support/errors.hpp"

#include <repscope/bytes.hpp>
#include <repscope/io/npy.hpp>
#include <repscope/io/tar_writer.hpp>

#include <cctype>
#include <deque>
#include <filesystem>
#include <set>
#include <string_view>
#include <unistd.h>

namespace program {

namespace {

namespace io = repscope::io;

std::vector<std::byte> header_of(const dumped_array& array, std::size_t rows, io::dtype type) {
    std::vector<std::size_t> shape{rows};
    shape.insert(shape.end(), array.row_shape.begin(), array.row_shape.end());
    return io::npy_header_bytes({type, std::endian::native == std::endian::big}, shape);
}

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class folder_sink final : public dump_sink {
  public:
    folder_sink(const std::string& folder, const std::vector<dumped_array>& arrays, std::size_t samples,
                io::dtype type)
        : folder_(folder) {
        is_new_ = make_folder(folder);
        require_no_others(folder, arrays);
        for (const dumped_array& array : arrays) {
            files_.emplace_back((std::filesystem::path(folder) / (array.name + ".npy")).string());
            files_.back().write(header_of(array, samples, type));
        }
    }
    folder_sink(const folder_sink&) = delete;
    folder_sink& operator=(const folder_sink&) = delete;
    ~folder_sink() override {
        if (!is_new_ || is_complete_) return;
        files_.clear();
        ::rmdir(folder_.c_str()); // only when it is empty
    }
    void write(std::size_t array, std::size_t, std::span<const std::byte> elements) override {
        files_[array].write(elements);
    }
    void finish() override {
        for (repscope::atomic_file& file : files_) file.commit();
        is_complete_ = true;
    }

  private:
    // Arrays of another dump would be measured together with those of this one.
    static void require_no_others(const std::string& folder, const std::vector<dumped_array>& arrays) {
        std::set<std::string> names{"labels.npy"};
        for (const dumped_array& array : arrays) names.insert(array.name + ".npy");
        std::string others;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            const std::string name = entry.path().filename().string();
            if (!name.ends_with(".npy") || name.starts_with('.') || names.contains(name)) continue;
            if (others.empty() || name < others) others = name;
        }
        if (others.empty()) return;
        throw data_error(folder, "has " + others +
                                     ", which this dump does not write; expected a new or empty folder, or "
                                     "that of a dump of the same layers");
    }

    std::string folder_;
    bool is_new_ = false, is_complete_ = false;
    std::deque<repscope::atomic_file> files_;
};

class archive_sink final : public dump_sink {
  public:
    archive_sink(std::vector<dumped_array> arrays, io::dtype type)
        : arrays_(std::move(arrays)), batches_(arrays_.size()), type_(type) {}
    void write(std::size_t array, std::size_t rows, std::span<const std::byte> elements) override {
        std::string batch = std::to_string(batches_[array]++);
        if (batch.size() < 6) batch.insert(0, 6 - batch.size(), '0');
        const auto header = header_of(arrays_[array], rows, type_);
        const std::size_t size = header.size() + elements.size();
        print(io::tar_member_header(arrays_[array].name + "/" + batch + ".npy", size));
        print(text_of(header));
        print(text_of(elements));
        print(io::tar_padding(size));
    }
    void finish() override { print(io::tar_end()); }

  private:
    std::vector<dumped_array> arrays_;
    std::vector<std::size_t> batches_;
    io::dtype type_;
};

} // namespace

std::unique_ptr<dump_sink> make_dump_sink(const std::string& out, const std::vector<dumped_array>& arrays,
                                          std::size_t samples, io::dtype type) {
    if (out == "-") return std::make_unique<archive_sink>(arrays, type);
    return std::make_unique<folder_sink>(out, arrays, samples, type);
}

std::vector<std::string> file_names(const std::vector<std::string>& tensors) {
    std::set<std::string> used{"labels", "logits", "loss_gradient"};
    std::vector<std::string> out;
    for (const std::string& tensor : tensors) {
        std::string name;
        for (const char c : tensor) {
            const bool is_plain =
                std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
            if (c == '/')
                name += name.empty() ? "" : ".";
            else
                name += is_plain ? c : '_';
        }
        while (name.starts_with('.') || name.starts_with('-')) name.erase(0, 1);
        if (name.size() > 200) name.resize(200);
        if (name.empty()) name = "tensor";
        std::string unique = name;
        for (std::size_t k = 2; !used.insert(unique).second; ++k) unique = name + "-" + std::to_string(k);
        out.push_back(unique);
    }
    return out;
}

} // namespace program
