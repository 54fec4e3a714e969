#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace program {

/// The labels of a data set as classes 0, 1, ...: the distinct labels, sorted.
struct label_set {
    std::string file;
    std::size_t rows = 0;                    ///< labels in the file
    std::vector<std::size_t> kept;           ///< rows that are measured, ascending
    std::vector<std::int32_t> classes;       ///< class of each kept row
    std::vector<std::int64_t> class_labels;  ///< the label of each class; 0, 1, ... where they have names
    std::vector<std::string> class_names;    ///< of labels that are names; empty for integers
    std::vector<std::uint64_t> class_counts; ///< kept rows of each class

    [[nodiscard]] bool keeps_all() const noexcept { return kept.size() == rows; }
};

/// Numbers the classes of `labels`; rows whose label is among `ignored` are dropped. Throws `data_error`
/// naming `file` for a negative label and when fewer than two classes are left.
label_set make_label_set(std::span<const std::int64_t> labels, std::span<const std::int64_t> ignored,
                         const std::string& file);

/// The same for labels that are names of classes: classes are the distinct names, sorted by bytes. Throws
/// `data_error` as above and for an empty name.
label_set make_label_set(std::span<const std::string> names, std::span<const std::string> ignored,
                         const std::string& file);

/// The integer that `text` is; none if it is something else.
std::optional<std::int64_t> integer_label(const std::string& text);

/// Reads labels, one per sample, from a `.npy` file or an array of an archive (FILE.npz:KEY; the key may be
/// left out where there is one array): whole numbers or strings of rank 1, or one-hot rows (rank 2, each row
/// one 1 and else 0); from an IDX file of rank 1, also within gzip; from a `.csv` or `.txt` file of one
/// column of integers or names, or one of several as FILE.csv:COLUMN. Strings that are all integers are read
/// as integers. Throws `data_error`, `repscope::format_error`, and `usage_error` if the labels are integers
/// and one of `ignored` is not.
label_set read_labels(const std::string& file, std::span<const std::string> ignored);

} // namespace program
