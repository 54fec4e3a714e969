#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

namespace detail {

inline constexpr std::string_view parameter_magic = "repscope.net";
inline constexpr std::uint32_t parameter_format = 1;

template <typename Scalar>
[[nodiscard]] constexpr std::string_view scalar_name() noexcept {
    return std::is_same_v<Scalar, float> ? "float32" : "float64";
}

[[noreturn]] inline void throw_foreign(const byte_reader& from, std::string_view what,
                                       const std::string& expected, const std::string& got) {
    throw format_error(from.name() + ": " + std::string(what) + ": expected " + expected + ", got " + got);
}

} // namespace detail

/// Parameters and running statistics of a network as bytes: magic, format, architecture, scalar,
/// normalization of the input, then name, length and numbers of each tensor, and the CRC-32 of all bytes
/// before it. Little-endian.
template <network_like Network>
[[nodiscard]] std::vector<std::byte> parameter_bytes(const Network& network) {
    using scalar = typename Network::scalar;
    byte_writer to;
    to.put_text(detail::parameter_magic);
    to.put(detail::parameter_format);
    to.put_text(network.architecture());
    to.put_text(detail::scalar_name<scalar>());
    for (const auto* values : {&network.input().mean(), &network.input().stddev()}) {
        to.put(static_cast<std::uint64_t>(values->size()));
        to.put_all(std::span<const double>(*values));
    }
    const auto put = [&](const std::string& name, std::span<const scalar> values) {
        to.put_text(name);
        to.put(static_cast<std::uint64_t>(values.size()));
        to.put_all(values);
    };
    network.visit_parameters(put);
    network.visit_state(put);
    to.put(crc32(to.bytes()));
    return to.bytes();
}

/// Sets parameters and running statistics of `network` from the bytes of `parameter_bytes`. They must come
/// from a network of the same architecture, scalar, normalization and sizes; errors refer to the bytes by
/// `name`.
///
/// Throws `format_error` with the difference if the bytes are damaged or belong to another network, and
/// leaves the network unchanged.
template <network_like Network>
void set_parameters(Network& network, std::span<const std::byte> bytes,
                    const std::string& name = "parameters") {
    using scalar = typename Network::scalar;
    byte_reader from(bytes, name);
    const auto expect = [&](std::string_view what, const std::string& expected, const std::string& got) {
        if (got != expected) detail::throw_foreign(from, what, expected, got);
    };
    // The first bytes identify a foreign file, before any length in it is used.
    std::string magic;
    if (bytes.size() >= 4 + detail::parameter_magic.size()) {
        for (const std::byte b : bytes.subspan(4, detail::parameter_magic.size()))
            magic += static_cast<char>(b);
    }
    if (magic != detail::parameter_magic) throw format_error(name + ": not a file of network parameters");
    (void)from.get_text();
    expect("format", errors::text_of(detail::parameter_format), errors::text_of(from.get<std::uint32_t>()));
    from.need(4);
    byte_reader end(bytes.last(4), name);
    if (crc32(bytes.first(bytes.size() - 4)) != end.get<std::uint32_t>()) {
        throw format_error(name + ": damaged or cut short: the checksum does not fit");
    }
    expect("architecture", network.architecture(), from.get_text());
    expect("scalar", std::string(detail::scalar_name<scalar>()), from.get_text());
    const std::array normalization{&network.input().mean(), &network.input().stddev()};
    for (std::size_t i = 0; i < 2; ++i) {
        const std::string what = i == 0 ? "mean of the input" : "stddev of the input";
        expect(what + ", channels", errors::text_of(normalization[i]->size()),
               errors::text_of(from.get<std::uint64_t>()));
        for (const double expected : *normalization[i]) {
            const auto got = from.get<double>();
            if (got != expected)
                detail::throw_foreign(from, what, errors::text_of(expected), errors::text_of(got));
        }
    }
    std::vector<scalar> values;
    const auto get = [&](const std::string& tensor, std::span<const scalar> current) {
        expect("tensor", tensor, from.get_text());
        expect(tensor + ", numbers", errors::text_of(current.size()),
               errors::text_of(from.get<std::uint64_t>()));
        const std::size_t first = values.size();
        from.need(current.size_bytes());
        values.resize(first + current.size());
        from.get_all(std::span(values).subspan(first));
    };
    const Network& constant = network;
    constant.visit_parameters(get);
    constant.visit_state(get);
    expect("bytes after the last tensor", "4", errors::text_of(from.left()));

    std::size_t first = 0;
    const auto set = [&](const std::string&, std::span<scalar> to) {
        for (scalar& value : to) value = values[first++];
    };
    network.visit_parameters(set);
    network.visit_state(set);
}

/// Writes `parameter_bytes(network)` to a file, which gets its name when it is complete. Throws
/// `format_error` that names the path.
template <network_like Network>
void save(const Network& network, const std::string& path) {
    write_file_atomically(path, parameter_bytes(network));
}

/// Sets parameters and running statistics from a file of `save`; see `set_parameters`.
template <network_like Network>
void load(Network& network, const std::string& path) {
    set_parameters(network, read_file(path), path);
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
