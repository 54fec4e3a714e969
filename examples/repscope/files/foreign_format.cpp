#include "files/foreign_format.hpp"

#include "support/errors.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace program {

namespace {

// CRC-32C (Castagnoli), with the masking that TFRecord adds to it: the one thing by which those files can be
// told.
std::uint32_t masked_crc32c(std::string_view bytes) {
    std::uint32_t crc = 0xffffffffU;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0U ? 0x82f63b78U : 0U);
    }
    crc = ~crc;
    return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

std::uint64_t little_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = (value << 8U) | static_cast<unsigned char>(bytes[i]);
    return value;
}

// A file's name inside a Python string inside a shell's double quotes.
std::string shell_python_string(const std::string& name) {
    std::string text = "'";
    for (const char c : name) {
        if (c == '\'' || c == '\\') text += '\\';
        if (c == '"' || c == '$' || c == '`') text += '\\';
        text += c;
    }
    return text + "'";
}

std::string python(const std::string& code) { return "convert it: python3 -c \"" + code + "\""; }

} // namespace

std::optional<std::string> recognize_foreign(std::span<const std::byte> head, const std::string& file) {
    const std::string_view bytes(reinterpret_cast<const char*>(head.data()), head.size());
    const std::string in = shell_python_string(file);
    const std::string out =
        shell_python_string(std::filesystem::path(file).replace_extension(".npy").string());
    const std::string torch = python("import torch,numpy; numpy.save(" + out + ", torch.load(" + in +
                                     ", map_location='cpu').detach().numpy())");

    if (bytes.starts_with("PK\x03\x04")) {
        // A zip archive names its members in clear: NumPy's end in .npy, PyTorch's first one is data.pkl.
        const std::size_t length = bytes.size() >= 30 ? little_endian(bytes.substr(26, 2)) : 0;
        const std::string_view member =
            bytes.substr(std::min<std::size_t>(30, bytes.size())).substr(0, length);
        if (member.ends_with(".npy")) return std::nullopt; // .npz, which is read
        if (member.ends_with("data.pkl") || member.find('/') != std::string_view::npos) {
            return "a PyTorch file, expected .npy; " + torch;
        }
        return "a zip archive without .npy members in front, expected .npy or .npz";
    }
    // PyTorch's old format is a pickle of this number.
    if (bytes.size() > 13 && bytes[0] == '\x80' &&
        bytes.substr(2).find("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") == 2) {
        return "a PyTorch file, expected .npy; " + torch;
    }
    constexpr std::string_view hdf5 = "\x89HDF\r\n\x1a\n";
    if (bytes.starts_with("MATLAB 7.3") || (bytes.size() >= 520 && bytes.substr(512).starts_with(hdf5))) {
        return "a MATLAB 7.3 file, expected .npy; " +
               python("import h5py,numpy; f=h5py.File(" + in +
                      "); [numpy.save(k, numpy.transpose(f[k])) for k in f if k[0]!='#']");
    }
    if (bytes.starts_with("MATLAB 5.0")) {
        return "a MATLAB file, expected .npy; " +
               python("import scipy.io,numpy; [numpy.save(k, v) for k, v in scipy.io.loadmat(" + in +
                      ").items() if k[0]!='_']");
    }
    if (bytes.starts_with(hdf5)) {
#ifdef REPSCOPE_WITH_HDF5
        return std::nullopt;
#endif
        return "an HDF5 file, which this build does not read (REPSCOPE_HDF5), expected .npy; " +
               python("import h5py,numpy; f=h5py.File(" + in + "); [numpy.save(k, f[k]) for k in f]");
    }
    if (bytes.size() >= 12 && little_endian(bytes.substr(8, 4)) == masked_crc32c(bytes.substr(0, 8))) {
        return "a TFRecord file, expected .npy; " +
               python("import tensorflow as tf,numpy; numpy.save(" + out +
                      ", [tf.train.Example.FromString(r.numpy())"
                      ".features.feature['activations'].float_list.value for r in tf.data.TFRecordDataset(" +
                      in + ")])");
    }
    // Protocols 2 to 5 start with their number, and a whole pickle is more than that.
    if (bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5) {
        return "a pickle, expected .npy; " + python("import pickle,numpy; numpy.save(" + out +
                                                    ", numpy.asarray(pickle.load(open(" + in + ",'rb'))))");
    }
    return std::nullopt;
}

void refuse_foreign(const std::string& file) {
    std::error_code failure;
    const auto status = std::filesystem::status(file, failure);
    if (status.type() == std::filesystem::file_type::not_found) throw data_error(file, "no such file");
    if (failure) throw data_error(file, failure.message());
    if (std::filesystem::is_directory(status)) throw data_error(file, "is a directory, expected a .npy file");
    if (!std::filesystem::is_regular_file(status)) throw data_error(file, "is not a regular file");
    std::array<char, 1024> head{};
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw data_error(file, errno != 0 ? std::strerror(errno) : "cannot be opened");
    stream.read(head.data(), static_cast<std::streamsize>(head.size()));
    const auto count = static_cast<std::size_t>(stream.gcount());
    if (const auto what = recognize_foreign(std::as_bytes(std::span(head)).first(count), file)) {
        throw data_error(file, *what);
    }
}

} // namespace program
