#pragma once

#include "files/file_kind.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

namespace program {

/// The files that a run reads and those that it writes. A command declares all of them before it works, in
/// any order. A `usage_error` of one line that names option and file is thrown for
///
/// * an output that is an input too: the same device and inode, through symbolic and hard links;
/// * an output over an existing file of another kind, by its first bytes: JSON over a NumPy array, an array
///   over a picture. A file of the same kind and an empty file may be overwritten;
/// * an output whose name has the extension of another kind: an array named `fog.png`;
/// * two outputs of one name;
/// * an input that is also the file to which standard output or standard error goes.
///
/// Devices, pipes and directories are not checked, nor is "-", which is standard output.
class output_guard {
  public:
    /// Adds a file that is read. A folder means the arrays and pictures in it, by their names, and for
    /// no other file: a log or JSON of an earlier run may be there. What does not exist is left to the
    /// reader's own error.
    void add_input(const std::string& path);

    /// Adds a file that is written. `option` is its name in messages: "--json", "OUT". An empty path is
    /// ignored.
    void add_output(std::string_view option, const std::string& path, file_kind kind);

    /// Adds a folder that is filled under names of the program's own: each file in it whose name has the
    /// extension of a kind that the program writes to folders is taken for an output of that kind.
    void add_output_folder(std::string_view option, const std::string& folder);

  private:
    using identity = std::pair<dev_t, ino_t>;
    void add_input_file(const std::string& path);

    std::map<identity, std::string> inputs_;            ///< with the path of each
    std::map<identity, std::string> outputs_;           ///< that exist, with option and path
    std::map<std::string, std::string> output_options_; ///< by path, links in front of the name resolved
};

} // namespace program
