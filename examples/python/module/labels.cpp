#include "labels.hpp"

#include <repscope/error.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>

namespace python_module {

namespace io = repscope::io;

namespace {

template <typename T>
void decode_all(const array_input& labels, std::vector<std::int64_t>& values, const char* function) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        T value{};
        io::decode(labels.data + static_cast<std::ptrdiff_t>(i) * labels.strides[0], 1, labels.format,
                   &value);
        if constexpr (std::is_unsigned_v<T>) {
            if (value > static_cast<T>(std::numeric_limits<std::int64_t>::max())) {
                repscope::errors::throw_value_error(
                    function, "expected labels below 2^63, got " + repscope::errors::text_of(value) +
                                  " at position " + repscope::errors::text_of(i));
            }
        }
        values[i] = static_cast<std::int64_t>(value);
    }
}

} // namespace

std::vector<std::int64_t> integers_of(const array_input& labels, const char* function) {
    if (labels.shape.size() != 1) {
        repscope::errors::throw_shape_error(function, "expected labels (samples,)", labels.shape);
    }
    if (!io::is_integer(labels.format.type) && labels.format.type != io::dtype::boolean) {
        repscope::errors::throw_value_error(function, "expected integer labels, got " + labels.format.name());
    }
    std::vector<std::int64_t> values(labels.shape[0]);
    if (labels.format.type == io::dtype::uint64)
        decode_all<std::uint64_t>(labels, values, function);
    else
        decode_all<std::int64_t>(labels, values, function);
    return values;
}

class_indices classes_of(const array_input& labels, const char* function) {
    const std::vector<std::int64_t> values = integers_of(labels, function);
    class_indices classes;
    classes.index.resize(values.size());
    if (values.empty()) return classes;
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    constexpr std::uint64_t most = std::uint64_t{1} << 20U;
    const std::uint64_t range = static_cast<std::uint64_t>(*high) - static_cast<std::uint64_t>(*low);
    if (range < most) { // by counting
        const std::int64_t first = *low;
        std::vector<std::int32_t> place(static_cast<std::size_t>(range) + 1, -1);
        for (const std::int64_t value : values) place[static_cast<std::size_t>(value - first)] = 0;
        for (std::size_t k = 0; k < place.size(); ++k) {
            if (place[k] < 0) continue;
            place[k] = static_cast<std::int32_t>(classes.labels.size());
            classes.labels.push_back(first + static_cast<std::int64_t>(k));
        }
        for (std::size_t i = 0; i < values.size(); ++i)
            classes.index[i] = place[static_cast<std::size_t>(values[i] - first)];
        return classes;
    }
    classes.labels = values;
    std::sort(classes.labels.begin(), classes.labels.end());
    classes.labels.erase(std::unique(classes.labels.begin(), classes.labels.end()), classes.labels.end());
    if (classes.labels.size() > most) {
        repscope::errors::throw_value_error(function, "expected at most 2^20 classes, got " +
                                                          repscope::errors::text_of(classes.labels.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto at = std::lower_bound(classes.labels.begin(), classes.labels.end(), values[i]);
        classes.index[i] = static_cast<std::int32_t>(at - classes.labels.begin());
    }
    return classes;
}

} // namespace python_module
